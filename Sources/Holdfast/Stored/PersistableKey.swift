import HoldfastEngine
import HoldfastFormat

/// A type that can be the key of a ``PersistentMap``.
///
/// The hash is part of the file format: it is the same in every process and every version of the
/// program. It is seeded with random bits of the heap, so that colliding keys cannot be chosen
/// without access to the file. For these reasons it is not the hash of `Hashable`.
public protocol PersistableKey: Persistable {
    /// A key prepared once for hashing and many comparisons. Valid only inside `withProbe`.
    associatedtype Probe

    /// Prepares `key` and calls `body` with it.
    ///
    /// - Complexity: O(size of the key).
    static func withProbe<R, Failure: Error>(
        _ key: Self, _ body: (Probe) throws(Failure) -> R
    ) throws(Failure) -> R

    /// Returns the hash of a prepared key, in the heap that `seed` belongs to.
    static func hash(_ probe: Probe, seed: HeapIdentity) -> UInt64

    /// Returns the hash of a key that is in the heap. It is equal to the hash of every probe that
    /// matches the key.
    static func hash(stored: Stored, seed: HeapIdentity, from access: HeapAccess) -> UInt64

    /// Returns whether the stored key equals the probe, in the sense of the type's `==`.
    static func matches(_ stored: Stored, _ probe: Probe, in access: HeapAccess) -> Bool
}
