import HoldfastEngine

/// Index arithmetic is integer arithmetic, all O(1). A slice (`array[2..<5]`) is a view into the array, as far as it is read at once; changing the
/// array's count while iterating is a programmer's mistake that shows as an index out of range or as elements of the new state.
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
}

extension PersistentArray {
    /// Exchanges two elements; traps if there is none at an index. O(1), and nothing is copied or freed but the two stored forms.
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

extension PersistentArray: CustomStringConvertible {
    /// The elements as an array literal.
    public var description: String { "[" + map { "\($0)" }.joined(separator: ", ") + "]" }
}

extension PersistentArray where Element: Equatable {
    /// Whether both hold equal elements in the same order. O(count).
    @inlinable
    public static func == (left: PersistentArray, right: some Collection<Element>) -> Bool {
        left.count == right.count && left.elementsEqual(right)
    }
}
