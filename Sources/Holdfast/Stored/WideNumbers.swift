import HoldfastEngine

/// The stored form of an integer of 128 bits.
@frozen
public struct StoredWideInteger: BitwiseCopyable, Sendable {
    /// The lower 64 bits.
    public var low: UInt64
    /// The upper 64 bits, with the sign.
    public var high: UInt64
}

/// An integer of 128 bits. Exports write it as a string, since JSON's numbers are shorter in most
/// programs.
protocol StorableWideInteger: FixedWidthInteger, PersistableValue, LaidOutBySwift
where Stored == StoredWideInteger {}

extension StorableWideInteger {
    public static func load(_ stored: StoredWideInteger, from access: HeapAccess) -> Self {
        Self(truncatingIfNeeded: stored.high) << 64 | Self(truncatingIfNeeded: stored.low)
    }

    public static func store(_ value: Self, in access: HeapAccess) -> StoredWideInteger {
        StoredWideInteger(
            low: UInt64(truncatingIfNeeded: value), high: UInt64(truncatingIfNeeded: value >> 64))
    }

    public static func destroy(_ stored: StoredWideInteger, in access: HeapAccess) {}

    public static var ownsMemory: Bool { false }

    /// Every bit pattern is valid.
    public static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {}

    public static func encode(
        _ stored: StoredWideInteger, from access: HeapAccess, to encoder: any Encoder
    ) throws {
        try "\(load(stored, from: access))".encode(to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws
        -> StoredWideInteger
    {
        let text = try String(from: decoder)
        guard let value = Self(text) else {
            throw decoder.problem("\"\(text)\" is not \(Self.self)")
        }
        return store(value, in: access)
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("\(Self.self)")
    }
}

extension Int128: StorableWideInteger, Persistable, PersistableValue {
    public typealias Stored = StoredWideInteger
}

extension UInt128: StorableWideInteger, Persistable, PersistableValue {
    public typealias Stored = StoredWideInteger
}

/// A duration is stored as its number of units of 10⁻¹⁸ seconds.
extension Duration: StoredAsOther, Persistable, PersistableValue, LaidOutBySwift {
    public typealias Stored = StoredWideInteger
    @usableFromInline package typealias Base = Int128

    public static func load(_ stored: StoredWideInteger, from access: HeapAccess) -> Duration {
        Duration(attoseconds: Int128.load(stored, from: access))
    }

    public static func store(_ value: Duration, in access: HeapAccess) -> StoredWideInteger {
        Int128.store(value.attoseconds, in: access)
    }

    /// Encodes the standard library's own `Codable` form.
    public static func encode(
        _ stored: StoredWideInteger, from access: HeapAccess, to encoder: any Encoder
    ) throws {
        try load(stored, from: access).encode(to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws
        -> StoredWideInteger
    {
        store(try Duration(from: decoder), in: access)
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("Duration")
    }
}
