import HoldfastEngine
import HoldfastFormat

/// Optionals of keys are keys. Nil equals nil only.
extension Optional: PersistableKey where Wrapped: PersistableKey {
    public typealias Probe = Wrapped.Probe?

    @inlinable
    public static func withProbe<R, Failure: Error>(
        _ key: Wrapped?, _ body: (Wrapped.Probe?) throws(Failure) -> R
    ) throws(Failure) -> R {
        guard let key else { return try body(nil) }
        return try Wrapped.withProbe(key) { probe throws(Failure) in try body(probe) }
    }

    /// Returns the hash of the value, or one that all nils share.
    @inlinable
    public static func hash(_ probe: Wrapped.Probe?, seed: HeapIdentity) -> UInt64 {
        probe.map { Wrapped.hash($0, seed: seed) } ?? hashOfNil(seed)
    }

    @inlinable
    public static func hash(stored: Stored, seed: HeapIdentity, from access: HeapAccess)
        -> UInt64
    {
        stored.isPresent == 0
            ? hashOfNil(seed) : Wrapped.hash(stored: stored.wrapped, seed: seed, from: access)
    }

    @inlinable
    static func hashOfNil(_ seed: HeapIdentity) -> UInt64 { StableHash.hash(0, seed: seed) }

    @inlinable
    public static func matches(_ stored: Stored, _ probe: Wrapped.Probe?, in access: HeapAccess)
        -> Bool
    {
        guard let probe else { return stored.isPresent == 0 }
        return stored.isPresent != 0 && Wrapped.matches(stored.wrapped, probe, in: access)
    }
}

/// Nil comes before all values.
extension Optional: PersistableOrderedKey where Wrapped: PersistableOrderedKey {
    public typealias OrderedProbe = Wrapped.OrderedProbe?

    @inlinable
    public static func orderedProbe(_ probe: Wrapped.Probe?) -> Wrapped.OrderedProbe? {
        probe.map { Wrapped.orderedProbe($0) }
    }

    @inlinable
    public static func isStored(
        _ stored: Stored, before probe: Wrapped.OrderedProbe?, in access: HeapAccess
    ) -> Bool {
        guard let probe else { return false }
        return stored.isPresent == 0 || Wrapped.isStored(stored.wrapped, before: probe, in: access)
    }

    @inlinable
    public static func isProbe(
        _ probe: Wrapped.OrderedProbe?, before stored: Stored, in access: HeapAccess
    ) -> Bool {
        guard stored.isPresent != 0 else { return false }
        guard let probe else { return true }
        return Wrapped.isProbe(probe, before: stored.wrapped, in: access)
    }

    @inlinable
    public static var isAlwaysPlain: Bool { Wrapped.isAlwaysPlain }

    @inlinable
    public static func isPlain(_ stored: Stored) -> Bool {
        stored.isPresent == 0 || Wrapped.isPlain(stored.wrapped)
    }

    @inlinable
    public static func isPlain(probe: Wrapped.OrderedProbe?) -> Bool {
        probe.map { Wrapped.isPlain(probe: $0) } ?? true
    }

    @inlinable
    public static func isProbe(_ probe: Wrapped.OrderedProbe?, beforePlain stored: Stored) -> Bool {
        guard stored.isPresent != 0 else { return false }
        guard let probe else { return true }
        return Wrapped.isProbe(probe, beforePlain: stored.wrapped)
    }

    @inlinable
    public static var greatest: Stored {
        var stored = store(nil, in: .detached)  // Zeros, also between the fields.
        stored.isPresent = 1
        stored.wrapped = Wrapped.greatest
        return stored
    }

    @inlinable
    public static func separator(_ left: Stored, _ right: Stored, in access: HeapAccess) -> Stored {
        // After nil, any value separates. A copy, since the separator owns its memory.
        guard left.isPresent != 0 else { return store(load(right, from: access), in: access) }
        return Stored(
            isPresent: 1, wrapped: Wrapped.separator(left.wrapped, right.wrapped, in: access))
    }

    public static func verifySeparator(
        at place: UInt64, in verification: inout some BlockVerifier
    ) {
        verify(at: place, in: &verification) { Wrapped.verifySeparator(at: $0, in: &$1) }
    }
}
