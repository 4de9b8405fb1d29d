import Foundation
import Testing
import TestSupport

/// Programs that the compiler refuses: the files of Tests/MustNotCompile, which
/// Tests/must-not-compile.sh checks without building tests.
@Suite(.progress) struct MustNotCompileTests {
    private static let folder = packageFolder.path + "/Tests/MustNotCompile"

    private static let files: [String] =
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter {
            $0.hasSuffix(".swift")
        }.sorted()

    /// The exit status and the errors of compiling a file. Includes the intermediate language, not
    /// only type checking: only there does the compiler find that a transaction is not consumed and
    /// not sent to another thread.
    private func compile(_ file: String) throws -> (status: Int32, errors: [String]) {
        let arguments = [
            "swiftc", "-parse-as-library", "-module-name", "MustNotCompile", "-emit-sil", "-o",
            "/dev/null",
        ]
        let outcome = try CompilerRun.run(
            arguments + CompilerRun.moduleArguments + [file], in: Self.folder)
        // FILE:LINE:COLUMN: error: TEXT; the drawing below it repeats the text.
        let errors = outcome.output.split(separator: "\n").compactMap { line -> String? in
            guard line.hasPrefix(file), let place = line.range(of: ": error: ") else { return nil }
            return String(line[place.upperBound...])
        }
        return (outcome.status, errors)
    }

    @Test func theControlCompiles() throws {
        let outcome = try compile("Control.swift")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(Self.files.count > 30)
    }

    /// Returning a handle from a transaction compiles with a warning; returning a copy of its
    /// contents gives no warning.
    @Test func handlesThatAreReturnedAreWarnedOf() throws {
        let folder = try TemporaryFolder()
        let source = """
            import Holdfast

            struct Node: HeapRecord { var name: String; var next: HeapRef<Node>? }

            func use(_ heap: PersistentHeap, _ snapshot: HeapSnapshot) throws {
                print(try heap.read { tx in try tx.array("a", of: Int.self) })
                let list = try heap.read { tx in
                    let map = try tx.map("m", String.self, PersistentArray<Int>.self)
                    return map["a"]
                }
                print(list == nil)
                print(try heap.write { tx in try tx.new(Node(name: "a", next: nil)) })
                print(try heap.write(durability: .device) { tx in [try tx.string("s")] })
                print(try snapshot.read { tx in try tx.value("v", of: Int.self) })
                print(try heap.read { tx in try tx.array("a", of: Int.self).count })
                print(try heap.read { tx in try Array(tx.array("a", of: Int.self)) })
                print(try heap.write { tx in try tx.map("m", String.self, Int.self)["a"] } as Any)
                try heap.write { tx in try tx.array("a", of: Int.self).append(1) }
            }
            """
        try folder.write(Data(source.utf8), to: "Returned.swift")
        let arguments = ["swiftc", "-parse-as-library", "-typecheck", "Returned.swift"]
        let outcome = try CompilerRun.run(arguments + CompilerRun.moduleArguments, in: folder.path)
        #expect(outcome.status == 0, "\(outcome.output)")
        let warned = outcome.output.split(separator: "\n").compactMap { line -> Int? in
            guard line.hasPrefix("Returned.swift:"), line.contains("warning: "),
                line.contains("The result is a handle")
            else {
                return nil
            }
            return Int(line.split(separator: ":")[1])
        }
        #expect(warned == [6, 7, 12, 13, 14], "\(outcome.output)")
    }

    /// A case for each file, so that no long test is left when all others are done.
    @Test(arguments: files.filter { $0 != "Control.swift" })
    func eachIsRefusedForItsReason(file: String) throws {
        let text = try String(contentsOfFile: Self.folder + "/" + file, encoding: .utf8)
        let expected = text.split(separator: "\n").compactMap { line -> String? in
            line.range(of: "// expected: ").map { String(line[$0.upperBound...]) }
        }
        let outcome = try compile(file)
        #expect(outcome.status != 0, "it compiles")
        #expect(!expected.isEmpty, "it expects nothing")
        let missing = expected.filter { text in !outcome.errors.contains { $0.contains(text) } }
        #expect(missing.isEmpty, "the compiler says \(outcome.errors)")
        let surplus = outcome.errors.filter { error in !expected.contains { error.contains($0) } }
        #expect(surplus.isEmpty, "nobody expected them")
    }
}
