import HoldfastEngine

// Changes of several adjacent elements at once. Like a single insertion or removal, each moves the
// elements on the shorter side only, and moves them once, however many elements are added or
// removed.
extension PersistentDeque {
    /// Replaces the elements in `range` by those of `newElements` and frees everything that the
    /// replaced elements owned. Traps if the range is out of bounds.
    ///
    /// The deque itself may be the source. Iterating over `newElements` must not change this deque;
    /// that traps.
    ///
    /// - Complexity: Amortised O(min(*i*, *n* - *j*) + *r* + *m*), where *n* is the count, *i* and
    ///   *j* are the bounds of the range, *r* is its length and *m* the number of new elements.
    @inlinable
    public func replaceSubrange(_ range: Range<Int>, with newElements: some Sequence<Element>) {
        let before = ring
        checkRange(range, before.count)
        requireWritable()
        // Stored completely before anything is replaced, since the replaced elements may be the
        // source.
        let stored = newElements.map { Element.store($0, in: access) }
        let now = ring
        guard now.count == before.count, now.head == before.head else { trap(.changedByElements) }
        let change = stored.count - range.count
        if change > now.capacity - now.count {
            grow(by: change)
            if access.isLost { return }
        }
        if Element.ownsMemory { destroyElements(ring, range) }
        if change > 0 {
            _ = open(change, at: range.upperBound)
        } else if change < 0 {
            close(range.lowerBound ..< range.lowerBound - change)
        }
        let ring = ring
        for (place, element) in stored.enumerated() {
            write(element, at: ring.place(range.lowerBound + place))
        }
        if change < 0 { shrinkIfSparse(ring, count: ring.count) }
    }

    /// Inserts the elements of `newElements` before `index`. Traps if `index` is greater than
    /// `count`.
    ///
    /// The deque itself may be the source.
    ///
    /// - Complexity: Amortised O(min(`index`, *n* - `index`) + *m*), where *n* is the count and *m*
    ///   the number of new elements.
    @inlinable
    public func insert(contentsOf newElements: some Sequence<Element>, at index: Int) {
        checkInsertion(index)
        replaceSubrange(index ..< index, with: newElements)
    }

    /// Adds the elements of `newElements` at the front, in their order. The deque itself may be the
    /// source.
    ///
    /// - Complexity: Amortised O(*m*), where *m* is the number of new elements.
    @inlinable
    public func prepend(contentsOf newElements: some Sequence<Element>) {
        insert(contentsOf: newElements, at: 0)
    }

    /// Removes the elements in `range` and frees everything that they own. Traps if the range is
    /// out of bounds.
    ///
    /// - Complexity: O(min(*i*, *n* - *j*)), where *n* is the count and *i* and *j* are the bounds
    ///   of the range, plus the length of the range if the elements own memory.
    @inlinable
    public func removeSubrange(_ range: Range<Int>) {
        let ring = ring
        checkRange(range, ring.count)
        guard !range.isEmpty else { return }
        markHeader()
        destroyElements(ring, range)
        close(range)
        shrinkIfSparse(ring, count: ring.count - range.count)
    }

    @inlinable
    func checkRange(_ range: Range<Int>, _ count: Int) {
        guard range.lowerBound >= 0, range.upperBound <= count else {
            trap(.rangeOutOfBounds, range.lowerBound, range.upperBound, count)
        }
    }

    /// Creates `number` slots before `index`, whose contents are undefined until the caller writes
    /// them. Returns false if there is no memory for them.
    @inlinable
    func open(_ number: Int, at index: Int) -> Bool {
        var ring = ring
        if number > ring.capacity - ring.count {
            grow(by: number)
            ring = self.ring
            if number > ring.capacity - ring.count { return false }
        }
        markHeader()
        if index < ring.count - index {
            ring.head = ring.slot(ring.capacity - number)
            move(ring, from: number, to: 0, count: index)
        } else {
            move(ring, from: index, to: index + number, count: ring.count - index)
        }
        update(ring, count: ring.count + number, head: ring.head)
        return true
    }

    /// Removes the slots of `range`, whose contents have been freed.
    @inlinable
    func close(_ range: Range<Int>) {
        let ring = ring
        markHeader()
        let behind = ring.count - range.upperBound
        if range.lowerBound < behind {
            move(ring, from: 0, to: range.count, count: range.lowerBound)
            update(ring, count: ring.count - range.count, head: ring.slot(range.count))
        } else {
            move(ring, from: range.upperBound, to: range.lowerBound, count: behind)
            update(ring, count: ring.count - range.count, head: ring.head)
        }
    }
}
