import HoldfastEngine
import HoldfastFormat

/// A type that is stored as another and is a key as that one is: equal, hashed and ordered in the
/// same way.
@usableFromInline
package protocol KeyedAsOther: StoredAsOther, PersistableOrderedKey
where Base: PersistableOrderedKey, Probe == Base.Probe, OrderedProbe == Base.OrderedProbe {
    /// The key as a value of the other type.
    var base: Base { get }
}

extension KeyedAsOther {
    @inlinable
    public static func withProbe<R, Failure: Error>(
        _ key: Self, _ body: (Base.Probe) throws(Failure) -> R
    ) throws(Failure) -> R {
        try Base.withProbe(key.base, body)
    }

    @inlinable
    public static func hash(_ probe: Base.Probe, seed: HeapIdentity) -> UInt64 {
        Base.hash(probe, seed: seed)
    }

    @inlinable
    public static func hash(stored: Base.Stored, seed: HeapIdentity, from access: HeapAccess)
        -> UInt64
    {
        Base.hash(stored: stored, seed: seed, from: access)
    }

    @inlinable
    public static func matches(_ stored: Base.Stored, _ probe: Base.Probe, in access: HeapAccess)
        -> Bool
    {
        Base.matches(stored, probe, in: access)
    }

    @inlinable
    public static func orderedProbe(_ probe: Base.Probe) -> Base.OrderedProbe {
        Base.orderedProbe(probe)
    }

    @inlinable
    public static func isStored(
        _ stored: Base.Stored, before probe: Base.OrderedProbe, in access: HeapAccess
    ) -> Bool {
        Base.isStored(stored, before: probe, in: access)
    }

    @inlinable
    public static func isProbe(
        _ probe: Base.OrderedProbe, before stored: Base.Stored, in access: HeapAccess
    ) -> Bool {
        Base.isProbe(probe, before: stored, in: access)
    }

    @inlinable
    public static var isAlwaysPlain: Bool { Base.isAlwaysPlain }

    @inlinable
    public static func isPlain(_ stored: Base.Stored) -> Bool { Base.isPlain(stored) }

    @inlinable
    public static func isPlain(probe: Base.OrderedProbe) -> Bool { Base.isPlain(probe: probe) }

    @inlinable
    public static func isProbe(_ probe: Base.OrderedProbe, beforePlain stored: Base.Stored) -> Bool
    {
        Base.isProbe(probe, beforePlain: stored)
    }

    @inlinable
    public static var greatest: Base.Stored { Base.greatest }

    @inlinable
    public static func separator(
        _ left: Base.Stored, _ right: Base.Stored, in access: HeapAccess
    ) -> Base.Stored {
        Base.separator(left, right, in: access)
    }
}
