/// Members of values that have been read: `count`, `sorted()`, `keys` and the like.
enum Members {
    /// Returns a property, or nil if there is none of that name.
    static func property(_ name: String, of value: Value) -> Value? {
        switch (value, name) {
        case (.list(let elements), "count"): .integer(Int128(elements.count))
        case (.list(let elements), "isEmpty"): .bool(elements.isEmpty)
        case (.list(let elements), "first"): elements.first ?? .null
        case (.list(let elements), "last"): elements.last ?? .null
        case (.pairs(let pairs), "count"): .integer(Int128(pairs.count))
        case (.pairs(let pairs), "isEmpty"): .bool(pairs.isEmpty)
        case (.pairs(let pairs), "keys"): .list(pairs.map(\.key))
        case (.pairs(let pairs), "values"): .list(pairs.map(\.value))
        case (.pairs(let pairs), "first"): pairs.first.map(entry) ?? .null
        case (.pairs(let pairs), "last"): pairs.last.map(entry) ?? .null
        case (.text(let text), "count"): .integer(Int128(text.count))
        case (.text(let text), "isEmpty"): .bool(text.isEmpty)
        case (.bytes(let bytes), "count"): .integer(Int128(bytes.count))
        case (.bytes(let bytes), "isEmpty"): .bool(bytes.isEmpty)
        case (.object(_, let fields), _): fields.first { $0.name == name }?.value
        default: nil
        }
    }

    /// Returns a map's entry in the form of Swift's dictionaries.
    static func entry(_ pair: Value.Pair) -> Value {
        .object(
            "",
            [
                Value.Field(name: "key", value: pair.key),
                Value.Field(name: "value", value: pair.value),
            ])
    }

    /// Returns the names of the properties and methods of a kind of value, for completion and
    /// messages.
    static func names(of value: Value) -> [String] {
        switch value {
        case .list: ["count", "isEmpty", "first", "last"] + listMethods
        case .pairs: ["count", "isEmpty", "first", "last", "keys", "values", "sorted"]
        case .text: ["count", "isEmpty"] + textMethods
        case .bytes: ["count", "isEmpty"]
        case .number: ["rounded"]
        case .object(_, let fields): fields.map(\.name)
        default: []
        }
    }

    static let listMethods = [
        "contains", "dropFirst", "dropLast", "joined", "max", "min", "prefix", "reversed", "sorted",
        "suffix", "sum",
    ]
    static let textMethods = ["contains", "hasPrefix", "hasSuffix", "lowercased", "uppercased"]

    // MARK: Methods

    /// Returns the result of a method. Throws if there is none of that name, or its arguments are
    /// wrong.
    static func call(
        _ name: String, on value: Value, _ given: [Evaluator.Given], at location: Location
    ) throws(InputError)
        -> Value
    {
        switch value {
        case .list(let elements):
            if let found = try call(name, on: elements, given, location) { return found }
        case .text(let text):
            if let found = try call(name, on: text, given, location) { return found }
        case .pairs(let pairs) where name == "sorted":
            try check(given, [], name, location)
            let sorted = try sort(pairs, ascending: true, by: \.key, location)
            return .list(sorted.map(entry))
        case .pairs(let pairs) where name == "contains":
            throw InputError(
                "a map is accessed by its keys: "
                    + "keys.contains(…)\(pairs.isEmpty ? "" : ", or […] != nil")",
                at: location)
        case .number(let number) where name == "rounded":
            try check(given, [], name, location)
            return .number(number.rounded())
        default: break
        }
        if property(name, of: value) != nil {
            throw InputError("\(name) is not a method; remove the parentheses", at: location)
        }
        throw InputError(
            "\(value.kind) has no method \(Printable.line(name))\(known(names(of: value)))",
            at: location)
    }

    static func known(_ names: [String]) -> String {
        names.isEmpty ? "" : "; it has \(names.joined(separator: ", "))"
    }

    private static func check(
        _ given: [Evaluator.Given], _ labels: [String?], _ name: String, _ location: Location
    ) throws(InputError) {
        guard given.map(\.label) == labels else {
            let wanted = labels.map { ($0.map { "\($0): " } ?? "") + "…" }.joined(separator: ", ")
            throw InputError("the arguments of \(name) are \(name)(\(wanted))", at: location)
        }
    }

