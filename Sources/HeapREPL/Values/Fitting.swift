import Holdfast

/// Converts values to the types of their destinations, and determines types for new places.
/// Everything is checked before anything is changed. Errors have a place in the line.
enum Fitting {
    /// Returns the value converted to the type. Integers become Doubles if required, also in
    /// elements and fields.
    static func fit(_ value: Value, to shape: TypeShape, at location: Location) throws(InputError)
        -> Value
    {
        switch shape {
        case .optional(let wrapped):
            return value == .null ? .null : try fit(value, to: wrapped, at: location)
        case .named(let name): return try fit(value, toNamed: name, location)
        case .generic("Value", let parameters) where parameters.count == 1:
            return try fit(value, to: parameters[0], at: location)
        case .generic(let name, let parameters):
            return try fit(value, toCollection: name, parameters, location)
        case .structure(let name, let fields, _), .record(let name, let fields, _):
            return try fit(value, toStruct: name, fields, location)
        case .enumeration(_, let raw): return try fit(value, to: raw, at: location)
        case .opaque, .union:
            if case .other = value { return value }
            throw InputError(
                "there is no notation for a \(Printable.line(shape.name)); only its program can "
                    + "change it",
                at: location)
        }
    }

    private static func wrong(_ value: Value, _ wanted: String, _ location: Location) -> InputError
    {
        InputError("expected \(wanted) instead of \(value.kind)", at: location)
    }

    private static func article(_ name: String) -> String {
        ("AEIO".contains(name.first ?? " ") || name.hasPrefix("UI") ? "an " : "a ")
            + Printable.line(name)
    }

    private static func fit(_ value: Value, toNamed name: String, _ location: Location)
        throws(InputError) -> Value
    {
        if let bounds = TypeTable.wholeNumbers[name] {
            guard case .integer(let number) = value else {
                throw wrong(value, article(name), location)
            }
            guard number >= bounds.smallest, number <= bounds.largest else {
                throw InputError(
                    "\(number) does not fit into \(article(name)), which goes from "
                        + "\(bounds.smallest) to \(bounds.largest)",
                    at: location)
            }
            return value
        }
        switch (name, value) {
        case ("Double", .number), ("Bool", .bool), ("String", .text), ("PersistentString", .text),
            ("Data", .bytes),
            ("PersistentBytes", .bytes):
            return value
        case ("Double", .integer(let number)), ("Float", .integer(let number)):
            return .number(Double(number))
        case ("Float", .number(let number)): return .number(Double(Float(number)))
        case ("Data", .list(let elements)), ("PersistentBytes", .list(let elements)):
            var bytes: [UInt8] = []
            for element in elements {
                guard case .integer(let byte) = try fit(element, toNamed: "UInt8", location) else {
                    continue
                }
                bytes.append(UInt8(byte))
            }
            return .bytes(bytes)
        case ("Date", .other(.date)), ("UUID", .other(.uuid)): return value
        case ("Date", .text(let text)), ("UUID", .text(let text)):
            guard let made = Constructions.make(name, text) else {
                throw InputError(
                    "“\(Printable.line(text))” is not a \(name); a \(name) is written "
                        + "\(Constructions.example(name))",
                    at: location)
            }
            return made
        default: throw wrong(value, article(name), location)
        }
    }

    private static func fit(
        _ value: Value, toCollection name: String, _ parameters: [TypeShape], _ location: Location
    ) throws(InputError) -> Value {
        guard let kind = ContainerKind(name), parameters.count == kind.parameterCount else {
            throw InputError(
                "there is no notation for a \(Printable.line(name)); only its program can change "
                    + "it",
                at: location)
        }
        if kind.hasKeys {
            if case .list(let elements) = value, elements.isEmpty { return .pairs([]) }
            guard case .pairs(let pairs) = value else {
                throw wrong(value, "a map, such as [\"bolt\": 120],", location)
            }
            var fitted: [Value.Pair] = []
            for pair in pairs {
                fitted.append(
                    Value.Pair(
                        key: try fit(pair.key, to: parameters[0], at: location),
                        value: try fit(pair.value, to: parameters[1], at: location)))
            }
            return .pairs(fitted)
        }
        let elements = try list(value, location)
        var fitted: [Value] = []
        for element in elements { fitted.append(try fit(element, to: parameters[0], at: location)) }
        return .list(fitted)
    }

