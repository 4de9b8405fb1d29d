import Holdfast
import Foundation

/// A value of any type outside of a heap. Programs without the heap's types show and change its
/// contents in this form.
package indirect enum PlainValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// Only for values above `Int64.max`.
    case unsigned(UInt64)
    case number(Double)
    case text(String)
    case bytes(Data)
    case date(Date)
    case uuid(UUID)
    /// The first elements of an array or deque with `total` elements.
    case list([PlainValue], total: Int)
    /// The first elements of a set with `total` elements, in its order.
    case set([PlainValue], total: Int)
    /// The first entries of a map with `total` entries, in its order.
    case pairs([Entry], total: Int)
    /// The fields of a struct or record, in order. `type` is its name, or empty.
    case object(type: String, [Member])
    /// A case of an enum with payloads. The labels are those of the values, empty where there are
    /// none; the list is empty if the heap does not note any.
    case union(type: String, name: String, [PlainValue], labels: [String] = [])
    /// A case of an enum that is stored as its raw value; without a name if the heap does not note
    /// it.
    case enumeration(type: String, name: String?, raw: PlainValue)
    /// A case as it is written where the type is known: `.card(number: "4111")`. Only of input.
    case choice(name: String, [Argument])
    /// The digits of a number for which no other case is large or exact enough: of an `Int128`, a
    /// `UInt128` or a `Decimal`.
    case digits(String)
    case duration(Duration)
    case range(PlainValue, PlainValue, isClosed: Bool)
    /// A reference: the name and place of its target.
    case reference(type: String, place: UInt64)
    /// Bytes that only a program with the type can interpret.
    case opaque(type: String, Data)

    package struct Member: Hashable, Sendable {
        package let name: String
        package let value: PlainValue

        package init(name: String, value: PlainValue) {
            self.name = name
            self.value = value
        }
    }

    /// A value in the parentheses of a case.
    package struct Argument: Hashable, Sendable {
        package let label: String?
        package let value: PlainValue

        package init(label: String?, value: PlainValue) {
            self.label = label
            self.value = value
        }
    }

    package struct Entry: Hashable, Sendable {
        package let key: PlainValue
        package let value: PlainValue

        package init(key: PlainValue, value: PlainValue) {
            self.key = key
            self.value = value
        }
    }

    /// Creates a complete list.
    package static func list(_ elements: [PlainValue]) -> PlainValue {
        .list(elements, total: elements.count)
    }

    /// Creates a map with all of its entries.
    package static func pairs(_ entries: [Entry]) -> PlainValue {
        .pairs(entries, total: entries.count)
    }

    package static func integer(_ value: some FixedWidthInteger) -> PlainValue {
        Int64(exactly: value).map { .integer($0) }
            ?? UInt64(exactly: value).map { .unsigned($0) } ?? .digits("\(value)")
    }
}

extension PlainValue: CustomStringConvertible {
    /// The value as Swift source text on one line. Omitted elements are counted:
    /// `[1, 2, … (1000 in all)]`.
    package var description: String {
        switch self {
        case .null: "nil"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .unsigned(let value): "\(value)"
        case .number(let value): "\(value)"
        case .text(let value): Self.quoted(value)
        case .bytes(let value): Self.hexadecimal(value)
        case .date(let value): Self.text(of: value)
        case .uuid(let value): value.uuidString
        case .list(let elements, let total): "[\(Self.joined(elements.map(\.description), total))]"
        case .set(let elements, let total): "[\(Self.joined(elements.map(\.description), total))]"
        case .pairs(let entries, let total):
            entries.isEmpty && total == 0
                ? "[:]" : "[\(Self.joined(entries.map { "\($0.key): \($0.value)" }, total))]"
        case .object(let type, let members):
            Self.rows(ofTable: type, members)?.description
                ?? "\(type)(\(members.map { "\($0.name): \($0.value)" }.joined(separator: ", ")))"
        case .union(_, let name, let values, let labels):
            Self.text(
                ofCase: name,
                values.enumerated().map { number, value in
                    Argument(
                        label: number < labels.count && !labels[number].isEmpty
                            ? labels[number] : nil, value: value)
                })
        case .enumeration(let type, let name, let raw):
            name.map { ".\($0)" } ?? "\(type)(rawValue: \(raw))"
        case .choice(let name, let values): Self.text(ofCase: name, values)
        case .digits(let text): text
        case .duration(let value): ".seconds(\(Self.seconds(value)))"
        case .range(let lower, let upper, let isClosed):
            "\(lower)\(isClosed ? "..." : "..<")\(upper)"
        case .reference(let type, let place): "\(type)@\(place)"
        case .opaque(let type, let data): "\(type)(\(Self.hexadecimal(data)))"
        }
    }

