import HoldfastEngine
import HoldfastFormat
import HoldfastSystem

/// A ``TypeDescription`` as a tree, for tools and error messages.
///
/// The grammar of descriptions:
///
///     type     name                                a value or collection of Holdfast: Int, Date
///            | name<type, …>                       a collection of others: Map<String, Array<Int>>
///            | type?                               an optional
///            | name{field, …; N bytes}             a plain struct, laid out by Swift
///            | record name{field, …; N bytes}      a record: an 8-byte header, then stored forms
///            | name{N bytes}                       bytes that reflection could not look into
///            | name{N bytes, aligned to N}         such bytes, with an alignment above 1
///            | enum name: type                     an enum by its raw value
///            | union name{case: (type, …), …}      an enum with payloads
///     field    name: type @offset                  at so many bytes from the struct's first
///
/// A record that is reached again inside itself is written as its bare name.
public indirect enum TypeShape: Hashable, Sendable {
    /// A field of a struct or record.
    public struct Field: Hashable, Sendable {
        /// The name of the field in the program.
        public let name: String
        /// The type of the field.
        public let type: TypeShape
        /// The offset in bytes from the start of the struct.
        public let offset: Int
    }

    /// A case of a union, with its payload's types.
    public struct Case: Hashable, Sendable {
        /// The name of the case in the program.
        public let name: String
        /// The types of the associated values, in order. Empty for a case without any.
        public let payload: [TypeShape]
    }

    /// A type without parameters, identified by its name: `Int`, or a record inside itself.
    case named(String)
    /// A type with parameters: `Map<String, Int>`.
    case generic(String, [TypeShape])
    /// An optional: a flag and the wrapped type.
    case optional(TypeShape)
    /// A struct of plain fields, and its size in bytes.
    case structure(name: String, fields: [Field], bytes: Int)
    /// A record, and the size of its block in bytes.
    case record(name: String, fields: [Field], bytes: Int)
    /// Bytes that reflection could not look into.
    case opaque(name: String, bytes: Int, alignment: Int)
    /// An enum that is stored as its raw value.
    case enumeration(name: String, raw: TypeShape)
    /// An enum with payloads.
    case union(name: String, cases: [Case])

    /// The name of the type.
    public var name: String {
        switch self {
        case .named(let name), .structure(let name, _, _), .record(let name, _, _),
            .opaque(let name, _, _),
            .enumeration(let name, _), .union(let name, _):
            name
        case .generic(let name, let parameters):
            "\(name)<\(parameters.map(\.name).joined(separator: ", "))>"
        case .optional(let wrapped): wrapped.name + "?"
        }
    }
}

extension TypeShape {
    /// The text of the description, which parses as the same shape.
    public var text: String { DeepStack.run { words } }

    private var words: String {
        switch self {
        case .named(let name): name
        case .generic(let name, let parameters):
            "\(name)<\(parameters.map(\.text).joined(separator: ", "))>"
        case .optional(let wrapped): wrapped.text + "?"
        case .structure(let name, let fields, let bytes):
            "\(name){\(Self.text(fields)); \(bytes) bytes}"
        case .record(let name, let fields, let bytes):
            "record \(name){\(Self.text(fields)); \(bytes) bytes}"
        case .opaque(let name, let bytes, 1): "\(name){\(bytes) bytes}"
        case .opaque(let name, let bytes, let alignment):
            "\(name){\(bytes) bytes, aligned to \(alignment)}"
        case .enumeration(let name, let raw): "enum \(name): \(raw.text)"
        case .union(let name, let cases):
            "union \(name){\(cases.map { "\($0.name): (\($0.payload.map(\.text).joined(separator: ", ")))" }.joined(separator: ", "))}"
        }
    }

    private static func text(_ fields: [Field]) -> String {
        fields.map { "\($0.name): \($0.type.text) @\($0.offset)" }.joined(separator: ", ")
    }

    /// Parses the text of a description. Nil if the text is not valid.
    public init?(parsing text: String) {
        var parser = ShapeParser(text)
        guard let shape = parser.type(), parser.isAtEnd else { return nil }
        self = shape
    }
}

/// A recursive-descent parser for descriptions. Its depth is limited, since the text may come from
/// a damaged file or be made up. The limit also protects every walk over the shape.
private struct ShapeParser {
    private let text: [UInt8]
    private var at = 0
    private var depth = 0
    /// The maximum height of the types parsed so far at the current depth. A suffix such as `?`
    /// makes a type higher after it has been parsed.
    private var height = 0
    private static let limit = TypeDescription.mostLevels

    init(_ text: String) { self.text = Array(text.utf8) }

    var isAtEnd: Bool { at == text.count }

