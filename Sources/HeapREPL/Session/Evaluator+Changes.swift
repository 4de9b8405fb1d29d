import Holdfast
import HoldfastTools

/// The calls that change their base.
enum Changes {
    static let names: Set<String> = [
        "append", "prepend", "insert", "remove", "removeValue", "removeFirst", "removeLast",
        "popFirst", "popLast", "removeAll",
        "updateValue", "swapAt",
        "toggle",
    ]

    /// The calls available for places of a type.
    static func names(for shape: TypeShape) -> [String] {
        switch shape.wrapped {
        case .generic("Deque", _):
            [
                "append", "prepend", "insert", "remove", "removeFirst", "removeLast", "popFirst",
                "popLast", "removeAll", "swapAt",
            ]
        case .generic("Array", _):
            [
                "append", "insert", "remove", "removeFirst", "removeLast", "popLast", "removeAll",
                "swapAt",
            ]
        case .generic("Set", _), .generic("SortedSet", _), .named("PersistentBitSet"):
            ["insert", "remove", "removeAll"]
        case .generic("Map", _), .generic("SortedMap", _):
            ["removeAll", "removeValue", "updateValue"]
        case .named("Bool"): ["toggle"]
        default: []
        }
    }
}

extension Evaluator {
    // MARK: Statements

    /// Executes a statement that is not a command.
    func run(_ statement: Statement) throws -> Effect {
        try statement.checkChanges()
        do {
            return try carryOut(statement)
        } catch {
            // A failed line changes nothing, even if its transaction continues.
            for (place, key) in made.entries.reversed() { _ = try? place.removeValue(forKey: key) }
            throw error
        }
    }

    private func carryOut(_ statement: Statement) throws -> Effect {
        switch statement.form {
        case .expression(let expression):
            let operand = try operand(of: expression)
            switch operand {
            case .place(let place): return .show(place.beginning(.usual))
            case .value(let value):
                if case .call(_, let name, _, _) = expression.form, Self.isSilent(name, value) {
                    return .nothing
                }
                return .show(value)
            }
        case .assignment(let target, let type, let sign, let value):
            return try assign(target, type, sign, value)
        case .structure, .delete, .command: return .nothing
        }
    }

    /// Changes without a result print nothing.
    private static func isSilent(_ name: String, _ value: Value) -> Bool {
        Changes.names.contains(name) && value == .object("", [])
    }
    private static let nothing = Value.object("", [])

    private func assign(
        _ target: Expression, _ type: TypeName?, _ sign: Operator?, _ source: Expression
    ) throws -> Effect {
        if let type {
            guard case .name(let name) = target.form else {
                throw InputError("only a root can have a type annotation", at: type.location)
            }
            return try declare(
                name, as: try types.shape(of: type), at: target.location, type.location, source)
        }
        if case .container(let type, let arguments) = source.form {
            guard case .name(let name) = target.form, sign == nil else {
                throw InputError(
                    "this creates a collection only as a root; use [] or [:] here",
                    at: source.location)
            }
            return try makeCollection(
                name, try types.shape(of: type), arguments, at: target.location, source.location)
        }
        if case .name(let name) = target.form, roots[name] == nil, sign == nil {
            try checkRootName(name, target.location)
            let value = try value(of: source)
            let shape = try Fitting.shape(for: value, types, at: source.location)
            return .make(
                name, Self.rootShape(shape), try Fitting.fit(value, to: shape, at: source.location))
        }
        try set(target, sign, source)
        return .nothing
    }

    private static func rootShape(_ shape: TypeShape) -> TypeShape {
        if case .generic(let name, _) = shape, ContainerKind(name) != nil { return shape }
        return .generic("Value", [shape])
    }

    private func checkRootName(_ name: String, _ location: Location) throws(InputError) {
        guard !name.hasPrefix("\0"), name.utf8.count <= 1000 else {
            throw InputError("this cannot be the name of a root", at: location)
        }
    }

    private func declare(
        _ name: String, as shape: TypeShape, at location: Location, _ typeLocation: Location,
        _ source: Expression
    ) throws -> Effect {
        let value = try Fitting.fit(value(of: source), to: shape, at: source.location)
        guard let place = roots[name] else {
            try checkRootName(name, location)
            return .make(name, Self.rootShape(shape), value)
        }
        guard place.shape == shape else {
            throw InputError(
                "\(Name.text(name)) already exists, as \(Printable.line(place.shape.name))",
                at: typeLocation)
        }
        try place.set(value)
        return .nothing
    }

    /// Creates a collection if there is none, and leaves an existing one unchanged, like a program.
    private func makeCollection(
        _ name: String, _ shape: TypeShape, _ arguments: [Argument], at location: Location,
        _ typeLocation: Location
    ) throws -> Effect {
        if let extra = arguments.first {
            throw InputError(
                "a new collection is empty; assign its contents: \(Name.text(name)) = "
                    + "[\(ContainerKind(shape.name) != nil ? "" : "…")]",
                at: extra.location)
        }
        guard let place = roots[name] else {
            try checkRootName(name, location)
            return .make(name, shape, shape.isMap ? .pairs([]) : .list([]))
        }
        guard place.shape == shape else {
            throw InputError(
                "\(Name.text(name)) already exists, as \(Printable.line(place.shape.name)); delete "
                    + "it first",
                at: location)
        }
        let count = try place.count()
        return .note(
            "\(Name.text(name)) is there already, with \(count) element\(count == 1 ? "" : "s"), "
                + "and stays as it is"
        )
    }

