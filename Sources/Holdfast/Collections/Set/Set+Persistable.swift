import HoldfastEngine

/// A `Set` is stored as a ``PersistentSet`` is, in the same form and under the same name, so
/// that a field can change from one to the other without a migration.
///
/// It is a value: reading it copies all elements out of the heap, and storing it copies all of them
/// in. Use a `PersistentSet` to look up or change a few of many elements.
extension Set: Persistable where Element: PersistableKey {
    public typealias Stored = PersistentSet<Element>.Stored

    /// - Complexity: O(*n*), where *n* is the count.
    public static func load(_ stored: Stored, from access: HeapAccess) -> Set<Element> {
        let elements = PersistentSet<Element>.load(stored, from: access)
        return Set(elements)
    }

    /// - Complexity: O(*n*), where *n* is the count.
    public static func store(_ value: Set<Element>, in access: HeapAccess) -> Stored {
        let stored = PersistentSet<Element>.storeEmpty(in: access)
        if !value.isEmpty {
            let elements = PersistentSet<Element>.load(stored, from: access)
            for element in value { elements.insert(element) }
        }
        return stored
    }

    public static func destroy(_ stored: Stored, in access: HeapAccess) {
        PersistentSet<Element>.destroy(stored, in: access)
    }

    public static var ownsMemory: Bool { true }

    public static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        PersistentSet<Element>.verify(at: offset, in: &verification)
    }

    public static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        try PersistentSet<Element>.encode(stored, from: access, to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        try PersistentSet<Element>.decode(from: decoder, in: access)
    }

    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        PersistentSet<Element>.moveOwned(at: place, by: mover)
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        try PersistentSet<Element>.describe()
    }
}

extension Set: PersistableValue where Element: PersistableKey & PersistableValue {}

extension Set: CollectionValue {}
