/// Formats quantities and names in pictures.
enum MapText {
    /// Formats a number without trailing zeros.
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

    /// Returns each number's share in tenths of a percent, rounded so that they add up to 1000
    /// (largest remainders first).
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

    /// `12.5 %`. A nonzero share that rounds to zero is `<0.1 %`.
    static func percent(tenths: Int, isSomething: Bool = true) -> String {
        tenths == 0 && isSomething ? "<0.1 %" : "\(tenths / 10).\(tenths % 10) %"
    }

    /// Returns a name with any contents on one line.
    static func visible(_ name: String) -> String {
        name.isEmpty ? "(no name)" : DisplayText.oneLine(name)
    }

    /// Escapes text for XML and HTML, as content and between double quotes.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            // Characters that no XML document may contain.
            case "\u{0}" ... "\u{8}", "\u{B}", "\u{C}", "\u{E}" ... "\u{1F}", "\u{FFFE}",
                "\u{FFFF}":
                result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Returns the text, or as much of it as fits the number of columns. The ellipsis is in the
    /// middle, so that names with different ends stay distinguishable.
    static func fitted(_ text: String, _ limit: Int, ellipsis: String = "…") -> String {
        guard DisplayText.width(text) > limit else { return text }
        let dots = DisplayText.width(ellipsis)
        guard limit > dots else { return String(ellipsis.prefix(max(limit, 0))) }
        var head = ""
        var tail = ""
        var room = limit - dots
        var front = text[...]
        var takesHead = true
        while let next = takesHead ? front.first : front.last, DisplayText.width(next) <= room {
            room -= DisplayText.width(next)
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

    /// Returns the text padded to exactly this number of columns.
    static func padded(_ text: String, _ width: Int, right: Bool = false) -> String {
        let spaces = String(repeating: " ", count: max(width - DisplayText.width(text), 0))
        return right ? spaces + text : text + spaces
    }
}

// The width of this text is unknown until it is shown. The estimates err on the wide side.
extension MapText {
    static func pixels(_ character: Character, size: Double) -> Double {
        let columns = DisplayText.width(character)
        guard columns == 1 else { return columns == 0 ? 0 : size * 1.35 }
        switch character {
        case "i", "l", "j", "I", "t", "f", "r", ".", ",", ":", ";", "'", "|", "!", "(", ")", "[",
            "]", " ", "/":
            return size * 0.42
        case "m", "w", "M", "W", "@", "%", "…": return size * 0.95
        case "A" ... "Z": return size * 0.74
        default: return size * (character.isASCII ? 0.62 : 0.85)
        }
    }

    static func pixels(_ text: String, size: Double) -> Double {
        text.reduce(0) { $0 + pixels($1, size: size) }
    }

    /// Returns the text, or as much of it as is certain to fit.
    static func fitted(_ text: String, pixels limit: Double, size: Double) -> String {
        // Even a line that a picture shows completely can be too long to split into characters.
        var length = DisplayText.width(text)
        if length > 4000 { length = 4000 }
        var fitted = fitted(text, length)
        while length > 1, pixels(fitted, size: size) > limit {
            length -= 1
            fitted = self.fitted(text, length)
        }
        return fitted
    }
}
