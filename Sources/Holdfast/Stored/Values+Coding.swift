#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import HoldfastEngine

// Plain values are exported as the corresponding values of JSON and similar formats.

extension HeapStruct {
    /// Encodes an object with the fields' names, found by reflection.
    public static func encode(_ stored: Self, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        try withUnsafeBytes(of: stored) { bytes in
            // An empty buffer may have no address.
            guard let base = bytes.baseAddress else {
                return _ = encoder.container(keyedBy: Name.self)
            }
            try PlainForm.encodeFields(of: Self.self, base, to: encoder)
        }
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Self {
        try withUnsafeTemporaryAllocation(
            byteCount: Swift.max(MemoryLayout<Self>.size, 1),
            alignment: MemoryLayout<Self>.alignment
        ) { buffer in
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
            try PlainForm.decodeFields(of: Self.self, into: buffer.baseAddress!, from: decoder)
            return buffer.load(as: Self.self)
        }
    }
}

extension Decoder {
    /// Runs `body`, which decodes a number, and corrects its error. If a number does not fit its
    /// type, JSON decoders report invalid JSON, without the place.
    func number<Number>(_ body: () throws -> Number) throws -> Number {
        do { return try body() } catch let error as DecodingError { throw error } catch {
            throw problem("the number does not fit \(Number.self)")
        }
    }
}

extension PersistableInteger {
    /// Encodes a number.
    public static func encode(_ stored: Self, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        try stored.encode(to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Self {
        try decoder.number { try Self(from: decoder) }
    }
}

extension PersistableFloat {
    /// Encodes a number, or the encoder's form for infinities and NaN.
    public static func encode(_ stored: Self, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        try stored.encode(to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Self {
        try decoder.number { try Self(from: decoder) }
    }
}

extension Bool {
    public static func encode(_ stored: UInt8, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        try load(stored, from: access).encode(to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> UInt8 {
        store(try Bool(from: decoder), in: access)
    }
}

extension String {
    public static func encode(
        _ stored: StoredBytes, from access: HeapAccess, to encoder: any Encoder
    ) throws {
        try load(stored, from: access).encode(to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws
        -> StoredBytes
    {
        store(try String(from: decoder), in: access)
    }
}

// Through a container, because encoders have special forms for these types.

extension UUID {
    /// Encodes the UUID as a string.
    public static func encode(
        _ stored: StoredUUID, from access: HeapAccess, to encoder: any Encoder
    ) throws {
        try load(stored, from: access).encode(to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> StoredUUID
    {
        store(try UUID(from: decoder), in: access)
    }
}

extension Date {
    /// Encodes the number of seconds since 2001.
    public static func encode(_ stored: Double, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        try stored.encode(to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Double {
        try decoder.number { try Double(from: decoder) }
    }
}

extension Data {
    /// Encodes Base64, or the encoder's form for bytes.
    public static func encode(
        _ stored: StoredBytes, from access: HeapAccess, to encoder: any Encoder
    ) throws {
        var container = encoder.singleValueContainer()
        try container.encode(load(stored, from: access))
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws
        -> StoredBytes
    {
        store(try decoder.singleValueContainer().decode(Data.self), in: access)
    }
}

extension HeapEnum {
    /// Encodes the raw value.
    public static func encode(
        _ stored: RawValue.Stored, from access: HeapAccess, to encoder: any Encoder
    ) throws {
        try RawValue.encode(stored, from: access, to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws
        -> RawValue.Stored
    {
        let stored = try RawValue.decode(from: decoder, in: access)
        let raw = RawValue.load(stored, from: access)
        guard Self(rawValue: raw) != nil else {
            throw decoder.problem("\(raw) is not a raw value of \(Self.self)")
        }
        return stored
    }
}

extension Encoded {
    /// Encodes the value's own `Codable` form.
    public static func encode(
        _ stored: StoredBytes, from access: HeapAccess, to encoder: any Encoder
    ) throws {
        var container = encoder.singleValueContainer()
        try container.encode(load(stored, from: access).value)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws
        -> StoredBytes
    {
        store(Encoded(try decoder.singleValueContainer().decode(Value.self)), in: access)
    }
}

// MARK: Optionals

/// A type whose encoded form can be null, so that an optional of it must be distinguished from its
/// own nil.
package protocol NullableForm {
    static var canBeNull: Bool { get }
}

extension Optional: NullableForm {
    package static var canBeNull: Bool { true }
}

extension Encoded: NullableForm {
    /// The encoding of a program's type is unknown.
    package static var canBeNull: Bool { true }
}

extension Exchange {
    package static func canBeNull(_ type: any Persistable.Type) -> Bool {
        if let type = type as? any NullableForm.Type { return type.canBeNull }
        if let type = type as? any HeapEnum.Type { return rawCanBeNull(type) }
        return false
    }

    private static func rawCanBeNull<T: HeapEnum>(_: T.Type) -> Bool {
        canBeNull(T.RawValue.self)
    }
}

extension Optional where Wrapped: Persistable {
    /// Encodes null or the value. A value that could be null itself is wrapped in an array.
    public static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        guard stored.isPresent != 0 else {
            var container = encoder.singleValueContainer()
            return try container.encodeNil()
        }
        guard Exchange.canBeNull(Wrapped.self) else {
            return try Wrapped.encode(stored.wrapped, from: access, to: encoder)
        }
        var container = encoder.unkeyedContainer()
        try container.encode(StoredEncodable(stored.wrapped, Wrapped.self, access))
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        if try decoder.singleValueContainer().decodeNil() { return store(nil, in: access) }
        guard Exchange.canBeNull(Wrapped.self) else {
            return Stored(isPresent: 1, wrapped: try Wrapped.decode(from: decoder, in: access))
        }
        var container = try decoder.unkeyedContainer()
        let wrapped = try container.decode(StoredDecodable<Wrapped>.self).stored
        try container.requireEnd()
        return Stored(isPresent: 1, wrapped: wrapped)
    }
}
