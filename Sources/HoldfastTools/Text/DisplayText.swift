import MemoryMapping

/// Makes text from a file or from the user safe for a terminal: nothing in it moves the cursor,
/// changes colours or breaks the line.
package enum DisplayText {
    /// Replaces control characters, line terminators and characters that change the writing
    /// direction by escapes such as `\n` and `\u{1B}`.
    package static func oneLine(_ text: String) -> String {
        let text = PathBytes.display(text)
        guard text.unicodeScalars.contains(where: needsEscape) else { return text }
        var result = ""
        for scalar in text.unicodeScalars { append(scalar, to: &result) }
        return result
    }

    /// Returns the text in quotes, with quotes and backslashes escaped too, so that it can be
    /// parsed again.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { result += "\\" }
            append(scalar, to: &result)
        }
        return result + "\""
    }

    private static func append(_ scalar: Unicode.Scalar, to result: inout String) {
        guard needsEscape(scalar) else { return result.unicodeScalars.append(scalar) }
        switch scalar {
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        case "\0": result += "\\0"
        default: result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
        }
    }

    private static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate: true
        // Direction marks and overrides can make a text look like a different one.
        case .format:
            (0x200E ... 0x200F).contains(scalar.value) || (0x202A ... 0x202E).contains(scalar.value)
                || (0x2066 ... 0x2069).contains(scalar.value)
        default: false
        }
    }

    /// Returns the number of columns that the text takes on a terminal. It must not contain control
    /// characters.
    package static func width(_ text: String) -> Int {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
        return text.reduce(0) { $0 + width($1) }
    }

    /// Returns the number of columns of a character: 2 for wide ones, 0 for combining ones.
    package static func width(_ character: Character) -> Int {
        guard let first = character.unicodeScalars.first else { return 0 }
        if first.properties.generalCategory == .nonspacingMark
            || first.properties.generalCategory == .enclosingMark
        {
            return 0
        }
        if first.properties.isEmojiPresentation || character.unicodeScalars.contains("\u{FE0F}") {
            return 2
        }
        // The wide ranges of East Asian scripts (Unicode Standard Annex 11).
        switch first.value {
        case 0x1100 ... 0x115F, 0x2E80 ... 0x303E, 0x3041 ... 0x33FF, 0x3400 ... 0x4DBF,
            0x4E00 ... 0x9FFF, 0xA000 ... 0xA4CF,
            0xAC00 ... 0xD7A3, 0xF900 ... 0xFAFF, 0xFE30 ... 0xFE6F, 0xFF00 ... 0xFF60,
            0xFFE0 ... 0xFFE6, 0x20000 ... 0x3FFFD:
            return 2
        default: return 1
        }
    }

    /// Truncates the text to `columns`, with an ellipsis if anything was removed.
    package static func cut(_ text: String, to columns: Int) -> String {
        guard width(text) > columns else { return text }
        var result = ""
        var used = 0
        for character in text {
            let wide = width(character)
            if used + wide > columns - 1 { break }
            result.append(character)
            used += wide
        }
        return columns > 0 ? result + "…" : ""
    }
}
