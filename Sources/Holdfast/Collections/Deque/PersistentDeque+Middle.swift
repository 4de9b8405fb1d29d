import HoldfastEngine

// Changes away from the ends. Each moves the elements on the shorter side, so it is as cheap near
// the front as near the back.
extension PersistentDeque {
    /// Inserts an element before `index`. Traps if `index` is greater than `count`.
    ///
    /// - Complexity: O(min(`index`, *n* - `index`)), where *n* is the count.
    @inlinable
    public func insert(_ newElement: Element, at index: Int) {
        checkInsertion(index)
        insert(stored: Element.store(newElement, in: access), at: index)
    }

    @inlinable
    func checkInsertion(_ index: Int) {
        let count = count
        guard index >= 0, index <= count else {
            trap(.insertsOutOfRange, index, count, 0, "insert(_:at:)")
        }
    }

    @inlinable
    package func insert(stored: Element.Stored, at index: Int) {
        if open(1, at: index) { write(stored, at: ring.place(index)) }
    }

    /// Removes and returns the element at `index`. Traps if there is none.
    ///
    /// Not available for elements that are collections, because removing one frees it. Read its
    /// contents, then call ``removeElement(at:)``.
    ///
    /// - Complexity: O(min(`index`, *n* - `index`)), where *n* is the count.
    @inlinable @discardableResult
    public func remove(at index: Int) -> Element where Element: PersistableValue {
        let value = self[index]
        removeElement(at: index)
        return value
    }

    /// Removes the element at `index` and frees everything that it owns. Traps if there is none.
    ///
    /// - Complexity: O(min(`index`, *n* - `index`)), where *n* is the count.
    @inlinable
    public func removeElement(at index: Int) {
        let ring = openedRing()
        let old = ring.place(checked(index, ring)).pointee
        close(index ..< index + 1)
        if Element.ownsMemory { Element.destroy(old, in: access) }
        shrinkIfSparse(ring, count: ring.count - 1)
    }

    /// Removes the elements that satisfy the predicate and frees everything that they own. The
    /// others keep their order.
    ///
    /// The predicate is called for all elements, from the front, before the first is removed. If it
    /// throws, the deque is unchanged. It must not add or remove elements of this deque; that
    /// traps.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func removeAll<Failure: Error>(
        where shouldBeRemoved: (Element) throws(Failure) -> Bool
    ) throws(Failure) {
        let before = openedRing()
        var removed: [Int] = []
        for index in 0 ..< before.count where try shouldBeRemoved(self[index]) {
            removed.append(index)
        }
        let ring = openedRing()
        guard ring.count == before.count, ring.head == before.head else {
            trap(.changedByPredicate)
        }
        guard let first = removed.first, let last = removed.last else { return }
        markHeader()
        if Element.ownsMemory {
            for index in removed { Element.destroy(ring.place(index).pointee, in: access) }
        }
        let count = ring.count - removed.count
        if last + 1 < ring.count - first {
            // There are fewer elements before the last gap than after the first: close the gaps
            // towards the back.
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

    /// Exchanges two elements. Traps if an index is out of bounds.
    ///
    /// Only the two stored forms are exchanged; nothing else is copied or freed.
    ///
    /// - Complexity: O(1).
    @inlinable
    public func swapAt(_ first: Int, _ second: Int) {
        let ring = openedRing()
        let left = ring.place(checked(first, ring))
        let right = ring.place(checked(second, ring))
        guard left != right else { return }
        let stored = left.pointee
        write(right.pointee, at: left)
        write(stored, at: right)
    }

    /// Moves `count` elements from one index to another, in as many pieces as the end of the ring
    /// divides them into. The ranges may overlap. Both end at most `capacity` after the head.
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
            // Backwards, or the first piece would overwrite elements that are still to be moved.
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
