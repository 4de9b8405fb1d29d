import HoldfastMacroExpansion
import Testing
import TestSupport

/// What the macros see in a declaration.
@Suite(.progress) struct ParsingTests {
    private func fields(_ body: String) -> [String] {
        let declaration = DeclarationParser.parse("struct S {\n\(body)\n}")
        return declaration?.fields.map { "\($0.name): \($0.typeText ?? "?")" } ?? []
    }

    private func cases(_ body: String) -> [String] {
        let declaration = DeclarationParser.parse("enum E {\n\(body)\n}")
        return declaration?.cases.map { entry in
            "\(entry.name)("
                + zip(entry.labels, entry.typeTexts).map { "\($0): \($1)" }.joined(separator: ", ")
                + ")"
        } ?? []
    }

    @Test func severalBindings() {
        #expect(fields("var a, b: Int") == ["a: ?", "b: Int"])
        #expect(
            fields("var a = 1, b: String = \"x, y\", c: Int?") == ["a: ?", "b: String", "c: Int?"])
        #expect(fields("let a: Int; var b: Int;var c:Int") == ["a: Int", "b: Int", "c: Int"])
    }

    @Test func spacing() {
        #expect(
            fields("var\n a\n :\n Int\n =\n 3\n var b :Foo< Int >\n var c: Int") == [
                "a: Int", "b: Foo< Int >", "c: Int",
            ])
        #expect(fields("var a:Int=3;var b:[Int:Int]=[:]") == ["a: Int", "b: [Int:Int]"])
        #expect(fields("var a /* : String */ : Int // = {\nvar b: Int") == ["a: Int", "b: Int"])
        #expect(fields("var a: Int\r\nvar b: Int\r\n") == ["a: Int", "b: Int"])
        #expect(fields("private(set)\npublic\nvar a: Int") == ["a: Int"])
    }

    @Test func computedAndStaticProperties() {
        #expect(fields("var a: Int { 3 }\nvar b: Int") == ["b: Int"])
        #expect(fields("var a: Int { get { 3 } set { } }\nstatic var b = 2\nclass var c = 3") == [])
        #expect(fields("var a: Int\n{\n@inlinable get { 3 }\n}\nvar b: Int") == ["b: Int"])
        #expect(fields("var a: some View { Text(\"}\") }; var b: Int") == ["b: Int"])
        #expect(
            fields(
                "var a: Int { @storageRestrictions(initializes: b) init(x) { b = x } get { b } }\nvar b: Int"
            ) == ["b: Int"])
    }

    @Test func observers() {
        #expect(fields("var a = 3 { didSet { print(\"}\") } }\nvar b: Int") == ["a: ?", "b: Int"])
        #expect(fields("var a: Int {\n/* { */ willSet(new) { }\n didSet { } }") == ["a: Int"])
        #expect(
            fields("var a = list.map { $0 } { @inlinable didSet { } }\nvar b: Int") == [
                "a: ?", "b: Int",
            ])
    }

    @Test func initialValues() {
        #expect(
            fields("var a: () -> Int = { return 3 }\nvar b = { () -> Int in 3 }()\nvar c: Int") == [
                "a: () -> Int", "b: ?", "c: Int",
            ])
        #expect(fields("var a = first { 1 } second: { 2 }\nvar b: Int") == ["a: ?", "b: Int"])
        #expect(fields("var a = first { 1 }\n    prefix: { 2 }\nvar b: Int") == ["a: ?", "b: Int"])
        #expect(fields("var a = if x { 1 }\n else { 2 }\nvar b: Int") == ["a: ?", "b: Int"])
        #expect(
            fields("var a = x ??\n    lazy\nvar b = y\n    .map(z)\n    + 3\nvar c: Int") == [
                "a: ?", "b: ?", "c: Int",
            ])
        #expect(
            fields("var a = Map<Int, String>(), b = 1 < 2, c = 3 > 2") == ["a: ?", "b: ?", "c: ?"])
        #expect(fields("var a = x\n#if DEBUG\n.b()\n#endif\nvar c: Int") == ["a: ?", "c: Int"])
        #expect(
            fields("var a = Int.self\nvar b = x as? Int\nvar c: Int") == ["a: ?", "b: ?", "c: Int"])
    }

    /// Angles are brackets or operators.
    @Test func angles() {
        for (value, count) in [
            ("1 << 3", 3), ("Map<Int, [A: (B, C)]>.Inner<D?, E & F>()", 3), ("Map <Int, B>()", 3),
            ("a<b", 3), ("a < b || c > d", 3), ("3 > 2", 3), ("InlineArray<3, Int>(x)", 3),
            ("A<B>.self", 3), ("a<(b>>1)", 3), ("f(a < b, c > d)", 3), ("x as! A<B, C>", 3),
        ] {
            let read = fields("var a = \(value)\nvar b = \(value), c: Bool = 2 > 1")
            #expect(read.count == count && read.last == "c: Bool", "\(value): \(read)")
        }
        #expect(fields("var a = 1 << 3\nvar b: UInt8 = 3, c = 2 > 1").count == 3)
        #expect(fields("var a = x < y, b = z > (w)").count == 2)
    }

    @Test func literals() {
        #expect(fields(#"var a = "} \("{" + "\(")")") {"; var b: Int"#) == ["a: ?", "b: Int"])
        #expect(
            fields(##"var a = #"} " \( " \#(")" + #"{"#)"#; var b: Int"##) == ["a: ?", "b: Int"])
        let quotes = "\"\"\""
        #expect(
            fields(
                "var a = \(quotes)\n { \"x\" \"\" \\\(quotes) } \\(\(quotes)\n)\n\(quotes))\n\(quotes)\nvar b: Int"
            ) == ["a: ?", "b: Int"])
        #expect(
            fields("var a = ##\(quotes)\n \(quotes)# {\n\(quotes)##\nvar b: Int") == [
                "a: ?", "b: Int",
            ])
        #expect(
            fields("static let a = /[{\"]\\/x/\nstatic let c = #/ \" { /#\nvar b: Int") == [
                "b: Int"
            ])
        #expect(
            fields("var a = x / y, b = z / 2\nvar c = (8/2)/2; var d: Int // \"") == [
                "a: ?", "b: ?", "c: ?", "d: Int",
            ])
        #expect(fields("static let a = #/\n \" { # comment\n/#\nvar b: Int") == ["b: Int"])
    }

    @Test func names() {
        #expect(
            fields("var `class`: Int\nvar größe: Int\nvar 日本: Int\nvar `two words`: Int, _x: Int")
                == [
                    "class: Int", "größe: Int", "日本: Int", "two words: Int", "_x: Int",
                ])
        #expect(
            fields("var `var`: Int; var get: Int; var some: Int; var didSet: Int") == [
                "var: Int", "get: Int", "some: Int", "didSet: Int",
            ])
    }

    @Test func types() {
        for type in [
            "Int?", "[Int]", "[String : [Int]]", "Foo<Bar<Int>, (a: Int, b: [Int])>.Baz?",
            "(Int) async throws -> Void", "@Sendable (Int) -> (Int)", "any P & Q", "Int!",
            "InlineArray<3, Int>", "[3 of Int]", "(some P)?", "P.Type", "~Copyable",
        ] {
            #expect(fields("var a: \(type)\nvar b: Int = 3") == ["a: \(type)", "b: Int"])
            #expect(
                cases("case a(\(type), b: \(type) = 3)\ncase c") == [
                    "a(_: \(type), b: \(type))", "c()",
                ])
        }
        #expect(
            fields("var f:\n    @Sendable\n    () -> Void\nvar b: Int") == [
                "f: @Sendable () -> Void", "b: Int",
            ])
    }

    @Test func otherMembers() {
        let body = """
            func a() -> Int
                where T == Int { var hidden: Int = 3; return hidden }
            init?(x: Int) { self.x = x }
            subscript<T>(x: T) -> Int { get { 3 } set { } }
            typealias A = Foo< Int >
            struct Inner { var hidden: Int }
            enum Other { case hidden }
            static func < (a: Self, b: Self) -> Bool { a.x < b.x }
            var x: Int
            @discardableResult func b(_ c: () -> Void = { }) async throws(E) -> [Int] { [] }
            deinit { }
            """
        #expect(fields(body) == ["x: Int"])
    }

    @Test func enumCases() {
        #expect(cases("case a, b\ncase c") == ["a()", "b()", "c()"])
        #expect(
            cases("indirect case a(Int), b(x: E)\nvar c: Int { 3 }") == ["a(_: Int)", "b(x: E)"])
        #expect(cases("case a = 1, b = \"}\"\ncase c = -1") == ["a()", "b()", "c()"])
        #expect(
            cases("case `default`(`in`: Int, _ x: Int, größe: String)") == [
                "default(in: Int, _: Int, größe: String)"
            ])
        #expect(cases("case a(Int = f(1, 2), b: () -> Void = { })") == ["a(_: Int, b: () -> Void)"])
        #expect(cases("case a()\n@available(*, deprecated) case b") == ["a()", "b()"])
    }

    /// 2,000 declarations, compared with what their generator knows of them.
    @Test(arguments: 0 ..< 4) func randomDeclarations(part: Int) throws {
        for seed in 0 ..< 500 {
            let random = RandomDeclaration(seed: UInt64(part * 500 + seed))
            let source = "@Persistable \(random.isEnum ? "enum" : "struct") X\(random.body)"
            let declaration = try #require(DeclarationParser.parse(source))
            let fields = declaration.fields.map {
                RandomDeclaration.Field(name: $0.name, type: $0.typeText)
            }
            let cases = declaration.cases.map {
                RandomDeclaration.Case(name: $0.name, labels: $0.labels, types: $0.typeTexts)
            }
            #expect(fields == random.fields, "\(seed): \(source)")
            #expect(cases == random.cases, "\(seed): \(source)")
            #expect(Expansion(of: source).source != nil, "\(seed): \(source)")
        }
    }
}
