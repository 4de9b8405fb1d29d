import Foundation
import Holdfast
import Testing
import TestSupport

/// Several programs on one heap, and killed programs.
@Suite(.progress) struct SharingTests {
    private func start(_ folder: TemporaryFolder, _ arguments: [String] = []) throws -> ChildProcess
    {
        try ChildProcess(replPath, arguments + [folder.heap], errors: folder.file("errors"))
    }

    @Test func twoProgramsSeeEachOthersCommits() throws {
        let folder = try TemporaryFolder()
        let first = try start(folder)
        let second = try start(folder)
        first.send("stock = map<String, Int>()")
        #expect(try first.ask("stock.count") == "0")
        for round in 1 ... 20 {
            first.send("stock[\"bolt\", default: 0] += 1")
            #expect(try first.ask("stock[\"bolt\"]") == "\(2 * round - 1)")
            #expect(try second.ask("stock[\"bolt\"]") == "\(2 * round - 1)")
            second.send("stock[\"bolt\"] += 1")
            #expect(try second.ask("stock[\"bolt\"]") == "\(2 * round)")
            #expect(try first.ask("stock[\"bolt\"]") == "\(2 * round)")
        }
        // Types too.
        first.send("struct Point { x: Int }")
        first.send("p = Point(x: 1)")
        #expect(try first.ask("p.x") == "1")
        #expect(try second.ask("Point(x: 9).x") == "9")
        #expect(try second.ask("q = Point(x: p.x + 1); q") == "Point(x: 2)")
        for process in [first, second] {
            process.closeInput()
            #expect(process.waitForEnd() == .exited(0))
        }
        #expect(folder.names == ["errors", "test.heap"])
    }

    /// Readers see nothing of an open transaction, and do not wait for it; writers wait, but no
    /// longer than requested.
    @Test func anOpenTransactionIsSeenByNobody() throws {
        let folder = try TemporaryFolder()
        let writer = try start(folder)
        #expect(try writer.ask("n = 1; n") == "1")
        #expect(try writer.ask("begin\nn = 2; n") == "2")
        let reader = try start(folder)
        #expect(try reader.ask("n") == "1")
        let waiting = try ProgramRun(["--timeout", "0.2", folder.heap], script: "n += 1")
        #expect(waiting.status == 1)
        #expect(waiting.errorLines.first?.hasPrefix("heap-repl: line 1, column 1: ") ?? false)
        #expect(waiting.error.contains("did not finish"))
        #expect(try writer.ask("commit\nn") == "2")
        #expect(try reader.ask("n") == "2")
        // Killed in the middle of a transaction: none of it is kept, and no process waits for it.
        #expect(try writer.ask("begin\nn = 3; n") == "3")
        writer.destroy()
        #expect(try reader.ask("n += 10; n") == "12")
    }

    @Test func watchShowsWhatOthersChange() throws {
        let folder = try TemporaryFolder()
        let watcher = try start(folder)
        let again = try start(folder)
        #expect(
            try again.ask("struct P { x: Int, y: Int }\np = P(x: 1, y: 2)\nlog = [1, 2]; log.count")
                == "2")
        #expect(try watcher.ask("watch log 4") == "log = [1, 2]")
        again.send("log.append(3)")
        #expect(try watcher.readLine() == "log.append(3)")
        again.send("log[0] = 5")
        #expect(try watcher.readLine() == "log[0] = 5")
        again.send("log.remove(at: 1)")
        #expect(try watcher.readLine() == "log.remove(at: 1)")
        again.send("log.insert(9, at: 0)")
        #expect(try watcher.readLine() == "log.insert(9, at: 0)")
        #expect(try watcher.ask("watch p 1") == "p = P(x: 1, y: 2)")
        again.send("p.y += 5")
        #expect(try watcher.readLine() == "p.y = 7")
        // Four changes and one have ended both watches: the next line is accepted.
        #expect(try watcher.ask("log") == "[9, 5, 3]")
    }

    /// `kill -9` while lines run: every answered line is kept, as a whole.
    @Test(arguments: 0 ..< 8) func whatWasAnsweredSurvivesAKill(round: Int) throws {
        let folder = try TemporaryFolder()
        let program = try start(folder)
        program.send("log = array<Int>(); n = 0; total = 0")
        // Far more than the test waits for, so that the kill hits an activity.
        for number in 1 ... 2000 {
            program.send("log.append(\(number)); n += 1; total += \(number); n")
        }
        var answered = 0
        while answered < 20 + round * 60 {
            let line = try program.readLine()
            #expect(line == "\(answered + 1)")
            answered += 1
        }
        program.destroy()
        while let line = program.readLine(within: .milliseconds(1)) {
            answered = max(answered, Int(line) ?? 0)
        }
        let after = try ProgramRun(
            [folder.heap],
            script: "n\nlog.count == n && log.sum() == total && log == log.sorted()\nlog.last == n")
        #expect(after.error == "")
        #expect(Int(after.lines.first ?? "") ?? -1 >= answered, "\(answered) were answered")
        #expect(Array(after.lines.dropFirst()) == ["true", "true"])
        let heap = try PersistentHeap.open(folder.heap, mode: .readOnly)
        #expect(try heap.audit().problems == [])
    }
}
