import HoldfastEngine
import HoldfastFormat

// Integers of 128 bits and durations as keys. They are compared and ordered as the numbers that
// they are.

extension StorableWideInteger {
    public static func withProbe<R, Failure: Error>(
        _ key: Self, _ body: (Self) throws(Failure) -> R
    ) throws(Failure) -> R {
        try body(key)
    }

    public static func hash(_ probe: Self, seed: HeapIdentity) -> UInt64 {
        StoredWideInteger(wide: Int128(truncatingIfNeeded: probe)).hash(seed: seed)
    }

    public static func hash(
        stored: StoredWideInteger, seed: HeapIdentity, from access: HeapAccess
    ) -> UInt64 {
        stored.hash(seed: seed)
    }

    public static func matches(
        _ stored: StoredWideInteger, _ probe: Self, in access: HeapAccess
    ) -> Bool {
        value(stored) == probe
    }

    public static func orderedProbe(_ probe: Self) -> Self { probe }

    public static func isStored(
        _ stored: StoredWideInteger, before probe: Self, in access: HeapAccess
    ) -> Bool {
        value(stored) < probe
    }

    public static func isProbe(
        _ probe: Self, before stored: StoredWideInteger, in access: HeapAccess
    ) -> Bool {
        probe < value(stored)
    }

    public static var isAlwaysPlain: Bool { true }

    public static func isPlain(_ stored: StoredWideInteger) -> Bool { true }

    public static func isPlain(probe: Self) -> Bool { true }

    public static func isProbe(_ probe: Self, beforePlain stored: StoredWideInteger) -> Bool {
        probe < value(stored)
    }

    public static var greatest: StoredWideInteger {
        StoredWideInteger(wide: Int128(truncatingIfNeeded: Self.max))
    }

    public static func separator(
        _ left: StoredWideInteger, _ right: StoredWideInteger, in access: HeapAccess
    ) -> StoredWideInteger {
        right
    }

    private static func value(_ stored: StoredWideInteger) -> Self {
        Self(truncatingIfNeeded: stored.high) << 64 | Self(truncatingIfNeeded: stored.low)
    }
}

extension StoredWideInteger {
    fileprivate init(wide: Int128) {
        self.init(
            low: UInt64(truncatingIfNeeded: wide), high: UInt64(truncatingIfNeeded: wide >> 64))
    }

    fileprivate func hash(seed: HeapIdentity) -> UInt64 {
        withUnsafeBytes(of: (low, high)) { StableHash.hash($0, seed: seed) }
    }
}

extension Int128: PersistableOrderedKey {
    public typealias Probe = Int128
    public typealias OrderedProbe = Int128
}

extension UInt128: PersistableOrderedKey {
    public typealias Probe = UInt128
    public typealias OrderedProbe = UInt128
}

/// A duration as a key is its number of units of 10⁻¹⁸ seconds.
extension Duration: KeyedAsOther {
    public typealias Probe = Int128
    public typealias OrderedProbe = Int128

    @usableFromInline package var base: Int128 { attoseconds }
}
