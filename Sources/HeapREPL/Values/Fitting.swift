#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import Holdfast
import HoldfastInspection

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
        case .enumeration(_, let raw):
            switch value {
            case .choice(_, let arguments) where arguments.isEmpty: return value
            case .other(.enumeration): return value
            default: return try fit(value, to: raw, at: location)
            }
        case .union(let name, let cases):
            if case .choice(let entry, let arguments) = value {
                return try fit(entry, arguments, to: name, cases, location)
            }
            if case .other = value { return value }
            throw wrong(
                value, "a case of \(Printable.line(name)), such as \(example(cases)),", location)
        case .opaque:
            if case .other = value { return value }
            if case .choice(_, let arguments) = value, arguments.isEmpty { return value }
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

    private static func example(_ cases: [TypeShape.Case]) -> String {
        guard let first = cases.first else { return "none" }
        return ".\(Name.text(first.name))\(first.payload.isEmpty ? "" : "(…)")"
    }

    /// The labels are checked when the value is stored: only the heap knows them.
    private static func fit(
        _ name: String, _ arguments: [Value.Argument], to union: String,
        _ cases: [TypeShape.Case], _ location: Location
    ) throws(InputError) -> Value {
        guard let found = cases.first(where: { $0.name == name }) else {
            throw InputError(
                "\(Printable.line(union)) has no case \(Printable.line(name)); it has "
                    + cases.map { ".\(Name.text($0.name))" }.joined(separator: ", "), at: location)
        }
        guard found.payload.count == arguments.count else {
            let count = found.payload.count
            throw InputError(
                "the case \(Printable.line(name)) has \(count) value\(count == 1 ? "" : "s"), not "
                    + "\(arguments.count)", at: location)
        }
        var fitted: [Value.Argument] = []
        for (argument, shape) in zip(arguments, found.payload) {
            fitted.append(
                Value.Argument(
                    label: argument.label, value: try fit(argument.value, to: shape, at: location)))
        }
        return .choice(name, fitted)
    }

    /// Returns the digits of a number for a `Decimal`.
    private static func digits(_ value: Value) -> Value? {
        let text: String? =
            switch value {
            case .integer(let number): "\(number)"
            case .number(let number): Decimal(string: "\(number)")?.description
            case .text(let text), .other(.digits(let text)): text
            default: nil
            }
        return text.flatMap { PlainValue.isDecimal($0) ? .other(.digits($0)) : nil }
    }

    private static func article(_ name: String) -> String {
        ("AEIO".contains(name.first ?? " ") || name.hasPrefix("UI") ? "an " : "a ")
            + Printable.line(name)
    }

    private static func fit(_ value: Value, toNamed name: String, _ location: Location)
        throws(InputError) -> Value
    {
        if let bounds = TypeTable.wholeNumbers[name] {
            if name == "UInt128", case .other(.digits(let text)) = value, UInt128(text) != nil {
                return value
            }
            if name == "UInt128", case .text(let text) = value, UInt128(text) != nil {
                return .other(.digits(text))
            }
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
        case ("Date", .other(.date)), ("UUID", .other(.uuid)), ("Duration", .other(.duration)),
            ("Duration", .choice):
            return value
        case ("Decimal", _):
            guard let digits = digits(value) else { throw wrong(value, "a Decimal", location) }
            return digits
        case ("URL", .text(let text)):
            guard text.isEmpty || URL(string: text) != nil else {
                throw InputError("“\(Printable.line(text))” is not a URL", at: location)
            }
            return value
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
        if name == "Range" || name == "ClosedRange", parameters.count == 1 {
            guard case .range(let bounds) = value, let lower = bounds.lower,
                let upper = bounds.upper, bounds.isClosed == (name == "ClosedRange")
            else {
                throw wrong(
                    value, "a range, such as \(name == "Range" ? "1 ..< 5" : "1 ... 5"),", location)
            }
            return .range(
                Value.Bounds(
                    lower: try fit(lower, to: parameters[0], at: location),
                    upper: try fit(upper, to: parameters[0], at: location),
                    isClosed: bounds.isClosed))
        }
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
        case .integer(let number):
            guard number >= Int128(Int64.min), number <= Int128(UInt64.max) else {
                throw InputError(
                    "\(number) is too large for an Int; write its type, as in x: Int128 = …",
                    at: location)
            }
            return .named(number > Int128(Int64.max) ? "UInt64" : "Int")
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
        case .other(.digits): return .named("Decimal")
        case .other(.duration): return .named("Duration")
        case .choice(let name, _):
            throw InputError(
                "the case \(Printable.line(name)) alone has no type; write one, as in x: Duration = "
                    + ".seconds(5)", at: location)
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
