import HoldfastEngine
import HoldfastFormat

// Sorting and rearranging move the elements' stored forms: nothing is copied or freed that an
// element owns, and handles of nested collections stay good.

extension PersistentArray {
    /// Sorts the elements as `areInIncreasingOrder` says; equal ones keep their order. O(count log
    /// count).
    ///
    /// Each element is loaded once, and sorted in ordinary memory: if `areInIncreasingOrder`
    /// throws, nothing has changed, and only lines whose bytes differ are written and logged;
    /// sorting what is sorted already logs nothing.
    @inlinable
    public func sort(by areInIncreasingOrder: (Element, Element) throws -> Bool) rethrows {
        if Element.self == Element.Stored.self {
            var sorted = ContiguousArray(self)
            try sorted.sort(by: areInIncreasingOrder)
            sorted.withUnsafeBytes { rearrange($0) }
        } else {
            let count = count
            var pairs = ContiguousArray<(element: Element, stored: Element.Stored)>()
            pairs.reserveCapacity(count)
            for element in self { pairs.append((element, elements(header)[pairs.count])) }
            try pairs.sort { try areInIncreasingOrder($0.element, $1.element) }
            ContiguousArray(pairs.lazy.map(\.stored)).withUnsafeBytes { rearrange($0) }
        }
    }

    /// Reverses the order of the elements. O(count).
    @inlinable
    public func reverse() { withStoredElements { $0.reverse() } }

    /// Brings the elements into a random order. O(count).
    @inlinable
    public func shuffle(using generator: inout some RandomNumberGenerator) {
        withStoredElements { $0.shuffle(using: &generator) }
    }

    /// Brings the elements into a random order. O(count).
    @inlinable
    public func shuffle() {
        var generator = SystemRandomNumberGenerator()
        shuffle(using: &generator)
    }

    /// Moves the elements that `belongsInSecondPartition` says yes to behind the others, each part
    /// in its order, and returns where they begin. O(count).
    ///
    /// If the closure throws, nothing has changed; only lines whose bytes differ are written and
    /// logged.
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
        guard self.count == count else { Handle.changedByClosure() }
        let pivot = first.count
        first.append(contentsOf: second)
        first.withUnsafeBytes { rearrange($0) }
        return pivot
    }

    /// Where an array that `partition(by:)` has parted, or that is sorted, begins to satisfy
    /// `predicate`: the first index whose element and all behind it do, or `count`. O(log count).
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

    /// Where `element` is, or would be inserted, in an array sorted by the same order: the index of
    /// the first element that does not come before it, and whether that one is equal to it. O(log
    /// count).
    @inlinable
    public func sortedIndex(
        of element: Element, by areInIncreasingOrder: (Element, Element) throws -> Bool
    ) rethrows -> (found: Bool, index: Int) {
        let index = try partitioningIndex { try !areInIncreasingOrder($0, element) }
        let found = try index < count && !areInIncreasingOrder(element, self[index])
        return (found, index)
    }

    // MARK: Stored forms

    /// Calls `body` with the stored forms, all of them noted.
    @inlinable
    func withStoredElements(_ body: (inout UnsafeMutableBufferPointer<Element.Stored>) -> Void) {
        let header = header
        let count = Int(truncatingIfNeeded: header.pointee.count)
        guard count > 1 else { return }
        access.markDirty(header.pointee.buffer, count * Self.stride)
        var buffer = UnsafeMutableBufferPointer(start: elements(header), count: count)
        body(&buffer)
    }

    /// Writes the stored forms in another order.
    @inlinable
    func rearrange(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == count * Self.stride else { Handle.changedByClosure() }
        access.overwrite(header.pointee.buffer, with: bytes)
    }
}

extension PersistentArray where Element: Comparable {
    /// Sorts the elements in ascending order; equal ones keep their order. See ``sort(by:)``.
    /// O(count log count).
    @inlinable
    public func sort() { sort(by: <) }

    /// Where `element` is, or would be inserted, in a sorted array: the index of the first element
    /// that is not less, and whether that one is equal. O(log count).
    @inlinable
    public func sortedIndex(of element: Element) -> (found: Bool, index: Int) {
        sortedIndex(of: element, by: <)
    }
}

extension HeapAccess {
    /// Writes bytes, marking dirty only the lines in which they differ from what is there.
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
