import Foundation
import Testing
import TestSupport

/// Conformances that a macro writes are found, in whatever order the compiler looks at a program.
@Suite(.progress) struct MacroOrderTests {
    /// The compiler (6.3) has not found protocols that follow from a macro's extension once it had
    /// looked for a static member of the type. It depends on the file that it compiles.
    @Test func afterALookUpOfAStaticMember() throws {
        let folder = try TemporaryFolder()
        let types = """
            import Holdfast
            @Persistable struct Record { static let a = 1; var name: String }
            @Persistable(.plain) struct Plain { static let a = 1; var number: Int }
            @Persistable enum Union { static let a = 1; case one(Int), two }
            @Persistable enum Raw: Int { static let a = 1; case one, two }
            @Persistable struct Row { static let a = 1; @Indexed(.unique) var name: String }
            @HeapSchema struct Schema {
                static let a = 1
                var names: PersistentArray<String>
                var rows: PersistentTable<Row>
            }
            """
        let use = """
            import Holdfast
            func sum() -> Int { Record.a + Plain.a + Union.a + Raw.a + Row.a + Schema.a }
            func value<T: PersistableValue>(_ type: T.Type) {}
            func named<T: PersistableNamed>(_ type: T.Type) {}
            func target<T: ReferenceTarget>(_ type: T.Type) {}
            func bound<T: TransactionBound>(_ type: T.Type) {}
            func row<T: TableValue>(_ type: T.Type) {}
            func use(
                _ first: PersistentValue<Record>, _ second: PersistentArray<Plain>,
                _ third: PersistentValue<Union>, _ fourth: PersistentArray<Raw>,
                _ heap: TypedHeap<Schema>
            ) {
                value(Record.self); value(Plain.self); value(Union.self); value(Raw.self)
                named(Record.self); named(Plain.self); named(Union.self); named(Raw.self)
                target(Record.self)
                row(Row.self)
                bound(Schema.self)
            }
            """
        try folder.write(Data(types.utf8), to: "types.swift")
        try folder.write(Data(use.utf8), to: "use.swift")
        // A compiler process for each file, which sees the other one only from outside.
        let compiled = try CompilerRun.run(
            ["swiftc", "-c", "-parse-as-library", "-module-name", "Order"]
                + CompilerRun.moduleArguments + ["types.swift", "use.swift"], in: folder.path)
        #expect(compiled.status == 0, "\(compiled.output)")
    }

    /// In a module whose declarations belong to the main actor, a schema is declared outside of it.
    @Test func inAModuleOfTheMainActor() throws {
        let folder = try TemporaryFolder()
        let source = """
            import Holdfast
            @Persistable struct Row { @Indexed var name: String; @Indexed(.unique) var n: Int }
            @HeapSchema nonisolated struct Shop {
                var rows: PersistentTable<Row>
                var stock: PersistentMap<String, Int>
                var count = 0
            }
            nonisolated struct Hand: HeapSchema {
                let heapRoots: SchemaRoots
                var list: PersistentArray<Int> { heapRoots.root("l", PersistentArray<Int>.self) }
                static var declaredRoots: [DeclaredRoot] {
                    [DeclaredRoot("l", PersistentArray<Int>.self)]
                }
            }
            func use(_ shop: TypedHeap<Shop>, _ hand: TypedHeap<Hand>) async throws {
                try await shop.write { $0.stock["bolt"] = 1 }
                try await shop.write { try $0.rows.insert(Row(name: "a", n: 1)) }
                _ = try await shop.read { $0.rows.ordered(by: \\.n)[1...].map(\\.name) }
                _ = try await hand.read { $0.list.count }
            }
            """
        try folder.write(Data(source.utf8), to: "main-actor.swift")
        let compiled = try CompilerRun.run(
            ["swiftc", "-typecheck", "-parse-as-library", "-default-isolation", "MainActor"]
                + CompilerRun.moduleArguments + ["main-actor.swift"], in: folder.path)
        #expect(compiled.status == 0, "\(compiled.output)")
    }
}
