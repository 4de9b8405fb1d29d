import Holdfast

extension TypeShape {
    /// The members that can follow a dot after a value of the type.
    var memberNames: [String] {
        switch wrapped {
        case .generic("Array", _), .generic("Deque", _), .generic("InlineArray", _),
            .generic("Set", _), .generic("SortedSet", _),
            .named("PersistentBitSet"):
            Members.names(of: .list([])) + Changes.names(for: self)
        case .generic("Map", _), .generic("SortedMap", _):
            Members.names(of: .pairs([])) + Changes.names(for: self)
        case .generic("Value", let parameters), .generic("Ref", let parameters),
            .generic("Shared", let parameters):
            parameters.first?.memberNames ?? []
        case .named("String"), .named("PersistentString"): Members.names(of: .text(""))
        case .named("Data"), .named("PersistentBytes"): Members.names(of: .bytes([]))
        case .named("Double"), .named("Float"): Members.names(of: .number(0))
        case .named("Bool"): Changes.names(for: self)
        case .structure(_, let fields, _), .record(_, let fields, _): fields.map(\.name)
        default: []
        }
    }

    /// Returns the type of an expression's result, as far as it follows from the types alone.
    static func of(_ expression: Expression, roots: [String: TypeShape]) -> TypeShape? {
        switch expression.form {
        case .literal(.text): return .named("String")
        case .literal(.integer): return .named("Int")
        case .literal(.number): return .named("Double")
        case .list: return .generic("Array", [.named("Int")])
        case .name(let name):
            guard let shape = roots[name] else { return nil }
            if case .generic("Value", let parameters) = shape { return parameters.first }
            return shape
        case .forced(let base): return of(base, roots: roots)
        case .member(let base, let name, _): return of(base, roots: roots)?.member(name)
        case .call(let base, let name, _, _):
            guard let shape = of(base, roots: roots) else { return nil }
            switch name {
            case "sorted", "reversed", "prefix", "suffix", "dropFirst", "dropLast":
                if shape.isMap { return nil }
                return .generic("Array", [shape.lastParameter ?? .named("Int")])
            case "min", "max", "removeFirst", "removeLast", "popFirst", "popLast", "remove",
                "removeValue", "sum":
                return shape.lastParameter
            default: return nil
            }
        case .element(let base, _): return of(base, roots: roots)?.lastParameter
        default: return nil
        }
    }

    private var lastParameter: TypeShape? {
        if case .generic(_, let parameters) = wrapped { parameters.last } else { nil }
    }

    private func member(_ name: String) -> TypeShape? {
        switch (wrapped, name) {
        case (.structure(_, let fields, _), _), (.record(_, let fields, _), _):
            fields.first { $0.name == name }?.type
        case (.generic("Ref", let parameters), _), (.generic("Shared", let parameters), _):
            parameters.first?.member(name)
        case (.generic(_, let parameters), "keys"): parameters.first.map { .generic("Array", [$0]) }
        case (.generic(_, let parameters), "values"):
            parameters.last.map { .generic("Array", [$0]) }
        case (.generic("Map", _), _), (.generic("SortedMap", _), _): nil
        case (.generic(_, let parameters), "first"), (.generic(_, let parameters), "last"):
            parameters.first
        default: nil
        }
    }
}
