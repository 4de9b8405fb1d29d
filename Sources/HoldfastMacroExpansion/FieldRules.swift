/// What a struct's source says about its fields beside their types: the names that they have in the
/// heap, and the values that they have where a stored struct lacks them.
enum FieldRules {
    private static let attributes = ["HeapField", "Holdfast.HeapField"]

    private static func attribute(of field: Declaration.Field) -> Attribute? {
        field.attributes.first { attributes.contains($0.name) }
    }

    /// The source of the string in `@HeapField("name")`, or nil if there is none.
    static func storedName(of field: Declaration.Field) -> String? {
        attribute(of: field).flatMap { Attribute.plainName(in: $0.text) }
    }

    static func check(_ declaration: Declaration) -> [Diagnostic] {
        var names: Set<String> = []
        var problems: [Diagnostic] = []
        for field in declaration.fields {
            if let attribute = attribute(of: field), storedName(of: field) == nil {
                problems.append(
                    Diagnostic(
                        attribute.range, "the name of a field must be written as one string",
                        note: "a macro sees the source, not the value of an expression"))
            }
            let name = storedName(of: field) ?? literal(field.name)
            if !names.insert(name).inserted, !declaration.hasConditions {
                problems.append(Diagnostic(field.token, "two fields have the name \(name)"))
            }
        }
        return problems
    }

    // MARK: Defaults

    /// Types whose names mean the same wherever the extension stands.
    private static let knownNames: Set = [
        "Int", "Int8", "Int16", "Int32", "Int64", "UInt", "UInt8", "UInt16", "UInt32", "UInt64",
        "Double", "Float", "Bool", "String", "Date", "UUID", "Data", "Duration", "true", "false",
    ]

    private static let signs: Set = [".", ",", "-", "+", "*", "/", "(", ")", "[", "]", ":"]

    /// The initial value of a property, if it means the same in an extension at the top level of
    /// the file, outside of all isolation: literals, members of the property's type, and a few
    /// types of the standard library and Foundation.
    static func defaultValue(of field: Declaration.Field) -> String? {
        guard let value = field.initialValue, !value.contains(where: \.isNewline) else {
            return nil
        }
        let tokens = Tokenizer.tokens(of: value)
        if tokens.isEmpty || tokens.count == 1 && tokens[0].is("nil") { return nil }
        return tokens.indices.allSatisfy { isPortable($0, in: tokens) } ? value : nil
    }

    private static func isPortable(_ index: Int, in tokens: [Token]) -> Bool {
        let token = tokens[index]
        switch token.kind {
        case .literal: return token.text.hasPrefix("\"") && !token.text.contains("\\(")
        case .sign: return signs.contains(token.text)
        case .word:
            if knownNames.contains(token.text) { return true }
            // A member, or the label of an argument.
            if index > 0, tokens[index - 1].is(".") { return true }
            if index + 1 < tokens.count, tokens[index + 1].is(":") { return true }
            return token.text.utf8.first.map { UInt8(ascii: "0") ... UInt8(ascii: "9") ~= $0 }
                ?? false
        }
    }
}
