import HoldfastMacroExpansion
import Testing
import TestSupport

/// Source and messages that no compiler sends: each is answered, whatever it contains.
@Suite(.progress) struct HostileInputTests {
    private let rounds = TestExtent.choose(quick: 400, full: 20_000, long: 400_000)

    private func expand(_ bytes: some Sequence<UInt8>) {
        let source = String(decoding: Array(bytes), as: UTF8.self)
        let expansion = Expansion(of: source)
        #expect(expansion.source == nil || expansion.diagnostics.isEmpty, "\(source)")
        let schema = SchemaExpansion(of: source)
        #expect((schema.members == nil) == (schema.conformance == nil), "\(source)")
        _ = SchemaExpansion.accessors(of: source, storedAs: nil)
        _ = SchemaExpansion.attribute(ofMember: source, in: source)
        _ = SchemaExpansion.nameArgument(of: source)
    }

    @Test func cutSources() {
        for seed in 0 ..< UInt64(rounds / 20) {
            let random = RandomDeclaration(seed: seed)
            let bytes = Array("\(random.isEnum ? "enum" : "struct") X\(random.body)".utf8)
            for end in stride(from: 0, to: bytes.count, by: 7) {
                expand(bytes[..<end])
                expand(bytes[end...])
            }
        }
    }

    @Test func mutatedSources() {
        var random = SplitMix(state: 1)
        let signs = Array("{}()[]<>\"#\\/*:;,.=@`?!&|-\n \u{0}".utf8) + [0x80, 0xff, 0xe6]
        for seed in 0 ..< UInt64(rounds) {
            let declaration = RandomDeclaration(seed: seed)
            var bytes = Array("\(declaration.isEnum ? "enum" : "struct") X\(declaration.body)".utf8)
            for _ in 0 ..< 1 + random.next() % 6 where bytes.count > 1 {
                let place = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 4 {
                case 0: bytes[place] = signs[Int(random.next() % UInt64(signs.count))]
                case 1: bytes.insert(signs[Int(random.next() % UInt64(signs.count))], at: place)
                case 2: bytes.remove(at: place)
                default:
                    let end = min(bytes.count, place + Int(random.next() % 40))
                    bytes.insert(
                        contentsOf: Array(bytes[place ..< end]),
                        at: Int(random.next() % UInt64(bytes.count)))
                }
            }
            expand(bytes)
        }
    }

    /// Long rows of the same characters: neither deep recursion nor quadratic time.
    @Test(
        arguments: [
            "(", "[", "{", "<", ")", "}", ">", "\"", "#", "\\", "\"\\(", "/*", "/", "#/", "`", "@",
            "@a(", "#if ", "\n#if a\n", "\n#", "\na: ", "var ", "a<", "a<b,", "<(", ".", "\\/",
            "+/a",
            "case a(", "struct A {", "\"\"\"\\(", "= ", ", ", "->", "\n.", "?", "\u{0}", "}{",
            "i+/\\/",
        ])
    func longRows(_ unit: String) {
        let row = String(
            repeating: unit, count: TestExtent.choose(quick: 500, full: 20_000))
        for start in [
            "", "struct X {", "struct X { var a: ", "struct X { var a = ", "enum X { case a(",
            "struct X<",
            "struct X: ", "@", "struct X { #if ", "enum X { case a = ", "struct X { func f() ",
        ] {
            expand((start + row).utf8)
        }
    }

    @Test func tooLongSource() {
        let source =
            "struct X {" + String(repeating: " ", count: DeclarationParser.longestSource) + "}"
        #expect(Expansion(of: source).source == nil)
    }

    // MARK: Messages

