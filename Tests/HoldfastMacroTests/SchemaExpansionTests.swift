import HoldfastMacroExpansion
import Testing
import TestSupport

/// Expansions of `@HeapSchema` and `@HeapRoot`, from text to text.
@Suite(.progress) struct SchemaExpansionTests {
    private let source = """
        /// A shop.
        @HeapSchema public struct Shop: Sendable {
            public var stock: PersistentMap<String, Int>  // by name
            @HeapRoot("old\\"name") var tags: PersistentArray<String> = ["a",
                "b"]
            #if DEBUG
            var count = 0
            #endif
            private var `class`: [Int]?
            static let shared = 3
            var total: Int { 3 }
            func f() {}
        }
        """

    @Test func members() {
        #expect(
            SchemaExpansion(of: source).members == #"""
                public let heapRoots: Holdfast.SchemaRoots

                nonisolated public init(heapRoots: Holdfast.SchemaRoots) {
                    self.heapRoots = heapRoots
                }

                    nonisolated public static var declaredRoots: [Holdfast.DeclaredRoot] {
                        var declaredRoots: [Holdfast.DeclaredRoot] = []
                        declaredRoots.append(Holdfast.DeclaredRoot("stock", (PersistentMap<String, Int>).self))
                        declaredRoots.append(Holdfast.DeclaredRoot("old\"name", (PersistentArray<String>).self, initial: ["a",
                        "b"]))
                #if DEBUG
                        declaredRoots.append(Holdfast.DeclaredRoot("count", (Swift.Int).self, initial: 0))
                #endif
                        declaredRoots.append(Holdfast.DeclaredRoot("class", ([Int]?).self, initial: nil))
                        return declaredRoots
                    }

                """#)
    }

    /// 2,000 schemas, compared with what their generator knows of them.
    @Test(arguments: 0 ..< 4) func randomSchemas(part: Int) throws {
        for seed in 0 ..< 500 {
            let random = RandomDeclaration(seed: UInt64(part * 500 + seed), isSchema: true)
            let source = "@HeapSchema struct X\(random.body)"
            let expansion = SchemaExpansion(of: source)
            #expect(expansion.diagnostics.isEmpty, "\(seed): \(source)")
            let members = try #require(expansion.members)
            let start = "declaredRoots.append(Holdfast.DeclaredRoot("
            let roots = members.split(separator: "\n").map { $0.drop { $0 == " " } }
                .filter { $0.hasPrefix(start) }.map { $0.dropFirst(start.count) }
            let expected = random.fields.map { "\"\($0.name)\", (\($0.type ?? "")).self" }
            let isRight =
                roots.count == expected.count
                && zip(roots, expected).allSatisfy { $0.hasPrefix($1) }
            #expect(isRight, "\(seed): \(source)\n\(members)")
        }
    }

    @Test func conformance() {
        #expect(
            SchemaExpansion(of: source).conformance
                == "extension Shop: Holdfast.HeapSchema {\n}\n")
    }

    @Test(
        arguments: [
            ("var a: B", "{ get { heapRoots.root(\"a\", (B).self) } }"),
            ("@HeapRoot(\"c\") public var `in`: B<C>", "\"c\", (B<C>).self) } }"),
            ("var a: B = c", "nonmutating set { heapRoots.replaceRoot(\"a\", with: newValue) }"),
            ("var a: Swift.Optional<Int>", "(Swift.Optional<Int>).self) } }"),
            ("var a = \"b\"", "(Swift.String).self"), ("var a = true", "(Swift.Bool).self"),
        ])
    func accessors(_ property: String, _ expected: String) {
        let name = SchemaExpansion.nameArgument(of: String(property.prefix { $0 != "v" }))
        let text = SchemaExpansion.accessors(of: property, storedAs: name) ?? ""
        #expect(text.contains(expected), "\(text)")
    }

    /// An `if` or `switch` is an expression only where a value begins.
    @Test func conditionalInitialValues() {
        let source = "struct A {\nvar a: Int = if b { 1 } else { 2 }\n}"
        let members = SchemaExpansion(of: source).members ?? ""
        #expect(members.contains("initial: { if b { 1 } else { 2 } }())"), "\(members)")
    }

    @Test func attributes() {
        func attribute(_ member: String, in type: String = "struct A { }") -> String? {
            SchemaExpansion.attribute(ofMember: member, in: type)
        }
        #expect(attribute("private var a: B") == "@Holdfast.HeapRoot")
        #expect(attribute("@HeapRoot(\"b\") var a: B") == nil)
        #expect(attribute("@Holdfast.HeapRoot var a: B") == nil)
        #expect(attribute("var a: B", in: "final class A {}") == nil)
        for other in ["let a: B", "static var a: B", "var a: B { c }", "func a() {}", "", "}"] {
            #expect(attribute(other) == nil, "\(other)")
        }
    }

    @Test(
        arguments: [
            ("let a: B", "declared with 'var'"), ("lazy var a: B = c", "cannot be 'lazy'"),
            ("weak var a: B?", "cannot be 'weak'"), ("@Wrapped var a: B", "what @Wrapped makes"),
            ("var a: B { didSet {} }", "cannot have observers"),
            ("var a = b()", "needs the type of 'a'"), ("var a = 3.5", "needs the type of 'a'"),
            ("var a: B, c: D", "needs a declaration of its own for each root"),
            ("var heapRoots: B", "uses the name 'heapRoots' itself"),
            ("var a: () -> Void", "'a' is a function"), ("var a: any B", "values of any type"),
            ("var a: B; @HeapRoot(\"a\") var c: B", "two roots have the name \"a\""),
            ("@HeapRoot(name) var a: B", "must be written as one string"),
            ("@HeapRoot(\"a\" + \"b\") var a: B", "must be written as one string"),
            ("@HeapRoot(\"a\\(b)\") var a: B", "must be written as one string"),
            ("#stored(a)", "@HeapSchema does not see what a macro adds"),
        ])
    func refusals(_ member: String, _ message: String) {
        let expansion = SchemaExpansion(of: "struct A {\n\(member)\n}")
        let messages = expansion.diagnostics.map(\.message).joined(separator: "\n")
        #expect(messages.contains(message), "\(messages)")
        // So that the compiler reports nothing else.
        #expect(expansion.members != nil && expansion.conformance != nil)
    }

    @Test(arguments: ["class A {}", "enum A {}", "3", ""])
    func otherDeclarations(_ source: String) {
        let expansion = SchemaExpansion(of: source)
        #expect(expansion.diagnostics.map(\.message) == ["@HeapSchema is for structs"])
        #expect(expansion.members == nil && expansion.conformance == nil)
    }
}
