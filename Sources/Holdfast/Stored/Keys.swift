#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif
import HoldfastEngine
import HoldfastFormat

// Keys other than integers, strings and UUIDs.

/// A floating-point type. As keys its values compare as `==` does, as in a `Dictionary`.
///
/// 0 and -0 are the same key. NaN equals nothing, so a lookup never finds an entry under NaN; only
/// iteration does.
public protocol PersistableFloat: HeapStruct, PersistableOrderedKey, BinaryFloatingPoint,
    Codable
where Probe == Self, OrderedProbe == Self {}

extension PersistableFloat {
    @inlinable @inline(__always)
    public static func clearPadding(at place: UnsafeMutableRawPointer) {}

    @inlinable
    public static var hasPadding: Bool { false }

    @inlinable
    public static func withProbe<R, Failure: Error>(
        _ key: Self, _ body: (Self) throws(Failure) -> R
    ) throws(Failure) -> R {
        try body(key)
    }

    @inlinable
    public static func hash(_ probe: Self, seed: HeapIdentity) -> UInt64 {
        // Through `Double`, which holds every `Float` exactly. Adding zero turns -0 into 0.
        StableHash.hash((Double(probe) + 0).bitPattern, seed: seed)
    }

    @inlinable
    public static func hash(stored: Self, seed: HeapIdentity, from access: HeapAccess) -> UInt64 {
        hash(stored, seed: seed)
    }

    @inlinable
    public static func matches(_ stored: Self, _ probe: Self, in access: HeapAccess) -> Bool {
        stored == probe
    }
}

extension Double: PersistableFloat {}
extension Float: PersistableFloat {}

/// Data keys compare byte by byte.
extension Data: PersistableKey {
    public static func withProbe<R, Failure: Error>(
        _ key: Data, _ body: (Data) throws(Failure) -> R
    ) throws(Failure) -> R {
        try body(key)
    }

    public static func hash(_ probe: Data, seed: HeapIdentity) -> UInt64 {
        probe.withUnsafeBytes { StableHash.hash($0, seed: seed) }
    }

    public static func hash(stored: StoredBytes, seed: HeapIdentity, from access: HeapAccess)
        -> UInt64
    {
        stored.withBytes(access) { StableHash.hash($0, seed: seed) }
    }

    public static func matches(_ stored: StoredBytes, _ probe: Data, in access: HeapAccess) -> Bool
    {
        stored.withBytes(access) { $0.elementsEqual(probe) }
    }
}

/// An enum whose raw value can be a key can be one too.
/// `enum Colour: Int, HeapEnum, PersistableKey { … }` needs no code.
extension HeapEnum where RawValue: PersistableKey {
    /// The probe of the raw value.
    public typealias Probe = RawValue.Probe

    /// Prepares the raw value.
    @inlinable
    public static func withProbe<R, Failure: Error>(
        _ key: Self, _ body: (RawValue.Probe) throws(Failure) -> R
    ) throws(Failure) -> R {
        try RawValue.withProbe(key.rawValue, body)
    }

    /// Returns the raw value's hash.
    @inlinable
    public static func hash(_ probe: RawValue.Probe, seed: HeapIdentity) -> UInt64 {
        RawValue.hash(probe, seed: seed)
    }

    /// Returns the hash of the stored raw value.
    @inlinable
    public static func hash(stored: RawValue.Stored, seed: HeapIdentity, from access: HeapAccess)
        -> UInt64
    {
        RawValue.hash(stored: stored, seed: seed, from: access)
    }

    /// Returns whether the stored raw value equals the probe.
    @inlinable
    public static func matches(
        _ stored: RawValue.Stored, _ probe: RawValue.Probe, in access: HeapAccess
    ) -> Bool {
        RawValue.matches(stored, probe, in: access)
    }
}
