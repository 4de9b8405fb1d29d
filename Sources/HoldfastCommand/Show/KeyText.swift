import Foundation
import Holdfast
import HoldfastInspection
import HoldfastTools

/// Parses keys of maps in user input.
enum KeyText {
    /// Returns the key of the given type, or nil if the text is not valid. `isQuoted` says that it
    /// was in quotation marks, so it is a string and not a number.
    static func key(
        _ text: String, as shape: TypeShape, isQuoted: Bool, _ notes: TypeNotes
    ) -> PlainValue? {
        switch shape {
        case .enumeration(let name, let raw):
            // A case by its name, as it is shown, or by its raw value.
            let isName = !isQuoted && notes.raw(of: name, name: text) != nil
            return isName
                ? .choice(name: text, []) : key(text, as: raw, isQuoted: isQuoted, notes)
        case .optional(let wrapped):
            return text == "nil" ? .null : key(text, as: wrapped, isQuoted: isQuoted, notes)
        case .named(let name): return key(text, named: name)
        default: return nil
        }
    }

    private static func key(_ text: String, named name: String) -> PlainValue? {
        switch name {
        case "String": .text(text)
        case "Bool": Bool(text).map { .bool($0) }
        case "Double", "Float": Double(text).map { .number($0) }
        case "UUID": UUID(uuidString: text).map { .uuid($0) }
        case "Date": date(text).map { .date($0) }
        case "Data": data(text).map { .bytes($0) }
        case "Decimal": PlainValue.isDecimal(text) ? .digits(text) : nil
        case "Duration": seconds(text).map { .choice(name: "seconds", [$0]) }
        default:
            if name.hasPrefix("Int") || name.hasPrefix("UInt") {
                Int64(text).map { .integer($0) } ?? UInt64(text).map { .unsigned($0) }
                    ?? Int128(text).map { .digits("\($0)") }
                    ?? UInt128(text).map { .digits("\($0)") }
            } else {
                nil
            }
        }
    }

    /// `.seconds(1.5)`, as a duration is shown, or the number alone.
    private static func seconds(_ text: String) -> PlainValue.Argument? {
        let prefix = ".seconds("
        let digits =
            text.hasPrefix(prefix) && text.hasSuffix(")")
            ? String(text.dropFirst(prefix.count).dropLast()) : text
        return PlainValue.isDecimal(digits)
            ? PlainValue.Argument(label: nil, value: .digits(digits)) : nil
    }

    private static func date(_ text: String) -> Date? {
        (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
            ?? (try? Date(text, strategy: .iso8601))
            ?? Double(text).map { Date(timeIntervalSinceReferenceDate: $0) }
    }

    /// `0x` and hexadecimal digits.
    private static func data(_ text: String) -> Data? {
        guard text.hasPrefix("0x"), text.utf8.count % 2 == 0 else { return nil }
        let digits = Array(text.utf8.dropFirst(2))
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard
                let byte = UInt8(
                    String(decoding: digits[index ..< index + 2], as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(byte)
        }
        return Data(bytes)
    }
}
