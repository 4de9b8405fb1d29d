/// A place in what was typed: lines and columns, counted from 1, columns in characters.
struct Location: Hashable, Sendable {
    var line = 1
    var column = 1
}

/// What is wrong with a line of input, and where in it.
struct InputError: Error, Equatable {
    let message: String
    let location: Location

    init(_ message: String, at location: Location) {
        self.message = message
        self.location = location
    }
}

/// Text of a line, and below it a caret at a column.
struct Excerpt {
    let line: String
    let column: Int

    /// The line and the caret, each indented alike. Tabs are kept, so that the caret stands where
    /// the terminal shows the character; characters that terminals show two columns wide take two.
    /// A line that is far longer than a terminal is wide is shown around the column only.
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

/// What may be sent to a terminal: no control character of a file's or a script's own gets there.
enum Printable {
    /// A line in which control characters other than tabs are replaced by one column each.
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
        // Marks that turn the direction of what follows.
        case .format:
            (0x202A ... 0x202E).contains(scalar.value) || (0x2066 ... 0x2069).contains(scalar.value)
        default: false
        }
    }

    /// The columns that terminals give a character.
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
