import HoldfastEngine

// Adding and removing at the ends, as a queue or a stack does.
extension PersistentDeque {
    // MARK: Adding

    /// Adds an element at the back. Logs two lines, unless the ring grows.
    ///
    /// - Complexity: Amortised O(1).
    @inlinable
    public func append(_ newElement: Element) {
        if Element.ownsMemory { requireOpenForChange() }
        // The element first: storing it may allocate, and the ring must be consistent then.
        let stored = Element.store(newElement, in: access)
        append(stored: stored)
    }

    /// Adds an element at the front. Logs two lines, unless the ring grows.
    ///
    /// - Complexity: Amortised O(1).
    @inlinable
    public func prepend(_ newElement: Element) {
        let stored = Element.store(newElement, in: access)
        prepend(stored: stored)
    }

    @inlinable
    package func append(stored: Element.Stored) {
        let ring = ringWithRoom("append(_:)")
        guard ring.count < ring.capacity else { return }
        markHeader("append(_:)")
        write(stored, at: ring.place(ring.count))
        update(ring, count: ring.count &+ 1, head: ring.head, appends: true)
    }

    @inlinable
    func prepend(stored: Element.Stored) {
        let ring = ringWithRoom("prepend(_:)")
        guard ring.count < ring.capacity else { return }
        markHeader("prepend(_:)")
        let head = ring.slotBefore
        write(stored, at: ring.slots + head)
        update(ring, count: ring.count &+ 1, head: head)
    }

    /// Adds the elements of `newElements` at the back. The deque itself may be the source.
    ///
    /// - Complexity: Amortised O(*m*), where *m* is the number of new elements.
    @inlinable
    public func append<S: Sequence>(contentsOf newElements: S) where S.Element == Element {
        let extra = newElements.underestimatedCount
        if extra > 0 {
            let ring = openedRing()
            if extra > ring.capacity - ring.count {
                grow(by: extra)
                if access.isLost { return }
            }
        }
        for element in newElements { append(element) }
    }

    // MARK: Removing

    /// Removes and returns the first element, or nil if there is none. For a plain value, logs one
    /// line.
    ///
    /// Not available for elements that are collections, because removing one frees it. Read its
    /// contents from `first`, then call ``removeFirst(_:)``.
    ///
    /// - Complexity: Amortised O(1).
    @inlinable
    public func popFirst() -> Element? where Element: PersistableValue {
        let ring = openedRing()
        guard ring.count > 0 else { return nil }
        let stored = ring.place(0).pointee
        let value = Element.load(stored, from: access)
        markHeader()
        update(ring, count: ring.count &- 1, head: ring.slot(1))
        if Element.ownsMemory { Element.destroy(stored, in: access) }
        shrinkIfSparse(ring, count: ring.count &- 1)
        return value
    }

    /// Removes and returns the last element, or nil if there is none. For a plain value, logs one
    /// line.
    ///
    /// Not available for elements that are collections, because removing one frees it. Read its
    /// contents from `last`, then call ``removeLast(_:)``.
    ///
    /// - Complexity: Amortised O(1).
    @inlinable
    public func popLast() -> Element? where Element: PersistableValue {
        let ring = openedRing()
        guard ring.count > 0 else { return nil }
        let stored = ring.place(ring.count &- 1).pointee
        let value = Element.load(stored, from: access)
        markHeader()
        update(ring, count: ring.count &- 1, head: ring.head)
        if Element.ownsMemory { Element.destroy(stored, in: access) }
        shrinkIfSparse(ring, count: ring.count &- 1)
        return value
    }

    /// Removes and returns the first element. Traps if there is none.
    ///
    /// - Complexity: Amortised O(1).
    @inlinable @discardableResult
    public func removeFirst() -> Element where Element: PersistableValue {
        guard let value = popFirst() else { trap(.removesTooMany, 1) }
        return value
    }

    /// Removes and returns the last element. Traps if there is none.
    ///
    /// - Complexity: Amortised O(1).
    @inlinable @discardableResult
    public func removeLast() -> Element where Element: PersistableValue {
        guard let value = popLast() else { trap(.removesTooMany, 1) }
        return value
    }

    /// Removes the first `number` elements and frees everything that they own. Traps if there are
    /// fewer.
    ///
    /// - Complexity: Amortised O(`number`) if the elements own memory; otherwise amortised O(1).
    @inlinable
    public func removeFirst(_ number: Int) {
        let ring = openedRing()
        guard number >= 0, number <= ring.count else { trap(.removesTooMany, number, ring.count) }
        guard number > 0 else { return }
        markHeader()
        destroyElements(ring, 0 ..< number)
        update(ring, count: ring.count - number, head: ring.slot(number))
        shrinkIfSparse(ring, count: ring.count - number)
    }

    /// Removes the last `number` elements and frees everything that they own. Traps if there are
    /// fewer.
    ///
    /// - Complexity: Amortised O(`number`) if the elements own memory; otherwise amortised O(1).
    @inlinable
    public func removeLast(_ number: Int) {
        let ring = openedRing()
        guard number >= 0, number <= ring.count else { trap(.removesTooMany, number, ring.count) }
        guard number > 0 else { return }
        markHeader()
        destroyElements(ring, ring.count - number ..< ring.count)
        update(ring, count: ring.count - number, head: ring.head)
        shrinkIfSparse(ring, count: ring.count - number)
    }

    /// Removes all elements and frees everything that they own.
    ///
    /// Also frees the memory of the ring, unless `keepingCapacity` is true. The capacity is then
    /// kept permanently, as with ``reserveCapacity(_:)``.
    ///
    /// - Complexity: O(*n*) if the elements own memory, where *n* is the count; otherwise O(1).
    @inlinable
    public func removeAll(keepingCapacity: Bool = false) {
        let ring = openedRing()
        markHeader()
        destroyElements(ring, 0 ..< ring.count)
        update(ring, count: 0, head: 0)
        if keepingCapacity {
            ring.header.pointee.kept = ring.header.pointee.capacity
        } else {
            ring.header.pointee.kept = 0
            freeBuffer(ring)
        }
    }

    @inlinable
    func destroyElements(_ ring: Ring, _ range: Range<Int>) {
        guard Element.ownsMemory else { return }
        for index in range { Element.destroy(ring.place(index).pointee, in: access) }
    }
}
