import Holdfast
import HoldfastInspection
import HoldfastTools
import Testing
import TestSupport

/// `stats` and `map` report the same figures as the library.
@Suite(.progress) struct StatisticsTests {
    @Test func thePictureIsTheHeapsOwn() throws {
        let folder = try TemporaryFolder()
        _ = try ProgramRun([folder.heap], script: "log = 0 ..< 100000\nstock = [\"bolt\": 1]\n")
        let run = try ProgramRun([folder.heap], script: "map")
        #expect(run.error == "" && run.status == 0)
        let heap = try PersistentHeap.open(folder.heap, mode: .readOnly)
        #expect(
            run.lines
                == TerminalMap.lines(
                    HeapMap(try heap.pageUse(), title: "test.heap"), width: 80, colours: .none))
        #expect(
            run.lines.contains { $0.contains("log") } && run.lines.contains { $0.contains("free") })
        try heap.close()
        // On a terminal it is coloured, and uses the terminal's width.
        let terminal = try folder.terminal()
        try terminal.waitForLast(">")
        terminal.enter("map")
        try terminal.wait("the picture and a prompt") { lines in
            lines.contains { $0.hasSuffix("2 roots") } && lines.last { !$0.isEmpty } == ">"
        }
        #expect(terminal.output.contains("\u{1B}[38;5;"))
    }

    @Test func figuresAreTheHeapsOwn() throws {
        let folder = try TemporaryFolder()
        _ = try ProgramRun([folder.heap], script: "log = 0 ..< 100000\nstock = [\"bolt\": 1]\n")
        let run = try ProgramRun([folder.heap], script: "stats")
        #expect(run.error == "" && run.status == 0)
        let heap = try PersistentHeap.open(folder.heap, mode: .readOnly)
        let figures = try heap.statistics()
        let roots = try heap.rootStatistics()
        let words = run.lines.map { line in
            let parts = line.split(separator: " ", omittingEmptySubsequences: true)
            return parts.joined(separator: " ")
        }
        #expect(words.count == 8)
        #expect(words.contains { $0.hasPrefix("file \(Figures.bytes(figures.fileBytes)), ") })
        #expect(words.contains { $0.hasPrefix("used \(Figures.bytes(figures.usedBytes)), and ") })
        #expect(words.contains("open in 1 place"))
        #expect(
            words.contains(
                "root log \(Figures.bytes(roots[0].bytes ?? 0)) in \(Figures.count(roots[0].blocks ?? 0, "block"))"
            ))
        #expect((roots[0].bytes ?? 0) >= 800_000)
    }
}
