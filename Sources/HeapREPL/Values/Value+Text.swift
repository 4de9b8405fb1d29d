/// The amount of a value that is shown.
struct ShownAmount {
    /// The maximum number of elements of a collection.
    var elements: Int
    /// The maximum number of characters of a string.
    var characters: Int

    static let usual = ShownAmount(elements: 20, characters: 400)
    static let everything = ShownAmount(elements: .max, characters: .max)
}

extension Value {
    /// Returns the value as a Swift literal. Control characters in strings are escaped, so that the
    /// contents of a file cannot control a terminal.
    func text(_ amount: ShownAmount = .usual) -> String {
        switch self {
        case .null: "nil"
        case .bool(let value): "\(value)"
        case .integer(let number): "\(number)"
        case .number(let number): Self.literal(of: number)
        case .text(let text): Self.literal(of: text, amount)
        case .bytes(let bytes): Self.literal(of: bytes, amount)
        case .list(let elements):
            Self.brackets(
                elements.prefix(amount.elements).map { $0.text(amount) }, of: elements.count)
        case .pairs(let pairs):
            Self.brackets(
                pairs.prefix(amount.elements).map { $0.text(amount) }, of: pairs.count, empty: "[:]"
            )
        case .object(let name, let fields) where Value.isTable(name, fields):
            fields[0].value.text(amount)
        case .object(let name, let fields):
            "\(name)(\(fields.map { "\(Name.text($0.name)): \($0.value.text(amount))" }.joined(separator: ", ")))"
        case .range(let bounds): bounds.text(amount)
        case .choice(let name, let arguments):
            arguments.isEmpty
                ? ".\(Name.text(name))"
                : ".\(Name.text(name))(\(arguments.map { ($0.label.map { "\(Name.text($0)): " } ?? "") + $0.value.text(amount) }.joined(separator: ", ")))"
        case .other(let value): Printable.line(value.description)
        case .beginning(of: .list(let elements), let count):
            Self.brackets(elements.prefix(amount.elements).map { $0.text(amount) }, of: count)
        case .beginning(of: .pairs(let pairs), let count):
            Self.brackets(
                pairs.prefix(amount.elements).map { $0.text(amount) }, of: count, empty: "[:]")
        case .beginning(let value, _): value.text(amount)
        }
    }

    /// A table is shown as its rows by their numbers.
    private static func isTable(_ name: String, _ fields: [Field]) -> Bool {
        name.hasPrefix("Table<") && fields.first?.name == "rows"
    }

    private static func brackets(_ parts: [String], of count: Int, empty: String = "[]") -> String {
        if count == 0 { return empty }
        let text = parts.joined(separator: ", ")
        return parts.count < count
            ? "[\(text)\(parts.isEmpty ? "" : ", ")… (\(count) in all)]" : "[\(text)]"
    }

    /// Like Swift's output, except that infinities and NaN are spelled as in a program.
    static func literal(of number: Double) -> String {
        if number.isNaN { return "Double.nan" }
        if number.isInfinite { return number < 0 ? "-Double.infinity" : "Double.infinity" }
        return "\(number)"
    }

    private static func literal(of text: String, _ amount: ShownAmount) -> String {
        var shown = "\""
        for character in text.prefix(amount.characters) {
            for scalar in character.unicodeScalars {
                switch scalar {
                case "\n": shown += "\\n"
                case "\t": shown += "\\t"
                case "\r": shown += "\\r"
                case "\0": shown += "\\0"
                case "\"": shown += "\\\""
                case "\\": shown += "\\\\"
                case let scalar where Printable.isControl(scalar):
                    shown += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
                default: shown.unicodeScalars.append(scalar)
                }
            }
        }
        // Counting the characters of a long string requires a walk through it, and is done only if
        // a part of it is shown.
        guard amount.characters < .max, text.utf8.count > amount.characters else {
            return shown + "\""
        }
        let count = text.count
        return count > amount.characters ? shown + "\"… (\(count) characters in all)" : shown + "\""
    }

    private static func literal(of bytes: [UInt8], _ amount: ShownAmount) -> String {
        let parts = bytes.prefix(amount.elements).map {
            "0x" + ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true)
        }
        return "Data(\(brackets(parts, of: bytes.count)))"
    }
}

extension Value.Pair {
    func text(_ amount: ShownAmount = .usual) -> String {
        "\(key.text(amount)): \(value.text(amount))"
    }
}

extension Value.Bounds {
    func text(_ amount: ShownAmount = .usual) -> String {
        "\(lower?.text(amount) ?? "")\(isClosed ? "..." : "..<")\(upper?.text(amount) ?? "")"
    }
}

/// Names of roots and fields, in a form that can be typed again.
enum Name {
    /// Returns the name, in backticks if it would not be parsed as a name without them.
    static func text(_ name: String) -> String {
        let isPlain =
            (try? Lexer.tokens(of: name)).map {
                $0.count == 2 && $0[0].kind == .name(name, isQuoted: false)
            } ?? false
        return isPlain && !["true", "false", "nil"].contains(name)
            ? name : "`\(Printable.line(name))`"
    }
}
