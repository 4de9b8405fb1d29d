import HoldfastEngine
import HoldfastFormat

/// A type that can be the key of a ``PersistentMap``.
///
/// Its hash is part of the file format: the same in every process and every version of the program,
/// and seeded with random bits of the heap, so that nobody who does not have the file can choose
/// keys that collide. That is why it is not `Hashable`'s.
public protocol PersistableKey: Persistable {
    /// A key as prepared once for hashing and many comparisons; valid inside `withProbe` only.
    associatedtype Probe

    /// Prepares `key` and calls `body` with it. O(size of the key).
    static func withProbe<R, Failure: Error>(
        _ key: Self, _ body: (Probe) throws(Failure) -> R
    ) throws(Failure) -> R

    /// The hash of a prepared key, in the heap that `seed` belongs to.
    static func hash(_ probe: Probe, seed: HeapIdentity) -> UInt64

    /// The hash of a key that is in the heap; equal to that of every probe that matches it.
    static func hash(stored: Stored, seed: HeapIdentity, from access: HeapAccess) -> UInt64

    /// Whether the stored key equals the probe, as `==` means it for the type.
    static func matches(_ stored: Stored, _ probe: Probe, in access: HeapAccess) -> Bool
}
