import Holdfast

/// The layout of a struct that is declared in a line.
///
/// A plain struct has Swift's layout of a struct with the same fields, and a record has that of
/// `RecordLayout`. So a program that declares the same struct in Swift can open the same roots.
enum StructLayout {
    private static let recordHeader = 8

    /// Returns nil if the size cannot be represented, or a name is not valid in a description.
    static func shape(_ name: String, _ fields: [(name: String, shape: TypeShape)]) -> TypeShape? {
        let isPlain = fields.allSatisfy { plain($0.shape) != nil }
        var end = isPlain ? 0 : recordHeader
        var placed: [String] = []
        for field in fields {
            guard let (size, alignment) = isPlain ? plain(field.shape) : stored(field.shape) else {
                return nil
            }
            let offset = (end + alignment - 1) / alignment * alignment
            placed.append("\(field.name): \(field.shape.text) @\(offset)")
            end = offset + size
            guard end < Int(Int32.max) else { return nil }
        }
        // Through the text of its description: if that does not parse as the same shape, other
        // programs could not read it.
        let text =
            "\(isPlain ? "" : "record ")\(name){\(placed.joined(separator: ", ")); \(end) bytes}"
        return TypeShape(parsing: text).flatMap { $0.text == text ? $0 : nil }
    }

    private static let numbers: [String: Int] = [
        "Int": 8, "Int64": 8, "Int32": 4, "Int16": 2, "Int8": 1, "UInt": 8, "UInt64": 8,
        "UInt32": 4, "UInt16": 2, "UInt8": 1,
        "Double": 8,
        "Float": 4, "Bool": 1,
    ]

    /// Returns size and alignment in a plain struct, or nil for types that make a struct a record.
    private static func plain(_ shape: TypeShape) -> (size: Int, alignment: Int)? {
        switch shape {
        case .named(let name): return numbers[name].map { ($0, $0) }
        case .structure(_, let fields, let bytes):
            var alignment = 1
            for field in fields {
                guard let part = plain(field.type) else { return nil }
                alignment = max(alignment, part.alignment)
            }
            return (bytes, alignment)
        default: return nil
        }
    }

    /// Returns size and alignment of the stored form.
    private static func stored(_ shape: TypeShape) -> (size: Int, alignment: Int)? {
        switch shape {
        case .named("String"), .named("Data"), .named("UUID"), .named("URL"), .named("Decimal"),
            .named("Int128"), .named("UInt128"), .named("Duration"):
            return (16, 8)
        // References into the heap, and dates.
        case .named("Date"), .generic, .record: return (8, 8)
        case .optional(let wrapped):
            // A flag, followed by the wrapped form.
            return stored(wrapped).map { ($0.alignment + $0.size, $0.alignment) }
        default: return plain(shape)
        }
    }
}
