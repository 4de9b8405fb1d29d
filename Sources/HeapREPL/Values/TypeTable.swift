import Holdfast

/// The collections that a line can create, by their names in the language.
enum ContainerKind: String, CaseIterable {
    case map, sortedMap, set, sortedSet, array, deque

    init?(_ name: String) {
        let short = name.hasPrefix("Persistent") ? String(name.dropFirst("Persistent".count)) : name
        guard let first = short.first,
            let found = Self(rawValue: first.lowercased() + short.dropFirst())
        else { return nil }
        self = found
    }

    /// The name in type descriptions.
    var storedName: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }
    var hasKeys: Bool { self == .map || self == .sortedMap }
    var parameterCount: Int { hasKeys ? 2 : 1 }
    /// An example of the type, for messages.
    var example: String { hasKeys ? "\(rawValue)<String, Int>" : "\(rawValue)<Int>" }
}

/// The types that lines can name: Holdfast's own, those declared in this session, and those used by
/// roots.
struct TypeTable {
    private var structs: [String: TypeShape] = [:]
    /// The names that can stand in front of a case.
    private(set) var enums: Set<String> = ["Duration"]

    static let wholeNumbers: [String: (smallest: Int128, largest: Int128)] = [
        "Int": (Int128(Int64.min), Int128(Int64.max)),
        "Int64": (Int128(Int64.min), Int128(Int64.max)),
        "Int32": (Int128(Int32.min), Int128(Int32.max)),
        "Int16": (Int128(Int16.min), Int128(Int16.max)),
        "Int8": (Int128(Int8.min), Int128(Int8.max)), "UInt": (0, Int128(UInt64.max)),
        "UInt64": (0, Int128(UInt64.max)),
        "UInt32": (0, Int128(UInt32.max)), "UInt16": (0, Int128(UInt16.max)),
        "UInt8": (0, Int128(UInt8.max)),
        // A line's numbers end where an Int128 does.
        "Int128": (.min, .max), "UInt128": (0, .max),
    ]
    private static let others: Set<String> = [
        "Double", "Float", "Bool", "String", "Data", "Date", "UUID", "URL", "Decimal", "Duration",
    ]
    static let builtIn = wholeNumbers.keys.sorted() + others.sorted()

    var names: [String] { structs.keys.sorted() }

    /// Returns the struct or record with this name.
    func structure(_ name: String) -> TypeShape? { structs[name] }

    /// Adds the structs that the roots of a heap use. If two programs have different structs with
    /// the same name, the name refers to the one declared here or found first.
    mutating func learn(from shape: TypeShape) {
        switch shape {
        case .structure(let name, let fields, _), .record(let name, let fields, _):
            if structs[name] == nil, !Self.builtIn.contains(name), ContainerKind(name) == nil {
                structs[name] = shape
            }
            for field in fields { learn(from: field.type) }
        case .generic(_, let parameters): for parameter in parameters { learn(from: parameter) }
        case .optional(let wrapped): learn(from: wrapped)
        case .enumeration(let name, _), .opaque(let name, 1, _): enums.insert(name)
        case .union(let name, let cases):
            enums.insert(name)
            for part in cases.flatMap(\.payload) { learn(from: part) }
        default: break
        }
    }

    /// Declares a struct. It is plain if all of its fields are numbers, Bools or plain structs, and
    /// otherwise a record.
    mutating func declare(
        _ name: String, _ fields: [(name: String, type: TypeName, location: Location)],
        at location: Location
    ) throws(InputError) {
        guard !Self.builtIn.contains(name), ContainerKind(name) == nil else {
            throw InputError(
                "\(name) is one of Holdfast's own types; choose another name", at: location)
        }
        guard !fields.isEmpty else {
            throw InputError("a struct needs at least one field", at: location)
        }
        var shapes: [(name: String, shape: TypeShape)] = []
        for field in fields { shapes.append((field.name, try shape(of: field.type))) }
        guard let made = StructLayout.shape(name, shapes) else {
            throw InputError(
                "\(Printable.line(name)) cannot be described: it is too large, too deep, or a name "
                    + "in it contains characters other than letters",
                at: location)
        }
        if let known = structs[name], known != made {
            throw InputError(
                "there is another struct \(name) already, with the fields "
                    + "\(Self.fieldList(known)); choose another name, or delete the roots that use "
                    + "it and restart", at: location)
        }
        structs[name] = made
    }

    private static func fieldList(_ shape: TypeShape) -> String {
        switch shape {
        case .structure(_, let fields, _), .record(_, let fields, _):
            fields.map { "\(Name.text($0.name)): \(Printable.line($0.type.name))" }.joined(
                separator: ", ")
        default: ""
        }
    }

    // MARK: Looking up

    /// Returns the shape of a type in source notation.
    func shape(of type: TypeName) throws(InputError) -> TypeShape {
        switch type.form {
        case .named(let name):
            if Self.builtIn.contains(name) { return .named(name) }
            if let found = structs[name] { return found }
            if let kind = ContainerKind(name) {
                throw InputError("a \(name) needs its types: \(kind.example)", at: type.location)
            }
            throw InputError(
                "there is no type \(Printable.line(name)); declare it: struct "
                    + "\(Printable.line(name)) { … }",
                at: type.location)
        case .optional(let wrapped):
            if case .optional = wrapped.form {
                throw InputError(
                    "an optional of an optional cannot be told from nil here", at: type.location)
            }
            return .optional(try shape(of: wrapped))
        case .generic(let name, let parameters):
            guard let kind = ContainerKind(name) else {
                throw InputError(
                    "there is no collection \(Printable.line(name))", at: type.location)
            }
            guard parameters.count == kind.parameterCount else {
                throw InputError(
                    "a \(name) has \(kind.parameterCount == 1 ? "one type" : "two types"): "
                        + "\(kind.example)",
                    at: type.location)
            }
            var shapes: [TypeShape] = []
            for parameter in parameters { shapes.append(try shape(of: parameter)) }
            if kind != .array, kind != .deque, !Self.canBeKey(shapes[0]) {
                throw InputError(
                    "\(shapes[0].name) cannot be a key; numbers, String, Date, Duration, UUID and Data can",
                    at: parameters[0].location)
            }
            return .generic(kind.storedName, shapes)
        }
    }

    private static func canBeKey(_ shape: TypeShape) -> Bool {
        guard case .named(let name) = shape else { return false }
        return wholeNumbers[name] != nil
            || (others.contains(name) && name != "Bool" && name != "URL")
    }
}
