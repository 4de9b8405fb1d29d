/// Splits Swift source into tokens. Any bytes are accepted: an unknown one is a sign, and a literal
/// or comment without an end continues to the end of the source.
///
/// Signs are single characters, except `->` and `...`. Literals are passed over as a whole; see
/// `LiteralScanner`.
package struct Tokenizer {
    private let bytes: [UInt8]
    private var index = 0
    private var tokens: [Token] = []

    package static func tokens(of source: String) -> [Token] {
        var tokenizer = Tokenizer(bytes: Array(source.utf8))
        while tokenizer.addNext() {}
        return tokenizer.tokens
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func addNext() -> Bool {
        let before = index
        let isNewLine = skipBlanks()
        guard index < bytes.count else { return false }
        let start = index
        let kind = take()
        // Every token has at least one byte, so this ends.
        index = min(max(index, start + 1), bytes.count)
        tokens.append(
            Token(
                kind: kind, text: String(decoding: bytes[start ..< index], as: UTF8.self),
                range: start ..< index, startsLine: isNewLine, isSpaced: start > before))
        return true
    }

    private mutating func take() -> Token.Kind {
        if let end = LiteralScanner.endOfString(bytes, from: index) {
            index = end
            return .literal
        }
        if let end = LiteralScanner.endOfRegex(bytes, from: index, isAfterOperand: isAfterOperand) {
            index = end
            return .literal
        }
        if bytes[index] == UInt8(ascii: "`") {
            repeat {
                index += 1
            } while index < bytes.count && bytes[index] != UInt8(ascii: "`")
                && bytes[index] != 0x0a
            index += 1
            return .word
        }
        if Self.isWordByte(bytes[index]) {
            while index < bytes.count, Self.isWordByte(bytes[index]) { index += 1 }
            return .word
        }
        let dot = UInt8(ascii: ".")
        if LiteralScanner.isPair(bytes, at: index, UInt8(ascii: "-"), UInt8(ascii: ">")) {
            index += 2
        } else if LiteralScanner.isPair(bytes, at: index, dot, dot),
            LiteralScanner.isPair(bytes, at: index + 1, dot, dot)
        {
            index += 3
        } else {
            index += 1
        }
        return .sign
    }

    /// Whether the last token ends an operand, so that a slash directly after it divides.
    private var isAfterOperand: Bool {
        guard let last = tokens.last else { return false }
        switch last.kind {
        case .literal: return true
        case .word: return !["return", "in", "case", "try", "await", "throw"].contains(last.text)
        case .sign: return [")", "]", "}", "?", "!"].contains(last.text)
        }
    }

    static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0") ... UInt8(ascii: "9"), UInt8(ascii: "a") ... UInt8(ascii: "z"),
            UInt8(ascii: "A") ... UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...:
            true
        default: false
        }
    }

    /// Passes blanks and comments. Returns whether a line ended there.
    private mutating func skipBlanks() -> Bool {
        var isNewLine = index == 0
        while index < bytes.count {
            if let end = LiteralScanner.endOfComment(bytes, from: index) {
                isNewLine = isNewLine || bytes[index ..< end].contains { $0 == 0x0a || $0 == 0x0d }
                index = end
            } else if bytes[index] <= 0x20 {
                isNewLine = isNewLine || bytes[index] == 0x0a || bytes[index] == 0x0d
                index += 1
            } else {
                break
            }
        }
        return isNewLine
    }
}