    private static func call(
        _ name: String, on elements: [Value], _ given: [Evaluator.Given], _ location: Location
    ) throws(InputError) -> Value? {
        switch name {
        case "sorted":
            if given.isEmpty {
                return .list(try sort(elements, ascending: true, by: \.self, location))
            }
            guard given.count == 1, given[0].label == "by", let isAscending = given[0].isAscending
            else {
                throw InputError(
                    "sorted is called as sorted(), sorted(by: <) or sorted(by: >)", at: location)
            }
            return .list(try sort(elements, ascending: isAscending, by: \.self, location))
        case "reversed":
            try check(given, [], name, location)
            return .list(elements.reversed())
        case "min", "max":
            try check(given, [], name, location)
            return try sort(elements, ascending: name == "min", by: \.self, location).first ?? .null
        case "sum":
            try check(given, [], name, location)
            var sum = Value.integer(0)
            for element in elements { sum = try Arithmetic.apply(.add, sum, element, at: location) }
            return sum
        case "contains":
            try check(given, [nil], name, location)
            return .bool(elements.contains { Value.areEqual($0, given[0].value) })
        case "joined":
            guard given.isEmpty || given.map(\.label) == ["separator"] else {
                throw InputError(
                    "joined is called as joined() or joined(separator: \", \")", at: location)
            }
            return .text(try joined(elements, given.first?.value ?? .text(""), location))
        case "prefix", "suffix", "dropFirst", "dropLast":
            let count =
                given.isEmpty && name.hasPrefix("drop") ? 1 : try length(given, name, location)
            return .list(part(name, of: elements, count))
        default: return nil
        }
    }

    private static func length(_ given: [Evaluator.Given], _ name: String, _ location: Location)
        throws(InputError) -> Int
    {
        try check(given, [nil], name, location)
        guard case .integer(let number) = given[0].value, let count = Int(exactly: number),
            count >= 0
        else {
            throw InputError("\(name) needs a number of elements, 0 or more", at: given[0].location)
        }
        return count
    }

    private static func part(_ name: String, of elements: [Value], _ count: Int) -> [Value] {
        switch name {
        case "prefix": Array(elements.prefix(count))
        case "suffix": Array(elements.suffix(count))
        case "dropFirst": Array(elements.dropFirst(count))
        default: Array(elements.dropLast(count))
        }
    }

    private static func joined(_ elements: [Value], _ separator: Value, _ location: Location)
        throws(InputError) -> String
    {
        var texts: [String] = []
        for element in elements + [separator] {
            guard case .text(let text) = element else {
                throw InputError("only strings can be joined, not \(element.kind)", at: location)
            }
            texts.append(text)
        }
        return texts.dropLast().joined(separator: texts.last ?? "")
    }

    private static func call(
        _ name: String, on text: String, _ given: [Evaluator.Given], _ location: Location
    ) throws(InputError)
        -> Value?
    {
        switch name {
        case "uppercased", "lowercased":
            try check(given, [], name, location)
            return .text(name == "uppercased" ? text.uppercased() : text.lowercased())
        case "hasPrefix", "hasSuffix", "contains":
            try check(given, [nil], name, location)
            guard case .text(let part) = given[0].value else {
                throw InputError("\(name) needs a string", at: given[0].location)
            }
            return .bool(
                name == "hasPrefix"
                    ? text.hasPrefix(part)
                    : name == "hasSuffix"
                        ? text.hasSuffix(part) : part.isEmpty || text.contains(part))
        default: return nil
        }
    }

    // MARK: Sorting

    /// Sorts stably. Throws if two elements have no order, instead of leaving them in an arbitrary
    /// one.
    private static func sort<T>(
        _ elements: [T], ascending: Bool, by key: KeyPath<T, Value>, _ location: Location
    ) throws(InputError) -> [T] {
        guard let first = elements.first else { return [] }
        // All elements of one ordered kind, or all numbers: then any two of them have an order.
        for element in elements
        where Value.compare(first[keyPath: key], element[keyPath: key]) == nil {
            throw InputError(
                "\(first[keyPath: key].kind) and \(element[keyPath: key].kind) have no order",
                at: location)
        }
        return elements.sorted { left, right in
            let order = Value.compare(left[keyPath: key], right[keyPath: key]) ?? 0
            return ascending ? order < 0 : order > 0
        }
    }
}
