@_spi(Reflection) import Swift

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import HoldfastEngine

/// Encodes and decodes the fields of a plain struct in memory, by reflection.
///
/// Bytes are interpreted only as types that are known to own them. An export verifies a root before
/// writing it. Decoded values are created by the types' own initialisers or, where reflection
/// cannot look into a type, checked against the bit patterns that its metadata allows.
package enum PlainForm {
    /// Encodes the fields of a struct or tuple as an object or, if reflection finds none, its
    /// bytes.
    static func encodeFields(of type: Any.Type, _ bytes: UnsafeRawPointer, to encoder: any Encoder)
        throws
    {
        if let form = type as? any NativeForm.Type { return try form.encode(bytes, to: encoder) }
        guard let fields = fields(of: type) else {
            var container = encoder.container(keyedBy: Name.self)
            return try container.encode(
                Data(bytes: bytes, count: TypeFacts.size(of: type)), forKey: bytesName)
        }
        var container = encoder.container(keyedBy: Name.self)
        for field in fields {
            try container.encode(
                FieldEncodable(type: field.type, bytes: bytes + field.offset),
                forKey: Name(field.name))
        }
    }

    /// Decodes the fields of a struct or tuple into memory that holds zeros.
    static func decodeFields(
        of type: Any.Type, into memory: UnsafeMutableRawPointer, from decoder: any Decoder
    ) throws {
        if let form = type as? any NativeForm.Type {
            return try form.decode(into: memory, from: decoder)
        }
        guard let fields = fields(of: type) else {
            return try decodeBytes(of: type, into: memory, from: decoder)
        }
        let container = try decoder.container(of: fields.map(\.name))
        for field in fields {
            let name = Name(field.name)
            if !container.contains(name), makeNil(field.type, at: memory + field.offset) {
                continue
            }
            // Through a decoder of its own, since only here are the type and the destination known.
            guard container.contains(name) else {
                throw decoder.problem("the field \(field.name) is missing")
            }
            try decode(
                field.type, into: memory + field.offset,
                from: try container.superDecoder(forKey: name))
        }
        if type == Unicode.Scalar.self, Unicode.Scalar(memory.load(as: UInt32.self)) == nil {
            throw decoder.problem("\(memory.load(as: UInt32.self)) is not a Unicode scalar")
        }
    }

    /// Encodes a field's value, of any type.
    package static func encode(_ type: Any.Type, _ bytes: UnsafeRawPointer, to encoder: any Encoder)
        throws
    {
        func encode<T: Encodable>(_: T.Type) throws {
            var container = encoder.singleValueContainer()
            try container.encode(bytes.assumingMemoryBound(to: T.self).pointee)
        }
        func encodeRaw<T: RawRepresentable>(_: T.Type) throws -> Bool {
            guard let raw = rawValue(of: T.self, bytes) else { return false }
            try raw.encode(to: encoder)
            return true
        }
        if type is any NativeForm.Type { return try encodeFields(of: type, bytes, to: encoder) }
        if let type = systemType(type) { return try encode(type) }
        if EnumMetadata.plainCases(of: type) != nil, let type = type as? any RawRepresentable.Type,
            try encodeRaw(type)
        {
            return
        }
        try encodeFields(of: type, bytes, to: encoder)
    }

    package static func decode(
        _ type: Any.Type, into memory: UnsafeMutableRawPointer, from decoder: any Decoder
    ) throws {
        func decode<T: Decodable>(_: T.Type) throws {
            memory.initializeMemory(
                as: T.self, to: try decoder.singleValueContainer().decode(T.self))
        }
        func decodeRaw<T: RawRepresentable>(_: T.Type) throws -> Bool {
            if let container = try? decoder.container(keyedBy: Name.self),
                container.contains(bytesName)
            {
                return false
            }
            guard let rawType = T.RawValue.self as? any Decodable.Type else { return false }
            let raw = try rawType.init(from: decoder)
            guard let value = (raw as? T.RawValue).flatMap({ T(rawValue: $0) }) else {
                throw decoder.problem("\(raw) is not a raw value of \(T.self)")
            }
            memory.initializeMemory(as: T.self, to: value)
            return true
        }
        if type is any NativeForm.Type {
            return try decodeFields(of: type, into: memory, from: decoder)
        }
        if let type = systemType(type) { return try decode(type) }
        if EnumMetadata.plainCases(of: type) != nil, let type = type as? any RawRepresentable.Type,
            try decodeRaw(type)
        {
            return
        }
        try decodeFields(of: type, into: memory, from: decoder)
    }

    // MARK: Types

    private static let bytesName = Name("bytes")

    /// Returns the fields of a struct or tuple, or nil if reflection cannot look into the type.
    private static func fields(of type: Any.Type) -> [(name: String, offset: Int, type: Any.Type)]?
    {
        var fields: [(name: String, offset: Int, type: Any.Type)] = []
        let storedNames = PlainField.names(of: type)
        let isInspectable = _forEachField(of: type) { name, offset, fieldType, _ in
            let name = storedNames[offset] ?? String(cString: name)
            // Elements of a tuple without labels are called ".0" and so on, or have an empty name.
            fields.append(
                (
                    name.isEmpty
                        ? "\(fields.count)" : name.hasPrefix(".") ? String(name.dropFirst()) : name,
                    offset, fieldType
                ))
            return true
        }
        let isWhole = isInspectable && !fields.contains { "\($0.type)".hasPrefix("Builtin.") }
        return isWhole && !(fields.isEmpty && TypeFacts.size(of: type) > 0) ? fields : nil
    }

    /// Makes an optional nil. Returns false if the type is not an optional.
    package static func makeNil(_ type: Any.Type, at memory: UnsafeMutableRawPointer) -> Bool {
        guard let optional = type as? any NativeOptional.Type else { return false }
        optional.makeNil(at: memory)
        return true
    }

    /// Returns a system type with a `Codable` form of its own, which is complete and is checked
    /// when it is decoded.
    private static func systemType(_ type: Any.Type) -> (any Codable.Type)? {
        guard let codable = type as? any Codable.Type else { return nil }
        let name = String(reflecting: type)
        return ["Swift.", "Foundation.", "FoundationEssentials."].contains { name.hasPrefix($0) }
            ? codable : nil
    }

    /// Returns the raw value of an enum if it can be encoded and leads back to the same case.
    private static func rawValue<T: RawRepresentable>(of type: T.Type, _ bytes: UnsafeRawPointer)
        -> (any Encodable)?
    {
        let value = bytes.assumingMemoryBound(to: T.self).pointee
        guard let raw = value.rawValue as? any Codable, let again = T(rawValue: value.rawValue)
        else { return nil }
        let isSame = withUnsafeBytes(of: again) {
            $0.elementsEqual(UnsafeRawBufferPointer(start: bytes, count: $0.count))
        }
        return isSame ? raw : nil
    }

    private static func decodeBytes(
        of type: Any.Type, into memory: UnsafeMutableRawPointer, from decoder: any Decoder
    ) throws {
        let container = try decoder.container(of: [bytesName.stringValue])
        let data = try container.decode(Data.self, forKey: bytesName)
        let size = TypeFacts.size(of: type)
        guard data.count == size else {
            throw decoder.problem("\(type) has \(size) bytes, not \(data.count)")
        }
        if let cases = EnumMetadata.plainCases(of: type), size <= 8 {
            let number = data.reversed().reduce(0) { $0 << 8 | UInt64($1) }
            guard number < max(cases, 1) else {
                throw decoder.problem("\(type) has no case number \(number); it has \(cases) cases")
            }
        }
        for (index, byte) in data.enumerated() {
            memory.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
        }
    }
}

