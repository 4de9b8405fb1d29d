import Foundation
import Holdfast
import HoldfastEngine
import HoldfastFormat
import Testing
import TestSupport

/// Any problem gives one line on the error output, with what to do next, and the right status, from
/// every verb.
@Suite(.progress) struct ErrorTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder(heap: "inventory.heap")
        path = try Inventory.make(folder)
    }

    /// Every verb that works on a heap, with its other arguments.
    private func calls(_ file: String) -> [[String]] {
        [
            ["info", file], ["info", "--json", file], ["check", file],
            ["check", file, "--repair", folder.file("out.heap")],
            ["map", file],
            ["map", file, "--svg", folder.file("out.svg")], ["show", file],
            ["show", file, "stock"], ["dump", file],
            ["dump", file, "--to", folder.file("out.jsonl")],
            ["copy", file, folder.file("out.heap")],
            ["compact", file], ["grow", file, "1M"], ["shrink", file], ["bench", file],
            ["watch", file, "--count", "1"],
        ]
    }

    private func expectFailure(_ outcome: Command.Outcome, _ text: String, _ call: [String]) {
        #expect(outcome.status == 1, "\(call) \(outcome)")
        #expect(
            outcome.error.hasPrefix("holdfast: ") && outcome.error.contains(text),
            "\(call) \(outcome.error)")
        #expect(
            outcome.error.filter { $0 == "\n" }.count == 1 && outcome.error.hasSuffix("\n"),
            "\(call) \(outcome.error)")
        // What happened, and what to do.
        #expect(
            outcome.error.contains(". ") || outcome.error.contains(": it"),
            "\(call) \(outcome.error)")
    }

    private func expectEverywhere(_ file: String, _ text: String) throws {
        let before = folder.contents
        for call in calls(file) { expectFailure(try Command.run(call), text, call) }
        #expect(folder.contents == before)
    }

    @Test func missing() throws {
        try expectEverywhere(folder.file("nothing.heap"), "There is no heap file")
    }
    @Test func aFolder() throws { try expectEverywhere(folder.path, "is a folder") }
    @Test func noRegularFile() throws { try expectEverywhere("/dev/null", "not a regular file") }

    @Test func foreign() throws {
        try folder.write(Data("name,count\n".utf8) + Data(count: 100_000), to: "table.csv")
        try expectEverywhere(folder.file("table.csv"), "not a Holdfast heap")
        let call = ["load", folder.file("table.csv")]
        expectFailure(try Command.run(call, input: "1\n"), "not a Holdfast heap", call)
    }

    @Test func empty() throws {
        try folder.write(Data(), to: "empty.heap")
        try expectEverywhere(folder.file("empty.heap"), "is empty")
    }

    @Test func damagedHeader() throws {
        try folder.damage(at: 100)
        try folder.damage(at: 4196)
        try expectEverywhere(path, "header")
    }

    @Test func newerFormat() throws {
        var header = HeapHeader(
            identity: HeapIdentity(high: 1, low: 2), hashSeed: HeapIdentity(high: 3, low: 4))
        header.formatVersion = 99
        var data = Data(count: 65536)
        for copy in 0 ..< 2 {
            data.replaceSubrange(copy * 4096 ..< copy * 4096 + 512, with: header.encoded())
        }
        try folder.write(data, to: "newer.heap")
        try expectEverywhere(folder.file("newer.heap"), "format version 99")
    }

    @Test func aNameOfSeveralLines() throws {
        let outcome = try Command.run("info", folder.file("no\nthing\u{1B}[31m"))
        expectFailure(outcome, "no\\nthing", [])
        #expect(!outcome.error.contains("\u{1B}"))
    }

    // MARK: Other processes

    /// A writer that does not finish: readers continue, writers give up after the timeout.
    @Test func busy() throws {
        let heap = try PersistentHeap.open(path)
        try heap.write { tx in
            _ = try tx.map("stock", String.self, Int.self)
            for call in calls(path) where ["compact", "grow", "shrink"].contains(call[0]) {
                expectFailure(
                    try Command.run(call + ["--timeout", "0.1"]), "could not be used in time", call)
            }
            for call in calls(path)
            where ["info", "check", "show", "dump", "watch"].contains(call[0]) {
                #expect(try Command.run(call + ["--timeout", "5"]).status == 0, "\(call)")
            }
        }
        try heap.close()
    }

    // MARK: Limits

    /// A file size limit stands for a full disk: both fail the same calls.
    @Test func filesThatMayNotGrow() throws {
        let heap = try PersistentHeap.open(path)
        try heap.write { tx in
            let large = try tx.array("large", of: UInt64.self)
            for number in 0 ..< 100_000 as Range<UInt64> {
                large.append(number &* 0x9e37_79b9_7f4a_7c15)
            }
        }
        try heap.close()
        let before = folder.contents
        // In blocks of 1024 bytes; less than the size of the heap.
        for call in [
            "copy inventory.heap out.heap", "check inventory.heap --repair out.heap",
            "dump inventory.heap --to out.jsonl",
            "grow inventory.heap 5M",
            "bench inventory.heap",
        ] {
            let outcome = try Command.shell("ulimit -f 400; $holdfast \(call)", in: folder)
            expectFailure(outcome, "limit for the size of files", [call])
            #expect(folder.contents == before, "\(call)")
        }
        #expect(try Command.run("dump", path, "--to", folder.file("large.jsonl")).status == 0)
        let outcome = try Command.shell(
            "ulimit -f 400; $holdfast load new.heap large.jsonl", in: folder)
        #expect(outcome.status != 0 && !folder.names.contains("new.heap"))
    }

    /// Unwritable outputs.
    @Test func outputThatFails() throws {
        for call in calls(path) + [
            ["help"], ["help", "info"], ["completions", "bash"], ["help", "--manual"],
            ["--version"],
        ] {
            for name in folder.names where name.hasPrefix("out") {
                try FileManager.default.removeItem(atPath: folder.file(name))
            }
            let line =
                call.map { "'\($0)'" }.joined(separator: " ")
                + (call[0] == "bench" ? " --seconds 0" : "")
            let full = try Command.shell("$holdfast \(line) > /dev/full", in: folder)
            expectFailure(full, "The disk is full: The standard output", call)
            for name in folder.names where name.hasPrefix("out") {
                try FileManager.default.removeItem(atPath: folder.file(name))
            }
            let closed = try Command.shell("$holdfast \(line) >&-", in: folder)
            expectFailure(closed, "is closed", call)
        }
    }

    /// A reader that has gone ends the command silently.
    @Test func closedPipes() throws {
        for call in [
            "dump inventory.heap", "show inventory.heap log --limit 1000000", "info inventory.heap",
            "watch inventory.heap --interval 0.01", "help",
        ] {
            let outcome = try Command.shell(
                "$holdfast \(call) | true; exit ${PIPESTATUS[0]}", in: folder)
            // Short output may have gone into the pipe before its reader ended.
            #expect(
                outcome.status == 141 || (outcome.status == 0 && !call.hasPrefix("watch")),
                "\(call) \(outcome)")
            #expect(outcome.error.isEmpty, "\(call) \(outcome.error)")
        }
        let outcome = try Command.shell(
            "(sleep 0.3; $holdfast dump inventory.heap) | true; exit ${PIPESTATUS[0]}", in: folder)
        #expect(outcome.status == 141 && outcome.error.isEmpty)
    }

    // MARK: Wrong usage

    @Test func wrongUsage() throws {
        let calls: [([String], String)] = [
            (["inof", path], "did you mean info?"), (["info"], "needs FILE"),
            (["info", path, "more"], "info has no operand for more"),
            (["info", "--qick", path], "did you mean --quick?"),
            (["info", "-q", path], "no option -q"),
            (["info", "--json=1", path], "takes no value"),
            (["copy", path], "needs COPY"), (["show", path, "--limit"], "needs N"),
            (["show", path, "log", "--limit", "0"], "--limit takes"),
            (["show", path, "log", "--limit", "1", "--limit", "2"], "given twice"),
            (["watch", path, "--interval", "soon"], "seconds"),
            (["watch", path, "--interval", "0"], "--interval"), (["--frob"], "before the verb"),
            (["help", "frob"], "no verb frob"),
            (["completions", "csh"], "bash, zsh and fish"),
            (["info", "--timeout", "nan", path], "seconds"),
        ]
        for (call, text) in calls {
            let outcome = try Command.run(call)
            #expect(
                outcome.status == 2 && outcome.output.isEmpty && outcome.error.contains(text),
                "\(call) \(outcome)")
            #expect(
                outcome.error.filter { $0 == "\n" }.count == 1
                    && outcome.error.contains("holdfast help"), "\(call) \(outcome)")
        }
        let nothing = try Command.run()
        #expect(nothing.status == 2 && nothing.output.isEmpty && nothing.error.contains("Usage:"))
        // After two hyphens every argument is a name.
        #expect(try Command.run("info", "--", "--json").error.contains("no heap file at --json"))
    }

    /// A new heap without room for all of the lines.
    @Test func loadWithoutRoom() throws {
        let folder = try TemporaryFolder(heap: "inventory.heap")
        let header = #"{"holdfast":1,"root":"a","type":"Array<Int>","count":500000}"#
        let outcome = try Command.shell(
            "{ echo '\(header)'; yes 1234567 2> /dev/null | head -500000; } > lines; ulimit -f 2000; "
                + "$holdfast load new lines", in: folder)
        #expect(outcome.status == 1, "\(outcome)")
        #expect(outcome.error.split(separator: "\n").count == 1)
        #expect(outcome.error.contains("a limit for the size of files"), "\(outcome.error)")
        #expect(folder.names == ["lines"])
    }
}
