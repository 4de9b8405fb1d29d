/// The messages between the compiler and a macro plug-in, and the answers to them.
///
/// The protocol is that of swift-syntax (PluginMessages.swift): each message is a JSON object with
/// one member, whose name says what is asked. Each gets one answer.
package enum PluginMessages {
    /// The version of the protocol that introduced the members that are used here.
    private static let protocolVersion = 7

    /// Returns the answer to a message.
    package static func answer(to message: [UInt8]) -> [UInt8] {
        Array(answer(to: JSONParser.parse(message) ?? .null).text.utf8)
    }

    private static func answer(to message: JSON) -> JSON {
        if message["getCapability"] != nil {
            return .object([
                "getCapabilityResult": .object([
                    "capability": .object(["protocolVersion": .number(protocolVersion)])
                ])
            ])
        }
        if let request = message["expandAttachedMacro"] { return expand(request) }
        if let request = message["expandFreestandingMacro"] {
            return result(
                nil, [Diagnostic(nil as Token?, "Holdfast has no macro of this kind")], request)
        }
        if message["loadPluginLibrary"] != nil {
            return .object([
                "loadPluginLibraryResult": .object([
                    "loaded": .bool(false), "diagnostics": .array([]),
                ])
            ])
        }
        return result(
            nil, [Diagnostic(nil as Token?, "the compiler's message has no meaning here")], message)
    }

    private static func expand(_ request: JSON) -> JSON {
        let declaration = request["declSyntax"]
        var context = Expansion.Context()
        context.attribute = request["attributeSyntax"]?["source"]?.string ?? ""
        context.typeName = trimmed(request["extendedTypeSyntax"]?["source"]?.string ?? "")
        if let list = request["conformanceListSyntax"]?["source"]?.string {
            context.missingConformances = conformances(in: list)
        }
        context.enclosing = (request["lexicalContext"]?.elements ?? []).compactMap {
            $0["source"]?.string
        }
        let location = declaration?["location"]
        context.file = location?["fileName"]?.string
        context.line = location?["line"]?.number ?? 1
        let source = declaration?["source"]?.string ?? ""
        switch request["macro"]?["typeName"]?.string {
        case "HeapSchemaMacro":
            return expandSchema(source, in: context, request)
        case "HeapRootMacro":
            let name = SchemaExpansion.nameArgument(of: context.attribute)
            return result(SchemaExpansion.accessors(of: source, storedAs: name), [], request)
        case "HeapFieldMacro", "IndexedMacro":
            // They only mark a property, for `@Persistable`.
            return result("", [], request)
        default:
            let expansion = Expansion(of: source, in: context)
            return result(expansion.source, expansion.diagnostics, request)
        }
    }

    /// The compiler asks for each role by itself. The problems are in the answer for the members.
    private static func expandSchema(
        _ source: String, in context: Expansion.Context, _ request: JSON
    ) -> JSON {
        switch request["macroRole"]?.string {
        case "memberAttribute":
            let type = request["parentDeclSyntax"]?["source"]?.string ?? ""
            return result(
                SchemaExpansion.attribute(ofMember: source, in: type), [], request)
        case "member":
            let expansion = SchemaExpansion(of: source, in: context)
            return result(expansion.members, expansion.diagnostics, request)
        default:
            return result(
                SchemaExpansion(of: source, in: context).conformance, [], request)
        }
    }

    /// The compiler writes them as `struct Placeholder: First, Second {}`.
    private static func conformances(in source: String) -> Set<String> {
        let inherited = DeclarationParser.parse(source)?.inherited ?? []
        return Set(inherited.compactMap { $0.last?.text })
    }

    private static func trimmed(_ text: String) -> String {
        Declaration.text(Tokenizer.tokens(of: text)[...])
    }

    // MARK: Answers

    private static func result(_ source: String?, _ diagnostics: [Diagnostic], _ request: JSON)
        -> JSON
    {
        .object([
            "expandMacroResult": .object([
                "expandedSource": source.map { .string($0) } ?? .null,
                "diagnostics": .array(diagnostics.map { json($0, request) }),
            ])
        ])
    }

    private static func json(_ diagnostic: Diagnostic, _ request: JSON) -> JSON {
        // The compiler counts from the first byte of the syntax, blanks before it included.
        let syntax = request[diagnostic.range == nil ? "attributeSyntax" : "declSyntax"]
        let start = syntax?["location"]?["offset"]?.number ?? 0
        let file = syntax?["location"]?["fileName"] ?? .string("")
        let range =
            diagnostic.range ?? Tokenizer.tokens(of: syntax?["source"]?.string ?? "").first?.range
            ?? 0 ..< 0
        let position = JSON.object([
            "fileName": file, "offset": .number(start &+ range.lowerBound),
        ])
        let highlight = JSON.object([
            "fileName": file, "startOffset": .number(start &+ range.lowerBound),
            "endOffset": .number(start &+ range.upperBound),
        ])
        let notes = diagnostic.note.map {
            [JSON.object(["message": .string($0), "position": position])]
        }
        return .object([
            "message": .string(diagnostic.message), "severity": .string("error"),
            "position": position, "highlights": .array([highlight]),
            "notes": .array(notes ?? []), "fixIts": .array([]),
        ])
    }
}
