import HoldfastEngine
import HoldfastSystem

// To and from dictionaries in memory.

extension Dictionary where Key: PersistableKey, Value: PersistableValue {
    /// A copy of a map of a heap. O(count).
    @inlinable
    public init(_ map: PersistentMap<Key, Value>) {
        self.init(minimumCapacity: map.count)
        for (key, value) in map { self[key] = value }
    }
}

extension PersistentMap where Key: Hashable {
    /// The values as `transform` makes them, in a dictionary in memory; for a change in place there
    /// is ``updateValues(_:)``. O(count).
    @inlinable
    public func mapValues<T>(_ transform: (Value) throws -> T) rethrows -> [Key: T] {
        var result = [Key: T](minimumCapacity: count)
        for (key, value) in self { result[key] = try transform(value) }
        return result
    }

    /// The values as `transform` makes them, but for those that it makes nil, in a dictionary in
    /// memory. O(count).
    @inlinable
    public func compactMapValues<T>(_ transform: (Value) throws -> T?) rethrows -> [Key: T] {
        var result: [Key: T] = [:]
        for (key, value) in self { if let new = try transform(value) { result[key] = new } }
        return result
    }
}

extension PersistentMap where Key: Hashable, Value: PersistableValue {
    /// A copy of the entries that `isIncluded` says yes to, as a dictionary in memory; to keep only
    /// those in the heap, use ``removeAll(where:)``. O(count).
    @inlinable
    public func filter(_ isIncluded: (Element) throws -> Bool) rethrows -> [Key: Value] {
        var result: [Key: Value] = [:]
        for entry in self where try isIncluded(entry) { result[entry.key] = entry.value }
        return result
    }
}

/// Handles are equal if what they lead to is, as with `Dictionary`.
extension PersistentMap: Equatable where Value: Equatable {
    /// Whether both hold equal values for the same keys. O(count) expected; O(1) for two handles of
    /// one map.
    @inlinable
    public static func == (left: PersistentMap, right: PersistentMap) -> Bool {
        if left.isSameMap(as: right) { return true }
        if left.access.isDetached || right.access.isDetached {
            return (left.access.isDetached || left.isEmpty)
                && (right.access.isDetached || right.isEmpty)
        }
        return left.count == right.count
            && DeepStack.run { left.allSatisfy { right[$0.key] == $0.value } }
    }
}

extension PersistentMap where Key: Hashable, Value: Equatable {
    /// Whether both hold equal values for the same keys. O(count) expected.
    @inlinable
    public static func == (left: PersistentMap, right: [Key: Value]) -> Bool {
        left.count == right.count
            && DeepStack.run { left.allSatisfy { right[$0.key] == $0.value } }
    }

    /// Whether the keys or a value differ. O(count) expected.
    @inlinable
    public static func != (left: PersistentMap, right: [Key: Value]) -> Bool { !(left == right) }
}

extension PersistentMap: Hashable where Key: Hashable, Value: Hashable {
    /// Hashes the entries, whatever their order. O(count).
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
    /// Whether both handles lead to the same map, so that a change through one is seen through the
    /// other. O(1).
    @inlinable
    public func isSameMap(as other: PersistentMap) -> Bool {
        offset == other.offset && access.context == other.access.context
            && access.epoch == other.access.epoch
    }
}
