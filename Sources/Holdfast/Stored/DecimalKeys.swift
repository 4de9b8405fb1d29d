#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif
import HoldfastEngine
import HoldfastFormat

/// Decimals as keys compare as `==` does, by their values: 1.0 and 1.00 are the same key, and NaN
/// is one too. They are ordered like `<`, NaN before all numbers.
extension Decimal: PersistableOrderedKey {
    /// A key, and the digits that all equal ones have in common.
    public struct Probe {
        let value: Decimal
        let digits: [UInt8]
    }

    public static func withProbe<R, Failure: Error>(
        _ key: Decimal, _ body: (Probe) throws(Failure) -> R
    ) throws(Failure) -> R {
        try body(Probe(value: key, digits: significant(key.description.utf8)))
    }

    /// The text of a number without the zeros that do not change its value.
    private static func significant(_ text: some Collection<UInt8>) -> [UInt8] {
        var digits = Array(text)
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative { digits.removeFirst() }
        if digits.contains(UInt8(ascii: ".")) {
            while digits.last == UInt8(ascii: "0") { digits.removeLast() }
            if digits.last == UInt8(ascii: ".") { digits.removeLast() }
        }
        let leading = digits.prefix { $0 == UInt8(ascii: "0") }.count
        digits.removeFirst(leading)
        return digits.isEmpty || !isNegative ? digits : [UInt8(ascii: "-")] + digits
    }

    public static func hash(_ probe: Probe, seed: HeapIdentity) -> UInt64 {
        probe.digits.withUnsafeBytes { StableHash.hash($0, seed: seed) }
    }

    public static func hash(stored: StoredBytes, seed: HeapIdentity, from access: HeapAccess)
        -> UInt64
    {
        let digits = stored.withBytes(access) { significant($0) }
        return digits.withUnsafeBytes { StableHash.hash($0, seed: seed) }
    }

    public static func matches(_ stored: StoredBytes, _ probe: Probe, in access: HeapAccess) -> Bool
    {
        stored.withBytes(access) { significant($0) } == probe.digits
    }

    public static func orderedProbe(_ probe: Probe) -> Decimal { probe.value }

    public static func isStored(
        _ stored: StoredBytes, before probe: Decimal, in access: HeapAccess
    ) -> Bool {
        precedes(load(stored, from: access), probe)
    }

    public static func isProbe(
        _ probe: Decimal, before stored: StoredBytes, in access: HeapAccess
    ) -> Bool {
        precedes(probe, load(stored, from: access))
    }

    /// Foundation's `<` puts NaN before some numbers and not before others.
    private static func precedes(_ left: Decimal, _ right: Decimal) -> Bool {
        left.isNaN ? !right.isNaN : !right.isNaN && left < right
    }

    public static var isAlwaysPlain: Bool { false }

    public static func isPlain(_ stored: StoredBytes) -> Bool { false }

    public static func isPlain(probe: Decimal) -> Bool { false }

    public static func isProbe(_ probe: Decimal, beforePlain stored: StoredBytes) -> Bool { false }

    public static var greatest: StoredBytes { StoredBytes() }

    public static func separator(_ left: StoredBytes, _ right: StoredBytes, in access: HeapAccess)
        -> StoredBytes
    {
        right.withBytes(access) { StoredBytes($0, in: access) }
    }
}
