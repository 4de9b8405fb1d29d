import HoldfastEngine

/// A collection of Swift, which is stored as one of Holdfast's and described as that. So a
/// description stands for the persistent collection, never for the value.
package protocol CollectionValue: StoredAsOther where Base: PersistableContainer {}

extension CollectionValue {
    /// The handle that leads to the same stored form.
    package static var handleType: any Persistable.Type { Base.self }

    public static func encode(
        _ stored: Base.Stored, from access: HeapAccess, to encoder: any Encoder
    ) throws {
        try Base.encode(stored, from: access, to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws
        -> Base.Stored
    {
        try Base.decode(from: decoder, in: access)
    }

    public static func describe() throws(HeapError) -> TypeDescription { try Base.describe() }
}
