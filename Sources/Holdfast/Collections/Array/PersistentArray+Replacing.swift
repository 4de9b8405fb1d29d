import HoldfastEngine

// Inserting, replacing and removing several elements at once. What is new is stored before anything
// moves, since storing allocates and may read the array; what the old elements owned is freed last.

extension PersistentArray {
    /// Inserts elements before `index`; traps if `index` is beyond `count`. The array itself can be
    /// among them. O(count - index + their number).
    @inlinable
    public func insert<C: Collection>(contentsOf newElements: C, at index: Int)
    where C.Element == Element {
        replaceSubrange(index ..< index, with: newElements)
    }

    /// Puts `newElements` in the place of a range, and frees what the elements there owned; traps
    /// if the range leads out of the array. O(count - range.lowerBound + newElements.count), with a
    /// copy of the new elements in memory.
    @inlinable
    public func replaceSubrange<C: Collection>(_ range: Range<Int>, with newElements: C)
    where C.Element == Element {
        check(range, header)
        var stored = ContiguousArray<Element.Stored>()
        stored.reserveCapacity(newElements.count)
        for element in newElements { stored.append(Element.store(element, in: access)) }
        stored.withUnsafeBufferPointer { replace(range, with: $0) }
    }

    /// Removes the elements of a range and frees what they owned; traps if the range leads out of
    /// the array. O(count - range.lowerBound).
    @inlinable
    public func removeSubrange(_ range: Range<Int>) {
        replace(range, with: UnsafeBufferPointer(start: nil, count: 0))
    }

    /// Removes the elements of a range, as `array.removeSubrange(3...)`.
    @inlinable
    public func removeSubrange(_ range: some RangeExpression<Int>) {
        removeSubrange(range.relative(to: self))
    }

    /// Removes the first `number` elements; traps if there are fewer. O(count).
    @inlinable
    public func removeFirst(_ number: Int) { removeSubrange(0 ..< checked(number: number)) }

    /// Removes the last `number` elements; traps if there are fewer. O(number).
    @inlinable
    public func removeLast(_ number: Int) {
        removeSubrange(count - checked(number: number) ..< count)
    }

    /// Removes and returns the first element; traps if there is none. O(count): for a queue, a
    /// deque is the better collection.
    @inlinable @discardableResult
    public func removeFirst() -> Element where Element: PersistableValue { remove(at: 0) }

    /// Removes and returns the first element, or nil if there is none. O(count).
    @inlinable
    public func popFirst() -> Element? where Element: PersistableValue {
        count == 0 ? nil : remove(at: 0)
    }

    /// Removes the elements that `shouldBeRemoved` says yes to, and keeps the others in their
    /// order. O(count).
    ///
    /// All elements are asked for before the first is removed: if `shouldBeRemoved` throws, nothing
    /// has changed.
    @inlinable
    public func removeAll(where shouldBeRemoved: (Element) throws -> Bool) rethrows {
        let count = count
        var indices = ContiguousArray<Int>()
        var index = 0
        for element in self {
            if try shouldBeRemoved(element) { indices.append(index) }
            index += 1
        }
        guard self.count == count else { Handle.changedByClosure() }
        if !indices.isEmpty { removeElements(at: indices) }
    }

    /// Removes the elements at `indices`, which ascend and are not empty; what lies between them
    /// moves once.
    @inlinable
    func removeElements(at indices: ContiguousArray<Int>) {
        let header = writableHeader
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

    /// Puts stored forms, which the array owns from then on, in the place of a range.
    @inlinable
    func replace(_ range: Range<Int>, with stored: UnsafeBufferPointer<Element.Stored>) {
        check(range, header)
        let count = count
        let old =
            Element.ownsMemory
            ? ContiguousArray(
                UnsafeBufferPointer(start: elements(header) + range.lowerBound, count: range.count))
            : []
        let growth = stored.count - range.count
        if growth > 0, !makeRoom(forMore: growth) { return }
        if growth != 0 {
            let header = writableHeader
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
        }
        for stored in old { Element.destroy(stored, in: access) }
        if growth < 0 { shrinkIfSparse(header) }
    }

    // MARK: Checking

    @inlinable @inline(__always)
    func check(_ range: Range<Int>, _ header: UnsafeMutablePointer<Header>) {
        guard range.lowerBound >= 0,
            UInt64(truncatingIfNeeded: range.upperBound) <= header.pointee.count
        else {
            Handle.rangeOutOfBounds(range, Int(truncatingIfNeeded: header.pointee.count))
        }
    }

    @inlinable
    func checked(number: Int) -> Int {
        guard number >= 0 else { Handle.negativeCount(number) }
        let count = count
        guard number <= count else { Handle.tooFew(number, count) }
        return number
    }
}
