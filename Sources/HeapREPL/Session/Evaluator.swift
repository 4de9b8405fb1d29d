import Holdfast
import HoldfastTools

/// Evaluates expressions, and executes assignments and changing calls, within one transaction.
///
/// It has access to the transaction only through the places of the roots that the line names. They
/// must not outlive it.
struct Evaluator {
    /// The result of an expression: a place in the heap, of which only the necessary part is read,
    /// or a value.
    enum Operand {
        case place(Place)
        case value(Value)
    }

    /// An evaluated argument.
    struct Given {
        let label: String?
        let value: Value
        let location: Location
        /// For `<` and `>` in place of a value.
        var isAscending: Bool?
    }

    /// A request of a statement to the transaction itself.
    enum Effect {
        case nothing
        case show(Value)
        case make(String, TypeShape, Value)
        /// Printed on a terminal.
        case note(String)
    }

    /// The entries that `[…, default: …]` has created in this line.
    final class Made {
        var entries: [(Place, Value)] = []
    }

    let roots: [String: Place]
    let types: TypeTable
    let made = Made()
    /// The names of all roots, for messages.
    let rootNames: [String]

    // MARK: Expressions

    func value(of expression: Expression) throws -> Value {
        switch try operand(of: expression) {
        case .value(let value): return value
        case .place(let place): return try place.load()
        }
    }

    func operand(of expression: Expression) throws -> Operand {
        try Interruption.check()
        let location = expression.location
        switch expression.form {
        case .literal(let value):
            return .value(value)
        case .enumCase(let name, let arguments): return .value(try choice(name, arguments))
        // With the enum's name in front.
        case .member(let base, let name, _) where isEnum(base):
            return .value(.choice(name, []))
        case .call(let base, let name, let arguments, _) where isEnum(base):
            return .value(try choice(name, arguments))
        case .name(let name): return .place(try root(name, at: location))
        case .list(let elements): return .value(.list(try elements.map(value(of:))))
        case .dictionary(let pairs): return .value(.pairs(try dictionary(pairs)))
        case .unary(let sign, let operand):
            let value = try value(of: operand)
            return .value(
                sign == .not
                    ? try Arithmetic.not(value, at: location)
                    : try Arithmetic.negate(value, at: location))
        case .binary(let sign, let left, let right):
            return .value(try binary(sign, left, right, location))
        case .range(let lower, let upper, let isClosed):
            return .value(.range(try bounds(lower, upper, isClosed, location)))
        case .order: throw InputError("an operator is not a value here", at: location)
        case .choice(let condition, let yes, let no):
            return try operand(
                of: try Arithmetic.bool(value(of: condition), condition.location) ? yes : no)
        case .member(let base, let name, let isOptional):
            return try member(name, of: base, isOptional: isOptional, location)
        case .call(let base, let name, let arguments, let isOptional):
            return .value(try call(name, on: base, arguments, isOptional: isOptional, location))
        case .element(let base, let arguments): return try element(of: base, arguments, location)
        case .forced(let base):
            let found = try operand(of: base)
            guard !isNil(found) else { throw InputError("this is nil", at: base.location) }
            return found
        case .construction(let name, let arguments):
            return .value(try construct(name, arguments, location))
        case .container(let type, _):
            throw InputError(
                "a collection is created by an assignment: name = \(try types.shape(of: type).name)()",
                at: location)
        }
    }

    /// Whether an expression is the name of an enum, in front of one of its cases.
    private func isEnum(_ base: Expression) -> Bool {
        guard case .name(let name) = base.form, roots[name] == nil else { return false }
        return types.enums.contains(name)
    }

    private func choice(_ name: String, _ arguments: [Argument]) throws -> Value {
        .choice(
            name,
            try arguments.map {
                Value.Argument(label: $0.label, value: try value(of: $0.value))
            })
    }

    func root(_ name: String, at location: Location) throws(InputError) -> Place {
        if let place = roots[name] { return place }
        let shown = Printable.line(name)
        if types.structure(name) != nil || TypeTable.builtIn.contains(name) {
            throw InputError("\(shown) is a type, and needs its values: \(shown)(…)", at: location)
        }
        if Command.words.contains(name) {
            throw InputError("the command \(name) must be on a line of its own", at: location)
        }
        let near =
            Spelling.nearest(to: name, in: rootNames).map { "; is it \(Name.text($0))?" }
            ?? "; `roots` lists all roots"
        throw InputError("there is no root \(shown)\(near)", at: location)
    }

    private func isNil(_ operand: Operand) -> Bool {
        switch operand {
        case .value(let value): return value == .null
        case .place(let place): return place.isNil()
        }
    }

