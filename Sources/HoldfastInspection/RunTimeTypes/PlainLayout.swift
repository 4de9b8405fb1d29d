#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import Holdfast
import HoldfastEngine
import HoldfastFormat
import HoldfastSystem

/// The layout of a plain struct's bytes, from its description.
///
/// If the description leaves the meaning of bytes open (as for an enum, or an optional of one),
/// they are treated as opaque bytes.
///
/// `@unchecked Sendable`: all of it is constant, and a type is the same on every thread.
final class PlainLayout: @unchecked Sendable {
    struct Field {
        let name: String
        /// The offset in bytes from the start of the struct.
        let offset: Int
        let layout: PlainLayout
    }

    enum Content {
        /// A type of Swift's or Foundation's, or an optional of one.
        case native(Any.Type)
        case fields([Field])
        case elements(PlainLayout, count: Int, stride: Int)
        /// A flag after the wrapped bytes, which is 0 if there is a value.
        case optional(PlainLayout)
        case opaque
    }

    let shape: TypeShape
    let size: Int
    let alignment: Int
    let content: Content
    /// The bytes of native types that cannot hold arbitrary values.
    private let patterns: BitPatterns?
    /// Writes the JSON of a native type; nil for other content, and where `encode` alone can.
    let writer: NativeWriter?
    /// The numbers of the fields in the order of their names.
    let nameOrder: [Int]

    private init(_ shape: TypeShape, size: Int, alignment: Int, _ content: Content) {
        self.shape = shape
        self.size = size
        self.alignment = alignment
        self.content = content
        if case .native(let type) = content {
            patterns = BitPatterns(ofAny: type)
            writer = NativeWriter(type) ?? NativeWriter(optional: type)
        } else {
            patterns = nil
            writer = nil
        }
        if case .fields(let fields) = content {
            let names = fields.map { Array($0.name.utf8) }
            nameOrder = names.indices.sorted { names[$0].lexicographicallyPrecedes(names[$1]) }
        } else {
            nameOrder = []
        }
    }

    /// Whether a `LineWriter` can write every part.
    var canBeWritten: Bool {
        switch content {
        case .native: writer != nil
        case .fields(let fields): fields.allSatisfy(\.layout.canBeWritten)
        case .elements(let element, _, _): element.canBeWritten
        case .optional(let wrapped): wrapped.canBeWritten
        case .opaque: true
        }
    }

    var stride: Int { max(size.roundedUp(to: alignment), 1) }

    // MARK: Making

    /// Returns the layout of a shape whose value has `room` bytes, all of them used except perhaps
    /// the last few. Nil if the description is contradictory or incomplete. It is untrusted input,
    /// so every part is checked.
    static func make(_ shape: TypeShape, room: Int = BytesMaker.mostBytes) -> PlainLayout? {
        switch shape {
        case .named(let name):
            guard let type = nativeType(name) else { return nil }
            return native(shape, type)
        case .opaque(_, let bytes, let alignment):
            guard bytes <= room, alignment <= 16 else { return nil }
            return PlainLayout(shape, size: bytes, alignment: alignment, .opaque)
        case .structure(_, let fields, let bytes):
            return DeepStack.run { structure(shape, fields, bytes: min(bytes, room + 1), room) }
        case .optional(let wrapped):
            return make(wrapped, room: room).flatMap { optional(shape, $0, room) }
        case .generic("InlineArray", let parameters):
            guard parameters.count == 2, case .named(let number) = parameters[0],
                let count = Int(number), count >= 0,
                let element = make(parameters[1], room: room), count <= room / element.stride
            else { return nil }
            let elements = Content.elements(element, count: count, stride: element.stride)
            return PlainLayout(
                shape, size: count * element.stride, alignment: count == 0 ? 1 : element.alignment,
                elements)
        case .generic, .record, .enumeration, .union: return nil
        }
    }

    private static func nativeType(_ name: String) -> Any.Type? {
        switch name {
        case "Bool", "Double", "Float", "Int", "Int8", "Int16", "Int32", "Int64", "UInt", "UInt8",
            "UInt16", "UInt32", "UInt64",
            "Date",
            "UUID":
            TypeMaker.plain(name)
        default: nil
        }
    }

    private static func native(_ shape: TypeShape, _ type: Any.Type) -> PlainLayout {
        func layout<T>(_ type: T.Type) -> (Int, Int) {
            (MemoryLayout<T>.size, MemoryLayout<T>.alignment)
        }
        let (size, alignment) = _openExistential(type, do: layout)
        return PlainLayout(shape, size: size, alignment: alignment, .native(type))
    }

    private static func optional(_ shape: TypeShape, _ wrapped: PlainLayout, _ room: Int)
        -> PlainLayout?
    {
        func optional<T>(_ type: T.Type) -> Any.Type { T?.self }
        if case .native(let type) = wrapped.content {
            return native(shape, _openExistential(type, do: optional))
        }
        // Swift stores nil in a bit pattern that the value does not use, if there is one. The
        // description does not say which.
        guard !wrapped.mayHaveSparePatterns else {
            return PlainLayout(shape, size: wrapped.size, alignment: wrapped.alignment, .opaque)
        }
        guard wrapped.size < room else { return nil }
        return PlainLayout(
            shape, size: wrapped.size + 1, alignment: wrapped.alignment, .optional(wrapped))
    }

    private var mayHaveSparePatterns: Bool {
        switch content {
        case .native(let type): type == Bool.self || "\(type)".hasPrefix("Optional<")
        case .fields(let fields): fields.contains { $0.layout.mayHaveSparePatterns }
        case .elements(let element, _, _): element.mayHaveSparePatterns
        case .optional, .opaque: true
        }
    }

