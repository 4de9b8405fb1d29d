import HoldfastEngine

/// A type that can be the key of a ``PersistentSortedMap`` or an element of a
/// ``PersistentSortedSet``.
///
/// The order is part of the file format: data sorted by one program must be sorted for every later
/// one. For numbers, `UUID` and `Date` it is the order of `<`, with NaN after every number. Strings
/// are ordered by their normal forms, like `<` (with the exceptions described there), `Data` byte
/// by byte, and an enum by its raw value.
public protocol PersistableOrderedKey: PersistableKey {
    /// A probe prepared once for many comparisons by order. Valid only inside `withProbe`.
    associatedtype OrderedProbe

    /// Prepares a probe for comparisons by order.
    static func orderedProbe(_ probe: Probe) -> OrderedProbe

    /// Returns whether the stored key comes before the probe.
    static func isStored(_ stored: Stored, before probe: OrderedProbe, in access: HeapAccess)
        -> Bool

    /// Returns whether the probe comes before the stored key.
    static func isProbe(_ probe: OrderedProbe, before stored: Stored, in access: HeapAccess) -> Bool

    /// Whether every comparison takes a few instructions and reads no memory besides the stored
    /// forms, as with numbers.
    static var isAlwaysPlain: Bool { get }

    /// Returns whether a comparison with this stored form does so, such as for a short ASCII
    /// string.
    static func isPlain(_ stored: Stored) -> Bool

    /// Returns whether ``isProbe(_:beforePlain:)`` can compare the probe with plain stored forms.
    static func isPlain(probe: OrderedProbe) -> Bool

    /// Returns whether the probe comes before the stored key. Both are plain, or the stored form is
    /// ``greatest``. Nodes that contain only such keys are searched without branches.
    static func isProbe(_ probe: OrderedProbe, beforePlain stored: Stored) -> Bool

    /// The filler for unused key slots of a node: a stored form that comes after every plain key or
    /// is the last of them.
    static var greatest: Stored { get }

    /// Creates a stored form that separates two neighbours, `left < separator <= right`, and is as
    /// short as possible. It owns the memory that it needs.
    static func separator(_ left: Stored, _ right: Stored, in access: HeapAccess) -> Stored

    /// Verifies a separator, as `verify` does a key. It need not be the form of a value.
    static func verifySeparator(at place: UInt64, in verification: inout some BlockVerifier)
}

extension PersistableOrderedKey {
    public static func verifySeparator(
        at place: UInt64, in verification: inout some BlockVerifier
    ) {
        verify(at: place, in: &verification)
    }
}

extension PersistableInteger {
    @inlinable @inline(__always)
    public static func orderedProbe(_ probe: Self) -> Self { probe }

    @inlinable @inline(__always)
    public static func isStored(_ stored: Self, before probe: Self, in access: HeapAccess) -> Bool {
        stored < probe
    }

    @inlinable @inline(__always)
    public static func isProbe(_ probe: Self, before stored: Self, in access: HeapAccess) -> Bool {
        probe < stored
    }

    @inlinable @inline(__always)
    public static var isAlwaysPlain: Bool { true }

    @inlinable @inline(__always)
    public static func isPlain(_ stored: Self) -> Bool { true }

    @inlinable @inline(__always)
    public static func isPlain(probe: Self) -> Bool { true }

    @inlinable @inline(__always)
    public static func isProbe(_ probe: Self, beforePlain stored: Self) -> Bool { probe < stored }

    @inlinable @inline(__always)
    public static var greatest: Self { .max }

    @inlinable @inline(__always)
    public static func separator(_ left: Self, _ right: Self, in access: HeapAccess) -> Self {
        right
    }
}

extension PersistableFloat {
    @inlinable @inline(__always)
    public static func orderedProbe(_ probe: Self) -> Self { probe }

    @inlinable @inline(__always)
    public static func isStored(_ stored: Self, before probe: Self, in access: HeapAccess) -> Bool {
        precedes(stored, probe)
    }

