import HoldfastEngine
import HoldfastSystem

/// A `Dictionary` is stored as a ``PersistentMap`` is, in the same form and under the same name, so
/// that a field can change from one to the other without a migration.
///
/// It is a value: reading it copies all entries out of the heap, and storing it copies all of them
/// in. Use a `PersistentMap` to look up or change a few of many entries.
extension Dictionary: StoredAsOther, CollectionValue, Persistable
where Key: PersistableKey, Value: Persistable {
    public typealias Stored = PersistentMap<Key, Value>.Stored
    @usableFromInline package typealias Base = PersistentMap<Key, Value>

    /// - Complexity: O(*n*), where *n* is the count.
    public static func load(_ stored: Stored, from access: HeapAccess) -> [Key: Value] {
        let entries = Base.load(stored, from: access)
        return DeepStack.run {
            var dictionary = [Key: Value](minimumCapacity: entries.count)
            for (key, value) in entries { dictionary[key] = value }
            return dictionary
        }
    }

    /// - Complexity: O(*n*), where *n* is the count.
    public static func store(_ value: [Key: Value], in access: HeapAccess) -> Stored {
        let stored = Base.storeEmpty(in: access)
        if !value.isEmpty {
            let entries = Base.load(stored, from: access)
            entries.reserveCapacity(value.count)
            DeepStack.run { for (key, value) in value { entries[key] = value } }
        }
        return stored
    }
}

extension Dictionary: PersistableValue
where Key: PersistableKey & PersistableValue, Value: PersistableValue {}
