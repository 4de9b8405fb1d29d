/// What can be seen, in the syntax alone, to have no stored form: references to memory of this
/// process, in a type, an attribute or a modifier. The compiler checks all other types.
enum StorageRules {
    /// How the type is stored.
    enum Form { case record, plain, union }

    private static let pointers: Set = [
        "UnsafePointer", "UnsafeMutablePointer", "UnsafeRawPointer", "UnsafeMutableRawPointer",
        "UnsafeBufferPointer", "UnsafeMutableBufferPointer", "UnsafeRawBufferPointer",
        "UnsafeMutableRawBufferPointer", "OpaquePointer", "Unmanaged", "CVaListPointer",
        "AutoreleasingUnsafeMutablePointer", "ManagedBufferPointer",
    ]

    /// Attributes of a property that change neither its storage nor its type.
    private static let harmlessAttributes: Set = [
        "available", "usableFromInline", "inlinable", "objc", "nonobjc", "preconcurrency",
        "_spi", "_documentation", "HeapField", "Holdfast.HeapField", "Indexed",
        "Holdfast.Indexed",
    ]

    static func check(_ field: Declaration.Field, _ form: Form) -> Diagnostic? {
        for modifier in field.modifiers {
            switch modifier.text {
            case "lazy":
                return Diagnostic(
                    modifier, "'\(field.name)' is lazy, so @Persistable cannot read it in place",
                    note: "use a computed property, or store a value from the start")
            case "weak", "unowned":
                return Diagnostic(
                    modifier,
                    "'\(field.name)' refers to an object, which has no meaning in another process",
                    note: "use a HeapRef<…>? to another record")
            default: break
            }
        }
        for attribute in field.attributes where !harmlessAttributes.contains(attribute.name) {
            return Diagnostic(
                attribute.range,
                "@Persistable does not see what @\(attribute.name) makes of '\(field.name)'",
                note: "store the wrapped value in a property without an attribute")
        }
        return field.type.flatMap { check($0, of: "'\(field.name)'", form) }
    }

    static func check(_ entry: Declaration.Case) -> Diagnostic? {
        for (number, part) in entry.payload.enumerated() {
            let name = part.label.map { "'\($0.name)'" } ?? "value \(number + 1)"
            if let problem = check(part.type, of: "\(name) of the case '\(entry.name)'", .union) {
                return problem
            }
        }
        return nil
    }

    static func check(_ type: ArraySlice<Token>, of owner: String, _ form: Form)
        -> Diagnostic?
    {
        for (index, token) in zip(type.indices, type) {
            if token.is("->") {
                return Diagnostic(
                    range(type), "\(owner) is a function, which cannot be stored",
                    note: "use an enum that names what to do")
            }
            guard token.kind == .word, !isMember(type, index) else { continue }
            if pointers.contains(token.text) {
                return Diagnostic(
                    token,
                    "\(owner) is a pointer: an address has no meaning in another process",
                    note: "use a HeapRef<…>? to a record, or a PersistentBytes for raw bytes")
            }
            if ["Any", "AnyObject", "AnyClass", "AnyHashable"].contains(token.text)
                || isExistential(type, index)
            {
                return Diagnostic(
                    token, "\(owner) can hold values of any type, which cannot be stored",
                    note: "use an enum with @Persistable that lists the types")
            }
        }
        if let first = type.first, first.is("("), form != .plain, hasSeveralElements(type) {
            return Diagnostic(
                range(type), "\(owner) is a tuple, which has no stored form here",
                note: "use a struct with @Persistable")
        }
        if let last = type.last, last.is("Type") || last.is("Protocol"),
            isMember(type, type.endIndex - 1)
        {
            return Diagnostic(
                range(type), "\(owner) is a metatype, which cannot be stored",
                note: "use an enum that names the types")
        }
        return nil
    }

    /// Whether the word is a part of a type of another name, as in `Graphics.Any`.
    private static func isMember(_ type: ArraySlice<Token>, _ index: Int) -> Bool {
        index > type.startIndex + 1 && type[index - 1].is(".") && !type[index - 2].is("Swift")
    }

    private static func isExistential(_ type: ArraySlice<Token>, _ index: Int) -> Bool {
        guard type[index].is("any"), index + 1 < type.endIndex else { return false }
        return type[index + 1].kind == .word || type[index + 1].is("(") || type[index + 1].is("~")
    }

    /// Whether the parentheses that begin the type hold several elements.
    private static func hasSeveralElements(_ type: ArraySlice<Token>) -> Bool {
        var depth = 0
        for token in type where token.kind == .sign {
            switch token.text {
            case "(", "[", "<": depth += 1
            case ")", "]", ">":
                depth -= 1
                if depth == 0 { return false }
            case "," where depth == 1: return true
            default: break
            }
        }
        return false
    }

    private static func range(_ type: ArraySlice<Token>) -> Range<Int>? {
        guard let first = type.first, let last = type.last else { return nil }
        return first.range.lowerBound ..< last.range.upperBound
    }
}