    /// The rows by their numbers, as which a table is shown, if the members are those of one.
    package static func rows(ofTable type: String, _ members: [Member]) -> PlainValue? {
        type.hasPrefix(TypeShape.tablePrefix) && members.first?.name == "rows"
            ? members[0].value : nil
    }

    private static func text(ofCase name: String, _ values: [Argument]) -> String {
        guard !values.isEmpty else { return ".\(name)" }
        let parts = values.map { ($0.label.map { "\($0): " } ?? "") + $0.value.description }
        return ".\(name)(\(parts.joined(separator: ", ")))"
    }

    /// The exact number of seconds, with as many digits as it needs.
    private static func seconds(_ value: Duration) -> String {
        let units = value.attoseconds.magnitude
        let (whole, rest) = units.quotientAndRemainder(dividingBy: 1_000_000_000_000_000_000)
        let digits = String(rest)
        var fraction = String(repeating: "0", count: 18 - digits.count) + digits
        while fraction.last == "0" { fraction.removeLast() }
        return (value.attoseconds < 0 ? "-" : "") + "\(whole)"
            + (fraction.isEmpty ? "" : ".\(fraction)")
    }

    private static func joined(_ parts: [String], _ total: Int) -> String {
        parts.count == total
            ? parts.joined(separator: ", ")
            : (parts + ["… (\(total) in all)"]).joined(separator: ", ")
    }

    private static let shownBytes = 32

    private static func hexadecimal(_ data: Data) -> String {
        let digits = data.prefix(shownBytes).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
        return data.count > shownBytes
            ? "0x\(digits)… (\(data.count) bytes)" : digits.isEmpty ? "no bytes" : "0x\(digits)"
    }

    /// ISO 8601, in UTC; a number of seconds beyond the range of the calendar.
    private static func text(of date: Date) -> String {
        let seconds = date.timeIntervalSinceReferenceDate
        guard abs(seconds) < 1e11 else { return "Date(\(seconds))" }
        let style = Date.ISO8601FormatStyle(
            includingFractionalSeconds: seconds != seconds.rounded())
        return date.formatted(style)
    }

    /// Returns the text in quotation marks, with escapes for characters that a terminal would not
    /// show unchanged.
    package static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case "\r": quoted += "\\r"
            case "\0": quoted += "\\0"
            default:
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate,
                    .privateUse, .unassigned:
                    // Joiners combine several scalars into one symbol, as in families and flags.
                    if scalar == "\u{200D}" { fallthrough }
                    quoted += "\\u{\(String(scalar.value, radix: 16))}"
                default: quoted.unicodeScalars.append(scalar)
                }
            }
        }
        return quoted + "\""
    }
}

extension PlainValue: Encodable {
    /// Encodes the value for JSON and similar formats: structs and maps with string keys as
    /// objects, other maps as arrays of pairs. Omitted elements are left out.
    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .list(let elements, _), .set(let elements, _):
            var container = encoder.unkeyedContainer()
            for element in elements { try container.encode(element) }
        case .pairs(let entries, _):
            if entries.allSatisfy({ if case .text = $0.key { true } else { false } }) {
                var container = encoder.container(keyedBy: Name.self)
                for entry in entries {
                    if case .text(let name) = entry.key {
                        try container.encode(entry.value, forKey: Name(name))
                    }
                }
            } else {
                var container = encoder.unkeyedContainer()
                for entry in entries { try container.encode([entry.key, entry.value]) }
            }
        case .object(let type, let members):
            if let rows = Self.rows(ofTable: type, members) { return try rows.encode(to: encoder) }
            var container = encoder.container(keyedBy: Name.self)
            for member in members { try container.encode(member.value, forKey: Name(member.name)) }
        case .enumeration(_, _, let raw): try raw.encode(to: encoder)
        case .union(_, let name, let values, _):
            var container = encoder.container(keyedBy: Name.self)
            try container.encode(name, forKey: Name("case"))
            if !values.isEmpty { try container.encode(values, forKey: Name("values")) }
        case .reference(let type, let place):
            var container = encoder.container(keyedBy: Name.self)
            try container.encode("\(type)@\(place)", forKey: Name("ref"))
        case .opaque(_, let data):
            var container = encoder.container(keyedBy: Name.self)
            try container.encode(data, forKey: Name("bytes"))
        default: try encodeScalar(encoder.singleValueContainer())
        }
    }

    private func encodeScalar(_ container: any SingleValueEncodingContainer) throws {
        var container = container
        switch self {
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .unsigned(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        case .bytes(let value): try container.encode(value)
        case .date(let value): try container.encode(Self.text(of: value))
        case .uuid(let value): try container.encode(value)
        case .digits(let value): try container.encode(value)
        case .duration(let value): try container.encode("\(value)")
        case .range, .choice: try container.encode(description)
        default: try container.encodeNil()
        }
    }
}
