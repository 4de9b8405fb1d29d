/// Splits input into tokens. Every error has a place.
///
/// A newline inside brackets, or after an operator or a comma, does not end a statement and
/// produces no token. Input that ends inside a bracket, or after a token that must be followed by
/// another, is incomplete and not wrong. See ``needsMore(after:)``.
struct Lexer {
    private var characters: [Character]
    private var at = 0
    private var location: Location
    private var brackets: [(sign: Character, location: Location)] = []
    private var tokens: [Token] = []

    /// The maximum nesting of brackets. Recursive functions walk the result.
    static let deepest = 100

    private init(_ text: String, line: Int) {
        // Swift treats a carriage return and a newline as one character.
        characters = Array(text)
        location = Location(line: line, column: 1)
    }

    /// Returns the tokens of a text whose first line has the given number. The last token is `end`.
    static func tokens(of text: String, line: Int = 1) throws(InputError) -> [Token] {
        var lexer = Lexer(text, line: line)
        return try lexer.run()
    }

    /// Creates a lexer that is given a text line by line, to determine where it ends.
    init() { self.init("", line: 1) }

    /// Adds a line. Returns whether more lines must follow to complete the input. Errors in it are
    /// reported when the whole input is parsed.
    mutating func needsMore(after line: String) -> Bool {
        characters = Array(line + "\n")
        at = 0
        do throws(InputError) { while at < characters.count { try next() } } catch { return false }
        // Only the last token determines how the input continues.
        tokens = tokens.last { $0.kind != .newline }.map { [$0] } ?? []
        if !brackets.isEmpty { return true }
        if case .sign(let sign)? = tokens.last?.kind { return Self.isContinued(after: sign) }
        return false
    }

    // Not after ">", which also ends a type's parameters.
    private static func isContinued(after sign: String) -> Bool {
        [
            ",", "=", "+", "-", "*", "/", "%", "&&", "||", "==", "!=", "<", "<=", ">=", "..<",
            "...", "+=", "-=", "*=", "/=",
            "%=", ":", ".", "?.", "??",
        ]
        .contains(sign)
    }

    private mutating func run() throws(InputError) -> [Token] {
        while at < characters.count { try next() }
        if let open = brackets.last {
            throw InputError("unclosed “\(open.sign)”", at: open.location)
        }
        tokens.append(Token(kind: .end, location: location, isAttached: false))
        return tokens
    }

    private var current: Character? { at < characters.count ? characters[at] : nil }
    private func ahead(_ count: Int) -> Character? {
        at + count < characters.count ? characters[at + count] : nil
    }

    private mutating func advance(_ count: Int = 1) {
        for _ in 0 ..< count {
            if characters[at].isNewline {
                location.line += 1
                location.column = 1
            } else {
                location.column += 1
            }
            at += 1
        }
    }

    private var isAttached: Bool { at > 0 && !characters[at - 1].isWhitespace && !tokens.isEmpty }

    private mutating func add(_ kind: Token.Kind, from start: Location, attached: Bool) {
        tokens.append(Token(kind: kind, location: start, isAttached: attached))
    }

    private mutating func next() throws(InputError) {
        let character = characters[at]
        let start = location
        let attached = isAttached
        if character.isNewline {
            advance()
            guard brackets.allSatisfy({ $0.sign == "{" }) else { return }
            if case .sign(let sign)? = tokens.last?.kind, Self.isContinued(after: sign) { return }
            add(.newline, from: start, attached: false)
        } else if character == " " || character == "\t" {
            advance()
        } else if character == "/", ahead(1) == "/" {
            while let current, !current.isNewline { advance() }
        } else if Self.isNameStart(character) {
            var name = ""
            while let current, Self.isNameStart(current) || Self.isDigit(current) {
                name.append(current)
                advance()
            }
            add(.name(name, isQuoted: false), from: start, attached: attached)
        } else if character == "`" {
            try quotedName(start, attached)
        } else if Self.isDigit(character) {
            try number(start, attached)
        } else if character == "\"" {
            try text(start, attached)
        } else {
            try sign(start, attached)
        }
    }

    private static func isNameStart(_ character: Character) -> Bool {
        character == "_" || character.isLetter
    }
    private static func isDigit(_ character: Character) -> Bool {
        character >= "0" && character <= "9" && character.isASCII
    }

    private mutating func quotedName(_ start: Location, _ attached: Bool) throws(InputError) {
        advance()
        var name = ""
        while let current, current != "`", !current.isNewline {
            name.append(current)
            advance()
        }
        guard current == "`", !name.isEmpty else {
            throw InputError("unterminated name in backticks", at: start)
        }
        advance()
        add(.name(name, isQuoted: true), from: start, attached: attached)
    }

    // MARK: Numbers

