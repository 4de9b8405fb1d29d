import Foundation
import Holdfast
import Testing

@Suite struct MessageQueueTests {
    private let folder: TemporaryFolder
    private let queue: Example
    private let heap: String

    init() throws {
        folder = try TemporaryFolder()
        queue = Example(name: "message-queue", folder: folder)
        heap = folder.file("queue.heap")
    }

    /// Returns the lines of this package's README that are not empty.
    private func lines() throws -> [String] {
        try String(
            contentsOf: repositoryFolder.appendingPathComponent("README.md"), encoding: .utf8
        )
        .split(separator: "\n").map(
            String.init)
    }

    private func send(_ lines: [String]) throws {
        try folder.write(lines.map { $0 + "\n" }.joined(), to: "lines")
        #expect(try shell("message-queue send '\(heap)' < lines", in: folder) == "")
    }

    @Test func whatIsSentIsReceivedOnceAndInOrder() throws {
        let lines = try lines()
        try queue.lines("send", heap, "the first, with ünïcode")
        try send(lines)
        #expect(
            try queue.lines("status", heap) == [
                "\(lines.count + 1) sent, \(lines.count + 1) waiting, 0 handled, 0 lost, 0 handled twice"
            ])
        #expect(try queue.lines("receive", heap, "--limit", "1") == ["the first, with ünïcode"])
        #expect(try queue.lines("receive", heap) == lines)
        #expect(try queue.lines("receive", heap) == [])
        #expect(
            try queue.lines("status", heap) == [
                "\(lines.count + 1) sent, 0 waiting, \(lines.count + 1) handled, 0 lost, 0 handled twice"
            ])
        #expect(folder.names == ["lines", "queue.heap"])
    }

    /// More messages than the queue holds. The sender and the receivers wait for each other, and
    /// one of the receivers is killed. The others print the rest.
    @Test func receiversWaitAndMayBeKilled() throws {
        let first = try queue.start(["receive", heap, "--wait"])
        let second = try queue.start(["receive", heap, "--wait"], errors: "errors-2")
        let lines = (0 ..< 3000).map { "line \($0)" }
        // A pipe holds more than these lines.
        let sending = try queue.start(["send", heap], errors: "errors-3")
        for line in lines { sending.send(line) }
        sending.closeInput()
        var seen: Set<String> = []
        for _ in 0 ..< 40 { #expect(seen.insert(try first.readLine()).inserted) }
        first.destroy()
        // Lines that it had printed and the test had not read.
        while let line = first.readLine(within: .seconds(10)) {
            #expect(seen.insert(line).inserted)
        }
        var last = ""
        while last != "line 2999" {
            last = try second.readLine()
            #expect(seen.insert(last).inserted)
        }
        #expect(sending.waitForEnd() == .exited(0))
        second.destroy()
        // It may have been killed between processing a message and printing it. At most one message
        // is missing, since each is printed before the next is taken.
        #expect(seen.count >= 2999 && seen.isSubset(of: lines))
        let status = try queue.lines("status", heap)
        #expect(status == ["3000 sent, 0 waiting, 3000 handled, 0 lost, 0 handled twice"])
    }

    @Test func nothingIsLostOrRepeatedThroughKills() throws {
        for round in 1 ... 2 {
            let lines = try queue.lines("demo", heap, "--kills", "8")
            #expect(
                lines.count == 9 && lines.dropLast().allSatisfy { $0.hasPrefix("killed the ") },
                "round \(round): \(lines)")
            let figures = try #require(lines.last).split { !$0.isNumber }.compactMap { Int($0) }
            #expect(
                figures.count == 5 && figures[0] >= 1000 * round && figures[2] == figures[0],
                "\(lines)")
            #expect(figures.count == 5 && figures[1] == 0 && figures[3...] == [0, 0], "\(lines)")
        }
        #expect(folder.names == ["queue.heap"])
    }

    /// If the demonstration itself is killed, its ends do not run forever.
    @Test func noProcessIsLeftBehind() throws {
        // Several times: it may be about to start another one.
        for kills in 0 ..< 5 {
            let process = try queue.start(["demo", heap, "--kills", "10000"])
            for _ in 0 ..< kills { #expect(try process.readLine().hasPrefix("killed the ")) }
            process.destroy()
        }
        let opened = try PersistentHeap.open(heap)
        let isAlone = try waitUntil { try opened.views().count == 1 }
        #expect(isAlone)
        try opened.close()
        #expect(try queue.lines("status", heap)[0].hasSuffix(" 0 lost, 0 handled twice"))
    }

    @Test func mistakesGetOneLine() throws {
        for arguments in [
            [], ["send"], ["send", heap, "a", "b"], ["receive", heap, "--limit", "0"],
            ["receive", heap, "--now"],
            ["demo", heap, "--kills", "x"],
        ] {
            let outcome = try queue.run(arguments)
            #expect(outcome.isMistake(2, "message-queue: "), "\(arguments): \(outcome)")
        }
        #expect(try queue.run("status", heap).isMistake(1, "no heap file"))
        #expect(folder.names == [])
        try folder.write(String(repeating: "not a heap ", count: 1000), to: "foreign")
        for command in [["send", "x"], ["receive"], ["status"], ["demo"]] {
            let outcome = try queue.run([command[0], folder.file("foreign")] + command.dropFirst())
            #expect(outcome.isMistake(1, "not a Holdfast heap"), "\(command): \(outcome)")
        }
        try PersistentHeap.open(folder.file("other")).write {
            try $0.array("queue", of: Int.self).append(1)
        }
        #expect(try queue.run("send", folder.file("other"), "x").isMistake(1, "queue"))
    }
}
