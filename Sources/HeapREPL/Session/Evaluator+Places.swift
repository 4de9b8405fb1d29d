import Holdfast

// Reads through places. Of a collection or a struct in the heap only the requested part is read.

extension Evaluator {
    // MARK: Members

    func member(_ name: String, of base: Expression, isOptional: Bool, _ location: Location) throws
        -> Operand
    {
        let found = try operand(of: base)
        switch found {
        case .value(.null): return try absent(isOptional, base, name, location)
        case .place(let place):
            guard let inner = place.unwrapped() else {
                return try absent(isOptional, base, name, location)
            }
            if let operand = try property(name, of: inner) { return operand }
            throw noMember(
                name, of: inner.beginning(ShownAmount(elements: 0, characters: 0)),
                inner.memberNames, location)
        case .value(let value):
            guard let property = Members.property(name, of: value) else {
                throw noMember(name, of: value, Members.names(of: value), location)
            }
            return .value(property)
        }
    }

    private func absent(
        _ isOptional: Bool, _ base: Expression, _ name: String, _ location: Location
    ) throws(InputError)
        -> Operand
    {
        if isOptional { return .value(.null) }
        throw InputError(
            "cannot access \(Printable.line(name)): the value is nil",
            at: base.location)
    }

    private func noMember(_ name: String, of value: Value, _ names: [String], _ location: Location)
        -> InputError
    {
        let near =
            Spelling.nearest(to: name, in: names).map { "; is it \(Name.text($0))?" }
            ?? Members.known(names.map(Name.text))
        return InputError(
            "\(value.kind) has no member \(Printable.line(name))\(near)", at: location)
    }

    /// Properties that do not require reading a whole collection are computed here.
    private func property(_ name: String, of place: Place) throws -> Operand? {
        if let field = place.field(name) { return .place(field) }
        if let rows = place.rowsOfTable { return try property(name, of: rows) }
        switch (place.kind, name) {
        case (.list, "count"), (.set, "count"), (.map, "count"):
            return .value(.integer(Int128(try place.count())))
        case (.list, "isEmpty"), (.set, "isEmpty"), (.map, "isEmpty"):
            return .value(.bool(try place.count() == 0))
        case (.list, "first"), (.list, "last"):
            let count = try place.count()
            if count == 0 { return .value(.null) }
            return .place(try place.element(at: name == "first" ? 0 : count - 1))
        case (.set, "first"), (.map, "first"): return .value(try place.end(isFirst: true))
        case (.set(isSorted: true), "last"), (.map(isSorted: true), "last"):
            return .value(try place.end(isFirst: false))
        case (.set(isSorted: false), "last"), (.map(isSorted: false), "last"): return nil
        default: return Members.property(name, of: try place.load()).map { .value($0) }
        }
    }

    // MARK: Elements

    func element(of base: Expression, _ arguments: [Argument], _ location: Location) throws
        -> Operand
    {
        let found = try operand(of: base)
        guard let key = arguments.first, key.label == nil,
            arguments.count == 1 || (arguments.count == 2 && arguments[1].label == "default")
        else {
            throw InputError(
                "a subscript has one value, and perhaps a default: […, default: …]", at: location)
        }
        switch found {
        case .value(.null):
            throw InputError(
                "cannot access an element: the value is nil", at: base.location)
        case .value(let value):
            return .value(try element(of: value, key, arguments.count == 2 ? arguments[1] : nil))
        case .place(let place):
            guard let inner = place.unwrapped() else {
                throw InputError(
                    "cannot access an element: the value is nil", at: base.location)
            }
            return try element(of: inner, key, arguments.count == 2 ? arguments[1] : nil)
        }
    }

    private func element(of place: Place, _ argument: Argument, _ defaultValue: Argument?) throws
        -> Operand
    {
        let location = argument.value.location
        let key = try value(of: argument.value)
        switch place.kind {
        case .list:
            if let defaultValue {
                throw InputError("only maps have defaults", at: defaultValue.location)
            }
            if case .range(let bounds) = key {
                return .value(
                    .list(
                        try place.elements(in: Self.indices(bounds, count: place.count(), location))
                    ))
            }
            return .place(try place.element(at: Self.index(key, count: place.count(), location)))
        case .map(let isSorted):
            if case .range(let bounds) = key {
                guard isSorted else {
                    throw InputError("only sorted maps have ranges", at: location)
                }
                return .value(try place.entries(in: fitted(bounds, to: place, location)))
            }
            if let found = try place.value(
                forKey: try Fitting.fit(key, to: place.keyShape, at: location))
            {
                return .place(found)
            }
            guard let defaultValue else { return .value(.null) }
            let value = try value(of: defaultValue.value)
            return .value(
                try Fitting.fit(value, to: place.elementShape, at: defaultValue.value.location))
        case .set(let isSorted):
            guard case .range(let bounds) = key, isSorted else {
                throw InputError(
                    "sets have no subscripts\(isSorted ? " but ranges" : ""); use contains(…)",
                    at: location)
            }
            return .value(try place.entries(in: fitted(bounds, to: place, location)))
        case .other:
            if let rows = place.rowsOfTable {
                return try element(of: rows, argument, defaultValue)
            }
            return .value(try element(of: try place.load(), argument, defaultValue))
        }
    }

