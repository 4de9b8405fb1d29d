/// A place in the input: line and column, counted from 1, columns in characters.
struct Location: Hashable, Sendable {
    var line = 1
    var column = 1
}

/// An error in a line of input, and its place.
struct InputError: Error, Equatable {
    let message: String
    let location: Location

    init(_ message: String, at location: Location) {
        self.message = message
        self.location = location
    }
}

/// The text of a line, with a caret below it at a column.
struct Excerpt {
    let line: String
    let column: Int

    /// Returns the line and the caret, with the same indentation. Tabs are kept, so that the caret
    /// is below the character on a terminal. Wide characters take two columns. Of a line that is
    /// much longer than the terminal is wide, only the part around the column is shown.
    func picture(caret: String = "^") -> String {
        let window = 120
        var characters = Array(line)
        var at = min(max(column - 1, 0), characters.count)
        var before = ""
        if characters.count > window, at > window / 2 {
            let dropped = min(at - window / 2, characters.count - window / 2)
            characters.removeFirst(dropped)
            at -= dropped
            before = "…"
        }
        let shown = Printable.line(String(characters.prefix(window)))
        var indent = String(repeating: " ", count: before.count)
        for character in characters.prefix(at) {
            indent +=
                character == "\t"
                ? "\t" : String(repeating: " ", count: Printable.width(of: character))
        }
        return "  \(before)\(shown)\n  \(indent)\(caret)"
    }
}

/// Text that is safe for a terminal: control characters of a file or a script are removed.
enum Printable {
    /// Returns a line in which each control character other than a tab is replaced by one column.
    static func line(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { isControl($0) && $0 != "\t" }) else {
            return text
        }
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { isControl($0) && $0 != "\t" ? "\u{FFFD}" : $0 }))
    }

    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        // Marks that change the direction of the following text.
        case .format:
            (0x202A ... 0x202E).contains(scalar.value) || (0x2066 ... 0x2069).contains(scalar.value)
        default: false
        }
    }

    /// Returns the number of columns of a character on a terminal.
    static func width(of character: Character) -> Int {
        guard let first = character.unicodeScalars.first else { return 0 }
        if character.isASCII { return 1 }
        switch first.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: break
        }
        switch first.value {
        case 0x1100 ... 0x115F, 0x2E80 ... 0x303E, 0x3041 ... 0xA4CF, 0xAC00 ... 0xD7A3,
            0xF900 ... 0xFAFF, 0xFE30 ... 0xFE6F,
            0xFF00 ... 0xFF60,
            0xFFE0 ... 0xFFE6, 0x1F300 ... 0x1F64F, 0x1F680 ... 0x1F6FF, 0x1F900 ... 0x1FAFF,
            0x20000 ... 0x3FFFD:
            return 2
        default: return 1
        }
    }
}