    private func dictionary(_ pairs: [(key: Expression, value: Expression)]) throws -> [Value.Pair]
    {
        var found: [Value.Pair] = []
        var seen: Set<String> = []
        for (key, value) in pairs {
            let keyValue = try self.value(of: key)
            guard seen.insert(keyValue.text(.everything)).inserted else {
                throw InputError("the key \(keyValue.text()) occurs twice", at: key.location)
            }
            found.append(Value.Pair(key: keyValue, value: try self.value(of: value)))
        }
        return found
    }

    private func binary(
        _ sign: Operator, _ left: Expression, _ right: Expression, _ location: Location
    ) throws -> Value {
        let first = try value(of: left)
        switch sign {
        case .and:
            return .bool(
                try Arithmetic.bool(first, left.location)
                    && Arithmetic.bool(value(of: right), right.location))
        case .or:
            return .bool(
                try Arithmetic.bool(first, left.location)
                    || Arithmetic.bool(value(of: right), right.location))
        case .coalesce: return first == .null ? try value(of: right) : first
        default: return try Arithmetic.apply(sign, first, value(of: right), at: location)
        }
    }

    private func bounds(
        _ lower: Expression?, _ upper: Expression?, _ isClosed: Bool, _ location: Location
    ) throws -> Value.Bounds {
        let bounds = Value.Bounds(
            lower: try lower.map(value(of:)), upper: try upper.map(value(of:)), isClosed: isClosed)
        if let lower = bounds.lower, let upper = bounds.upper {
            guard let order = Value.compare(lower, upper) else {
                throw InputError(
                    "\(lower.kind) and \(upper.kind) cannot be bounds of a range", at: location)
            }
            guard order <= 0 else {
                throw InputError("the range ends before it begins", at: location)
            }
        }
        return bounds
    }

    private func construct(_ name: String, _ arguments: [Argument], _ location: Location) throws
        -> Value
    {
        if case .structure(_, let fields, _)? = types.structure(name) {
            return try construct(name, fields, arguments, location)
        }
        if case .record(_, let fields, _)? = types.structure(name) {
            return try construct(name, fields, arguments, location)
        }
        if types.enums.contains(name), arguments.count == 1, arguments[0].label == "rawValue" {
            return try value(of: arguments[0].value)
        }
        if ContainerKind(name) != nil, let kind = ContainerKind(name) {
            throw InputError("a \(name) needs its types: \(kind.example)()", at: location)
        }
        guard TypeTable.builtIn.contains(name) else {
            throw InputError("there is no type or function \(Printable.line(name))", at: location)
        }
        guard arguments.count == 1, arguments[0].label == nil else {
            throw InputError("\(name) takes one value: \(name)(…)", at: location)
        }
        let value = try value(of: arguments[0].value)
        if TypeTable.wholeNumbers[name] != nil, name != "Int" {
            let whole = try Constructions.convert("Int", value, at: location) ?? value
            return try Fitting.fit(whole, to: .named(name), at: arguments[0].location)
        }
        guard let made = try Constructions.convert(name, value, at: arguments[0].location) else {
            throw InputError(
                "\(value.kind) cannot be converted to \(name)", at: arguments[0].location)
        }
        return made
    }

    private func construct(
        _ name: String, _ fields: [TypeShape.Field], _ arguments: [Argument], _ location: Location
    ) throws -> Value {
        var values: [Value.Field] = []
        for argument in arguments {
            guard let label = argument.label else {
                throw InputError(
                    "a value for \(Printable.line(name)) needs its field's name: "
                        + "\(Name.text(fields.first?.name ?? "x")): …",
                    at: argument.location)
            }
            guard let field = fields.first(where: { $0.name == label }) else {
                throw InputError(
                    "\(Printable.line(name)) has no field \(Printable.line(label)); it has "
                        + "\(fields.map { Name.text($0.name) }.joined(separator: ", "))",
                    at: argument.location)
            }
            guard !values.contains(where: { $0.name == label }) else {
                throw InputError("\(label) is given twice", at: argument.location)
            }
            values.append(
                Value.Field(
                    name: label,
                    value: try Fitting.fit(
                        value(of: argument.value), to: field.type, at: argument.value.location)))
        }
        guard let shape = types.structure(name) else { return .object(name, values) }
        return try Fitting.fit(.object(name, values), to: shape, at: location)
    }

    func given(_ arguments: [Argument]) throws -> [Given] {
        try arguments.map { argument in
            if case .order(let isAscending) = argument.value.form {
                return Given(
                    label: argument.label, value: .null, location: argument.location,
                    isAscending: isAscending)
            }
            return Given(
                label: argument.label, value: try value(of: argument.value),
                location: argument.value.location)
        }
    }
}