    private func fitted(_ bounds: Value.Bounds, to place: Place, _ location: Location)
        throws(InputError) -> Value.Bounds
    {
        var fitted = bounds
        if let lower = bounds.lower {
            fitted.lower = try Fitting.fit(lower, to: place.keyShape, at: location)
        }
        if let upper = bounds.upper {
            fitted.upper = try Fitting.fit(upper, to: place.keyShape, at: location)
        }
        return fitted
    }

    private func element(of value: Value, _ argument: Argument, _ defaultValue: Argument?) throws
        -> Value
    {
        let location = argument.value.location
        let key = try self.value(of: argument.value)
        switch value {
        case .list(let elements):
            if case .range(let bounds) = key {
                return .list(
                    Array(elements[try Self.indices(bounds, count: elements.count, location)]))
            }
            return elements[try Self.index(key, count: elements.count, location)]
        case .pairs(let pairs):
            if let found = pairs.first(where: { Value.areEqual($0.key, key) }) {
                return found.value
            }
            return try defaultValue.map { try self.value(of: $0.value) } ?? .null
        default: throw InputError("\(value.kind) has no elements", at: location)
        }
    }

    static func index(_ key: Value, count: Int, _ location: Location) throws(InputError) -> Int {
        guard case .integer(let number) = key else {
            throw InputError("an array's index must be an Int, not \(key.kind)", at: location)
        }
        guard number >= 0, number < Int128(count) else {
            let there = count == 0 ? "the array is empty" : "the indices are 0 ..< \(count)"
            throw InputError("there is no element \(number): \(there)", at: location)
        }
        return Int(number)
    }

    private static func indices(_ bounds: Value.Bounds, count: Int, _ location: Location)
        throws(InputError) -> Range<Int>
    {
        func end(_ value: Value?) throws(InputError) -> Int128? {
            guard let value else { return nil }
            guard case .integer(let number) = value else {
                throw InputError("an array's index must be an Int, not \(value.kind)", at: location)
            }
            return number
        }
        let lower = try end(bounds.lower) ?? 0
        let upper = try end(bounds.upper).map { bounds.isClosed ? $0 + 1 : $0 } ?? Int128(count)
        guard lower >= 0, upper <= Int128(count), lower <= upper else {
            throw InputError(
                "the array has no such range: its indices are 0 ..< \(count)", at: location)
        }
        return Int(lower) ..< Int(upper)
    }

    // MARK: Calls

    func call(
        _ name: String, on base: Expression, _ arguments: [Argument], isOptional: Bool,
        _ location: Location
    ) throws
        -> Value
    {
        if Changes.names.contains(name),
            let result = try change(name, base, arguments, isOptional: isOptional, location)
        {
            return result
        }
        let found = try operand(of: base)
        let given = try given(arguments)
        switch found {
        case .value(.null):
            if isOptional { return .null }
            throw InputError(
                "cannot call \(Printable.line(name)): the value is nil",
                at: base.location)
        case .value(let value): return try Members.call(name, on: value, given, at: location)
        case .place(let place):
            guard let inner = place.unwrapped() else {
                if isOptional { return .null }
                throw InputError(
                    "cannot call \(Printable.line(name)): the value is nil",
                    at: base.location)
            }
            if name == "contains", case .set = inner.kind, given.count == 1, given[0].label == nil {
                return .bool(
                    try inner.contains(
                        try Fitting.fit(given[0].value, to: inner.keyShape, at: given[0].location)))
            }
            if name == "prefix", inner.kind == .list, given.count == 1, given[0].label == nil,
                case .integer(let count) = given[0].value, count >= 0
            {
                // Reads no more than the requested elements.
                return .list(try inner.elements(in: 0 ..< min(Int(clamping: count), inner.count())))
            }
            return try Members.call(name, on: inner.load(), given, at: location)
        }
    }
}
