/// A position in the tokens of a declaration, and the steps over its parts.
///
/// Every step moves forward or leaves the position where it is, and none recurses.
struct TokenReader {
    /// Longer lists in angle brackets are not looked for. It bounds the time that many angles
    /// without an end take.
    private static let longestArguments = 256

    let tokens: [Token]
    private(set) var index = 0

    init(_ tokens: [Token]) { self.tokens = tokens }

    var next: Token? { token(0) }
    var previous: Token? { index > 0 ? tokens[index - 1] : nil }

    func token(_ distance: Int) -> Token? {
        index + distance < tokens.count ? tokens[index + distance] : nil
    }

    /// Whether the next token is this sign or unquoted word.
    func sees(_ text: String) -> Bool { next?.is(text) ?? false }

    @discardableResult
    mutating func take() -> Token? {
        guard let token = next else { return nil }
        index += 1
        return token
    }

    mutating func take(_ text: String) -> Bool {
        guard sees(text) else { return false }
        index += 1
        return true
    }

    // MARK: Groups

    /// Passes a group in brackets of any of the three kinds, or a single token.
    mutating func takeGroup() {
        var depth = 0
        repeat {
            guard let token = take() else { return }
            guard token.kind == .sign else { continue }
            switch token.text {
            case "(", "[", "{": depth += 1
            case ")", "]", "}": depth -= 1
            default: break
            }
        } while depth > 0
    }

    /// Passes generic arguments or parameters in angle brackets. Passes only the angle before the
    /// position if it has no end before a token that no type contains.
    mutating func takeAngles() {
        if !takeAngles(stoppingAt: ["{", "}", ")", "]", ";", "+", "-", "*", "/"]) { take() }
    }

    /// Does the same in an expression, where the angle can be an operator: as in the compiler, it
    /// begins arguments if they can be types, and if a token follows that no operand can be.
    private mutating func takeAnglesOrOperator() {
        let start = index
        let isType =
            previous?.kind == .word
            && takeAngles(stoppingAt: ["{", "}", ")", "]", ";", "+", "-", "*", "/", ":", "=", "|"])
        guard isType, let next, !next.startsLine else {
            if !isType { take() }
            return
        }
        let follows = ["(", ")", "]", "}", "{", ".", ",", ";", ":", "?", "!", "="]
        if next.kind != .sign || !follows.contains(next.text) {
            index = start + 1
        }
    }

    private mutating func takeAngles(stoppingAt stops: Set<String>) -> Bool {
        let start = index
        var depth = 0
        var steps = 0
        repeat {
            steps += 1
            guard let token = next, steps < Self.longestArguments,
                token.kind != .sign || !stops.contains(token.text)
            else {
                index = start
                return false
            }
            if token.is("(") || token.is("[") {
                takeGroup()
            } else {
                if token.is("<") { depth += 1 } else if token.is(">") { depth -= 1 }
                index += 1
            }
        } while depth > 0
        return true
    }

    // MARK: Declarations

    /// What the position is in. It decides which signs at the end of a line continue in the next.
    private enum Part { case type, expression }

    /// Whether a declaration begins here, on a line of its own.
    private func startsDeclaration(after part: Part) -> Bool {
        guard let token = next, token.startsLine else { return false }
        if let previous, previous.kind == .sign, continues(previous, part) { return false }
        if token.is("@") { return true }
        if token.is("#") { return !isPostfixCondition }
        guard token.kind == .word,
            Keywords.introducers.contains(token.text) || Keywords.modifiers.contains(token.text)
        else { return false }
        // A label, as in `first { } second: { }`.
        return !(self.token(1)?.is(":") ?? false)
    }

    /// Whether the sign needs something after it.
    private func continues(_ sign: Token, _ part: Part) -> Bool {
        switch sign.text {
        case "->", "=", ",", ":", "&", "(", "[", "<", ".": true
        case ")", "]", "}": false
        // A binary operator has blanks on both sides.
        default: part == .expression && sign.isSpaced
        }
    }

    /// Whether `#if` here stands before a member that belongs to the expression, as in
    /// `Text("a")` followed by `#if DEBUG` and `.bold()`.
    private var isPostfixCondition: Bool {
        guard token(1)?.is("if") ?? false else { return false }
        var distance = 2
        while let token = token(distance), !token.startsLine { distance += 1 }
        return token(distance)?.is(".") ?? false
    }