    // MARK: Setting

    private func combined(
        _ sign: Operator?, _ old: () throws -> Value, _ new: Value, at location: Location
    ) throws -> Value {
        guard let sign else { return new }
        return try Arithmetic.apply(sign, old(), new, at: location)
    }

    private func set(_ target: Expression, _ sign: Operator?, _ source: Expression) throws {
        let location = source.location
        // Evaluated first: it may be a call that changes the container of the target, which
        // invalidates the target's place.
        let new = try value(of: source)
        switch target.form {
        case .name, .member, .forced:
            guard case .place(let place) = try changeable(target) else {
                throw InputError(
                    "this is a copy; only values in the heap can be changed", at: target.location)
            }
            let value = try combined(sign, { try place.load() }, new, at: location)
            try place.set(try Fitting.fit(value, to: place.shape, at: location))
        case .element(let base, let arguments):
            try setElement(of: base, arguments, sign, new, source.location)
        default: throw InputError("this cannot be assigned to", at: target.location)
        }
    }

    private func setElement(
        of base: Expression, _ arguments: [Argument], _ sign: Operator?, _ new: Value,
        _ location: Location
    )
        throws
    {
        guard case .place(let outer) = try changeable(base), let place = outer.unwrapped() else {
            throw InputError(
                "this is a copy, or nil; only values in the heap can be changed", at: base.location)
        }
        guard let argument = arguments.first, argument.label == nil,
            arguments.count == 1
                || (arguments.count == 2 && arguments[1].label == "default" && place.kind.isMap)
        else {
            throw InputError(
                "a subscript has one value, and a map's perhaps a default: […, default: …]",
                at: base.location)
        }
        let keyLocation = argument.value.location
        let key = try value(of: argument.value)
        if case .range = key { throw InputError("a range cannot be assigned to", at: keyLocation) }
        switch place.kind {
        case .list:
            let element = try place.element(at: Self.index(key, count: place.count(), keyLocation))
            let value = try combined(sign, { try element.load() }, new, at: location)
            try element.set(try Fitting.fit(value, to: place.elementShape, at: location))
        case .map:
            let fittedKey = try Fitting.fit(key, to: place.keyShape, at: keyLocation)
            let value = try combined(
                sign,
                {
                    if let old = try place.value(forKey: fittedKey) { return try old.load() }
                    if arguments.count == 2 { return try self.value(of: arguments[1].value) }
                    throw InputError(
                        "there is no value for this key; a default helps: [\(key.text()), "
                            + "default: 0]",
                        at: keyLocation)
                }, new, at: location)
            if value == .null, !place.elementShape.isOptional {
                return _ = try place.removeValue(forKey: fittedKey)
            }
            try place.setValue(
                try Fitting.fit(value, to: place.elementShape, at: location), forKey: fittedKey)
        case .set, .other:
            throw InputError(
                "\(place.beginning(.usual).kind) has no elements to assign to", at: base.location)
        }
    }

    /// Returns the place that an expression leads to, for a change. A missing element with a
    /// default is created.
    func changeable(_ expression: Expression) throws -> Operand {
        switch expression.form {
        case .element(let base, let arguments)
        where arguments.count == 2 && arguments[1].label == "default":
            guard case .place(let outer) = try changeable(base), let place = outer.unwrapped(),
                place.kind.isMap
            else {
                return try operand(of: expression)
            }
            let key = try Fitting.fit(
                value(of: arguments[0].value), to: place.keyShape, at: arguments[0].value.location)
            if let found = try place.value(forKey: key) { return .place(found) }
            let value = try value(of: arguments[1].value)
            try place.setValue(
                try Fitting.fit(value, to: place.elementShape, at: arguments[1].value.location),
                forKey: key)
            made.entries.append((place, key))
            return try place.value(forKey: key).map { .place($0) } ?? .value(.null)
        case .element(let base, _):
            // A part with a default is created first.
            if base.isElementWithDefault { _ = try changeable(base) }
            return try operand(of: expression)
        case .member(let base, _, _):
            if base.isElementWithDefault { _ = try changeable(base) }
            return try operand(of: expression)
        default: return try operand(of: expression)
        }
    }

    // MARK: Changing calls