    private mutating func number(_ start: Location, _ attached: Bool) throws(InputError) {
        if current == "0", let radix = ["x": 16, "b": 2, "o": 8][ahead(1) ?? " "] {
            advance(2)
            return add(
                .integer(try integer(digits(radix: radix), radix: radix, start)), from: start,
                attached: attached)
        }
        var text = digits(radix: 10)
        var isWhole = true
        if current == ".", let next = ahead(1), Self.isDigit(next) {
            isWhole = false
            advance()
            text += "." + digits(radix: 10)
        }
        if current == "e" || current == "E" {
            let sign = ahead(1) == "-" || ahead(1) == "+" ? 1 : 0
            if let digit = ahead(1 + sign), Self.isDigit(digit) {
                isWhole = false
                text += "e" + (ahead(1) == "-" ? "-" : "")
                advance(1 + sign)
                text += digits(radix: 10)
            }
        }
        if let current, Self.isNameStart(current) {
            throw InputError("“\(current)” is not valid in a number", at: location)
        }
        if isWhole {
            return add(
                .integer(try integer(text, radix: 10, start)), from: start, attached: attached)
        }
        guard let number = Double(text), number.isFinite else {
            throw InputError("the number is too large for a Double", at: start)
        }
        add(.number(number), from: start, attached: attached)
    }

    private mutating func digits(radix: Int) -> String {
        var digits = ""
        while let current,
            current == "_" || (current.isASCII && (current.hexDigitValue ?? 99) < radix)
        {
            if current != "_" { digits.append(current) }
            advance()
        }
        return digits
    }

    private func integer(_ digits: String, radix: Int, _ start: Location) throws(InputError)
        -> Int128
    {
        guard !digits.isEmpty else { throw InputError("the number has no digits", at: start) }
        guard let number = Int128(digits, radix: radix) else {
            throw InputError(
                "the number is too large: lines have none above \(Int128.max)", at: start)
        }
        return number
    }

    // MARK: Strings

    private mutating func text(_ start: Location, _ attached: Bool) throws(InputError) {
        advance()
        var text = ""
        while let current, current != "\"" {
            guard !current.isNewline else { break }
            if current == "\\" {
                text.unicodeScalars.append(try escaped())
            } else {
                text.append(current)
                advance()
            }
        }
        guard current == "\"" else {
            throw InputError("unterminated string", at: start)
        }
        advance()
        add(.text(text), from: start, attached: attached)
    }

    private mutating func escaped() throws(InputError) -> Unicode.Scalar {
        let start = location
        advance()
        guard let kind = current else {
            throw InputError("a backslash needs a character after it", at: start)
        }
        let simple: [Character: Unicode.Scalar] = [
            "n": "\n", "t": "\t", "r": "\r", "0": "\0", "\\": "\\", "\"": "\"", "'": "'",
        ]
        if let scalar = simple[kind] {
            advance()
            return scalar
        }
        guard kind == "u", ahead(1) == "{" else {
            throw InputError(
                "there is no escape \\\(Printable.line(String(kind))); known are \\n \\t \\r \\0 "
                    + "\\\\ \\\" \\' \\u{…}",
                at: start)
        }
        advance(2)
        let digits = digits(radix: 16)
        guard current == "}", digits.count <= 8, let value = UInt32(digits, radix: 16),
            let scalar = Unicode.Scalar(value)
        else {
            throw InputError("\\u{…} needs the hexadecimal number of a Unicode scalar", at: start)
        }
        advance()
        return scalar
    }

    // MARK: Punctuation

    private static let signs = [
        "..<", "...", "+=", "-=", "*=", "/=", "%=", "==", "!=", "<=", ">=", "&&", "||", "??", "?.",
        "+", "-", "*", "/", "%", "=",
        "<", ">", "!", "?",
        ".", ",", ":", ";", "(", ")", "[", "]", "{", "}",
    ].map(Array.init)

    private mutating func sign(_ start: Location, _ attached: Bool) throws(InputError) {
        guard let sign = Self.signs.first(where: { characters[at...].starts(with: $0) }) else {
            throw InputError(
                "unexpected “\(Printable.line(String(characters[at])))”", at: start)
        }
        if sign.count == 1 { try checkBrackets(sign[0], start) }
        advance(sign.count)
        add(.sign(String(sign)), from: start, attached: attached)
    }

    private mutating func checkBrackets(_ sign: Character, _ start: Location) throws(InputError) {
        switch sign {
        case "(", "[", "{":
            guard brackets.count < Self.deepest else {
                throw InputError("brackets are nested more than \(Self.deepest) deep", at: start)
            }
            brackets.append((sign, start))
        case ")", "]", "}":
            let opening: Character = sign == ")" ? "(" : sign == "]" ? "[" : "{"
            guard let open = brackets.popLast() else {
                throw InputError("“\(sign)” closes nothing", at: start)
            }
            guard open.sign == opening else {
                throw InputError("“\(sign)” does not close “\(open.sign)”", at: start)
            }
        default: break
        }
    }
}