    @inlinable @inline(__always)
    public static func isProbe(_ probe: Self, before stored: Self, in access: HeapAccess) -> Bool {
        precedes(probe, stored)
    }

    /// All NaNs share one place after all numbers. There may be many such entries, as NaN equals
    /// nothing.
    @inlinable @inline(__always)
    static func precedes(_ left: Self, _ right: Self) -> Bool {
        left < right || (right.isNaN && !left.isNaN)
    }

    @inlinable @inline(__always)
    public static var isAlwaysPlain: Bool { true }

    @inlinable @inline(__always)
    public static func isPlain(_ stored: Self) -> Bool { true }

    @inlinable @inline(__always)
    public static func isPlain(probe: Self) -> Bool { true }

    @inlinable @inline(__always)
    public static func isProbe(_ probe: Self, beforePlain stored: Self) -> Bool {
        precedes(probe, stored)
    }

    @inlinable @inline(__always)
    public static var greatest: Self { .nan }

    @inlinable @inline(__always)
    public static func separator(_ left: Self, _ right: Self, in access: HeapAccess) -> Self {
        right
    }
}

/// An enum is ordered by its raw value.
/// `enum Level: Int, HeapEnum, PersistableOrderedKey { … }` needs no code.
extension HeapEnum where RawValue: PersistableOrderedKey {
    /// The ordered probe of the raw value.
    public typealias OrderedProbe = RawValue.OrderedProbe

    /// Prepares the raw value for comparisons by order.
    @inlinable @inline(__always)
    public static func orderedProbe(_ probe: RawValue.Probe) -> RawValue.OrderedProbe {
        RawValue.orderedProbe(probe)
    }

    /// Returns whether the stored raw value comes before the probe.
    @inlinable @inline(__always)
    public static func isStored(
        _ stored: RawValue.Stored, before probe: RawValue.OrderedProbe, in access: HeapAccess
    ) -> Bool {
        RawValue.isStored(stored, before: probe, in: access)
    }

    /// Returns whether the probe comes before the stored raw value.
    @inlinable @inline(__always)
    public static func isProbe(
        _ probe: RawValue.OrderedProbe, before stored: RawValue.Stored, in access: HeapAccess
    ) -> Bool {
        RawValue.isProbe(probe, before: stored, in: access)
    }

    /// Whether every comparison of raw values takes only a few instructions.
    @inlinable @inline(__always)
    public static var isAlwaysPlain: Bool { RawValue.isAlwaysPlain }

    /// Returns whether comparing with this raw value does.
    @inlinable @inline(__always)
    public static func isPlain(_ stored: RawValue.Stored) -> Bool { RawValue.isPlain(stored) }

    /// Returns whether this probe can be compared with plain raw values.
    @inlinable @inline(__always)
    public static func isPlain(probe: RawValue.OrderedProbe) -> Bool {
        RawValue.isPlain(probe: probe)
    }

    /// Returns whether the probe comes before the stored raw value, if both are plain.
    @inlinable @inline(__always)
    public static func isProbe(_ probe: RawValue.OrderedProbe, beforePlain stored: RawValue.Stored)
        -> Bool
    {
        RawValue.isProbe(probe, beforePlain: stored)
    }

    /// The filler of the raw value's type.
    @inlinable @inline(__always)
    public static var greatest: RawValue.Stored { RawValue.greatest }

    /// Creates a raw value that separates two neighbours.
    @inlinable @inline(__always)
    public static func separator(
        _ left: RawValue.Stored, _ right: RawValue.Stored, in access: HeapAccess
    ) -> RawValue.Stored {
        RawValue.separator(left, right, in: access)
    }
}

extension PersistableOrderedKey where Self: HeapEnum, RawValue: PersistableOrderedKey {
    /// Verifies a raw value, which a shortened one need not be a case of.
    public static func verifySeparator(
        at place: UInt64, in verification: inout some BlockVerifier
    ) {
        RawValue.verifySeparator(at: place, in: &verification)
    }
}
