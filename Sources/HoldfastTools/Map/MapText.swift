/// How quantities and names are written in pictures.
enum MapText {
    /// `512 bytes`, `4 KiB`, `1.5 MiB`: three digits that count.
    static func bytes(_ count: Int) -> String {
        if count < 1024 { return count == 1 ? "1 byte" : "\(count) bytes" }
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var value = Double(count) / 1024
        var unit = 0
        while value >= 999.5, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        let digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
        return "\(decimal(value, digits)) \(units[unit])"
    }

    /// Without zeros behind the point.
    static func decimal(_ value: Double, _ digits: Int) -> String {
        let scale = [1.0, 10, 100][digits]
        let scaled = Int((value * scale).rounded())
        let (whole, rest) = scaled.quotientAndRemainder(dividingBy: Int(scale))
        guard rest > 0 else { return "\(whole)" }
        var text = String(rest)
        while text.count < digits { text = "0" + text }
        while text.hasSuffix("0") { text.removeLast() }
        return "\(whole).\(text)"
    }

    /// `1,234,567`.
    static func number(_ value: Int) -> String {
        var groups = String(abs(value))
        var place = groups.count - 3
        while place > 0 {
            groups.insert(",", at: groups.index(groups.startIndex, offsetBy: place))
            place -= 3
        }
        return value < 0 ? "-" + groups : groups
    }

    static func count(_ number: Int, _ thing: String) -> String { "\(Self.number(number)) \(thing)\(number == 1 ? "" : "s")" }

    /// Each number's part of the whole in tenths of a percent, rounded so that they sum up to 1000 (largest remainders first).
    static func tenths(of numbers: [Int]) -> [Int] {
        let sum = UInt(numbers.reduce(0, +))
        guard sum > 0 else { return numbers.map { _ in 0 } }
        let exact = numbers.map { sum.dividingFullWidth(UInt($0).multipliedFullWidth(by: 1000)) }
        var tenths = exact.map { Int($0.quotient) }
        let missing = 1000 - tenths.reduce(0, +)
        let order = exact.indices.sorted { (exact[$1].remainder, $0) < (exact[$0].remainder, $1) }
        for index in order.prefix(missing) { tenths[index] += 1 }
        return tenths
    }

    /// `12.5 %`; what is there, but rounds to nothing, is `<0.1 %`.
    static func percent(tenths: Int, isSomething: Bool = true) -> String {
        tenths == 0 && isSomething ? "<0.1 %" : "\(tenths / 10).\(tenths % 10) %"
    }

    /// A name that may hold anything, on one line: control characters and what turns the direction of writing are written as escapes.
    static func visible(_ name: String) -> String {
        if name.isEmpty { return "(no name)" }
        var text = ""
        for scalar in name.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                text += "\\u{\(String(scalar.value, radix: 16))}"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// For XML and HTML, in text and between double quotes.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            // What no XML document may hold.
            case "\u{0}" ... "\u{8}", "\u{B}", "\u{C}", "\u{E}" ... "\u{1F}", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Columns that a character takes in a terminal: 2 for East Asian wide ones and emoji, 0 for what combines.
    static func columns(_ character: Character) -> Int {
        guard let first = character.unicodeScalars.first else { return 0 }
        switch first.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return 0
        default: break
        }
        if character.unicodeScalars.contains(where: { $0.properties.isEmojiPresentation || $0.value == 0xFE0F }) { return 2 }
        switch first.value {
        case 0x1100 ... 0x115F, 0x2E80 ... 0x303E, 0x3041 ... 0xA4CF, 0xA960 ... 0xA97C, 0xAC00 ... 0xD7A3, 0xF900 ... 0xFAFF,
            0xFE30 ... 0xFE6F, 0xFF00 ... 0xFF60, 0xFFE0 ... 0xFFE6, 0x1F300 ... 0x1FAFF, 0x20000 ... 0x3FFFD:
            return 2
        default: return 1
        }
    }

    static func columns(_ text: String) -> Int { text.reduce(0) { $0 + columns($1) } }

    /// The text, or as much of it as fits in so many columns, with an ellipsis in its middle, so that names that differ at their ends still do.
    static func fitted(_ text: String, _ limit: Int, ellipsis: String = "…") -> String {
        guard columns(text) > limit else { return text }
        let dots = columns(ellipsis)
        guard limit > dots else { return String(ellipsis.prefix(max(limit, 0))) }
        var head = ""
        var tail = ""
        var room = limit - dots
        var front = text[...]
        var takesHead = true
        while let next = takesHead ? front.first : front.last, columns(next) <= room {
            room -= columns(next)
            if takesHead {
                head.append(next)
                front.removeFirst()
            } else {
                tail.insert(next, at: tail.startIndex)
                front.removeLast()
            }
            takesHead.toggle()
        }
        return head + ellipsis + tail
    }

    /// The text in exactly so many columns.
    static func padded(_ text: String, _ width: Int, right: Bool = false) -> String {
        let spaces = String(repeating: " ", count: max(width - columns(text), 0))
        return right ? spaces + text : text + spaces
    }
}

// Text whose width nobody can measure before it is shown: estimates that err on the wide side.
extension MapText {
    static func pixels(_ character: Character, size: Double) -> Double {
        let columns = columns(character)
        guard columns == 1 else { return columns == 0 ? 0 : size * 1.35 }
        switch character {
        case "i", "l", "j", "I", "t", "f", "r", ".", ",", ":", ";", "'", "|", "!", "(", ")", "[", "]", " ", "/":
            return size * 0.42
        case "m", "w", "M", "W", "@", "%", "…": return size * 0.95
        case "A" ... "Z": return size * 0.74
        default: return size * (character.isASCII ? 0.62 : 0.85)
        }
    }

    static func pixels(_ text: String, size: Double) -> Double { text.reduce(0) { $0 + pixels($1, size: size) } }

    /// The text, or as much of it as is sure to fit.
    static func fitted(_ text: String, pixels limit: Double, size: Double) -> String {
        // A line that is not cut off in a picture can still be too long to take apart.
        var length = columns(text)
        if length > 4000 { length = 4000 }
        var fitted = fitted(text, length)
        while length > 1, pixels(fitted, size: size) > limit {
            length -= 1
            fitted = self.fitted(text, length)
        }
        return fitted
    }
}