    /// Whether the member ends here.
    private func isAtEnd(of part: Part) -> Bool {
        guard let token = next else { return true }
        return token.is("}") || token.is(";") || startsDeclaration(after: part)
    }

    /// Passes a type and returns its tokens.
    mutating func takeType() -> ArraySlice<Token> {
        let start = index
        while !isAtEnd(of: .type), let token = next {
            if token.kind == .sign, ["=", "{", ",", ")", "]"].contains(token.text) { break }
            if token.is("<") {
                takeAngles()
            } else {
                takeGroup()
            }
        }
        return tokens[start ..< index]
    }

    /// Passes the expression after an equals sign, up to a comma, a block of observers or the end
    /// of the member. Returns its first token.
    mutating func takeExpression() -> Token? {
        let first = next
        let start = index
        while !isAtEnd(of: .expression), let token = next {
            if token.kind == .sign, [",", ")", "]"].contains(token.text) { break }
            if token.is("{"), index > start, blockBeginsAccessors { break }
            if token.is("#"), token.startsLine, isPostfixCondition {
                takePostfixCondition()
            } else if token.is("<") {
                takeAnglesOrOperator()
            } else {
                takeGroup()
            }
        }
        return first
    }

    private mutating func takePostfixCondition() {
        var depth = 0
        repeat {
            if sees("#"), let word = token(1) {
                if word.is("if") { depth += 1 } else if word.is("endif") { depth -= 1 }
                take()
            }
            take()
        } while depth > 0 && next != nil
    }

    /// Whether the block in braces here has accessors of a property: `get`, `didSet` and so on.
    var blockBeginsAccessors: Bool { firstAccessor.map(Keywords.accessors.contains) ?? false }

    /// Whether the block in braces here has observers, so that the property is stored.
    var blockBeginsObservers: Bool { ["willSet", "didSet"].contains(firstAccessor) }

    /// The first word in braces that is no attribute and no modifier.
    private var firstAccessor: String? {
        var reader = self
        reader.take()
        reader.takeAttributes()
        while let word = reader.next, word.kind == .word, Keywords.modifiers.contains(word.text) {
            reader.take()
        }
        guard let word = reader.next, word.kind == .word else { return nil }
        return word.text
    }

    /// Passes attributes and returns their tokens, without those of the arguments.
    @discardableResult
    mutating func takeAttributes() -> [Attribute] {
        var attributes: [Attribute] = []
        while sees("@"), let at = next {
            let first = index
            take()
            let start = index
            take()
            while sees("."), take(".") { take() }
            let name = tokens[start ..< index].map(\.text).joined()
            if sees("<"), let angle = next, !angle.isSpaced { takeAngles() }
            // `@escaping (Int) -> Void` has a blank, `@available(…)` has none.
            if sees("("), let parenthesis = next, !parenthesis.isSpaced { takeGroup() }
            attributes.append(
                Attribute(
                    name: name, text: Declaration.text(tokens[first ..< index]),
                    range: at.range.lowerBound ..< endOfPrevious))
        }
        return attributes
    }

    /// The end in bytes of the token before the position.
    var endOfPrevious: Int { previous?.range.upperBound ?? 0 }

    /// Passes the rest of a declaration whose contents do not matter: up to its body's end, or to
    /// the end of the member if it has none.
    mutating func takeRestOfDeclaration() {
        while !isAtEnd(of: .type) {
            let isBody = sees("{")
            takeGroup()
            if isBody { return }
        }
    }
}

/// An attribute of a declaration.
struct Attribute {
    /// Returns the tokens between the parentheses of an attribute's source, up to the first closing
    /// one.
    static func arguments(of source: String) -> ArraySlice<Token> {
        let tokens = Tokenizer.tokens(of: source)
        guard let start = tokens.firstIndex(where: { $0.is("(") }) else { return [] }
        return tokens[(start + 1)...].prefix { !$0.is(")") }
    }

    /// Returns the source of the only argument if that is a string without interpolation.
    static func plainName(in source: String) -> String? {
        let arguments = arguments(of: source)
        guard arguments.count == 1, let token = arguments.first, token.kind == .literal,
            token.text.hasPrefix("\""), !token.text.contains("\\(")
        else { return nil }
        return token.text
    }

    /// The name without `@` and arguments.
    let name: String
    /// The whole attribute.
    let text: String
    /// The bytes of the source that it covers.
    let range: Range<Int>
}
