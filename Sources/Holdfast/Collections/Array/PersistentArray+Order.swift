import HoldfastEngine
import HoldfastFormat

// Sorting and rearranging move the elements' stored forms. Nothing that an element owns is copied
// or freed, and handles of nested collections stay valid.

extension PersistentArray {
    /// Sorts the elements, using `areInIncreasingOrder`. The sort is stable.
    ///
    /// Each element is loaded once, and sorted in ordinary memory. If `areInIncreasingOrder`
    /// throws, the array is unchanged. Only lines whose bytes differ are written and logged, so
    /// sorting a sorted array logs nothing.
    ///
    /// - Complexity: O(*n* log *n*), where *n* is the count.
    @inlinable
    public func sort(by areInIncreasingOrder: (Element, Element) throws -> Bool) rethrows {
        if Element.self == Element.Stored.self {
            var sorted = ContiguousArray(self)
            try sorted.sort(by: areInIncreasingOrder)
            sorted.withUnsafeMutableBytes { rearrange($0) }
        } else {
            let count = count
            var pairs = ContiguousArray<(element: Element, stored: Element.Stored)>()
            pairs.reserveCapacity(count)
            for element in self { pairs.append((element, elements(header)[pairs.count])) }
            try pairs.sort { try areInIncreasingOrder($0.element, $1.element) }
            var stored = ContiguousArray(pairs.lazy.map(\.stored))
            stored.withUnsafeMutableBytes { rearrange($0) }
        }
    }

    /// Reverses the order of the elements.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func reverse() { withStoredElements { $0.reverse() } }

    /// Shuffles the elements, using `generator`.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func shuffle(using generator: inout some RandomNumberGenerator) {
        withStoredElements { $0.shuffle(using: &generator) }
    }

    /// Shuffles the elements.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func shuffle() {
        var generator = SystemRandomNumberGenerator()
        shuffle(using: &generator)
    }

    /// Moves the elements that satisfy `belongsInSecondPartition` behind the others. Each part
    /// keeps its order.
    ///
    /// If the closure throws, the array is unchanged. Only lines whose bytes differ are written and
    /// logged.
    ///
    /// - Returns: The index of the second partition's first element.
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable @discardableResult
    public func partition(by belongsInSecondPartition: (Element) throws -> Bool) rethrows -> Int {
        let count = count
        var first = ContiguousArray<Element.Stored>()
        var second = ContiguousArray<Element.Stored>()
        for element in self {
            let stored = elements(header)[first.count + second.count]
            if try belongsInSecondPartition(element) {
                second.append(stored)
            } else {
                first.append(stored)
            }
        }
        guard self.count == count else { trap(.changedByClosure) }
        let pivot = first.count
        first.append(contentsOf: second)
        first.withUnsafeMutableBytes { rearrange($0) }
        return pivot
    }

    /// Returns the first index from which on all elements satisfy `predicate`, or `count` if there
    /// is none.
    ///
    /// The array must be partitioned by `predicate`, by `partition(by:)` or by sorting.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func partitioningIndex(where predicate: (Element) throws -> Bool) rethrows -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            if try predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Searches an array that is sorted by the same order for `element`.
    ///
    /// - Returns: The index of the first element that does not come before `element`, where
    ///   `element` is or would be inserted, and whether that element is equal to it.
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func sortedIndex(
        of element: Element, by areInIncreasingOrder: (Element, Element) throws -> Bool
    ) rethrows -> (found: Bool, index: Int) {
        let index = try partitioningIndex { try !areInIncreasingOrder($0, element) }
        let found = try index < count && !areInIncreasingOrder(element, self[index])
        return (found, index)
    }

    // MARK: Stored forms

    /// Calls `body` with the stored forms, all of them marked dirty.
    @inlinable
    func withStoredElements(_ body: (inout UnsafeMutableBufferPointer<Element.Stored>) -> Void) {
        let header = opened()
        let count = Int(truncatingIfNeeded: header.pointee.count)
        guard count > 1 else { return }
        access.markDirty(header.pointee.buffer, count * Self.stride)
        var buffer = UnsafeMutableBufferPointer(start: elements(header), count: count)
        body(&buffer)
        clearPadding(UnsafeMutableRawBufferPointer(buffer))
    }

    /// Writes the stored forms in a different order.
    @inlinable
    func rearrange(_ bytes: UnsafeMutableRawBufferPointer) {
        guard bytes.count == count * Self.stride else { trap(.changedByClosure) }
        clearPadding(bytes)
        access.overwrite(header.pointee.buffer, with: UnsafeRawBufferPointer(bytes))
    }
}

extension PersistentArray where Element: Comparable {
    /// Sorts the elements in ascending order. The sort is stable. See ``sort(by:)``.
    ///
    /// - Complexity: O(*n* log *n*), where *n* is the count.
    @inlinable
    public func sort() { sort(by: <) }

    /// Searches a sorted array for `element`.
    ///
    /// - Returns: The index of the first element that is not less than `element`, where `element`
    ///   is or would be inserted, and whether that element is equal to it.
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func sortedIndex(of element: Element) -> (found: Bool, index: Int) {
        sortedIndex(of: element, by: <)
    }
}

extension HeapAccess {
    /// Writes bytes, marking dirty only the lines in which they differ from the old ones.
    @usableFromInline
    func overwrite(_ offset: UInt64, with bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        let target = address(offset, bytes.count)
        let lineBytes = HeapLayout.lineBytes
        var start = 0
        while start < bytes.count {
            let inLine = Int(truncatingIfNeeded: offset &+ UInt64(start)) & (lineBytes - 1)
            let count = min(lineBytes - inLine, bytes.count - start)
            let new = UnsafeRawBufferPointer(start: source + start, count: count)
            if !UTF8Bytes.areEqual(UnsafeRawBufferPointer(start: target + start, count: count), new)
            {
                markDirty(offset + UInt64(start), count)
                (target + start).copyMemory(from: source + start, byteCount: count)
            }
            start += count
        }
    }
}
