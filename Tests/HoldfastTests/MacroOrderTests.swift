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
            @HeapSchema struct Schema { static let a = 1; var names: PersistentArray<String> }
            """
        let use = """
            import Holdfast
            func sum() -> Int { Record.a + Plain.a + Union.a + Raw.a + Schema.a }
            func value<T: PersistableValue>(_ type: T.Type) {}
            func named<T: PersistableNamed>(_ type: T.Type) {}
            func target<T: ReferenceTarget>(_ type: T.Type) {}
            func bound<T: TransactionBound>(_ type: T.Type) {}
            func use(
                _ first: PersistentValue<Record>, _ second: PersistentArray<Plain>,
                _ third: PersistentValue<Union>, _ fourth: PersistentArray<Raw>,
                _ heap: TypedHeap<Schema>
            ) {
                value(Record.self); value(Plain.self); value(Union.self); value(Raw.self)
                named(Record.self); named(Plain.self); named(Union.self); named(Raw.self)
                target(Record.self)
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
}
