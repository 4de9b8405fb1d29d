/// A JSON value whose objects keep the order of their members, for reports that people read too.
package indirect enum JSONText: Equatable, Sendable, ExpressibleByStringLiteral,
    ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral,
    ExpressibleByFloatLiteral
{
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONText])
    case object([(name: String, value: JSONText)])

    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(arrayLiteral elements: JSONText...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONText)...) {
        self = .object(elements.map { (name: $0.0, value: $0.1) })
    }
    package init(nilLiteral: ()) { self = .null }

    package init(_ value: Int?) { self = value.map { .integer($0) } ?? .null }
    package init(_ value: String?) { self = value.map { .string($0) } ?? .null }

    package static func == (left: JSONText, right: JSONText) -> Bool { left.text == right.text }

    /// The value on one line (RFC 8259). Numbers that JSON does not have become null.
    package var text: String {
        var result = ""
        write(to: &result, indent: nil)
        return result
    }

    /// The value on several lines, indented by two columns per level.
    package var indentedText: String {
        var result = ""
        write(to: &result, indent: 0)
        return result
    }

    private func write(to result: inout String, indent: Int?) {
        switch self {
        case .null: result += "null"
        case .bool(let value): result += value ? "true" : "false"
        case .integer(let value): result += String(value)
        case .number(let value): result += value.isFinite ? Self.text(of: value) : "null"
        case .string(let value): Self.write(value, to: &result)
        case .array(let elements):
            Self.writeList(elements.count, "[", "]", to: &result, indent) { index, result, indent in
                elements[index].write(to: &result, indent: indent)
            }
        case .object(let members):
            Self.writeList(members.count, "{", "}", to: &result, indent) { index, result, indent in
                Self.write(members[index].name, to: &result)
                result += indent == nil ? ":" : ": "
                members[index].value.write(to: &result, indent: indent)
            }
        }
    }

    private static func text(of value: Double) -> String {
        let text = "\(value)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private static func writeList(
        _ count: Int, _ open: String, _ close: String, to result: inout String, _ indent: Int?,
        _ element: (Int, inout String, Int?) -> Void
    ) {
        result += open
        for index in 0 ..< count {
            if index > 0 { result += "," }
            if let indent { result += "\n" + String(repeating: "  ", count: indent + 1) }
            element(index, &result, indent.map { $0 + 1 })
        }
        if let indent, count > 0 { result += "\n" + String(repeating: "  ", count: indent) }
        result += close
    }

    private static func write(_ text: String, to result: inout String) {
        result += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\0" ..< " ", "\u{7F}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        result += "\""
    }
}
