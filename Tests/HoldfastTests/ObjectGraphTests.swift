import Foundation
import Holdfast
import HoldfastInspection
import Testing

/// The example program, as its user runs it: through the built executable.
@Suite struct ObjectGraphTests {
    private func run(_ arguments: [String]) throws -> (status: Int32, lines: [String]) {
        let program = productsFolder.appendingPathComponent("object-graph").path
        let outcome = try CompilerRun.run([program] + arguments, in: productsFolder.path)
        return (outcome.status, outcome.output.split(separator: "\n").map(String.init))
    }

    /// The number of nodes in the line that begins so.
    private func nodes(_ what: String, _ lines: [String]) -> Int? {
        lines.first { $0.hasPrefix(what + " ") }?.split(separator: " ").compactMap { Int($0) }.first
    }

    @Test func buildsReopensWalksAndMarks() throws {
        let folder = try TemporaryFolder()
        let first = try run([folder.file(), "20000"])
        #expect(first.status == 0, "\(first.lines)")
        #expect(nodes("built", first.lines) == 20000)
        let walked = try #require(nodes("walked", first.lines))
        // Some crossings lost all their roads.
        #expect(walked > 19_900 && walked <= 20000)
        #expect(
            nodes("walked again", first.lines) == walked && nodes("marked", first.lines) == walked)
        #expect(folder.names == ["test.heap"])
        // The next run finds the graph, and its marks.
        let second = try run([folder.file()])
        #expect(second.status == 0, "\(second.lines)")
        #expect(nodes("built", second.lines) == nil && nodes("walked", second.lines) == walked)
        #expect(nodes("marked", second.lines) == 0)
        // The same numbers on every machine, and the same graph from them.
        let roads = try #require(first.lines.first { $0.contains(" roads, ") })
        #expect(second.lines.contains(roads))
        let heap = try PersistentHeap.open(folder.file(), mode: .readOnly)
        #expect(try heap.audit().problems == [])
        #expect(try heap.check().damagedPages == [])
    }

    @Test func mistakesGetOneLineAndAStatus() throws {
        let folder = try TemporaryFolder()
        for arguments in [
            [], [folder.file(), "no number"], [folder.file(), "0"], [folder.file(), "1", "2"],
        ] {
            let wrong = try run(arguments)
            #expect(wrong.status == 2 && wrong.lines.count == 1)
        }
        try folder.write(Data("not a heap at all".utf8))
        let foreign = try run([folder.file(), "10"])
        #expect(foreign.status == 1 && foreign.lines.last?.hasPrefix("object-graph: ") == true)
    }
}
