import HoldfastEngine
import HoldfastFormat

// Numbers are stored as their bytes, in the byte order of the heap (little-endian on every
// supported platform).

extension Int: HeapStruct, PersistableInteger {}
extension Int8: HeapStruct, PersistableInteger {}
extension Int16: HeapStruct, PersistableInteger {}
extension Int32: HeapStruct, PersistableInteger {}
extension Int64: HeapStruct, PersistableInteger {}
extension UInt: HeapStruct, PersistableInteger {}
extension UInt8: HeapStruct, PersistableInteger {}
extension UInt16: HeapStruct, PersistableInteger {}
extension UInt32: HeapStruct, PersistableInteger {}
extension UInt64: HeapStruct, PersistableInteger {}

extension Float {
    public static func describe() throws(HeapError) -> TypeDescription { TypeDescription("Float") }
}

extension Double {
    public static func describe() throws(HeapError) -> TypeDescription { TypeDescription("Double") }
}

extension Bool: Persistable, PersistableValue {
    // A byte and not a `Bool`: every byte of a damaged file is a valid `UInt8`.
    public typealias Stored = UInt8

    @inlinable
    public static func load(_ stored: UInt8, from access: HeapAccess) -> Bool { stored != 0 }

    @inlinable
    public static func store(_ value: Bool, in access: HeapAccess) -> UInt8 { value ? 1 : 0 }

    @inlinable
    public static func destroy(_ stored: UInt8, in access: HeapAccess) {}

    @inlinable
    public static var ownsMemory: Bool { false }

    public static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        let byte = verification.load(offset, as: UInt8.self)
        if byte > 1 { verification.report("a Bool is \(byte), neither 0 nor 1") }
    }

    public static func describe() throws(HeapError) -> TypeDescription { TypeDescription("Bool") }
}

/// An integer type of the standard library of up to 64 bits. Its values are stored directly and can
/// be keys.
public protocol PersistableInteger: HeapStruct, PersistableOrderedKey, FixedWidthInteger,
    Codable
where Probe == Self, OrderedProbe == Self {}

extension PersistableInteger {
    @inlinable @inline(__always)
    public static func clearPadding(at place: UnsafeMutableRawPointer) {}

    @inlinable
    public static var hasPadding: Bool { false }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("\(Self.self)")
    }

    @inlinable @inline(__always)
    public static func withProbe<R, Failure: Error>(
        _ key: Self, _ body: (Self) throws(Failure) -> R
    ) throws(Failure) -> R {
        try body(key)
    }

    @inlinable @inline(__always)
    public static func hash(_ probe: Self, seed: HeapIdentity) -> UInt64 {
        StableHash.hash(UInt64(truncatingIfNeeded: probe), seed: seed)
    }

    @inlinable @inline(__always)
    public static func hash(stored: Self, seed: HeapIdentity, from access: HeapAccess) -> UInt64 {
        StableHash.hash(UInt64(truncatingIfNeeded: stored), seed: seed)
    }

    @inlinable @inline(__always)
    public static func matches(_ stored: Self, _ probe: Self, in access: HeapAccess) -> Bool {
        stored == probe
    }
}