    private static func structure(
        _ shape: TypeShape, _ fields: [TypeShape.Field], bytes: Int, _ room: Int
    ) -> PlainLayout? {
        guard bytes <= room else { return nil }
        var found: [Field] = []
        var alignment = 1
        var end = 0
        for (index, field) in fields.enumerated() {
            let limit = index + 1 < fields.count ? fields[index + 1].offset : bytes
            guard field.offset >= end, field.offset <= limit, limit <= bytes,
                let layout = make(field.type, room: limit - field.offset),
                layout.size <= limit - field.offset,
                field.offset % layout.alignment == 0
            else { return nil }
            found.append(Field(name: field.name, offset: field.offset, layout: layout))
            alignment = max(alignment, layout.alignment)
            end = field.offset + layout.size
        }
        return PlainLayout(shape, size: bytes, alignment: alignment, .fields(found))
    }

    // MARK: Verifying

    /// Whether every bit pattern is valid.
    var acceptsAll: Bool {
        switch content {
        case .native: patterns?.acceptAll ?? true
        case .fields(let fields): fields.allSatisfy(\.layout.acceptsAll)
        case .elements(let element, _, _): element.acceptsAll
        case .optional: false
        case .opaque: true
        }
    }

    func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        switch content {
        case .native: patterns?.verify(at: offset, in: &verification)
        case .fields(let fields):
            for field in fields {
                verification.within(.field(field.name)) {
                    field.layout.verify(at: offset + UInt64(field.offset), in: &$0)
                }
            }
        case .elements(let element, let count, let stride):
            for index in 0 ..< count {
                element.verify(at: offset + UInt64(index * stride), in: &verification)
            }
        case .optional(let wrapped):
            let flag = verification.load(offset + UInt64(wrapped.size), as: UInt8.self)
            if flag > 1 {
                return verification.report("an optional's flag is \(flag), neither 0 nor 1")
            }
            if flag == 0 { wrapped.verify(at: offset, in: &verification) }
        case .opaque: break
        }
    }

    // MARK: Exchange

    private static let bytesName = Name("bytes")

    func encode(_ bytes: UnsafeRawPointer, to encoder: any Encoder) throws {
        switch content {
        case .native(let type): unsafe try PlainForm.encode(type, bytes, to: encoder)
        case .fields(let fields):
            var container = encoder.container(keyedBy: Name.self)
            for field in fields {
                unsafe try container.encode(
                    Part(layout: field.layout, bytes: bytes + field.offset),
                    forKey: Name(field.name))
            }
        case .elements(let element, let count, let stride):
            var container = encoder.unkeyedContainer()
            for index in 0 ..< count {
                unsafe try container.encode(Part(layout: element, bytes: bytes + index * stride))
            }
        case .optional(let wrapped):
            if unsafe bytes.load(fromByteOffset: wrapped.size, as: UInt8.self) != 0 {
                var container = encoder.singleValueContainer()
                return try container.encodeNil()
            }
            unsafe try wrapped.encode(bytes, to: encoder)
        case .opaque:
            var container = encoder.container(keyedBy: Name.self)
            unsafe try container.encode(Data(bytes: bytes, count: size), forKey: Self.bytesName)
        }
    }

    /// A part of a struct that can be encoded. The bytes are valid for the duration of the
    /// encoding.
    @safe private struct Part: Encodable {
        let layout: PlainLayout
        let bytes: UnsafeRawPointer

        func encode(to encoder: any Encoder) throws {
            try DeepStack.run { unsafe try layout.encode(bytes, to: encoder) }
        }
    }

    /// Decodes into memory that contains zeros.
    func decode(into memory: UnsafeMutableRawPointer, from decoder: any Decoder) throws {
        try DeepStack.run { unsafe try decodeContent(into: memory, from: decoder) }
    }

    private func decodeContent(
        into memory: UnsafeMutableRawPointer, from decoder: any Decoder
    ) throws {
        switch content {
        case .native(let type): unsafe try PlainForm.decode(type, into: memory, from: decoder)
        case .fields(let fields):
            let container = try decoder.container(of: fields.map(\.name))
            for field in fields {
                let name = Name(field.name)
                if container.contains(name) {
                    unsafe try field.layout.decode(
                        into: memory + field.offset, from: try container.superDecoder(forKey: name))
                } else if unsafe !field.layout.makeNil(at: memory + field.offset) {
                    throw decoder.problem("the field \(field.name) is missing")
                }
            }
        case .elements(let element, let count, let stride):
            var container = try decoder.unkeyedContainer()
            for index in 0 ..< count {
                guard !container.isAtEnd else {
                    throw decoder.problem("there are \(index) elements where \(count) belong")
                }
                unsafe try element.decode(
                    into: memory + index * stride, from: try container.superDecoder())
            }
            try container.requireEnd()
        case .optional(let wrapped):
            if try decoder.singleValueContainer().decodeNil() {
                return _ = unsafe makeNil(at: memory)
            }
            unsafe try wrapped.decode(into: memory, from: decoder)
        case .opaque:
            let container = try decoder.container(of: [Self.bytesName.stringValue])
            let data = try container.decode(Data.self, forKey: Self.bytesName)
            guard data.count == size else {
                throw decoder.problem("\(shape.name) has \(size) bytes, not \(data.count)")
            }
            for (index, byte) in data.enumerated() {
                unsafe memory.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
            }
        }
    }

    /// Returns false if the value cannot be nil.
    private func makeNil(at memory: UnsafeMutableRawPointer) -> Bool {
        switch content {
        case .native(let type): return unsafe PlainForm.makeNil(type, at: memory)
        case .optional(let wrapped):
            unsafe memory.storeBytes(of: 1, toByteOffset: wrapped.size, as: UInt8.self)
            return true
        case .fields, .elements, .opaque: return false
        }
    }
}