    /// Returns the elements of an array, or of a range of integers.
    static func list(_ value: Value, _ location: Location) throws(InputError) -> [Value] {
        switch value {
        case .list(let elements): return elements
        case .pairs(let pairs) where pairs.isEmpty: return []
        case .range(let bounds):
            guard case .integer(let lower)? = bounds.lower, case .integer(let upper)? = bounds.upper
            else {
                throw InputError(
                    "expected a range of integers with both bounds", at: location)
            }
            let end = bounds.isClosed ? upper + 1 : upper
            guard end - lower <= 1_000_000 else {
                throw InputError("the range has more than a million numbers", at: location)
            }
            return lower >= end ? [] : (lower ..< end).map { .integer($0) }
        default: throw wrong(value, "an array, such as [1, 2],", location)
        }
    }

    private static func fit(
        _ value: Value, toStruct name: String, _ fields: [TypeShape.Field], _ location: Location
    ) throws(InputError) -> Value {
        guard case .object(let given, let values) = value, given == name else {
            throw wrong(value, article(name), location)
        }
        var fitted: [Value.Field] = []
        for field in fields {
            if let found = values.first(where: { $0.name == field.name }) {
                fitted.append(
                    Value.Field(
                        name: field.name, value: try fit(found.value, to: field.type, at: location))
                )
            } else if case .optional = field.type {
                fitted.append(Value.Field(name: field.name, value: .null))
            } else {
                throw InputError(
                    "the field \(Name.text(field.name)) of \(Printable.line(name)) needs a value",
                    at: location)
            }
        }
        if let extra = values.first(where: { value in !fields.contains { $0.name == value.name } })
        {
            throw InputError(
                "\(Printable.line(name)) has no field \(Name.text(extra.name))", at: location)
        }
        return .object(name, fitted)
    }

    // MARK: Types for values

    /// Returns the type of a new root for a value.
    static func shape(for value: Value, _ types: TypeTable, at location: Location)
        throws(InputError) -> TypeShape
    {
        switch value {
        case .bool: return .named("Bool")
        case .integer(let number): return .named(number > Int128(Int64.max) ? "UInt64" : "Int")
        case .number: return .named("Double")
        case .text: return .named("String")
        case .bytes: return .named("Data")
        case .list(let elements): return .generic("Array", [try common(elements, types, location)])
        case .pairs(let pairs):
            return .generic(
                "Map",
                [
                    try common(pairs.map(\.key), types, location),
                    try common(pairs.map(\.value), types, location),
                ])
        case .object(let name, _):
            guard let shape = types.structure(name) else {
                throw InputError("\(value.kind) cannot be a root", at: location)
            }
            return shape
        case .other(.date): return .named("Date")
        case .other(.uuid): return .named("UUID")
        case .other: throw InputError("\(value.kind) cannot be a root", at: location)
        case .null:
            throw InputError("nil alone has no type; write one, as in: x: Int? = nil", at: location)
        case .range: return .generic("Array", [.named("Int")])
        case .beginning(let value, _): return try shape(for: value, types, at: location)
        }
    }

    /// Returns the common type of elements. Integers and fractions together are Doubles; with a nil
    /// among them the type is optional.
    private static func common(_ values: [Value], _ types: TypeTable, _ location: Location)
        throws(InputError) -> TypeShape
    {
        guard let first = values.first(where: { $0 != .null }) else {
            throw InputError(
                "an empty collection needs its types; write them, as in array<Int>() or "
                    + "map<String, Int>()",
                at: location)
        }
        var found = try shape(for: first, types, at: location)
        for value in values where value != .null {
            let next = try shape(for: value, types, at: location)
            if next == found { continue }
            let numbers: [TypeShape] = [.named("Int"), .named("Double")]
            guard numbers.contains(next), numbers.contains(found) else {
                throw InputError(
                    "\(first.kind) and \(value.kind) cannot be elements of one "
                        + "collection", at: location)
            }
            found = .named("Double")
        }
        return values.contains(.null) ? .optional(found) : found
    }
}
