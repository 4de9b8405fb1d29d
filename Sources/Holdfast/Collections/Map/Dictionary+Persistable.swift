import HoldfastEngine
import HoldfastSystem

/// A `Dictionary` is stored as a ``PersistentMap`` is, in the same form and under the same name, so
/// that a field can change from one to the other without a migration.
///
/// It is a value: reading it copies all entries out of the heap, and storing it copies all of them
/// in. Use a `PersistentMap` to look up or change a few of many entries.
extension Dictionary: Persistable where Key: PersistableKey, Value: Persistable {
    public typealias Stored = PersistentMap<Key, Value>.Stored

    /// - Complexity: O(*n*), where *n* is the count.
    public static func load(_ stored: Stored, from access: HeapAccess) -> [Key: Value] {
        let entries = PersistentMap<Key, Value>.load(stored, from: access)
        return DeepStack.run {
            var dictionary = [Key: Value](minimumCapacity: entries.count)
            for (key, value) in entries { dictionary[key] = value }
            return dictionary
        }
    }

    /// - Complexity: O(*n*), where *n* is the count.
    public static func store(_ value: [Key: Value], in access: HeapAccess) -> Stored {
        let stored = PersistentMap<Key, Value>.storeEmpty(in: access)
        if !value.isEmpty {
            let entries = PersistentMap<Key, Value>.load(stored, from: access)
            entries.reserveCapacity(value.count)
            DeepStack.run { for (key, value) in value { entries[key] = value } }
        }
        return stored
    }

    public static func destroy(_ stored: Stored, in access: HeapAccess) {
        PersistentMap<Key, Value>.destroy(stored, in: access)
    }

    public static var ownsMemory: Bool { true }

    public static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        PersistentMap<Key, Value>.verify(at: offset, in: &verification)
    }

    public static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        try PersistentMap<Key, Value>.encode(stored, from: access, to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        try PersistentMap<Key, Value>.decode(from: decoder, in: access)
    }

    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        PersistentMap<Key, Value>.moveOwned(at: place, by: mover)
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        try PersistentMap<Key, Value>.describe()
    }
}

extension Dictionary: PersistableValue
where Key: PersistableKey & PersistableValue, Value: PersistableValue {}

extension Dictionary: CollectionValue {}