    private static let request = """
        {"expandAttachedMacro":{"macro":{"moduleName":"HoldfastMacros","typeName":"PersistableMacro",\
        "name":"Persistable"},"macroRole":"extension","discriminator":"$s1","attributeSyntax":{"kind":\
        "attribute","source":"@Persistable","location":{"fileID":"a/b.swift","fileName":"/b.swift",\
        "offset":10,"line":2,"column":1}},"declSyntax":{"kind":"declaration","source":"\\n@Persistable\
        \\nstruct A { var a: Int; var b: \\u0041ny, \\ud83d\\ude00: Int = 1e3 }","location":{"fileID":"a/b.swift",\
        "fileName":"/b.swift","offset":9,"line":1,"column":9}},"extendedTypeSyntax":{"source":"A"},\
        "conformanceListSyntax":{"source":"struct Placeholder: HeapRecord {}"},\
        "lexicalContext":[{"source":"enum B {}"}],"x":[null,true,false,-1.5e2,{}]}}
        """

    private func isAnswered(_ message: some Sequence<UInt8>) -> Bool {
        guard
            case .object(let members)? = JSONParser.parse(PluginMessages.answer(to: Array(message)))
        else { return false }
        return members.count == 1
    }

    @Test func theRequestIsUnderstood() throws {
        let answer = PluginMessages.answer(to: Array(Self.request.utf8))
        let result = try #require(JSONParser.parse(answer)?["expandMacroResult"])
        #expect(result["expandedSource"] == .null)
        let diagnostics = result["diagnostics"]?.elements ?? []
        #expect(diagnostics.count == 1)
        // The word in the file: 9 bytes before the declaration, 43 in it.
        #expect(diagnostics.first?["position"]?["offset"] == .number(9 + 44))
        #expect(diagnostics.first?["position"]?["fileName"] == .string("/b.swift"))
    }

    @Test func mutatedMessages() {
        var random = SplitMix(state: 2)
        let original = Array(Self.request.utf8)
        let signs = Array("{}[]\":,\\u0-eE.tn ".utf8) + [0, 0x80, 0xff]
        for end in 0 ..< original.count { #expect(isAnswered(original[..<end])) }
        for _ in 0 ..< rounds * 5 {
            var bytes = original
            for _ in 0 ..< 1 + random.next() % 4 {
                let place = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 3 {
                case 0: bytes[place] = signs[Int(random.next() % UInt64(signs.count))]
                case 1: bytes.insert(signs[Int(random.next() % UInt64(signs.count))], at: place)
                default: bytes.removeSubrange(place ..< min(place + 5, bytes.count - 1))
                }
            }
            #expect(isAnswered(bytes), "\(String(decoding: bytes, as: UTF8.self))")
        }
    }

    @Test(arguments: ["[", "{\"a\":", "[{\"a\":[", "\"\\ud83d", "1", "-", "\\"])
    func deepMessages(_ unit: String) {
        #expect(isAnswered(String(repeating: unit, count: 200_000).utf8))
    }

    @Test func otherMessages() {
        for (message, answer) in [
            ("{\"getCapability\":{}}", "getCapabilityResult"),
            ("{\"getCapability\":null}", "getCapabilityResult"),
            ("{\"loadPluginLibrary\":{}}", "loadPluginLibraryResult"),
            ("{\"expandFreestandingMacro\":{}}", "expandMacroResult"), ("{}", "expandMacroResult"),
            ("{\"expandAttachedMacro\":3}", "expandMacroResult"), ("", "expandMacroResult"),
        ] {
            #expect(
                JSONParser.parse(PluginMessages.answer(to: Array(message.utf8)))?[answer] != nil)
        }
    }

    @Test func jsonComesBack() {
        let value = JSON.object([
            "a": .array([.null, .bool(true), .number(-3), .string("\"\\\n\u{1}\u{1f600}é/")]),
            "": .object([:]),
        ])
        #expect(JSONParser.parse(Array(value.text.utf8)) == value)
        #expect(
            JSONParser.parse(Array(" [1.0, 2e2 ,3] ".utf8))
                == .array([.number(1), .number(200), .number(3)]))
        for text in [
            "[1,]", "{\"a\"}", "[1] 2", "{\"a\":1,}", "\"a", "\"\\x\"", "nul", "[1 2]", "1e999",
            "\"\\u12\"",
        ] {
            #expect(JSONParser.parse(Array(text.utf8)) == nil, "\(text)")
        }
    }
}
