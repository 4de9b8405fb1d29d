extension Expression {
    /// Calls `body` with this expression and all expressions inside it.
    func forEach(_ body: (Expression) throws(InputError) -> Void) throws(InputError) {
        try body(self)
        switch form {
        case .literal, .name, .order: break
        case .list(let elements): for element in elements { try element.forEach(body) }
        case .dictionary(let pairs):
            for pair in pairs {
                try pair.key.forEach(body)
                try pair.value.forEach(body)
            }
        case .unary(_, let operand), .forced(let operand), .member(let operand, _, _):
            try operand.forEach(body)
        case .binary(_, let left, let right):
            try left.forEach(body)
            try right.forEach(body)
        case .range(let lower, let upper, _):
            try lower?.forEach(body)
            try upper?.forEach(body)
        case .choice(let condition, let yes, let no):
            try condition.forEach(body)
            try yes.forEach(body)
            try no.forEach(body)
        case .call(let base, _, let arguments, _), .element(let base, let arguments):
            try base.forEach(body)
            for argument in arguments { try argument.value.forEach(body) }
        case .construction(_, let arguments), .container(_, let arguments),
            .enumCase(_, let arguments):
            for argument in arguments { try argument.value.forEach(body) }
        }
    }

    /// Whether this is a call that changes its base.
    var isChange: Bool {
        if case .call(_, let name, _, _) = form { Changes.names.contains(name) } else { false }
    }
}

extension Statement {
    var expressions: [Expression] {
        switch form {
        case .expression(let expression): [expression]
        case .assignment(let target, _, _, let value): [target, value]
        case .structure, .delete, .command: []
        }
    }

    /// The names that may be roots.
    var names: Set<String> {
        var names: Set<String> = []
        for expression in expressions {
            try? expression.forEach { if case .name(let name) = $0.form { names.insert(name) } }
        }
        return names
    }

    /// Whether this needs a write transaction.
    var changesHeap: Bool {
        if case .assignment = form { return true }
        if case .delete = form { return true }
        return expressions.contains(where: \.isChange)
    }

    /// A call that changes data must be a statement of its own or the right side of an assignment.
    /// Inside another expression, it could change data that the rest of the line is reading.
    func checkChanges() throws(InputError) {
        for (number, expression) in expressions.enumerated() {
            let mayChange = number == expressions.count - 1
            try expression.forEach { part throws(InputError) in
                guard part.isChange, case .call(_, let name, _, _) = part.form else { return }
                if mayChange, part.location == expression.location, part.height == expression.height
                {
                    return
                }
                throw InputError(
                    "\(name) changes the heap, and must be alone on a line or after "
                        + "“=”", at: part.location
                )
            }
        }
    }
}
