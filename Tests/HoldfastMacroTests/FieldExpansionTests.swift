import HoldfastMacroExpansion
import Testing
import TestSupport

/// What the expansions of structs say about fields: their names in the heap, and defaults.
@Suite(.progress) struct FieldExpansionTests {
    private func expand(_ source: String, _ attribute: String = "@Persistable") -> String {
        var context = Expansion.Context()
        context.attribute = attribute
        let expansion = Expansion(of: source, in: context)
        return expansion.source ?? expansion.diagnostics.map(\.message).joined(separator: "\n")
    }

    @Test func namesAndDefaults() {
        let source = """
            struct Contact {
                @HeapField("name") var fullName: String
                @Holdfast.HeapField("n") var number = -1
                var born: Int? = nil
            }
            """
        #expect(
            expand(source) == #"""
                extension Contact: Holdfast.HeapRecord {
                    nonisolated static var storedFields: [Holdfast.RecordField]? {
                        var storedFields: [Holdfast.RecordField] = []
                        storedFields.append(Holdfast.RecordField("name", \Self.fullName))
                        storedFields.append(Holdfast.RecordField("n", \Self.number, default: -1))
                        storedFields.append(Holdfast.RecordField("born", \Self.born))
                        return storedFields
                    }
                }

                """#)
    }

    @Test func indexes() {
        let source = """
            public struct Task {
                @HeapField("d") @Indexed public private(set) var due: Int
                var title: String
                @Holdfast.Indexed(.unique) var `case`: String
            }
            """
        #expect(
            expand(source) == #"""
                extension Task: Holdfast.HeapRecord, Holdfast.TableValue {
                    nonisolated public static var storedFields: [Holdfast.RecordField]? {
                        var storedFields: [Holdfast.RecordField] = []
                        storedFields.append(Holdfast.RecordField("d", \Self.due))
                        storedFields.append(Holdfast.RecordField("title", \Self.title))
                        storedFields.append(Holdfast.RecordField("case", \Self.`case`))
                        return storedFields
                    }

                    nonisolated public struct Indexes: Holdfast.TableIndexes {
                        public typealias Value = Task
                        public typealias Failure = Holdfast.TableError
                        public let due = Holdfast.TableIndex(0, "d") { (value: Task) in value.due }
                        let `case` = Holdfast.TableIndex(1, "case", unique: true) { (value: Task) in value.`case` }

                        public func visit(_ visitor: inout some Holdfast.TableIndexVisitor<Task>) {
                            visitor.visit(self.due)
                            visitor.visit(self.`case`)
                        }
                    }

                    nonisolated public static var indexes: Indexes { Indexes() }
                }

                """#)
    }

    @Test func refusedIndexes() {
        #expect(
            expand("struct A { @Indexed(Kind.unique) var a: Int }")
                == "the argument of @Indexed must be written '.unique'")
        #expect(
            expand("struct A {\n#if DEBUG\n@Indexed var a: Int\n#endif\n}")
                == "a property under a condition cannot have an index")
    }

    @Test func plainStructs() {
        #expect(
            expand("struct A { @HeapField(\"b\") var a: Int; var c: Int8 }", "@Persistable(.plain)")
                == #"""
                extension A: Holdfast.HeapStruct, nonisolated Swift.BitwiseCopyable {
                    nonisolated static var plainFields: [Holdfast.PlainField] {
                        var plainFields: [Holdfast.PlainField] = []
                        plainFields.append(Holdfast.PlainField("b", \Self.a))
                        plainFields.append(Holdfast.PlainField("c", \Self.c))
                        return plainFields
                    }
                }

                """#)
        #expect(
            expand("struct A { var a: Double = 1.5 }", "@Persistable(.plain)").contains(
                "PlainField(\"a\", \\Self.a, default: 1.5)"))
    }

    /// Only what means the same in an extension at the top level of the file.
    @Test(
        arguments: [
            ("= 3", "3"), ("= -0x1F", "-0x1F"), ("= 1.5e3", "1.5e3"), ("= \"a \\n\"", "\"a \\n\""),
            ("= true", "true"), ("= [1, 2]", "[1, 2]"), ("= [:]", "[:]"), ("= .low", ".low"),
            ("= .some(.low(3))", ".some(.low(3))"), ("= Int.max / 2", "Int.max / 2"),
            ("= Date(timeIntervalSince1970: 0)", "Date(timeIntervalSince1970: 0)"),
            ("= nil", nil), ("= other", nil), ("= Settings()", nil), ("= { 3 }()", nil),
            ("= \"\\(name)\"", nil), ("= [\n1]", nil), ("= try! make()", nil), ("", nil),
            ("= if true { 1 } else { 2 }", nil), ("= /a/", nil), ("= #line", nil),
            ("= PersistentArray<Int>()", nil),
        ] as [(String, String?)])
    func defaults(_ initialValue: String, _ value: String?) {
        let text = expand("struct A { var a: B \(initialValue) }")
        #expect(text.contains("\\Self.a\(value.map { ", default: \($0)" } ?? ""))"), "\(text)")
    }

    @Test func refusals() {
        #expect(
            expand("struct A { @HeapField(name) var a: Int }")
                == "the name of a field must be written as one string")
        #expect(
            expand("struct A { @HeapField(\"b\") var a: Int; var b: Int }")
                == "two fields have the name \"b\"")
    }
}
