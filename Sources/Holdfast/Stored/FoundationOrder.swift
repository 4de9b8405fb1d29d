#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif
import HoldfastEngine
import HoldfastFormat

// The order of Foundation's values, and `Date` as a key.

/// UUIDs are ordered byte by byte, like `<`.
extension UUID: PersistableOrderedKey {
    /// The sixteen bytes as one number, the first byte most significant.
    public static func orderedProbe(_ probe: UUID) -> UInt128 {
        withUnsafeBytes(of: probe.uuid) { order($0.loadUnaligned(as: StoredUUID.self)) }
    }

    @inlinable @inline(__always)
    static func order(_ stored: StoredUUID) -> UInt128 {
        UInt128(stored.first.byteSwapped) << 64 | UInt128(stored.second.byteSwapped)
    }

    @inlinable @inline(__always)
    public static func isStored(_ stored: StoredUUID, before probe: UInt128, in access: HeapAccess)
        -> Bool
    {
        order(stored) < probe
    }

    @inlinable @inline(__always)
    public static func isProbe(_ probe: UInt128, before stored: StoredUUID, in access: HeapAccess)
        -> Bool
    {
        probe < order(stored)
    }

    @inlinable @inline(__always)
    public static var isAlwaysPlain: Bool { true }

    @inlinable @inline(__always)
    public static func isPlain(_ stored: StoredUUID) -> Bool { true }

    @inlinable @inline(__always)
    public static func isPlain(probe: UInt128) -> Bool { true }

    @inlinable @inline(__always)
    public static func isProbe(_ probe: UInt128, beforePlain stored: StoredUUID) -> Bool {
        probe < order(stored)
    }

    @inlinable @inline(__always)
    public static var greatest: StoredUUID { StoredUUID(first: .max, second: .max) }

    @inlinable @inline(__always)
    public static func separator(_ left: StoredUUID, _ right: StoredUUID, in access: HeapAccess)
        -> StoredUUID
    { right }
}

/// A date as a key is its number of seconds since 2001-01-01 00:00:00 UTC.
extension Date: PersistableOrderedKey {
    @inlinable
    public static func withProbe<R, Failure: Error>(
        _ key: Date, _ body: (Double) throws(Failure) -> R
    ) throws(Failure) -> R {
        try body(key.timeIntervalSinceReferenceDate)
    }

    @inlinable
    public static func hash(_ probe: Double, seed: HeapIdentity) -> UInt64 {
        Double.hash(probe, seed: seed)
    }

    @inlinable
    public static func hash(stored: Double, seed: HeapIdentity, from access: HeapAccess) -> UInt64 {
        Double.hash(stored, seed: seed)
    }

    @inlinable
    public static func matches(_ stored: Double, _ probe: Double, in access: HeapAccess) -> Bool {
        stored == probe
    }

    @inlinable @inline(__always)
    public static func orderedProbe(_ probe: Double) -> Double { probe }

    @inlinable @inline(__always)
    public static func isStored(_ stored: Double, before probe: Double, in access: HeapAccess)
        -> Bool
    {
        Double.precedes(stored, probe)
    }

    @inlinable @inline(__always)
    public static func isProbe(_ probe: Double, before stored: Double, in access: HeapAccess)
        -> Bool
    {
        Double.precedes(probe, stored)
    }

    @inlinable
    public static var isAlwaysPlain: Bool { true }

    @inlinable @inline(__always)
    public static func isPlain(_ stored: Double) -> Bool { true }

    @inlinable @inline(__always)
    public static func isPlain(probe: Double) -> Bool { true }

    @inlinable @inline(__always)
    public static func isProbe(_ probe: Double, beforePlain stored: Double) -> Bool {
        Double.precedes(probe, stored)
    }

    @inlinable @inline(__always)
    public static var greatest: Double { .nan }

    @inlinable
    public static func separator(_ left: Double, _ right: Double, in access: HeapAccess) -> Double {
        right
    }
}

/// Data keys are ordered byte by byte. A prefix comes before the longer key.
extension Data: PersistableOrderedKey {
    /// The key, and its first bytes as a number.
    public struct OrderedProbe {
        let data: Data
        let head: UInt128
    }

    public static func orderedProbe(_ probe: Data) -> OrderedProbe {
        OrderedProbe(data: probe, head: probe.withUnsafeBytes { ByteOrder.head($0) })
    }

    public static func isStored(
        _ stored: StoredBytes, before probe: OrderedProbe, in access: HeapAccess
    ) -> Bool {
        if stored.isInline { return ByteOrder.head(inline: stored) < probe.head }
        return stored.withBytes(access) { bytes in
            probe.data.withUnsafeBytes { ByteOrder.compare(bytes, $0) < 0 }
        }
    }

    public static func isProbe(
        _ probe: OrderedProbe, before stored: StoredBytes, in access: HeapAccess
    ) -> Bool {
        if stored.isInline { return probe.head < ByteOrder.head(inline: stored) }
        return stored.withBytes(access) { bytes in
            probe.data.withUnsafeBytes { ByteOrder.compare($0, bytes) < 0 }
        }
    }

    public static var isAlwaysPlain: Bool { false }

    public static func isPlain(_ stored: StoredBytes) -> Bool { stored.isInline }

    public static func isPlain(probe: OrderedProbe) -> Bool { true }

    public static func isProbe(_ probe: OrderedProbe, beforePlain stored: StoredBytes) -> Bool {
        probe.head < ByteOrder.head(inline: stored)
    }

    public static var greatest: StoredBytes { StoredBytes(low: .max, high: .max) }

    public static func separator(_ left: StoredBytes, _ right: StoredBytes, in access: HeapAccess)
        -> StoredBytes
    {
        left.withBytes(access) { left in
            right.withBytes(access) { right in
                let shared = ByteOrder.commonPrefix(left, right)
                return StoredBytes(
                    UnsafeRawBufferPointer(rebasing: right[..<Swift.min(shared + 1, right.count)]),
                    in: access)
            }
        }
    }
}
