/// The expansion of `@Persistable` on one declaration: the extension that it writes, or the reasons
/// why it writes none.
package struct Expansion {
    package private(set) var source: String?
    package private(set) var diagnostics: [Diagnostic] = []

    /// What the compiler says besides the declaration.
    package struct Context {
        /// The attribute's source.
        package var attribute = "@Persistable"
        /// The full name of the type that the extension extends.
        package var typeName = ""
        /// The protocols that the type does not conform to already.
        package var missingConformances: Set<String> = [
            "HeapRecord", "HeapStruct", "HeapEnum", "HeapUnion",
            "BitwiseCopyable", "HeapSchema", "TableValue",
        ]
        /// The declarations that the type is nested in, without their members, innermost first.
        package var enclosing: [String] = []
        /// The file and the line of the declaration's first byte. Without them, the compiler's own
        /// errors are not placed at the fields.
        package var file: String?
        package var line = 1

        package init() {}
    }

    package init(of source: String, in context: Context = Context()) {
        guard let declaration = DeclarationParser.parse(source) else {
            diagnostics = [
                Diagnostic(
                    nil as Token?, "@Persistable is for structs and enums",
                    note: "it cannot read this declaration")
            ]
            return
        }
        var writer = ExpansionWriter(declaration, source: source, context)
        do throws(Diagnostic) {
            let isPlain = try Self.isPlain(context.attribute)
            try Self.requireVisible(declaration, context.enclosing)
            try Self.requireCopyable(declaration)
            switch declaration.kind.text {
            case "struct": try writer.writeStruct(isPlain: isPlain)
            case "enum": try writer.writeEnum(isPlain: isPlain)
            default:
                throw Diagnostic(
                    declaration.name,
                    "@Persistable is for structs and enums, not for a type declared with "
                        + "'\(declaration.kind.text)'",
                    note: "an object has no meaning in another process; make it a struct, and use "
                        + "HeapRef or SharedRef to refer to it")
            }
        } catch {
            diagnostics = [error]
        }
        diagnostics = declaration.diagnostics + writer.diagnostics + diagnostics
        if diagnostics.isEmpty { self.source = writer.text }
    }

    /// An extension stands at the top level of the file, where a private nested type has no name.
    private static func requireVisible(
        _ declaration: Declaration, _ enclosing: [String]
    ) throws(Diagnostic) {
        guard !enclosing.isEmpty else { return }
        if let word = declaration.modifiers.first(where: { $0.text == "private" }) {
            throw Diagnostic(
                word, "the extension that @Persistable writes cannot see a private nested type",
                note: "write 'fileprivate'")
        }
        for source in enclosing.dropLast() {
            guard let outer = DeclarationParser.parse(source) else { continue }
            if outer.modifiers.contains(where: { $0.text == "private" }) {
                throw Diagnostic(
                    declaration.name,
                    "the extension that @Persistable writes cannot see a type inside the private "
                        + "type '\(outer.name.name)'", note: "write 'fileprivate' there")
            }
        }
    }

    private static func requireCopyable(_ declaration: Declaration) throws(Diagnostic) {
        for type in declaration.inherited {
            guard let last = type.last, type.first?.is("~") ?? false else { continue }
            if ["Copyable", "Escapable"].contains(last.text) {
                throw Diagnostic(
                    last,
                    "a value that is stored in a heap is copied, so '~\(last.text)' cannot be "
                        + "combined with @Persistable")
            }
        }
    }

    private static func isPlain(_ attribute: String) throws(Diagnostic) -> Bool {
        switch Attribute.arguments(of: attribute).map(\.text).joined() {
        case "": return false
        case ".plain", "PersistableForm.plain", "Holdfast.PersistableForm.plain": return true
        default:
            throw Diagnostic(
                nil as Token?, "the argument of @Persistable must be written '.plain'",
                note: "a macro sees the source, not the value of an expression")
        }
    }
}

extension Diagnostic: Error {}
