import Holdfast

/// Types in a short notation, without the fields of structs and their offsets.
enum TypeNames {
    static func short(_ type: TypeDescription) -> String {
        guard let shape = type.shape else { return type.text.isEmpty ? "?" : type.text }
        return short(shape)
    }

    static func short(_ shape: TypeShape) -> String {
        switch shape {
        case .named(let name): name
        case .optional(let wrapped): short(wrapped) + "?"
        case .enumeration(let name, _): name
        case .generic(let name, let parameters):
            "\(name)<\(parameters.map(short).joined(separator: ", "))>"
        case .structure(let name, _, _), .record(let name, _, _), .opaque(let name, _, _),
            .union(let name, _):
            name
        }
    }
}