    /// Returns nil if the base has another method of this name.
    func change(
        _ name: String, _ base: Expression, _ arguments: [Argument], isOptional: Bool,
        _ location: Location
    ) throws
        -> Value?
    {
        guard case .place(let outer) = try changeable(base) else {
            if case .value(.null) = try operand(of: base) {
                if isOptional { return .null }
                throw InputError(
                    "cannot change: the value is nil; a default helps: […, default: []]",
                    at: base.location)
            }
            throw InputError(
                "this is a copy; only values in the heap can be changed", at: base.location)
        }
        guard let place = outer.unwrapped() else {
            if isOptional { return .null }
            throw InputError("cannot change: the value is nil", at: base.location)
        }
        guard Changes.names(for: place.shape).contains(name) else {
            let kind = place.beginning(ShownAmount(elements: 0, characters: 0)).kind
            throw InputError(
                "\(kind) has no method \(name)\(Members.known(Changes.names(for: place.shape)))",
                at: location)
        }
        let given = try given(arguments)
        switch place.kind {
        case .list: return try changeList(name, place, given, location)
        case .set: return try changeSet(name, place, given, location)
        case .map: return try changeMap(name, place, given, location)
        case .other:
            try Self.check(given, [], name, location)
            try place.set(try Arithmetic.not(place.load(), at: location))
            return Self.nothing
        }
    }

    private static func check(
        _ given: [Given], _ labels: [String?], _ name: String, _ location: Location
    ) throws(InputError) {
        guard given.map(\.label) == labels else {
            let wanted = labels.map { ($0.map { "\($0): " } ?? "") + "…" }.joined(separator: ", ")
            throw InputError("the arguments of \(name) are \(name)(\(wanted))", at: location)
        }
    }

    private func changeList(_ name: String, _ place: Place, _ given: [Given], _ location: Location)
        throws -> Value
    {
        func fit(_ given: Given) throws(InputError) -> Value {
            try Fitting.fit(given.value, to: place.elementShape, at: given.location)
        }
        let count = try place.count()
        switch name {
        case "append" where given.map(\.label) == ["contentsOf"]:
            let fitted = try Fitting.list(given[0].value, given[0].location).enumerated().map {
                number, element in
                if number % 1024 == 0 { try Interruption.check() }
                return try Fitting.fit(element, to: place.elementShape, at: given[0].location)
            }
            try place.append(fitted)
            return Self.nothing
        case "append", "prepend":
            try Self.check(given, [nil], name, location)
            let value = try fit(given[0])
            if name == "append" {
                try place.append([value])
            } else {
                try place.insert(value, at: 0)
            }
            return Self.nothing
        case "insert":
            try Self.check(given, [nil, "at"], name, location)
            let value = try fit(given[0])
            // One more than the indices: at the end.
            let index = try Self.index(given[1].value, count: count + 1, given[1].location)
            try place.insert(value, at: index)
            return Self.nothing
        case "remove":
            try Self.check(given, ["at"], name, location)
            return try place.remove(
                at: try Self.index(given[0].value, count: count, given[0].location))
        case "removeFirst", "removeLast", "popFirst", "popLast":
            try Self.check(given, [], name, location)
            guard count > 0 else {
                if name.hasPrefix("pop") { return .null }
                throw InputError("cannot remove: the collection is empty", at: location)
            }
            return try place.remove(at: name.hasSuffix("First") ? 0 : count - 1)
        case "swapAt":
            try Self.check(given, [nil, nil], name, location)
            let first = try place.element(
                at: Self.index(given[0].value, count: count, given[0].location))
            let second = try place.element(
                at: Self.index(given[1].value, count: count, given[1].location))
            let (one, other) = (try first.load(), try second.load())
            try first.set(other)
            try second.set(one)
            return Self.nothing
        default:
            try Self.check(given, [], name, location)
            try place.removeAll()
            return Self.nothing
        }
    }

    private func changeSet(_ name: String, _ place: Place, _ given: [Given], _ location: Location)
        throws -> Value
    {
        if name == "removeAll" {
            try Self.check(given, [], name, location)
            try place.removeAll()
            return Self.nothing
        }
        try Self.check(given, [nil], name, location)
        let element = try Fitting.fit(given[0].value, to: place.keyShape, at: given[0].location)
        if name == "insert" { return .bool(try place.insert(element)) }
        return try place.remove(element) ? element : .null
    }

    private func changeMap(_ name: String, _ place: Place, _ given: [Given], _ location: Location)
        throws -> Value
    {
        switch name {
        case "removeValue":
            try Self.check(given, ["forKey"], name, location)
            let key = try Fitting.fit(given[0].value, to: place.keyShape, at: given[0].location)
            let old = try place.value(forKey: key)?.load() ?? .null
            _ = try place.removeValue(forKey: key)
            return old
        case "updateValue":
            try Self.check(given, [nil, "forKey"], name, location)
            let value = try Fitting.fit(
                given[0].value, to: place.elementShape, at: given[0].location)
            let key = try Fitting.fit(given[1].value, to: place.keyShape, at: given[1].location)
            let old = try place.value(forKey: key)?.load() ?? .null
            try place.setValue(value, forKey: key)
            return old
        default:
            try Self.check(given, [], name, location)
            try place.removeAll()
            return Self.nothing
        }
    }
}

extension Expression {
    /// Whether the path contains a `[…, default: …]`, whose missing entry a change must create.
    var isElementWithDefault: Bool {
        switch form {
        case .element(let base, let arguments): arguments.count == 2 || base.isElementWithDefault
        case .member(let base, _, _): base.isElementWithDefault
        default: false
        }
    }
}
