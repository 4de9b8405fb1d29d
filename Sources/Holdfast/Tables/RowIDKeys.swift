import HoldfastEngine
import HoldfastFormat

/// An identifier is a key as its number is.
extension PersistentTable.ID: PersistableOrderedKey {
    @inlinable
    public static func withProbe<R, Failure: Error>(
        _ key: Self, _ body: (UInt64) throws(Failure) -> R
    ) throws(Failure) -> R {
        try body(key.number)
    }

    @inlinable
    public static func hash(_ probe: UInt64, seed: HeapIdentity) -> UInt64 {
        UInt64.hash(probe, seed: seed)
    }

    @inlinable
    public static func hash(stored: UInt64, seed: HeapIdentity, from access: HeapAccess)
        -> UInt64
    {
        UInt64.hash(stored, seed: seed)
    }

    @inlinable
    public static func matches(_ stored: UInt64, _ probe: UInt64, in access: HeapAccess) -> Bool {
        stored == probe
    }

    @inlinable
    public static func orderedProbe(_ probe: UInt64) -> UInt64 { probe }

    @inlinable
    public static func isStored(_ stored: UInt64, before probe: UInt64, in access: HeapAccess)
        -> Bool
    {
        stored < probe
    }

    @inlinable
    public static func isProbe(_ probe: UInt64, before stored: UInt64, in access: HeapAccess)
        -> Bool
    {
        probe < stored
    }

    @inlinable
    public static var isAlwaysPlain: Bool { true }

    @inlinable
    public static func isPlain(_ stored: UInt64) -> Bool { true }

    @inlinable
    public static func isPlain(probe: UInt64) -> Bool { true }

    @inlinable
    public static func isProbe(_ probe: UInt64, beforePlain stored: UInt64) -> Bool {
        probe < stored
    }

    @inlinable
    public static var greatest: UInt64 { .max }

    @inlinable
    public static func separator(_ left: UInt64, _ right: UInt64, in access: HeapAccess)
        -> UInt64
    {
        right
    }
}
