import Holdfast
import Foundation

/// Decodes a ``PlainValue`` into a heap's types.
struct PlainDecoder: Decoder {
    let value: PlainValue
    let codingPath: [any CodingKey]
    let userInfo: [CodingUserInfoKey: Any]

    init(
        _ value: PlainValue, at codingPath: [any CodingKey] = [],
        userInfo: [CodingUserInfoKey: Any] = [:]
    ) {
        self.value = value
        self.codingPath = codingPath
        self.userInfo = userInfo
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard let members = value.members else {
            throw problem("\(value.kind) is neither a struct nor a map with string keys")
        }
        return KeyedDecodingContainer(Keyed<Key>(decoder: self, members: members))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard let elements = value.elements else { throw problem("\(value.kind) is not a list") }
        return Unkeyed(decoder: self, elements: elements)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { Single(decoder: self) }

    fileprivate func inside(_ key: any CodingKey, _ value: PlainValue) -> PlainDecoder {
        PlainDecoder(value, at: codingPath + [key], userInfo: userInfo)
    }

    fileprivate func decode<T: Decodable>(_ type: T.Type) throws -> T {
        if type == Duration.self, case .duration(let duration) = value { return duration as! T }
        if type == Data.self {
            guard case .bytes(let data) = value else {
                throw problem("\(value.kind) is not a sequence of bytes")
            }
            return data as! T
        }
        return try T(from: self)
    }
}

extension PlainValue {
    /// The kind of the value, for messages.
    package var kind: String {
        switch self {
        case .null: "nil"
        case .bool: "a Bool"
        case .integer, .unsigned: "an integer"
        case .number: "a number"
        case .text: "a string"
        case .bytes: "a sequence of bytes"
        case .date: "a date"
        case .uuid: "a UUID"
        case .list: "a list"
        case .set: "a set"
        case .pairs: "a map"
        case .object(let type, _): type.isEmpty ? "a struct" : "a \(type)"
        case .union(_, let name, _, _): "the case \(name)"
        case .enumeration(let type, _, _): "a \(type)"
        case .choice(let name, _): "the case \(name)"
        case .digits: "a number"
        case .duration: "a duration"
        case .range: "a range"
        case .reference: "a reference"
        case .opaque(let type, _): "a \(type)"
        }
    }

    fileprivate var members: [Member]? {
        switch self {
        case .object(_, let members): members
        case .pairs(let entries, _):
            entries.reduce(into: [Member]?.some([])) { members, entry in
                guard case .text(let name) = entry.key else { return members = nil }
                members?.append(Member(name: name, value: entry.value))
            }
        case .union(_, let name, let values, _):
            [Member(name: "case", value: .text(name))]
                + (values.isEmpty ? [] : [Member(name: "values", value: .list(values))])
        case .opaque(_, let data): [Member(name: "bytes", value: .bytes(data))]
        default: nil
        }
    }

    fileprivate var elements: [PlainValue]? {
        switch self {
        case .list(let elements, _), .set(let elements, _): elements
        case .pairs(let entries, _): entries.map { .list([$0.key, $0.value]) }
        case .range(let lower, let upper, _): [lower, upper]
        case .duration(let value):
            // The two halves of its number of units, as the standard library encodes them.
            [
                .integer(Int64(truncatingIfNeeded: value.attoseconds >> 64)),
                .integer(UInt64(truncatingIfNeeded: value.attoseconds)),
            ]
        default: nil
        }
    }
}

private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: PlainDecoder
    let members: [PlainValue.Member]

    var codingPath: [any CodingKey] { decoder.codingPath }
    var allKeys: [Key] { members.compactMap { Key(stringValue: $0.name) } }

    private func found(_ key: any CodingKey) throws -> PlainDecoder {
        guard let member = members.first(where: { $0.name == key.stringValue }) else {
            throw decoder.problem("the field \(key.stringValue) is missing")
        }
        return decoder.inside(key, member.value)
    }

    func contains(_ key: Key) -> Bool { members.contains { $0.name == key.stringValue } }
    func decodeNil(forKey key: Key) throws -> Bool { try found(key).value == .null }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        try found(key).decode(type)
    }
    func superDecoder() throws -> any Decoder { decoder }
    func superDecoder(forKey key: Key) throws -> any Decoder { try found(key) }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try found(key).unkeyedContainer()
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
        -> KeyedDecodingContainer<Nested>
    {
        try found(key).container(keyedBy: type)
    }
}

private struct Index: CodingKey {
    let intValue: Int?
    var stringValue: String { "\(intValue ?? 0)" }

    init(_ index: Int) { intValue = index }
    init?(intValue: Int) { self.init(intValue) }
    init?(stringValue: String) { return nil }
}

private struct Unkeyed: UnkeyedDecodingContainer {
    let decoder: PlainDecoder
    let elements: [PlainValue]
    var currentIndex = 0

    var codingPath: [any CodingKey] { decoder.codingPath }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    private func current() throws -> PlainDecoder {
        guard !isAtEnd else { throw decoder.problem("there are only \(elements.count) elements") }
        return decoder.inside(Index(currentIndex), elements[currentIndex])
    }

    private mutating func next() throws -> PlainDecoder {
        let found = try current()
        currentIndex += 1
        return found
    }

    mutating func decodeNil() throws -> Bool {
        guard try current().value == .null else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { try next().decode(type) }
    mutating func superDecoder() throws -> any Decoder { try next() }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try next().unkeyedContainer()
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws
        -> KeyedDecodingContainer<Nested>
    {
        try next().container(keyedBy: type)
    }
}

private struct Single: SingleValueDecodingContainer {
    let decoder: PlainDecoder

    var codingPath: [any CodingKey] { decoder.codingPath }

    func decodeNil() -> Bool { decoder.value == .null }

    func decode(_ type: Bool.Type) throws -> Bool {
        guard case .bool(let value) = decoder.value else {
            throw decoder.problem("\(decoder.value.kind) is not a Bool")
        }
        return value
    }

    func decode(_ type: String.Type) throws -> String {
        switch decoder.value {
        case .text(let value): return value
        case .uuid(let value): return value.uuidString
        // The text that a large or exact number is decoded from.
        case .digits(let value): return value
        case .integer(let value): return "\(value)"
        case .unsigned(let value): return "\(value)"
        default: throw decoder.problem("\(decoder.value.kind) is not a string")
        }
    }

    func decode(_ type: Double.Type) throws -> Double {
        switch decoder.value {
        case .number(let value): return value
        case .integer(let value): return Double(value)
        case .unsigned(let value): return Double(value)
        case .date(let value): return value.timeIntervalSinceReferenceDate
        default: throw decoder.problem("\(decoder.value.kind) is not a number")
        }
    }

    func decode(_ type: Float.Type) throws -> Float { Float(try decode(Double.self)) }

    private func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
        let found: T? =
            switch decoder.value {
            case .integer(let value): T(exactly: value)
            case .unsigned(let value): T(exactly: value)
            default: throw decoder.problem("\(decoder.value.kind) is not of type \(type)")
            }
        guard let found else { throw decoder.problem("\(decoder.value) does not fit \(type)") }
        return found
    }

    func decode(_ type: Int.Type) throws -> Int { try integer(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try integer(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try integer(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try integer(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try integer(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try integer(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try integer(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try integer(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try integer(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try integer(type) }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoder.decode(type) }
}
