import HoldfastMacroExpansion
import Testing
import TestSupport

/// Expansions, from text to text.
@Suite(.progress) struct ExpansionTests {
    private func expand(_ source: String, _ attribute: String = "@Persistable") -> String {
        var context = Expansion.Context()
        context.attribute = attribute
        let expansion = Expansion(of: source, in: context)
        return expansion.source ?? expansion.diagnostics.map(\.message).joined(separator: "\n")
    }

    @Test func aRecord() {
        let source = """
            /// A contact.
            @Persistable public struct Contact: Sendable {
                public var name: String, `class`: Int = 3
                #if DEBUG && (os(Linux) || x)  // {
                private let größe: [Int]?
                #else
                var other = { 3 }()
                #endif
                static let shared = 3
            }
            """
        #expect(
            expand(source) == #"""
                extension Contact: Holdfast.HeapRecord {
                    nonisolated public static var storedFields: [Holdfast.RecordField]? {
                        var storedFields: [Holdfast.RecordField] = []
                        storedFields.append(Holdfast.RecordField("name", \Self.name))
                        storedFields.append(Holdfast.RecordField("class", \Self.`class`, default: 3))
                #if DEBUG && (os(Linux) || x)
                        storedFields.append(Holdfast.RecordField("größe", \Self.größe))
                #else
                        storedFields.append(Holdfast.RecordField("other", \Self.other))
                #endif
                        return storedFields
                    }
                }

                """#)
    }

    @Test func aUnion() {
        let source =
            "enum Payment { case cash, card(String); case transfer(iban: String, `in`: Date) }"
        #expect(
            expand(source) == #"""
                extension Payment: Holdfast.HeapUnion {
                    nonisolated static let cases: [Holdfast.UnionCase<Self>] = _makeCases()

                    nonisolated private static func _makeCases() -> [Holdfast.UnionCase<Self>] {
                        var cases: [Holdfast.UnionCase<Self>] = []
                        cases.append(Holdfast.UnionCase("cash", { Self.cash }, if: { if case .cash = $0 { true } else { false } }))
                        cases.append(Holdfast.UnionCase("card", Self.card(_:), { guard case .card(let part0) = $0 else { return nil }; return .some(part0) }))
                        cases.append(Holdfast.UnionCase("transfer", Self.transfer(iban:in:), { guard case .transfer(iban: let part0, in: let part1) = $0 else { return nil }; return .some((part0, part1)) }))
                        return cases
                    }
                }

                """#)
    }

    @Test func otherForms() {
        #expect(
            expand("@available(macOS 15, *)\nstruct A { var a: Int }", "@Persistable(.plain)")
                == """
                @available(macOS 15, *)
                extension A: Holdfast.HeapStruct, nonisolated Swift.BitwiseCopyable {
                }

                """)
        #expect(
            expand("public enum A: Swift . Int16, Sendable { case a }")
                == "extension A: Holdfast.HeapEnum {\n}\n")
        #expect(
            expand("enum A: Code { case a = 3 }") == "extension A: Holdfast.HeapEnum {\n}\n")
        #expect(
            expand("enum A: Code { case a }", "@Persistable( .plain )")
                == "extension A: Holdfast.HeapEnum {\n}\n")
        #expect(expand("struct A {}").contains("return []"))
        #expect(
            expand("enum E<A> { case a(A) }").contains(
                "var cases: [Holdfast.UnionCase<Self>] { Holdfast.UnionCase<Self>.list(_makeCases) }"
            ))
        #expect(expand("enum E { case a, b }").contains("requireCases(form)"))
    }

    /// The compiler's own errors are placed at the fields.
    @Test func places() throws {
        var context = Expansion.Context()
        context.file = "/a \"b\".swift"
        context.line = 7
        context.typeName = "Outer.A"
        let source = "\n@Persistable struct A {\n  var a: Int\n\n  var b, c: Int\n}"
        let text = try #require(Expansion(of: source, in: context).source)
        let places = text.split(separator: "\n").filter { $0.hasPrefix("#sourceLocation") }
        #expect(
            places
                == [9, 11, 11].map { "#sourceLocation(file: \"/a \\\"b\\\".swift\", line: \($0))" }
                + ["#sourceLocation()"])
        #expect(text.hasPrefix("extension Outer.A: "))
    }

    @Test(
        arguments: [
            ("struct A { var a: () -> Void }", "'a' is a function, which cannot be stored"),
            ("struct A { var a: Optional<@Sendable (Int) async -> Int> }", "'a' is a function"),
            ("struct A { var a: any Sendable }", "'a' can hold values of any type"),
            ("struct A { var a: [Any] }", "'a' can hold values of any type"),
            ("struct A { var a: UnsafeMutablePointer<Int>? }", "'a' is a pointer"),
            ("struct A { var a: Swift.OpaquePointer }", "'a' is a pointer"),
            ("struct A { unowned(unsafe) let a: B }", "'a' refers to an object"),
            ("struct A { weak var a: B? }", "'a' refers to an object"),
            ("struct A { lazy var a = 3 }", "'a' is lazy"),
            ("struct A { @Wrapped(3) var a: Int }", "does not see what @Wrapped makes of 'a'"),
            ("struct A { var a: (Int, b: String)? }", "'a' is a tuple"),
            ("struct A { var (a, b) = (1, 2) }", "a declaration of its own for each property"),
            ("struct A { var a: Int.Type }", "'a' is a metatype"),
            ("struct A { #stored(\"a\") }", "does not see what a macro adds"),
            ("struct A { hello }", "does not understand this member"),
            ("enum A { case a(() -> Void) }", "value 1 of the case 'a' is a function"),
            ("enum A { case a(Int, b: Any) }", "'b' of the case 'a' can hold values of any type"),
            ("enum A { case a(x: Int), a(y: Int) }", "'a' stands twice"),
            ("enum A: Int { case a(Int) }", "so it cannot be stored as a raw value"),
            ("enum A {}", "without cases"), ("class A {}", "declared with 'class'"),
            ("final actor A {}", "declared with 'actor'"), ("struct A: ~Copyable {}", "is copied"),
            ("func a() {}", "declared with 'func'"), ("3", "for structs and enums"),
        ])
    func refusals(_ source: String, _ message: String) {
        let text = expand(source)
        #expect(!text.contains("extension") && text.contains(message), "\(text)")
    }

    @Test func plainRefusals() {
        #expect(
            expand("struct A { var a: (Int, Int) }", "@Persistable(.plain)").hasPrefix("extension"))
        #expect(
            expand("struct A { var a: UnsafeRawPointer }", "@Persistable(.plain)").contains(
                "pointer"))
        #expect(expand("enum A { case a }", "@Persistable(.plain)").contains("no raw values"))
        #expect(expand("struct A {}", "@Persistable(form)").contains("must be written '.plain'"))
    }

    /// Types of other names that begin or end like those that are refused.
    @Test func otherTypesAreLeftToTheCompiler() {
        for type in [
            "Graphics.Any", "Anything", "PersistentMap<Int, any>", "(Int)", "My.Unmanaged", "Type",
        ] {
            #expect(expand("struct A { var a: \(type) }").hasPrefix("extension A"), "\(type)")
        }
    }

    @Test func privateNestedTypes() {
        var context = Expansion.Context()
        context.enclosing = ["private enum Outer {}"]
        #expect(Expansion(of: "struct A {}", in: context).source != nil)
        #expect(Expansion(of: "private struct A {}", in: context).source == nil)
        context.enclosing = ["private enum Inner {}", "enum Outer {}"]
        #expect(Expansion(of: "struct A {}", in: context).source == nil)
        context.enclosing = []
        #expect(Expansion(of: "private struct A {}", in: context).source != nil)
    }

    @Test func access() {
        var context = Expansion.Context()
        func access(_ modifiers: String) -> String? {
            let text = Expansion(of: modifiers + " struct A {}", in: context).source ?? ""
            return text.split(separator: "\n").dropFirst().first.map {
                $0.split(separator: " ").dropFirst().prefix { $0 != "static" }.joined()
            }
        }
        #expect(access("public") == "public")
        #expect(access("package") == "package")
        #expect(access("fileprivate") == "" && access("internal") == "" && access("") == "")
        context.enclosing = ["public extension B {}"]
        #expect(access("") == "public" && access("internal") == "")
        context.enclosing = ["public enum B {}"]
        #expect(access("") == "" && access("public") == "public")
        context.enclosing = ["enum B {}", "private enum C {}"]
        #expect(access("public") == "fileprivate")
    }

    /// Inherited protocols are written out, unless the type conforms to them already.
    @Test func inheritedConformances() {
        var context = Expansion.Context()
        context.missingConformances = [
            "Persistable", "PersistableValue", "ReferenceTarget", "HeapRecord",
        ]
        let text = Expansion(of: "struct A: Named {}", in: context).source ?? ""
        #expect(
            text.hasPrefix(
                "extension A: Holdfast.Persistable, Holdfast.PersistableValue, "
                    + "Holdfast.ReferenceTarget, Holdfast.HeapRecord {"))
    }

    @Test func aConformanceThatExists() {
        var context = Expansion.Context()
        context.missingConformances = []
        let expansion = Expansion(of: "struct A: HeapRecord {}", in: context)
        #expect(expansion.diagnostics.map(\.message).joined().contains("already"))
    }
}
