import Foundation
import Holdfast
import HoldfastEngine
import HoldfastSystem

/// An `Encoded` value of a type that this program does not have. Its JSON is readable all the same.
struct RunTimeEncoded<Number: RunTimeNumber>: PersistableValue {
    typealias Stored = StoredBytes

    /// The stored bytes: the value in an array, as `Encoded` stores it.
    let json: Data

    static func load(_ stored: StoredBytes, from access: HeapAccess) -> Self {
        unsafe RunTimeEncoded(json: stored.withBytes(access) { unsafe Data($0) })
    }

    static func store(_ value: Self, in access: HeapAccess) -> StoredBytes {
        unsafe value.json.withUnsafeBytes { unsafe StoredBytes($0, in: access) }
    }

    static func destroy(_ stored: StoredBytes, in access: HeapAccess) { stored.free(in: access) }

    static var ownsMemory: Bool { true }

    static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription(RunTimeDefinition.of(Number.number).text)
    }

    static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        let before = verification.problemCount
        StoredBytes.verify(at: offset, isText: true, in: &verification)
        guard verification.problemCount == before else { return }
        let json = load(verification.load(offset, as: StoredBytes.self), from: verification.access)
            .json
        if (try? JSONValue.only(in: json)) == nil {
            verification.report("an encoded value is not JSON")
        }
    }

    static func encode(_ stored: StoredBytes, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        try JSONValue.only(in: load(stored, from: access).json).encode(to: encoder)
    }

    static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> StoredBytes {
        let json = JSONEncoder()
        json.outputFormatting = [.sortedKeys]
        return store(
            RunTimeEncoded(json: try json.encode([try JSONValue(from: decoder)])), in: access)
    }
}

extension RunTimeEncoded: NullableForm {
    static var canBeNull: Bool { true }
}

/// Any JSON. Numbers keep all digits that a 64-bit integer or a `Double` has.
indirect enum JSONValue: Codable {
    case null
    case bool(Bool)
    case integer(Int64)
    case unsigned(UInt64)
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    /// Returns the value in an array of one.
    static func only(in json: Data) throws -> JSONValue {
        let values = try DeepStack.run(needing: DeepStack.foreignBytes) {
            try JSONDecoder().decode([JSONValue].self, from: json)
        }
        guard values.count == 1 else {
            throw ExchangeProblem(
                "an encoded value must be an array of one element, not \(values.count)")
        }
        return values[0]
    }

    init(from decoder: any Decoder) throws {
        guard decoder.codingPath.count < Exchange.maximumDepth else {
            throw ExchangeProblem("it is nested more than \(Exchange.maximumDepth) levels deep")
        }
        if let container = try? decoder.container(keyedBy: Name.self) {
            var members: [String: JSONValue] = [:]
            for key in container.allKeys {
                members[key.stringValue] = try container.decode(JSONValue.self, forKey: key)
            }
            self = .object(members)
        } else if var container = try? decoder.unkeyedContainer() {
            var elements: [JSONValue] = []
            while !container.isAtEnd { elements.append(try container.decode(JSONValue.self)) }
            self = .list(elements)
        } else {
            self = try Self.scalar(try decoder.singleValueContainer())
        }
    }

    private static func scalar(_ container: any SingleValueDecodingContainer) throws -> JSONValue {
        if container.decodeNil() { return .null }
        if let bool = try? container.decode(Bool.self) { return .bool(bool) }
        if let integer = try? container.decode(Int64.self) { return .integer(integer) }
        if let unsigned = try? container.decode(UInt64.self) { return .unsigned(unsigned) }
        if let text = try? container.decode(String.self) { return .text(text) }
        return .number(try container.decode(Double.self))
    }

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .list(let elements):
            var container = encoder.unkeyedContainer()
            for element in elements { try container.encode(element) }
        case .object(let members):
            var container = encoder.container(keyedBy: Name.self)
            for (name, value) in members { try container.encode(value, forKey: Name(name)) }
        default:
            var container = encoder.singleValueContainer()
            switch self {
            case .bool(let bool): try container.encode(bool)
            case .integer(let integer): try container.encode(integer)
            case .unsigned(let unsigned): try container.encode(unsigned)
            case .number(let number): try container.encode(number)
            case .text(let text): try container.encode(text)
            case .null, .list, .object: try container.encodeNil()
            }
        }
    }
}
