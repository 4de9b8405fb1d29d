import HoldfastEngine

// Changes away from the ends. Each moves the elements on the shorter side of the place, so it costs
// as little near the front as near the back.
extension PersistentDeque {
    /// Inserts an element before `index`; traps if `index` is beyond `count`. O(min(index, count -
    /// index)).
    @inlinable
    public func insert(_ newElement: Element, at index: Int) {
        checkInsertion(index)
        insert(stored: Element.store(newElement, in: access), at: index)
    }

    @inlinable
    func checkInsertion(_ index: Int) {
        let count = count
        guard index >= 0, index <= count else { Handle.indexOutOfRange(index, count, "deque") }
    }

    @inlinable
    package func insert(stored: Element.Stored, at index: Int) {
        if open(1, at: index) { write(stored, at: ring.place(index)) }
    }

    /// Removes and returns the element at `index`; traps if there is none. O(min(index, count -
    /// index)).
    ///
    /// Not for collections, which are freed: read what you need, then call ``removeElement(at:)``.
    @inlinable @discardableResult
    public func remove(at index: Int) -> Element where Element: PersistableValue {
        let value = self[index]
        removeElement(at: index)
        return value
    }

    /// Removes the element at `index` and frees what it owns; traps if there is none. O(min(index,
    /// count - index)).
    @inlinable
    public func removeElement(at index: Int) {
        let ring = ring
        let old = ring.place(checked(index, ring)).pointee
        close(index ..< index + 1)
        if Element.ownsMemory { Element.destroy(old, in: access) }
        shrinkIfSparse(ring, count: ring.count - 1)
    }

    /// Removes the elements that satisfy the predicate and frees what they own; the others keep
    /// their order. O(count).
    ///
    /// The predicate is asked of all elements, from the front, before the first is removed: if it
    /// throws, nothing has changed. It must not add or remove elements of this deque; that traps.
    @inlinable
    public func removeAll<Failure: Error>(
        where shouldBeRemoved: (Element) throws(Failure) -> Bool
    ) throws(Failure) {
        let before = ring
        var removed: [Int] = []
        for index in 0 ..< before.count where try shouldBeRemoved(self[index]) {
            removed.append(index)
        }
        let ring = ring
        guard ring.count == before.count, ring.head == before.head else {
            Handle.changedByPredicate()
        }
        guard let first = removed.first, let last = removed.last else { return }
        markHeader()
        if Element.ownsMemory {
            for index in removed { Element.destroy(ring.place(index).pointee, in: access) }
        }
        let count = ring.count - removed.count
        if last + 1 < ring.count - first {
            // Fewer elements lie before the last gap than behind the first: close the gaps towards
            // the back.
            var end = last + 1
            for number in removed.indices.reversed() {
                let start = number == 0 ? 0 : removed[number - 1] + 1
                let kept = removed[number] - start
                end -= kept
                move(ring, from: start, to: end, count: kept)
            }
            update(ring, count: count, head: ring.slot(removed.count))
        } else {
            var end = first
            for number in removed.indices {
                let start = removed[number] + 1
                let kept = (number + 1 < removed.count ? removed[number + 1] : ring.count) - start
                move(ring, from: start, to: end, count: kept)
                end += kept
            }
            update(ring, count: count, head: ring.head)
        }
        shrinkIfSparse(ring, count: count)
    }

    /// Exchanges two elements; traps if there is none at an index. O(1), and nothing is copied or
    /// freed but the two stored forms.
    @inlinable
    public func swapAt(_ first: Int, _ second: Int) {
        let ring = ring
        let left = ring.place(checked(first, ring))
        let right = ring.place(checked(second, ring))
        guard left != right else { return }
        let stored = left.pointee
        write(right.pointee, at: left)
        write(stored, at: right)
    }

    /// Moves `count` elements from one index to another, in as many pieces as the ring's edge cuts
    /// them into. The ranges may overlap; both end at most `capacity` behind the head.
    @inlinable
    func move(_ ring: Ring, from source: Int, to target: Int, count: Int) {
        var rest = count
        if target < source {
            var from = ring.slot(source)
            var to = ring.slot(target)
            while rest > 0 {
                let piece = Swift.min(rest, ring.capacity - from, ring.capacity - to)
                movePiece(ring, from: from, to: to, count: piece)
                from = from + piece == ring.capacity ? 0 : from + piece
                to = to + piece == ring.capacity ? 0 : to + piece
                rest -= piece
            }
        } else {
            // Backwards, or the first piece would overwrite what the next is to move.
            var from = ring.slot(source + count)
            var to = ring.slot(target + count)
            while rest > 0 {
                if from == 0 { from = ring.capacity }
                if to == 0 { to = ring.capacity }
                let piece = Swift.min(rest, from, to)
                from -= piece
                to -= piece
                movePiece(ring, from: from, to: to, count: piece)
                rest -= piece
            }
        }
    }

    @inlinable
    func movePiece(_ ring: Ring, from source: Int, to target: Int, count: Int) {
        let bytes = count * Self.stride
        access.markDirty(address: ring.slots + target, bytes)
        UnsafeMutableRawPointer(ring.slots + target).copyMemory(
            from: ring.slots + source, byteCount: bytes)
    }
}
