import HoldfastEngine

// Inserting, replacing and removing several elements at once. New elements are stored before
// anything moves, since storing allocates and may read the array. Data owned by the old elements is
// freed last.

extension PersistentArray {
    /// Inserts elements before `index`. Traps if `index` is greater than `count`.
    ///
    /// The array itself may be the source.
    ///
    /// - Complexity: O(*n* - `index` + *m*), where *n* is the count and *m* the number of new
    ///   elements.
    @inlinable
    public func insert<C: Collection>(contentsOf newElements: C, at index: Int)
    where C.Element == Element {
        replaceSubrange(index ..< index, with: newElements)
    }

    /// Replaces the elements of a range by `newElements` and frees everything that the old elements
    /// owned. Traps if the range is out of bounds.
    ///
    /// The new elements are copied in memory first.
    ///
    /// - Complexity: O(*n* - *i* + *m*), where *n* is the count, *i* the lower bound of the range
    ///   and *m* the number of new elements.
    @inlinable
    public func replaceSubrange<C: Collection>(_ range: Range<Int>, with newElements: C)
    where C.Element == Element {
        check(range, opened())
        var stored = ContiguousArray<Element.Stored>()
        stored.reserveCapacity(newElements.count)
        for element in newElements { stored.append(Element.store(element, in: access)) }
        stored.withUnsafeBufferPointer { replace(range, with: $0) }
    }

    /// Removes the elements of a range and frees everything that they owned. Traps if the range is
    /// out of bounds.
    ///
    /// - Complexity: O(*n* - *i*), where *n* is the count and *i* the lower bound of the range.
    @inlinable
    public func removeSubrange(_ range: Range<Int>) {
        replace(range, with: UnsafeBufferPointer(start: nil, count: 0))
    }

    /// Removes the elements of a range expression, as in `array.removeSubrange(3...)`.
    @inlinable
    public func removeSubrange(_ range: some RangeExpression<Int>) {
        removeSubrange(range.relative(to: self))
    }

    /// Removes the first `number` elements. Traps if there are fewer.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func removeFirst(_ number: Int) { removeSubrange(0 ..< checked(number: number)) }

    /// Removes the last `number` elements. Traps if there are fewer.
    ///
    /// - Complexity: O(`number`).
    @inlinable
    public func removeLast(_ number: Int) {
        removeSubrange(count - checked(number: number) ..< count)
    }

    /// Removes and returns the first element. Traps if there is none.
    ///
    /// - Complexity: O(*n*), where *n* is the count. For a queue, use a deque instead.
    @inlinable @discardableResult
    public func removeFirst() -> Element where Element: PersistableValue { remove(at: 0) }

    /// Removes and returns the first element, or nil if there is none.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func popFirst() -> Element? where Element: PersistableValue {
        count == 0 ? nil : remove(at: 0)
    }

    /// Removes the elements that satisfy `shouldBeRemoved`. The others keep their order.
    ///
    /// The predicate is called for all elements before the first is removed. If it throws, the
    /// array is unchanged.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func removeAll(where shouldBeRemoved: (Element) throws -> Bool) rethrows {
        let count = count
        var indices = ContiguousArray<Int>()
        var index = 0
        for element in self {
            if try shouldBeRemoved(element) { indices.append(index) }
            index += 1
        }
        guard self.count == count else { trap(.changedByClosure) }
        if !indices.isEmpty { removeElements(at: indices) }
    }

    /// Removes the elements at `indices`, which ascend and are not empty. The elements between them
    /// move once.
    @inlinable
    func removeElements(at indices: ContiguousArray<Int>) {
        let header = openedForChange()
        let count = Int(truncatingIfNeeded: header.pointee.count)
        let old = Element.ownsMemory ? indices.map { elements(header)[$0] } : []
        var target = indices[0]
        for (position, index) in indices.enumerated() {
            let next = position + 1 < indices.count ? indices[position + 1] : count
            move(from: index + 1, to: target, count: next - index - 1)
            target += next - index - 1
        }
        header.pointee.count = UInt64(target)
        header.pointee.changes &+= 1
        for stored in old { Element.destroy(stored, in: access) }
        shrinkIfSparse(header)
    }

    /// Replaces a range by stored forms, which the array owns from then on.
    @inlinable
    func replace(_ range: Range<Int>, with stored: UnsafeBufferPointer<Element.Stored>) {
        check(range, opened())
        let count = count
        let old =
            Element.ownsMemory
            ? ContiguousArray(
                UnsafeBufferPointer(
                    start: elements(self.header) + range.lowerBound, count: range.count))
            : []
        let growth = stored.count - range.count
        if growth > 0, !makeRoom(forMore: growth) { return }
        if growth != 0 {
            let header = openedForChange()
            move(
                from: range.upperBound, to: range.upperBound + growth,
                count: count - range.upperBound)
            header.pointee.count = UInt64(count + growth)
            if range.lowerBound < count { header.pointee.changes &+= 1 }
        }
        if let source = stored.baseAddress, stored.count > 0 {
            let bytes = stored.count * Self.stride
            access.writableAddress(elementOffset(range.lowerBound), bytes).copyMemory(
                from: source, byteCount: bytes)
            clearPadding(range.lowerBound ..< range.lowerBound + stored.count)
        }
        for stored in old { Element.destroy(stored, in: access) }
        if growth < 0 { shrinkIfSparse(self.header) }
    }

    // MARK: Checking

    @inlinable @inline(__always)
    func check(
        _ range: Range<Int>, _ header: UnsafeMutablePointer<Header>,
        _ operation: StaticString = #function
    ) {
        guard range.lowerBound >= 0,
            UInt64(truncatingIfNeeded: range.upperBound) <= header.pointee.count
        else {
            trap(
                .rangeOutOfBounds, range.lowerBound, range.upperBound,
                Int(truncatingIfNeeded: header.pointee.count), operation)
        }
    }

    @inlinable
    func checked(number: Int, _ operation: StaticString = #function) -> Int {
        guard number >= 0 else { trap(.negativeCount, number, 0, 0, operation) }
        let count = count
        guard number <= count else { trap(.removesTooMany, number, count, 0, operation) }
        return number
    }
}