/// A field of a plain struct that can be encoded. The bytes are valid for the duration of the
/// encoding.
private struct FieldEncodable: Encodable {
    let type: Any.Type
    let bytes: UnsafeRawPointer

    func encode(to encoder: any Encoder) throws { try PlainForm.encode(type, bytes, to: encoder) }
}

// MARK: Types of the language

/// A generic type of the standard library, as it is laid out in memory.
private protocol NativeForm {
    static func encode(_ bytes: UnsafeRawPointer, to encoder: any Encoder) throws
    static func decode(into memory: UnsafeMutableRawPointer, from decoder: any Decoder) throws
}

private protocol NativeOptional: NativeForm {
    static func makeNil(at memory: UnsafeMutableRawPointer)
}

extension Optional: NativeForm, NativeOptional {
    static func encode(_ bytes: UnsafeRawPointer, to encoder: any Encoder) throws {
        guard let value = bytes.assumingMemoryBound(to: Wrapped?.self).pointee else {
            var container = encoder.singleValueContainer()
            return try container.encodeNil()
        }
        try withUnsafePointer(to: value) { pointer in
            let bytes = UnsafeRawPointer(pointer)
            guard Wrapped.self is any NativeOptional.Type else {
                return try PlainForm.encode(Wrapped.self, bytes, to: encoder)
            }
            var container = encoder.unkeyedContainer()
            try container.encode(FieldEncodable(type: Wrapped.self, bytes: bytes))
        }
    }

    static func decode(into memory: UnsafeMutableRawPointer, from decoder: any Decoder) throws {
        if try decoder.singleValueContainer().decodeNil() { return makeNil(at: memory) }
        try withUnsafeTemporaryAllocation(
            byteCount: Swift.max(MemoryLayout<Wrapped>.size, 1),
            alignment: MemoryLayout<Wrapped>.alignment
        ) { buffer in
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
            let base = buffer.baseAddress!
            if Wrapped.self is any NativeOptional.Type {
                var container = try decoder.unkeyedContainer()
                try PlainForm.decode(Wrapped.self, into: base, from: try container.superDecoder())
                try container.requireEnd()
            } else {
                try PlainForm.decode(Wrapped.self, into: base, from: decoder)
            }
            memory.initializeMemory(
                as: Wrapped?.self, to: base.assumingMemoryBound(to: Wrapped.self).pointee)
        }
    }

    static func makeNil(at memory: UnsafeMutableRawPointer) {
        memory.initializeMemory(as: Wrapped?.self, to: nil)
    }
}

@available(macOS 26, iOS 26, *)
extension InlineArray: NativeForm {
    private static var elementCount: Int {
        MemoryLayout<Self>.size / max(MemoryLayout<Element>.stride, 1)
    }

    static func encode(_ bytes: UnsafeRawPointer, to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        for index in 0 ..< elementCount {
            try container.encode(
                FieldEncodable(
                    type: Element.self, bytes: bytes + index * MemoryLayout<Element>.stride))
        }
    }

    static func decode(into memory: UnsafeMutableRawPointer, from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        for index in 0 ..< elementCount {
            guard !container.isAtEnd else {
                throw decoder.problem("there are \(index) elements where \(elementCount) belong")
            }
            try PlainForm.decode(
                Element.self, into: memory + index * MemoryLayout<Element>.stride,
                from: try container.superDecoder())
        }
        try container.requireEnd()
    }
}
