extension Parser {
    mutating func expression() throws(InputError) -> Expression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Parser.deepest else {
            throw InputError("expressions are nested too deeply", at: current.location)
        }
        let condition = try binary(above: 0)
        guard take("?") else { return condition }
        let yes = try expression()
        try expect(":", "is expected between the two values of “?”")
        let no = try expression()
        return try make(
            .choice(condition, yes, no), condition.location, above: [condition, yes, no])
    }

    private func make(_ form: Expression.Form, _ location: Location, above parts: [Expression])
        throws(InputError) -> Expression
    {
        let height = (parts.map(\.height).max() ?? 0) + 1
        guard height <= Expression.highest else {
            throw InputError(
                "the expression is too long: more than \(Expression.highest) nested operations",
                at: location)
        }
        return Expression(form: form, location: location, height: height)
    }

    // MARK: Operators

    private var currentOperator: Operator? {
        guard case .sign(let sign) = current.kind, let found = Operator(rawValue: sign),
            found != .not
        else { return nil }
        return found
    }

    private mutating func binary(above precedence: Int) throws(InputError) -> Expression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Parser.deepest else {
            throw InputError("expressions are nested too deeply", at: current.location)
        }
        var left: Expression
        if let range = try range(above: precedence) { left = range } else { left = try prefixed() }
        while let found = currentOperator, found.precedence > precedence {
            let location = advance().location
            if found == .halfOpenRange || found == .closedRange {
                left = try rest(ofRangeFrom: left, isClosed: found == .closedRange, location)
                continue
            }
            // Right-associative for ??, as in Swift; left-associative for the others.
            let right = try binary(
                above: found == .coalesce ? found.precedence - 1 : found.precedence)
            left = try make(.binary(found, left, right), location, above: [left, right])
        }
        return left
    }

    /// Parses a range without a lower bound.
    private mutating func range(above precedence: Int) throws(InputError) -> Expression? {
        guard let found = currentOperator, found == .halfOpenRange || found == .closedRange,
            found.precedence > precedence
        else {
            return nil
        }
        let location = advance().location
        return try rest(ofRangeFrom: nil, isClosed: found == .closedRange, location)
    }

    private mutating func rest(ofRangeFrom lower: Expression?, isClosed: Bool, _ location: Location)
        throws(InputError)
        -> Expression
    {
        if isClosed, lower != nil,
            current.isSign("]") || current.isSign(")") || current.kind == .end
        {
            return try make(
                .range(lower, nil, isClosed: true), location, above: lower.map { [$0] } ?? [])
        }
        let upper = try binary(above: Operator.halfOpenRange.precedence)
        return try make(
            .range(lower, upper, isClosed: isClosed), location,
            above: [lower, upper].compactMap { $0 })
    }

    private mutating func prefixed() throws(InputError) -> Expression {
        let location = current.location
        depth += 1
        defer { depth -= 1 }
        guard depth <= Parser.deepest else {
            throw InputError("expressions are nested too deeply", at: location)
        }
        if take("-") {
            let operand = try prefixed()
            return try make(.unary(.subtract, operand), location, above: [operand])
        }
        if take("!") {
            let operand = try prefixed()
            return try make(.unary(.not, operand), location, above: [operand])
        }
        return try suffixed()
    }

    // MARK: Members, calls, subscripts

    private mutating func suffixed() throws(InputError) -> Expression {
        var base = try primary()
        while true {
            let location = current.location
            if current.isSign(".") || current.isSign("?.") {
                let isOptional = advance().isSign("?.")
                let nameLocation = current.location
                let member = try memberName()
                if current.isSign("("), current.isAttached {
                    let arguments = try arguments(until: ")")
                    base = try make(
                        .call(base, member, arguments, isOptional: isOptional), nameLocation,
                        above: [base] + arguments.map(\.value))
                } else {
                    base = try make(
                        .member(base, member, isOptional: isOptional), nameLocation, above: [base])
                }
            } else if current.isSign("["), current.isAttached {
                let arguments = try arguments(until: "]")
                base = try make(
                    .element(base, arguments), location, above: [base] + arguments.map(\.value))
            } else if current.isSign("!"), current.isAttached {
                advance()
                base = try make(.forced(base), location, above: [base])
            } else {
                return base
            }
        }
    }

    /// Parses the name of a member. Elements of a tuple have numbers as names.
    private mutating func memberName() throws(InputError) -> String {
        if case .integer(let number) = current.kind {
            advance()
            return "\(number)"
        }
        return try name("the name of a member")
    }

    private mutating func arguments(until closing: String) throws(InputError) -> [Argument] {
        advance()
        var found: [Argument] = []
        if take(closing) { return found }
        repeat {
            let location = current.location
            var label: String?
            if case .name(let word, isQuoted: _) = current.kind, ahead(1).isSign(":") {
                label = word
                advance()
                advance()
            }
            found.append(Argument(label: label, value: try argumentValue(), location: location))
        } while take(",")
        try expect(closing, "or “,” is expected")
        return found
    }

    private mutating func argumentValue() throws(InputError) -> Expression {
        if current.isSign("<") || current.isSign(">"), ahead(1).isSign(")") {
            let sign = advance()
            return try make(.order(isAscending: sign.isSign("<")), sign.location, above: [])
        }
        return try expression()
    }

    // MARK: Primary expressions

    private mutating func primary() throws(InputError) -> Expression {
        let token = current
        switch token.kind {
        case .integer(let number):
            advance()
            return try make(.literal(.integer(number)), token.location, above: [])
        case .number(let number):
            advance()
            return try make(.literal(.number(number)), token.location, above: [])
        case .text(let text):
            advance()
            return try make(.literal(.text(text)), token.location, above: [])
        case .sign("("):
            advance()
            let inner = try expression()
            try expect(")", "is expected")
            return inner
        case .sign("["): return try listOrDictionary()
        case .sign("."):
            advance()
            let name = try name("the name of a case")
            let arguments =
                current.isSign("(") && current.isAttached ? try arguments(until: ")") : []
            return try make(
                .enumCase(name, arguments), token.location, above: arguments.map(\.value))
        case .name(let name, let isQuoted): return try named(name, isQuoted: isQuoted)
        default:
            throw InputError(
                "expected a value instead of \(token.phrase)", at: token.location)
        }
    }

    private mutating func named(_ name: String, isQuoted: Bool) throws(InputError) -> Expression {
        let location = current.location
        if !isQuoted {
            let constants: [String: Value] = [
                "true": .bool(true), "false": .bool(false), "nil": .null,
            ]
            if let constant = constants[name] {
                advance()
                return try make(.literal(constant), location, above: [])
            }
            if ContainerKind(name) != nil, ahead(1).isSign("<"), ahead(1).isAttached {
                let type = try typeName()
                guard current.isSign("(") else {
                    throw InputError("“()” is expected after the type", at: current.location)
                }
                let arguments = try arguments(until: ")")
                return try make(
                    .container(type, arguments), location, above: arguments.map(\.value))
            }
        }
        advance()
        if current.isSign("("), current.isAttached {
            let arguments = try arguments(until: ")")
            return try make(.construction(name, arguments), location, above: arguments.map(\.value))
        }
        return try make(.name(name), location, above: [])
    }

    private mutating func listOrDictionary() throws(InputError) -> Expression {
        let location = advance().location
        if take("]") { return try make(.list([]), location, above: []) }
        if current.isSign(":"), ahead(1).isSign("]") {
            advance()
            advance()
            return try make(.dictionary([]), location, above: [])
        }
        let first = try expression()
        if take(":") {
            var pairs = [(key: first, value: try expression())]
            while take(","), !current.isSign("]") {
                let key = try expression()
                try expect(":", "is expected between a key and its value")
                pairs.append((key, try expression()))
            }
            try expect("]", "or “,” is expected")
            return try make(
                .dictionary(pairs), location, above: pairs.flatMap { [$0.key, $0.value] })
        }
        var elements = [first]
        while take(","), !current.isSign("]") { elements.append(try expression()) }
        try expect("]", "or “,” is expected")
        return try make(.list(elements), location, above: elements)
    }
}
