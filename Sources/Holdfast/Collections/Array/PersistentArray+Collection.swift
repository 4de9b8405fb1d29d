import HoldfastEngine

/// Index arithmetic is integer arithmetic, all O(1).
///
/// `PersistentArray` does not conform to `RangeReplaceableCollection`, which must be able to create
/// new collections: the array that `init()` returns is in no heap yet and cannot be appended to. It
/// has the methods of that protocol all the same.
///
/// A slice (`array[2 ..< 5]`) is a handle too: a range of indices of this array, not a copy. It
/// shows the array's elements at the time of reading, writes to the array, and traps if the array
/// has become too short for it. `Array(array[2 ..< 5])` is a copy.
extension PersistentArray: RandomAccessCollection, MutableCollection {
    /// The first index: 0.
    @inlinable
    public var startIndex: Int { 0 }

    /// One past the last index.
    @inlinable
    public var endIndex: Int { count }

    @inlinable
    public func index(after index: Int) -> Int { index + 1 }

    @inlinable
    public func index(before index: Int) -> Int { index - 1 }

    @inlinable
    public var underestimatedCount: Int { count }

    /// The elements of a range, in place. Traps if the range is out of bounds.
    ///
    /// Setting copies the elements of another slice of the same count, which may overlap.
    ///
    /// - Complexity: O(1); setting O(*m*), where *m* is the length of the range.
    @inlinable
    public subscript(range: Range<Int>) -> Slice<PersistentArray> {
        get {
            check(range, opened())
            return Slice(base: self, bounds: range)
        }
        nonmutating set {
            check(range, opened())
            guard newValue.count == range.count else {
                trap(.anotherCount, newValue.count, range.count)
            }
            // The end of a change through a slice, which has been made in place already.
            if newValue.startIndex == range.lowerBound, isTriviallyIdentical(to: newValue.base) {
                return
            }
            replaceSubrange(range, with: newValue)
        }
    }

    /// Exchanges two elements. Traps if an index is out of bounds.
    ///
    /// Only the two stored forms are exchanged; nothing else is copied or freed.
    ///
    /// - Complexity: O(1).
    @inlinable
    public func swapAt(_ first: Int, _ second: Int) {
        let header = opened()
        let left = elementOffset(checked(first, header))
        let right = elementOffset(checked(second, header))
        let stored = access.load(left, as: Element.Stored.self)
        requireWritable()
        access.store(access.load(right, as: Element.Stored.self), of: Element.self, at: left)
        access.store(stored, of: Element.self, at: right)
    }
}
