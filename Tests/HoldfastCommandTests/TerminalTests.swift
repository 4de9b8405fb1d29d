import Foundation
import Holdfast
import Testing
import TestSupport

/// Features for terminals: colours, progress, figures updated in place, Ctrl-C.
@Suite struct TerminalTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder(heap: "inventory.heap")
        path = try Inventory.make(folder)
    }

    @Test func coloursOnlyOnATerminal() throws {
        let terminal = try Command.terminal("info", path)
        #expect(try terminal.waitForEnd() == .exited(0))
        #expect(
            terminal.output.contains("\u{1B}[1m")
                && terminal.screen.text.contains("Array<Movement>"))
        for environment in [["NO_COLOR": "1"], ["TERM": "dumb"]] {
            let plain = try Command.terminal("info", path, environment: environment)
            #expect(try plain.waitForEnd() == .exited(0))
            #expect(!plain.output.contains("\u{1B}"), "\(environment)")
        }
        // An empty value has no effect.
        let empty = try Command.terminal("info", path, environment: ["NO_COLOR": ""])
        #expect(try empty.waitForEnd() == .exited(0))
        #expect(empty.output.contains("\u{1B}[1m"))
        #expect(try !Command.run("info", path).output.contains("\u{1B}"))
    }

    @Test func errorsAreOneLineThereToo() throws {
        let terminal = try Command.terminal("info", folder.file("nothing.heap"))
        #expect(try terminal.waitForEnd() == .exited(1))
        #expect(
            terminal.output.contains("\u{1B}[1;31mholdfast:")
                && terminal.output.contains("There is no heap file"))
    }

    /// A bar during long work, which disappears when the work is done.
    @Test func progressComesAndGoes() throws {
        let terminal = try Command.terminal("bench", path, "--seconds", "0.3")
        try terminal.wait(for: "of 8 measurements")
        try terminal.wait(for: "/s")
        try terminal.wait(for: "left")
        #expect(try terminal.waitForEnd() == .exited(0))
        #expect(
            terminal.output.contains("\r\u{1B}[K") && !terminal.screen.text.contains("measurements")
        )
        #expect(terminal.screen.text.contains("durable commit"))
        let outcome = try Command.run("bench", path, "--seconds", "0.3")
        #expect(outcome.error.isEmpty && !outcome.output.contains("\r"))
        #expect(folder.names == ["inventory.heap"])
    }

    @Test func watchingIsUpdatedInPlace() throws {
        let heap = try PersistentHeap.open(path)
        let terminal = try Command.terminal("watch", path, "--interval", "0.1", "--count", "5")
        try terminal.wait(for: "commits")
        for number in 0 ..< 20 {
            try heap.write { try $0.map("stock", String.self, Int.self)["bolt"] = number }
        }
        #expect(try terminal.waitForEnd() == .exited(0))
        // Once on the screen, although it was drawn five times.
        #expect(terminal.output.components(separatedBy: "commits").count == 6)
        #expect(terminal.screen.text.components(separatedBy: "commits").count == 2)
        #expect(
            terminal.screen.text.contains("22 in all")
                && terminal.screen.text.contains("\(getpid())")
                && terminal.screen.showsCursor)
        try heap.close()
        // One line each into a pipe.
        let lines = try Command.run("watch", path, "--interval", "0.05", "--count", "3").output
            .split(separator: "\n")
        #expect(lines.count == 4 && lines[0].contains("commits/s"))
        let objects = try Command.run("watch", path, "--interval", "0.05", "--count", "3", "--json")
            .output.split(separator: "\n")
        #expect(
            try objects.map {
                try #require(
                    try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])[
                        "commits"] as? Int
            }.count == 3)
    }

    @Test func watchingEndsByControlC() throws {
        let terminal = try Command.terminal("watch", path, "--interval", "0.1")
        try terminal.wait(for: "Ctrl-C ends")
        terminal.pressControlC()
        #expect(try terminal.waitForEnd() == .exited(0))
        #expect(terminal.screen.showsCursor && terminal.output.contains("\u{1B}[?25l"))
        #expect(folder.names == ["inventory.heap"])
    }

    /// In the middle of a transaction: none of it is kept.
    @Test func controlCInALoad() throws {
        let before = try folder.bytes()
        let terminal = try Command.terminal("load", path)
        terminal.type(#"{"holdfast":1,"root":"fine","type":"Array<Int>","count":100000}"# + "\r")
        // Until it reports lines.
        while !terminal.output.contains(" lines") {
            terminal.type("1\r")
            try? terminal.wait("the bar", within: .milliseconds(50)) {
                $0.output.contains(" lines")
            }
        }
        terminal.pressControlC()
        #expect(try terminal.waitForEnd() == .exited(130))
        #expect(folder.names == ["inventory.heap"])
        let heap = try PersistentHeap.open(path, mode: .readOnly)
        #expect(try heap.read { $0.roots.count } == 5)
        try heap.close()
        #expect(try folder.bytes().count == before.count)
        #expect(try Command.run("check", path).status == 0)
    }

    @Test func controlCInABench() throws {
        let before = folder.contents
        let terminal = try Command.terminal("bench", path, "--seconds", "20")
        while folder.names.count < 3 { usleep(10_000) }
        terminal.pressControlC()
        #expect(try terminal.waitForEnd() == .exited(130))
        #expect(folder.contents == before)
    }

    @Test func longOutputIsPaged() throws {
        let terminal = try Command.terminal("show", path, "log", environment: ["PAGER": "cat -n"])
        #expect(try terminal.waitForEnd() == .exited(0))
        #expect(terminal.screen.text.contains("102\t"))
        // Short output is not paged unless requested; nor is any output to a pipe.
        let short = try Command.terminal("show", path, "stock", environment: ["PAGER": "cat -n"])
        #expect(try short.waitForEnd() == .exited(0))
        #expect(!short.screen.text.contains("1\t"))
        #expect(
            try !Command.run(["show", path, "log"], environment: ["PAGER": "cat -n"]).output
                .contains("1\t"))
        #expect(
            try Command.run(["show", path, "stock", "--pager"], environment: ["PAGER": "cat -n"])
                .output.contains("1\t"))
    }

    @Test func tablesFitTheWindow() throws {
        let heap = try PersistentHeap.open(path)
        try heap.write {
            _ = try $0.map(
                "deep", String.self,
                PersistentMap<String, PersistentArray<PersistentMap<Int, PersistentArray<String>>>>
                    .self)
        }
        try heap.close()
        let terminal = try Command.terminal(
            "info", path, columns: 60, environment: ["NO_COLOR": "1"])
        #expect(try terminal.waitForEnd() == .exited(0))
        let table = terminal.output.components(separatedBy: "Roots")[1].components(
            separatedBy: "Processes")[0]
        #expect(
            table.split(whereSeparator: \.isNewline).allSatisfy { $0.count <= 60 }
                && table.contains("…"))
    }
}
