/// Parses tokens into statements.
struct Parser {
    private var tokens: [Token]
    private var at = 0
    /// The recursion depth of this parser. The lexer limits nested brackets, and this limits
    /// everything else.
    var depth = 0
    static let deepest = 5 * Lexer.deepest

    /// Returns the statements of a text whose first line has the given number.
    static func statements(of text: String, line: Int = 1) throws(InputError) -> [Statement] {
        var parser = Parser(tokens: try Lexer.tokens(of: text, line: line))
        return try parser.statements()
    }

    // MARK: Tokens

    private init(tokens: [Token]) { self.tokens = tokens }

    var current: Token { tokens[at] }
    func ahead(_ count: Int) -> Token { tokens[min(at + count, tokens.count - 1)] }

    @discardableResult
    mutating func advance() -> Token {
        defer { if at < tokens.count - 1 { at += 1 } }
        return tokens[at]
    }

    mutating func take(_ sign: String) -> Bool {
        guard current.isSign(sign) else { return false }
        advance()
        return true
    }

    mutating func expect(_ sign: String, _ why: String) throws(InputError) {
        guard take(sign) else {
            throw InputError("“\(sign)” \(why), not \(current.phrase)", at: current.location)
        }
    }

    mutating func name(_ what: String) throws(InputError) -> String {
        guard case .name(let name, _) = current.kind else {
            throw InputError(
                "expected \(what) instead of \(current.phrase)", at: current.location)
        }
        advance()
        return name
    }

    mutating func skipNewlines() { while current.kind == .newline { advance() } }

    // MARK: Statements

    private mutating func statements() throws(InputError) -> [Statement] {
        var found: [Statement] = []
        while true {
            while current.kind == .newline || current.isSign(";") { advance() }
            if current.kind == .end { break }
            found.append(try statement())
            guard isAtEndOfStatement else {
                throw InputError("\(current.phrase) is not expected here", at: current.location)
            }
        }
        if found.count > 1, let command = found.first(where: \.isCommand) {
            throw InputError(
                "a command or declaration must be on a line of its own", at: command.location)
        }
        return found
    }

    private var isAtEndOfStatement: Bool {
        current.kind == .newline || current.kind == .end || current.isSign(";")
    }

    private mutating func statement() throws(InputError) -> Statement {
        let location = current.location
        if case .name(let word, isQuoted: false) = current.kind, let form = try command(word) {
            return Statement(form: form, location: location)
        }
        let target = try expression()
        if current.isSign(":") {
            advance()
            let type = try typeName()
            try expect("=", "and a value are expected after the type")
            return Statement(
                form: .assignment(target: target, type: type, nil, value: try expression()),
                location: location)
        }
        guard case .sign(let sign) = current.kind,
            ["=", "+=", "-=", "*=", "/=", "%="].contains(sign)
        else {
            return Statement(form: .expression(target), location: location)
        }
        advance()
        let change = Operator(rawValue: String(sign.dropLast()))
        return Statement(
            form: .assignment(target: target, type: nil, change, value: try expression()),
            location: location)
    }

    /// Parses a command if the word begins one here. A root may have the same name, if something
    /// follows it.
    private mutating func command(_ word: String) throws(InputError) -> Statement.Form? {
        let next = ahead(1)
        if let command = Command.simple[word],
            next.kind == .newline || next.kind == .end || next.isSign(";")
        {
            advance()
            return .command(command)
        }
        let isName = if case .name = next.kind { true } else { false }
        switch word {
        case "struct" where isName:
            advance()
            return try structure()
        case "delete" where isName:
            advance()
            var names: [(name: String, location: Location)] = []
            repeat {
                let location = current.location
                names.append((try name("the name of a root"), location))
            } while take(",")
            return .delete(names)
        case "watch" where isName:
            advance()
            let root = try name("the name of a root")
            guard case .integer(let count) = current.kind else {
                return .command(.watch(root, changes: nil))
            }
            guard count > 0, let changes = Int(exactly: count) else {
                throw InputError(
                    "the number of changes to wait for is at least 1", at: current.location)
            }
            advance()
            return .command(.watch(root, changes: changes))
        case "struct", "delete", "watch":
            guard next.kind == .end || next.kind == .newline else { return nil }
            throw InputError("“\(word)” needs a name after it", at: next.location)
        default: return nil
        }
    }

    /// Parses `Point { x: Double, y: Double }`. Fields are separated by commas, semicolons or
    /// newlines, and may begin with `var` or `let`.
    private mutating func structure() throws(InputError) -> Statement.Form {
        let structName = try name("the name of the struct")
        try expect("{", "is expected after the struct's name")
        var fields: [(name: String, type: TypeName, location: Location)] = []
        while true {
            while current.kind == .newline || current.isSign(",") || current.isSign(";") {
                advance()
            }
            if take("}") { break }
            if case .name(let word, isQuoted: false) = current.kind, word == "var" || word == "let",
                case .name = ahead(1).kind
            {
                advance()
            }
            let location = current.location
            let fieldName = try name("the name of a field")
            try expect(":", "and a type are expected after a field's name")
            guard !fields.contains(where: { $0.name == fieldName }) else {
                throw InputError("\(structName) has a field \(fieldName) already", at: location)
            }
            fields.append((fieldName, try typeName(), location))
            guard
                current.kind == .newline || current.isSign(",") || current.isSign(";")
                    || current.isSign("}")
            else {
                throw InputError(
                    "expected “,” or “}” after a field instead of \(current.phrase)",
                    at: current.location)
            }
        }
        return .structure(name: structName, fields: fields)
    }

    // MARK: Types

    mutating func typeName() throws(InputError) -> TypeName {
        let location = current.location
        depth += 1
        defer { depth -= 1 }
        guard depth <= Parser.deepest else {
            throw InputError("types are nested too deeply", at: location)
        }
        var type: TypeName
        if take("[") {
            let first = try typeName()
            let form: TypeName.Form =
                take(":") ? .generic("map", [first, try typeName()]) : .generic("array", [first])
            try expect("]", "is expected at the end of the type")
            type = TypeName(form: form, location: location)
        } else {
            let base = try name("a type")
            guard take("<") else {
                type = TypeName(form: .named(base), location: location)
                return optionals(of: type)
            }
            var parameters: [TypeName] = []
            repeat { parameters.append(try typeName()) } while take(",")
            try expect(">", "is expected at the end of the type")
            type = TypeName(form: .generic(base, parameters), location: location)
        }
        return optionals(of: type)
    }

    private mutating func optionals(of type: TypeName) -> TypeName {
        var type = type
        // Only one has a meaning. More are reported when the type is looked up.
        var count = 0
        while count < 4, current.isSign("?") || current.isSign("??") {
            count += 1
            advance()
            type = TypeName(form: .optional(type), location: type.location)
        }
        return type
    }
}

extension Statement {
    var isCommand: Bool {
        switch form {
        case .command, .structure, .delete: true
        case .expression, .assignment: false
        }
    }
}
