/// Parses JSON text. Returns nil for invalid text, and for text that is nested too deeply.
package struct JSONParser {
    /// The compiler's messages use about ten levels. The limit bounds the recursion.
    private static let deepestNesting = 128

    private let bytes: [UInt8]
    private var index = 0
    private var depth = 0

    package static func parse(_ bytes: [UInt8]) -> JSON? {
        var parser = JSONParser(bytes: bytes)
        guard let value = parser.value() else { return nil }
        parser.skipBlanks()
        return parser.index == bytes.count ? value : nil
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func skipBlanks() {
        while index < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[index]) { index += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func value() -> JSON? {
        guard depth < Self.deepestNesting else { return nil }
        depth += 1
        defer { depth -= 1 }
        if take("{") { return object() }
        if take("[") { return array() }
        skipBlanks()
        guard index < bytes.count else { return nil }
        if bytes[index] == UInt8(ascii: "\"") { return string().map { .string($0) } }
        return word()
    }

    private mutating func object() -> JSON? {
        var members: [String: JSON] = [:]
        if take("}") { return .object(members) }
        repeat {
            guard let name = string(), take(":"), let value = value() else { return nil }
            members[name] = value
        } while take(",")
        return take("}") ? .object(members) : nil
    }

    private mutating func array() -> JSON? {
        var elements: [JSON] = []
        if take("]") { return .array(elements) }
        repeat {
            guard let element = value() else { return nil }
            elements.append(element)
        } while take(",")
        return take("]") ? .array(elements) : nil
    }

    private mutating func word() -> JSON? {
        let start = index
        while index < bytes.count, !",:]}[{\" \n\r\t".utf8.contains(bytes[index]) { index += 1 }
        let word = String(decoding: bytes[start ..< index], as: UTF8.self)
        switch word {
        case "null": return .null
        case "true": return .bool(true)
        case "false": return .bool(false)
        default:
            if let number = Int(word) { return .number(number) }
            // A fraction, an exponent, or a number that is out of range.
            return Double(word).flatMap { Int(exactly: $0.rounded()) }.map { .number($0) }
        }
    }

    private mutating func string() -> String? {
        guard take("\"") else { return nil }
        var result: [UInt8] = []
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: result, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let scalar = escape() else { return nil }
                result += Array(String(scalar).utf8)
            default: result.append(byte)
            }
        }
        return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
        guard index < bytes.count else { return nil }
        let byte = bytes[index]
        index += 1
        switch byte {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "u"): return codePoint()
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        default: return nil
        }
    }

    /// Reads the digits after `\u`, and the second half of a surrogate pair. A half without the
    /// other becomes the replacement character.
    private mutating func codePoint() -> Unicode.Scalar? {
        guard let first = codeUnit() else { return nil }
        guard (0xd800 ..< 0xdc00).contains(first), index + 1 < bytes.count,
            bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u")
        else { return Unicode.Scalar(first) ?? "\u{fffd}" }
        let start = index
        index += 2
        guard let second = codeUnit() else { return nil }
        guard (0xdc00 ..< 0xe000).contains(second) else {
            index = start
            return "\u{fffd}"
        }
        return Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
    }

    private mutating func codeUnit() -> UInt32? {
        guard index + 4 <= bytes.count else { return nil }
        var unit: UInt32 = 0
        for byte in bytes[index ..< index + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            unit = unit << 4 | UInt32(digit)
        }
        index += 4
        return unit
    }
}
