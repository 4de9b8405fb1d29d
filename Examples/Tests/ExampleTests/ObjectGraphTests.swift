import Foundation
import Holdfast
import HoldfastInspection
import Testing

/// The example program, run through the built executable, as by its user.
@Suite struct ObjectGraphTests {
    private let folder: TemporaryFolder
    private let graph: Example
    private var heap: String { folder.file("roads.heap") }

    init() throws {
        folder = try TemporaryFolder()
        graph = Example(name: "object-graph", folder: folder)
    }

    /// Returns the number of nodes on the line that begins with `what`.
    private func nodes(_ what: String, _ lines: [String]) -> Int? {
        lines.first { $0.hasPrefix(what + " ") }?.split(separator: " ").compactMap { Int($0) }.first
    }

    @Test func buildsReopensWalksAndMarks() throws {
        let first = try graph.run(heap, "20000")
        #expect(first.status == 0, "\(first)")
        #expect(nodes("built", first.lines) == 20000)
        let walked = try #require(nodes("walked", first.lines))
        // Some crossings have no roads left.
        #expect(walked > 19_900 && walked <= 20000)
        #expect(
            nodes("walked again", first.lines) == walked && nodes("marked", first.lines) == walked)
        #expect(folder.names == ["roads.heap"])
        // The next run finds the graph and its marks.
        let second = try graph.run(heap)
        #expect(second.status == 0, "\(second)")
        #expect(nodes("built", second.lines) == nil && nodes("walked", second.lines) == walked)
        #expect(nodes("marked", second.lines) == 0)
        // The same numbers on every machine, and the same graph from them.
        let roads = try #require(first.lines.first { $0.contains(" roads, ") })
        #expect(second.lines.contains(roads))
        let opened = try PersistentHeap.open(heap, mode: .readOnly)
        let check = try opened.check()
        #expect(check.isSound, "\(check)")
        #expect(check.damagedPages == [])
    }

    @Test func mistakesGetOneLineAndAStatus() throws {
        for arguments in [[], [heap, "no number"], [heap, "0"], [heap, "1", "2"]] {
            let outcome = try graph.run(arguments)
            #expect(outcome.isMistake(2, "usage: object-graph"), "\(arguments): \(outcome)")
            #expect(outcome.lines == [])
        }
        try folder.write("not a heap at all", to: "foreign")
        let foreign = try graph.run(folder.file("foreign"), "10")
        #expect(foreign.isMistake(1, "object-graph: "), "\(foreign)")
    }
}
