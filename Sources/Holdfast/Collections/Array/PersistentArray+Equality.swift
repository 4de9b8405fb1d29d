import HoldfastEngine
import HoldfastSystem

// Handles are equal if their elements are, as with `Array`. Tests, and records that contain an
// array, need that. A handle in a `Set` or in the keys of a `Dictionary` must not be changed while
// it is there, and must not outlive its transaction.

extension PersistentArray: Equatable where Element: Equatable {
    /// Returns whether both arrays hold equal elements in the same order.
    ///
    /// - Complexity: O(*n*), where *n* is the count; O(1) for two handles of one array.
    @inlinable
    public static func == (left: PersistentArray, right: PersistentArray) -> Bool {
        if left.isTriviallyIdentical(to: right) { return true }
        if left.access.isDetached || right.access.isDetached {
            return (left.access.isDetached || left.isEmpty)
                && (right.access.isDetached || right.isEmpty)
        }
        return left.count == right.count && DeepStack.run { left.elementsEqual(right) }
    }

    /// Returns whether both collections hold equal elements in the same order.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public static func == (left: PersistentArray, right: some Collection<Element>) -> Bool {
        left.count == right.count && DeepStack.run { left.elementsEqual(right) }
    }

    /// Returns whether the elements or their order differ.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public static func != (left: PersistentArray, right: some Collection<Element>) -> Bool {
        !(left == right)
    }
}

extension PersistentArray: Hashable where Element: Hashable {
    /// Hashes the elements.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func hash(into hasher: inout Hasher) {
        guard !access.isDetached else { return hasher.combine(0) }
        hasher.combine(count)
        DeepStack.run { for element in self { hasher.combine(element) } }
    }
}

extension PersistentArray {
    /// Returns whether both handles lead to the same array, so that a change through one is visible
    /// through the other.
    ///
    /// - Complexity: O(1).
    @inlinable
    public func isTriviallyIdentical(to other: PersistentArray) -> Bool {
        offset == other.offset && access.isSameTransaction(as: other.access)
    }
}

extension PersistentArray: CustomStringConvertible, CustomDebugStringConvertible {
    /// The elements as an array literal. Empty for an array that is in no heap yet.
    public var description: String {
        access.text { "[" + map { "\($0)" }.joined(separator: ", ") + "]" }
    }

    /// The elements as an array literal, each with its debug description.
    public var debugDescription: String {
        access.text { "[" + map { String(reflecting: $0) }.joined(separator: ", ") + "]" }
    }
}
