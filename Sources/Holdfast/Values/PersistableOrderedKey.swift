import HoldfastEngine

/// A type that can be the key of a ``PersistentSortedMap`` or an element of a ``PersistentSortedSet``.
///
/// The order is part of the file format: what was sorted by one program must be sorted for every later one. For numbers, `UUID` and
/// `Date` it is what `<` says, with NaN after every number; strings are ordered by their normal forms, as `<` does (but see there), `Data` byte by
/// byte, and an enum by its raw value.
public protocol PersistableOrderedKey: PersistableKey {
    /// A probe as prepared once for many comparisons by order; valid inside `withProbe` only.
    associatedtype OrderedProbe

    static func orderedProbe(_ probe: Probe) -> OrderedProbe

    /// Whether the stored key comes before the probe.
    static func isStored(_ stored: Stored, before probe: OrderedProbe, in access: HeapAccess) -> Bool

    /// Whether the probe comes before the stored key.
    static func isProbe(_ probe: OrderedProbe, before stored: Stored, in access: HeapAccess) -> Bool

    /// A stored form that comes after every key or is the last itself, for keys whose comparison takes a few instructions and no memory but the stored
    /// forms: nodes are then searched without branches, and it stands in them where no separator is. Nil for all others.
    static var greatest: Stored? { get }

    /// Makes a stored form that parts two neighbours, `left < separator <= right`, as short as it can be. It owns what it needs.
    static func separator(_ left: Stored, _ right: Stored, in access: HeapAccess) -> Stored
}

extension PersistableOrderedKey {
    /// Whether keys are compared in a few instructions.
    @inlinable @inline(__always)
    static var comparesInPlace: Bool { greatest != nil }
}

extension PersistableInteger {
    @inlinable @inline(__always)
    public static func orderedProbe(_ probe: Self) -> Self { probe }

    @inlinable @inline(__always)
    public static func isStored(_ stored: Self, before probe: Self, in access: HeapAccess) -> Bool { stored < probe }

    @inlinable @inline(__always)
    public static func isProbe(_ probe: Self, before stored: Self, in access: HeapAccess) -> Bool { probe < stored }

    @inlinable @inline(__always)
    public static var greatest: Self? { .max }

    @inlinable @inline(__always)
    public static func separator(_ left: Self, _ right: Self, in access: HeapAccess) -> Self { right }
}

extension PersistableFloat {
    @inlinable @inline(__always)
    public static func orderedProbe(_ probe: Self) -> Self { probe }

    @inlinable @inline(__always)
    public static func isStored(_ stored: Self, before probe: Self, in access: HeapAccess) -> Bool { precedes(stored, probe) }

    @inlinable @inline(__always)
    public static func isProbe(_ probe: Self, before stored: Self, in access: HeapAccess) -> Bool { precedes(probe, stored) }

    /// All that is not a number is one place behind all numbers; there may be many entries, as nothing equals NaN.
    @inlinable @inline(__always)
    static func precedes(_ left: Self, _ right: Self) -> Bool { left < right || (right.isNaN && !left.isNaN) }

    @inlinable @inline(__always)
    public static var greatest: Self? { .nan }

    @inlinable @inline(__always)
    public static func separator(_ left: Self, _ right: Self, in access: HeapAccess) -> Self { right }
}

/// An enum is ordered by its raw value: `enum Level: Int, PersistableEnum, PersistableOrderedKey { … }` needs no code.
extension PersistableEnum where RawValue: PersistableOrderedKey {
    public typealias OrderedProbe = RawValue.OrderedProbe

    @inlinable @inline(__always)
    public static func orderedProbe(_ probe: RawValue.Probe) -> RawValue.OrderedProbe { RawValue.orderedProbe(probe) }

    @inlinable @inline(__always)
    public static func isStored(_ stored: RawValue.Stored, before probe: RawValue.OrderedProbe, in access: HeapAccess) -> Bool {
        RawValue.isStored(stored, before: probe, in: access)
    }

    @inlinable @inline(__always)
    public static func isProbe(_ probe: RawValue.OrderedProbe, before stored: RawValue.Stored, in access: HeapAccess) -> Bool {
        RawValue.isProbe(probe, before: stored, in: access)
    }

    @inlinable @inline(__always)
    public static var greatest: RawValue.Stored? { RawValue.greatest }

    @inlinable @inline(__always)
    public static func separator(
        _ left: RawValue.Stored, _ right: RawValue.Stored, in access: HeapAccess
    ) -> RawValue.Stored {
        RawValue.separator(left, right, in: access)
    }
}