    mutating func type() -> TypeShape? {
        depth += 1
        defer { depth -= 1 }
        return DeepStack.run { typeAtDepth() }
    }

    private mutating func typeAtDepth() -> TypeShape? {
        let heightBeside = height
        height = 0
        guard depth < Self.limit, var shape = plainType() else { return nil }
        height += 1
        while take("?") {
            height += 1
            guard height < Self.limit else { return nil }
            shape = .optional(shape)
        }
        defer { height = max(height, heightBeside) }
        return height < Self.limit ? shape : nil
    }

    private mutating func plainType() -> TypeShape? {
        if take("enum ") {
            depth += 1
            defer { depth -= 1 }
            guard depth < Self.limit, let name = name(), take(": "), let raw = plainType() else {
                return nil
            }
            return .enumeration(name: name, raw: raw)
        }
        if take("union ") { return union() }
        let isRecord = take("record ")
        let start = at
        guard let name = name() else { return nil }
        if take("{") { return braces(name, isRecord: isRecord) }
        guard !isRecord else { return nil }
        // The parameters are types of their own, unless a struct's fields follow them.
        guard let angle = name.firstIndex(of: "<"), name.hasSuffix(">") else { return .named(name) }
        let base = String(name[..<angle])
        at = start + base.utf8.count + 1
        var parameters: [TypeShape] = []
        repeat {
            guard let parameter = type() else { return nil }
            parameters.append(parameter)
        } while take(", ")
        return take(">") ? .generic(base, parameters) : nil
    }

    private mutating func braces(_ name: String, isRecord: Bool) -> TypeShape? {
        let start = at
        if !isRecord, let bytes = number() {
            if take(" bytes}") { return .opaque(name: name, bytes: bytes, alignment: 1) }
            // An alignment of 1 must be left out, so that a shape has exactly one text.
            if take(" bytes, aligned to "), let alignment = number(),
                alignment.nonzeroBitCount == 1, alignment > 1, take("}")
            {
                return .opaque(name: name, bytes: bytes, alignment: alignment)
            }
        }
        at = start
        var fields: [TypeShape.Field] = []
        while !take("; ") {
            if !fields.isEmpty, !take(", ") { return nil }
            guard let field = fieldName(), take(": "), let type = type(), take(" @"),
                let offset = number()
            else { return nil }
            fields.append(TypeShape.Field(name: field, type: type, offset: offset))
        }
        guard let bytes = number(), take(" bytes}") else { return nil }
        return isRecord
            ? .record(name: name, fields: fields, bytes: bytes)
            : .structure(name: name, fields: fields, bytes: bytes)
    }

    private mutating func union() -> TypeShape? {
        guard let name = name(), take("{") else { return nil }
        var cases: [TypeShape.Case] = []
        while !take("}") {
            if !cases.isEmpty, !take(", ") { return nil }
            guard let label = fieldName(), take(": (") else { return nil }
            var payload: [TypeShape] = []
            while !take(")") {
                if !payload.isEmpty, !take(", ") { return nil }
                guard let type = type() else { return nil }
                payload.append(type)
            }
            cases.append(TypeShape.Case(name: label, payload: payload))
        }
        return .union(name: name, cases: cases)
    }

    /// Parses up to a character that cannot belong to a name. Angle brackets and parentheses, with
    /// their contents, belong to it.
    private mutating func name() -> String? {
        let start = at
        var open = 0
        scan: while at < text.count {
            switch text[at] {
            case UInt8(ascii: "<"), UInt8(ascii: "("): open += 1
            case UInt8(ascii: ">"), UInt8(ascii: ")"):
                if open == 0 { break scan }
                open -= 1
            case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "?"), UInt8(ascii: ","),
                UInt8(ascii: ";"), UInt8(ascii: "@"),
                UInt8(ascii: ":"), UInt8(ascii: " "):
                if open == 0 { break scan }
            default: break
            }
            at += 1
        }
        return at > start && open == 0 ? String(decoding: text[start ..< at], as: UTF8.self) : nil
    }

    private mutating func fieldName() -> String? {
        let start = at
        while at < text.count, text[at] != UInt8(ascii: ":") { at += 1 }
        return at > start ? String(decoding: text[start ..< at], as: UTF8.self) : nil
    }

    private mutating func number() -> Int? {
        let start = at
        while at < text.count, text[at] >= UInt8(ascii: "0"), text[at] <= UInt8(ascii: "9") {
            at += 1
        }
        guard at > start, let number = Int(String(decoding: text[start ..< at], as: UTF8.self))
        else {
            at = start
            return nil
        }
        return number
    }

    private mutating func take(_ word: String) -> Bool {
        guard text[at...].starts(with: word.utf8) else { return false }
        at += word.utf8.count
        return true
    }
}
