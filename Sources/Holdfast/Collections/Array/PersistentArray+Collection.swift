import HoldfastEngine

/// Index arithmetic is integer arithmetic, all O(1). It is no `RangeReplaceableCollection`, which
/// must be able to make new ones out of nothing: the array that `init()` gives is in no heap yet
/// and cannot be appended to. The methods that the protocol would have brought are here all the
/// same.
///
/// A slice (`array[2 ..< 5]`) is a handle too: a range of indices of this array, not a copy. It
/// shows what lies there when it is read, writes to the array, and traps when the array has become
/// too short for it. `Array(array[2 ..< 5])` is a copy.
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

    /// The elements of a range, in place; traps if the range leads out of the array. O(1). Setting
    /// copies elements from another slice of the same count, which may overlap. O(range.count).
    @inlinable
    public subscript(range: Range<Int>) -> Slice<PersistentArray> {
        get {
            check(range, header)
            return Slice(base: self, bounds: range)
        }
        nonmutating set {
            check(range, header)
            guard newValue.count == range.count else {
                Handle.sliceOfAnotherCount(newValue.count, range.count)
            }
            // What a change through a slice ends with: it has been made in place already.
            if newValue.startIndex == range.lowerBound, isSameArray(as: newValue.base) { return }
            replaceSubrange(range, with: newValue)
        }
    }

    /// Exchanges two elements; traps if there is none at an index. O(1), and nothing is copied or
    /// freed but the two stored forms.
    @inlinable
    public func swapAt(_ first: Int, _ second: Int) {
        let header = header
        let left = elementOffset(checked(first, header))
        let right = elementOffset(checked(second, header))
        let stored = access.load(left, as: Element.Stored.self)
        access.store(access.load(right, as: Element.Stored.self), at: left)
        access.store(stored, at: right)
    }
}
