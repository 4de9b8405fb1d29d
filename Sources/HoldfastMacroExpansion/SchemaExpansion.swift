/// The expansion of `@HeapSchema` on one struct, whose properties declare the roots of a heap.
///
/// Each property becomes a computed one that finds its root (`@HeapRoot`); the struct gets the
/// transaction that it belongs to as its only storage, and a list of the roots.
package struct SchemaExpansion {
    /// The members that the struct gets.
    package private(set) var members: String?
    /// The extension with the conformance.
    package private(set) var conformance: String?
    package private(set) var diagnostics: [Diagnostic] = []

    private static let name = "@HeapSchema"
    /// The stored property that the struct gets.
    private static let storage = "heapRoots"

    package init(of source: String, in context: Expansion.Context = Expansion.Context()) {
        guard let declaration = DeclarationParser.parse(source, for: Self.name),
            declaration.kind.text == "struct"
        else {
            diagnostics = [
                Diagnostic(
                    nil as Token?, "\(Self.name) is for structs",
                    note: "each of its properties is a root of the heap")
            ]
            return
        }
        diagnostics = declaration.diagnostics
        var names: [String: Token] = [:]
        var introducers: Set<Int> = []
        for field in declaration.fields {
            if let problem = Self.problem(of: field) {
                diagnostics.append(problem)
            } else if !introducers.insert(field.introducer.range.lowerBound).inserted {
                diagnostics.append(
                    Diagnostic(
                        field.token, "\(Self.name) needs a declaration of its own for each root",
                        note: "write 'var' before '\(field.name)'"))
            } else if !declaration.hasConditions,
                names.updateValue(field.token, forKey: Self.nameLiteral(of: field)) != nil
            {
                diagnostics.append(
                    Diagnostic(
                        field.token, "two roots have the name \(Self.nameLiteral(of: field))"))
            }
        }
        let access = declaration.memberAccess(in: context.enclosing)
        let storage = """
            \(access)let \(Self.storage): Holdfast.SchemaRoots

            nonisolated \(access)init(\(Self.storage): Holdfast.SchemaRoots) {
                self.\(Self.storage) = \(Self.storage)
            }


            """
        // A member, because an extension would not see the types beside a nested schema. Problems
        // leave out no more than their property, so that the compiler reports nothing else.
        var writer = ExpansionWriter(declaration, source: source, context)
        writer.writeList("declaredRoots", of: "Holdfast.DeclaredRoot") { writer, member in
            guard case .field(let field) = member, Self.problem(of: field) == nil else { return }
            writer.write(Self.declaredRoot(field), to: "declaredRoots", at: field.token)
        }
        members = storage + writer.text
        writer = ExpansionWriter(declaration, source: source, context)
        writer.writeExtension(conformingTo: ["HeapSchema"]) { _ in }
        conformance = writer.text
    }

    private static func problem(of field: Declaration.Field) -> Diagnostic? {
        if field.name == storage {
            return Diagnostic(field.token, "\(name) uses the name '\(storage)' itself")
        }
        if field.introducer.text == "let" {
            return Diagnostic(
                field.introducer, "a root is declared with 'var'",
                note: "the struct does not contain '\(field.name)': it finds it in the heap")
        }
        if let modifier = field.modifiers.first(where: {
            ["lazy", "weak", "unowned"].contains($0.text)
        }) {
            return Diagnostic(modifier, "a root cannot be '\(modifier.text)'")
        }
        if let attribute = field.attributes.first(where: {
            !["HeapRoot", "Holdfast.HeapRoot", "available"].contains($0.name)
        }) {
            return Diagnostic(
                attribute.range,
                "\(name) does not see what @\(attribute.name) makes of '\(field.name)'")
        }
        if let attribute = rootAttribute(of: field), !isNamePlain(attribute.text) {
            return Diagnostic(
                attribute.range, "the name of a root must be written as one string",
                note: "a macro sees the source, not the value of an expression")
        }
        if field.hasObservers {
            return Diagnostic(
                field.token, "a root cannot have observers",
                note: "other processes change it without calling them; see PersistentHeap.changes")
        }
        guard let type = field.type else {
            if literalType(of: field) != nil { return nil }
            return Diagnostic(
                field.token, "\(name) needs the type of '\(field.name)'",
                note: "a macro sees the source, not the type of an expression")
        }
        return StorageRules.check(type, of: "'\(field.name)'", .record)
    }

    /// The type that the compiler gives to a property whose initial value is a single literal.
    private static func literalType(of field: Declaration.Field) -> String? {
        guard let value = field.initialValue else { return nil }
        let tokens = Tokenizer.tokens(of: value)
        guard tokens.count == 1, let token = tokens.first else { return nil }
        if token.is("true") || token.is("false") { return "Swift.Bool" }
        if token.text.hasPrefix("\"") { return "Swift.String" }
        return token.text.utf8.allSatisfy { UInt8(ascii: "0") ... UInt8(ascii: "9") ~= $0 }
            ? "Swift.Int" : nil
    }

    private static func metatype(of field: Declaration.Field) -> String {
        "(\(field.typeText ?? literalType(of: field) ?? "")).self"
    }

    // MARK: Roots

    /// Returns the attribute that makes a member a root, or nil if the member is none.
    package static func attribute(ofMember source: String, in type: String) -> String? {
        guard DeclarationParser.parse(type)?.kind.text == "struct" else { return nil }
        let fields = DeclarationParser.fields(ofMember: source, for: name)
        guard fields.count == 1, let field = fields.first, problem(of: field) == nil,
            rootAttribute(of: field) == nil
        else { return nil }
        return "@Holdfast.HeapRoot"
    }

    /// Returns the accessors of a root.
    package static func accessors(of source: String, storedAs storedName: String?) -> String? {
        let fields = DeclarationParser.fields(ofMember: source, for: name)
        guard fields.count == 1, let field = fields.first, problem(of: field) == nil else {
            return nil
        }
        let argument = storedName ?? literal(field.name)
        let getter = "get { \(storage).root(\(argument), \(metatype(of: field))) }"
        if initialValue(of: field) == nil { return "{ \(getter) }" }
        return """
            {
                \(getter)
                nonmutating set { \(storage).replaceRoot(\(argument), with: newValue) }
            }
            """
    }

    /// The source of the string in `@HeapRoot("name")`, or nil if there is none.
    package static func nameArgument(of attribute: String) -> String? {
        guard let token = Attribute.arguments(of: attribute).first, token.kind == .literal else {
            return nil
        }
        return token.text
    }

    /// Whether the attribute has no argument, or one string without interpolation.
    private static func isNamePlain(_ attribute: String) -> Bool {
        Attribute.arguments(of: attribute).isEmpty || Attribute.plainName(in: attribute) != nil
    }

    private static func rootAttribute(of field: Declaration.Field) -> Attribute? {
        field.attributes.first { ["HeapRoot", "Holdfast.HeapRoot"].contains($0.name) }
    }

    /// The source of the name that the root has in the heap.
    private static func nameLiteral(of field: Declaration.Field) -> String {
        rootAttribute(of: field).flatMap { nameArgument(of: $0.text) } ?? literal(field.name)
    }

    /// The value that the root begins with. That of an optional is nil.
    private static func initialValue(of field: Declaration.Field) -> String? {
        if let value = field.initialValue {
            // These are expressions only in places like an initial value.
            let isStatement = ["if", "switch"].contains(
                Tokenizer.tokens(of: value).first?.text ?? "")
            return isStatement ? "{ \(value) }()" : value
        }
        guard let type = field.type, let last = type.last, let first = type.first else {
            return nil
        }
        let isOptional =
            last.is("?") || (first.is("Optional") && type.count > 1)
        return isOptional ? "nil" : nil
    }

    private static func declaredRoot(_ field: Declaration.Field) -> String {
        let start = "Holdfast.DeclaredRoot(\(nameLiteral(of: field)), \(metatype(of: field))"
        guard let value = initialValue(of: field) else { return start + ")" }
        return start + ", initial: \(value))"
    }
}
