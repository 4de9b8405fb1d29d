import HoldfastEngine

/// A type that can be the key of a ``PersistentSortedMap`` or an element of a
/// ``PersistentSortedSet``.
///
/// The order is part of the file format: what was sorted by one program must be sorted for every
/// later one. For numbers, `UUID` and `Date` it is what `<` says, with NaN after every number;
/// strings are ordered by their normal forms, as `<` does (but see there), `Data` byte by byte, and
/// an enum by its raw value.
public protocol PersistableOrderedKey: PersistableKey {
    /// A probe as prepared once for many comparisons by order; valid inside `withProbe` only.
    associatedtype OrderedProbe

    /// Prepares a probe for comparisons by order.
    static func orderedProbe(_ probe: Probe) -> OrderedProbe

    /// Whether the stored key comes before the probe.
    static func isStored(_ stored: Stored, before probe: OrderedProbe, in access: HeapAccess)
        -> Bool

    /// Whether the probe comes before the stored key.
    static func isProbe(_ probe: OrderedProbe, before stored: Stored, in access: HeapAccess) -> Bool

    /// Whether every comparison takes a few instructions and no memory but the stored forms, as
    /// with numbers.
    static var isAlwaysPlain: Bool { get }

    /// Whether comparing with this stored form does: a short text of ASCII, say.
    static func isPlain(_ stored: Stored) -> Bool

    /// Whether a probe can be compared with plain stored forms by ``isProbe(_:beforePlain:)``.
    static func isPlain(probe: OrderedProbe) -> Bool

    /// Whether the probe comes before the stored key; both are plain, or the stored form is
    /// ``greatest``. Nodes with only such keys are searched without branches.
    static func isProbe(_ probe: OrderedProbe, beforePlain stored: Stored) -> Bool

    /// What stands in a node where no key is: a stored form that comes after every plain key or is
    /// the last of them.
    static var greatest: Stored { get }

    /// Makes a stored form that parts two neighbours, `left < separator <= right`, as short as it
    /// can be. It owns what it needs.
    static func separator(_ left: Stored, _ right: Stored, in access: HeapAccess) -> Stored
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

    /// All that is not a number is one place behind all numbers; there may be many entries, as
    /// nothing equals NaN.
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

/// An enum is ordered by its raw value: `enum Level: Int, PersistableEnum, PersistableOrderedKey {
/// … }` needs no code.
extension PersistableEnum where RawValue: PersistableOrderedKey {
    /// The raw value's.
    public typealias OrderedProbe = RawValue.OrderedProbe

    /// Prepares the raw value for comparisons by order.
    @inlinable @inline(__always)
    public static func orderedProbe(_ probe: RawValue.Probe) -> RawValue.OrderedProbe {
        RawValue.orderedProbe(probe)
    }

    /// Whether the stored raw value comes before the probe.
    @inlinable @inline(__always)
    public static func isStored(
        _ stored: RawValue.Stored, before probe: RawValue.OrderedProbe, in access: HeapAccess
    ) -> Bool {
        RawValue.isStored(stored, before: probe, in: access)
    }

    /// Whether the probe comes before the stored raw value.
    @inlinable @inline(__always)
    public static func isProbe(
        _ probe: RawValue.OrderedProbe, before stored: RawValue.Stored, in access: HeapAccess
    ) -> Bool {
        RawValue.isProbe(probe, before: stored, in: access)
    }

    /// Whether comparing raw values always takes a few instructions.
    @inlinable @inline(__always)
    public static var isAlwaysPlain: Bool { RawValue.isAlwaysPlain }

    /// Whether comparing with this raw value does.
    @inlinable @inline(__always)
    public static func isPlain(_ stored: RawValue.Stored) -> Bool { RawValue.isPlain(stored) }

    /// Whether this probe can be compared with plain raw values.
    @inlinable @inline(__always)
    public static func isPlain(probe: RawValue.OrderedProbe) -> Bool {
        RawValue.isPlain(probe: probe)
    }

    /// Whether the probe comes before the stored raw value, where both are plain.
    @inlinable @inline(__always)
    public static func isProbe(_ probe: RawValue.OrderedProbe, beforePlain stored: RawValue.Stored)
        -> Bool
    {
        RawValue.isProbe(probe, beforePlain: stored)
    }

    /// The raw value's.
    @inlinable @inline(__always)
    public static var greatest: RawValue.Stored { RawValue.greatest }

    /// A raw value that parts two neighbours.
    @inlinable @inline(__always)
    public static func separator(
        _ left: RawValue.Stored, _ right: RawValue.Stored, in access: HeapAccess
    ) -> RawValue.Stored {
        RawValue.separator(left, right, in: access)
    }
}
