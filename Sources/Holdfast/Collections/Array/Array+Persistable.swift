import HoldfastEngine
import HoldfastSystem

/// An `Array` is stored as a ``PersistentArray`` is, in the same form and under the same name, so
/// that a field can change from one to the other without a migration.
///
/// It is a value: reading it copies all elements out of the heap, and storing it copies all of them
/// in. Use a `PersistentArray` to read or change a few of many elements.
extension Array: Persistable where Element: Persistable {
    public typealias Stored = RelativePointer<StoredArray>

    /// - Complexity: O(*n*), where *n* is the count.
    public static func load(_ stored: Stored, from access: HeapAccess) -> [Element] {
        let elements = PersistentArray<Element>.load(stored, from: access)
        return DeepStack.run { [Element](elements) }
    }

    /// - Complexity: O(*n*), where *n* is the count.
    public static func store(_ value: [Element], in access: HeapAccess) -> Stored {
        let stored = PersistentArray<Element>.storeEmpty(in: access)
        if !value.isEmpty {
            let elements = PersistentArray<Element>.load(stored, from: access)
            elements.reserveCapacity(value.count)
            DeepStack.run { elements.append(contentsOf: value) }
        }
        return stored
    }

    public static func destroy(_ stored: Stored, in access: HeapAccess) {
        PersistentArray<Element>.destroy(stored, in: access)
    }

    public static var ownsMemory: Bool { true }

    public static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        PersistentArray<Element>.verify(at: offset, in: &verification)
    }

    public static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        try PersistentArray<Element>.encode(stored, from: access, to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        try PersistentArray<Element>.decode(from: decoder, in: access)
    }

    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        PersistentArray<Element>.moveOwned(at: place, by: mover)
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        try PersistentArray<Element>.describe()
    }
}

extension Array: PersistableValue where Element: PersistableValue {}

extension Array: CollectionValue {}
