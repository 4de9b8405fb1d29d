import HoldfastEngine

/// A type whose values are stored as those of another type: what happens to the stored form alone
/// is the other type's.
@usableFromInline
package protocol StoredAsOther: Persistable where Stored == Base.Stored {
    /// The type that the stored form belongs to.
    associatedtype Base: Persistable
}

extension StoredAsOther {
    @inlinable
    public static func destroy(_ stored: Base.Stored, in access: HeapAccess) {
        Base.destroy(stored, in: access)
    }

    @inlinable
    public static var ownsMemory: Bool { Base.ownsMemory }

    public static func verify(at place: UInt64, in verification: inout some BlockVerifier) {
        Base.verify(at: place, in: &verification)
    }

    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        Base.moveOwned(at: place, by: mover)
    }
}
