import HoldfastEngine
import HoldfastSystem

// Conversions to and from dictionaries in memory.

extension Dictionary where Key: PersistableKey, Value: PersistableValue {
    /// Creates a copy of a map of a heap.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public init(_ map: PersistentMap<Key, Value>) {
        self.init(minimumCapacity: map.count)
        for (key, value) in map { self[key] = value }
    }
}

extension PersistentMap where Key: Hashable {
    /// Returns a dictionary in memory with the transformed values. To change values in place, use
    /// ``updateValues(_:)``.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func mapValues<T>(_ transform: (Value) throws -> T) rethrows -> [Key: T] {
        var result = [Key: T](minimumCapacity: count)
        for (key, value) in self { result[key] = try transform(value) }
        return result
    }

    /// Returns a dictionary in memory with the transformed values that are not nil.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func compactMapValues<T>(_ transform: (Value) throws -> T?) rethrows -> [Key: T] {
        var result: [Key: T] = [:]
        for (key, value) in self { if let new = try transform(value) { result[key] = new } }
        return result
    }
}

extension PersistentMap where Key: Hashable, Value: PersistableValue {
    /// Returns a copy of the entries that satisfy `isIncluded`, as a dictionary in memory. To keep
    /// only those in the heap, use ``removeAll(where:)``.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func filter(_ isIncluded: (Element) throws -> Bool) rethrows -> [Key: Value] {
        var result: [Key: Value] = [:]
        for entry in self where try isIncluded(entry) { result[entry.key] = entry.value }
        return result
    }
}

/// Handles are equal if their entries are, as with `Dictionary`.
extension PersistentMap: Equatable where Value: Equatable {
    /// Returns whether both maps hold equal values for the same keys.
    ///
    /// - Complexity: O(*n*) expected, where *n* is the count; O(1) for two handles of one map.
    @inlinable
    public static func == (left: PersistentMap, right: PersistentMap) -> Bool {
        if left.isTriviallyIdentical(to: right) { return true }
        if left.access.isDetached || right.access.isDetached {
            return (left.access.isDetached || left.isEmpty)
                && (right.access.isDetached || right.isEmpty)
        }
        return left.count == right.count
            && DeepStack.run { left.allSatisfy { right[$0.key] == $0.value } }
    }
}

extension PersistentMap where Key: Hashable, Value: Equatable {
    /// Returns whether both hold equal values for the same keys.
    ///
    /// - Complexity: O(*n*) expected, where *n* is the count.
    @inlinable
    public static func == (left: PersistentMap, right: [Key: Value]) -> Bool {
        left.count == right.count
            && DeepStack.run { left.allSatisfy { right[$0.key] == $0.value } }
    }

    /// Returns whether the keys or a value differ.
    ///
    /// - Complexity: O(*n*) expected, where *n* is the count.
    @inlinable
    public static func != (left: PersistentMap, right: [Key: Value]) -> Bool { !(left == right) }
}

extension PersistentMap: Hashable where Key: Hashable, Value: Hashable {
    /// Hashes the entries, independently of their order.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func hash(into hasher: inout Hasher) {
        guard !access.isDetached else { return hasher.combine(0) }
        var sum = 0
        DeepStack.run {
            for (key, value) in self {
                var entry = Hasher()
                entry.combine(key)
                entry.combine(value)
                sum &+= entry.finalize()
            }
        }
        hasher.combine(count == 0 ? 0 : sum)
    }
}

extension PersistentMap {
    /// Returns whether both handles lead to the same map, so that a change through one is visible
    /// through the other.
    ///
    /// - Complexity: O(1).
    @inlinable
    public func isTriviallyIdentical(to other: PersistentMap) -> Bool {
        offset == other.offset && access.isSameTransaction(as: other.access)
    }
}
