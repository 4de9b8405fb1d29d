import HoldfastEngine
import HoldfastSystem

// Handles are equal if what they lead to is: as with `Array`, and as a test or a record with an
// array in it needs it. A handle that is kept in a `Set` or as a `Dictionary` key must not be
// changed meanwhile, and must not outlive its transaction.

extension PersistentArray: Equatable where Element: Equatable {
    /// Whether both hold equal elements in the same order. O(count); O(1) for two handles of one
    /// array.
    @inlinable
    public static func == (left: PersistentArray, right: PersistentArray) -> Bool {
        if left.isSameArray(as: right) { return true }
        if left.access.isDetached || right.access.isDetached {
            return (left.access.isDetached || left.isEmpty)
                && (right.access.isDetached || right.isEmpty)
        }
        return left.count == right.count && DeepStack.run { left.elementsEqual(right) }
    }

    /// Whether both hold equal elements in the same order. O(count).
    @inlinable
    public static func == (left: PersistentArray, right: some Collection<Element>) -> Bool {
        left.count == right.count && DeepStack.run { left.elementsEqual(right) }
    }

    /// Whether the elements or their order differ. O(count).
    @inlinable
    public static func != (left: PersistentArray, right: some Collection<Element>) -> Bool {
        !(left == right)
    }
}

extension PersistentArray: Hashable where Element: Hashable {
    /// Hashes the elements. O(count).
    @inlinable
    public func hash(into hasher: inout Hasher) {
        guard !access.isDetached else { return hasher.combine(0) }
        hasher.combine(count)
        DeepStack.run { for element in self { hasher.combine(element) } }
    }
}

extension PersistentArray {
    /// Whether both handles lead to the same array, so that a change through one is seen through
    /// the other. O(1).
    @inlinable
    public func isSameArray(as other: PersistentArray) -> Bool {
        offset == other.offset && access.context == other.access.context
            && access.epoch == other.access.epoch
    }
}

extension PersistentArray: CustomStringConvertible, CustomDebugStringConvertible {
    /// The elements as an array literal. An array that is in no heap yet is empty.
    public var description: String {
        access.text { "[" + map { "\($0)" }.joined(separator: ", ") + "]" }
    }

    /// The elements as an array literal, each as it is shown to programmers.
    public var debugDescription: String {
        access.text { "[" + map { String(reflecting: $0) }.joined(separator: ", ") + "]" }
    }
}
