import HoldfastEngine

// Maps with string keys are encoded as objects. Other maps, which many formats cannot represent,
// are encoded as arrays of pairs.

/// The operation that maps and sorted maps share here: inserting entries of stored keys and values.
package protocol EntryStore {
    associatedtype Key: PersistableKey
    associatedtype Value: Persistable

    var count: Int { get }
    func forEachStored(_ body: (Key.Stored, Value.Stored) throws -> Void) throws
    /// Adds an entry that owns the memory that it needs. Returns false, and adds nothing, if the
    /// key exists.
    func insert(storedKey key: Key.Stored, _ value: Value.Stored) -> Bool
    var access: HeapAccess { get }
}

extension EntryStore {
    func encodeEntries(to encoder: any Encoder) throws {
        if Key.self == String.self {
            var container = encoder.container(keyedBy: Name.self)
            try forEachStored { key, value in
                let name = Name(String.load(unsafeBitCast(key, to: StoredBytes.self), from: access))
                try container.encode(StoredEncodable(value, Value.self, access), forKey: name)
            }
        } else {
            var container = encoder.unkeyedContainer()
            try forEachStored {
                try container.encode(Pair<Key, Value>(key: $0, value: $1, access: access))
            }
        }
    }

    func decodeEntries(from decoder: any Decoder) throws {
        if Key.self == String.self {
            let container = try decoder.container(keyedBy: Name.self)
            for name in container.allKeys {
                let value = try container.decode(StoredDecodable<Value>.self, forKey: name).stored
                try add(
                    unsafeBitCast(String.store(name.stringValue, in: access), to: Key.Stored.self),
                    value)
            }
        } else {
            var container = try decoder.unkeyedContainer()
            while !container.isAtEnd { try add(try container.decode(DecodedPair<Key, Value>.self)) }
        }
    }

    package func add(_ pair: DecodedPair<Key, Value>) throws { try add(pair.key, pair.value) }

    private func add(_ key: Key.Stored, _ value: Value.Stored) throws {
        guard insert(storedKey: key, value) else {
            throw ExchangeProblem(
                "the key \(String(reflecting: Key.load(key, from: access)).prefix(60)) occurs "
                    + "twice"
            )
        }
    }

    func encodeKeys(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        try forEachStored { key, _ in try container.encode(StoredEncodable(key, Key.self, access)) }
    }
}

extension EntryStore where Value == NoValue {
    func decodeKeys(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        while !container.isAtEnd {
            try add(element: try container.decode(StoredDecodable<Key>.self).stored)
        }
    }

    package func add(element: Key.Stored) throws { try add(element, NoValue()) }
}

/// An entry that is encoded as an array of two elements.
package struct Pair<Key: Persistable, Value: Persistable>: Encodable {
    let key: Key.Stored
    let value: Value.Stored
    let access: HeapAccess

    package init(key: Key.Stored, value: Value.Stored, access: HeapAccess) {
        self.key = key
        self.value = value
        self.access = access
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        try container.encode(StoredEncodable(key, Key.self, access))
        try container.encode(StoredEncodable(value, Value.self, access))
    }
}

/// An entry that has been decoded from an array of two elements.
package struct DecodedPair<Key: Persistable, Value: Persistable>: Decodable {
    let key: Key.Stored
    let value: Value.Stored

    package init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        key = try container.decode(StoredDecodable<Key>.self).stored
        value = try container.decode(StoredDecodable<Value>.self).stored
        try container.requireEnd()
    }
}

extension PersistentMap: EntryStore {
    package func forEachStored(_ body: (Key.Stored, Value.Stored) throws -> Void) throws {
        var iterator = makeIterator()
        while let slot = iterator.nextSlot() { try body(slot.pointee.key, slot.pointee.value) }
    }

    package func insert(storedKey key: Key.Stored, _ value: Value.Stored) -> Bool {
        Key.withProbe(Key.load(key, from: access)) { probe in
            let hash = Key.hash(probe, seed: access.hashSeed)
            guard find(probe, hash) == nil else { return false }
            insertNew(Slot(key: key, value: value), hash)
            return true
        }
    }

    /// Encodes an object if the keys are strings, otherwise an array of pairs.
    public static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        try load(stored, from: access).encodeEntries(to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        let stored = storeEmpty(in: access)
        try load(stored, from: access).decodeEntries(from: decoder)
        return stored
    }
}

extension PersistentSortedMap: EntryStore {
    package func forEachStored(_ body: (Key.Stored, Value.Stored) throws -> Void) throws {
        var iterator = makeIterator()
        while let slot = iterator.nextSlot() { try body(slot.pointee.key, slot.pointee.value) }
    }

    package func insert(storedKey key: Key.Stored, _ value: Value.Stored) -> Bool {
        Key.withProbe(Key.load(key, from: access)) { probe in
            let ordered = Key.orderedProbe(probe)
            if let leaf = leaf(for: ordered, opened()),
                leaf.find(probe, Key.hash(probe, seed: access.hashSeed), access) != nil
            {
                return false
            }
            insertNew(Slot(key: key, value: value), probe, ordered)
            return true
        }
    }

    /// Encodes an object if the keys are strings, otherwise an array of pairs.
    public static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        try load(stored, from: access).encodeEntries(to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        let stored = storeEmpty(in: access)
        try load(stored, from: access).decodeEntries(from: decoder)
        return stored
    }
}

extension PersistentSet {
    /// Encodes an array of the elements.
    public static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        try Table.load(stored, from: access).encodeKeys(to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        let stored = storeEmpty(in: access)
        try Table.load(stored, from: access).decodeKeys(from: decoder)
        return stored
    }
}

extension PersistentSortedSet {
    /// Encodes an array of the elements, in order.
    public static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        try Tree.load(stored, from: access).encodeKeys(to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        let stored = storeEmpty(in: access)
        try Tree.load(stored, from: access).decodeKeys(from: decoder)
        return stored
    }
}
