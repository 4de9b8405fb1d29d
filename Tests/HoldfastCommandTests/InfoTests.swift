import Foundation
import Holdfast
import Testing
import TestSupport

/// `holdfast info`.
@Suite(.progress) struct InfoTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder(heap: "inventory.heap")
        path = try Inventory.make(folder)
    }

    @Test func everyFigureIsThere() throws {
        let json = try Command.run("info", "--json", path).json
        func number(_ name: String) throws -> Int { try #require(json[name] as? Int, "\(name)") }
        #expect(try number("formatVersion") == 1)
        #expect(try number("fileBytes") == folder.bytes().count)
        #expect(
            try number("usedBytes") + number("overheadBytes") + number("freeBytes")
                == number("fileBytes"))
        // One for the data, one for the trim on closing.
        #expect(try number("commits") == 2)
        #expect(try number("logBytes") == 0)
        #expect(json["clean"] as? Bool == true && json["state"] as? String == "atRest")
        #expect((json["processes"] as? [Any])?.isEmpty == true)
        let roots = try #require(json["roots"] as? [[String: Any]])
        #expect(
            roots.map { $0["name"] as? String } == [
                "log", "notes", "people", "stock", "version of shop",
            ])
        #expect(roots.map { $0["count"] as? Int } == [1000, 28, 1, 4, 1])
        let bytes = try roots.map { try #require($0["bytes"] as? Int) }
        #expect(bytes[0] >= 16000 && bytes[3] < 2000)
        #expect(bytes.reduce(0, +) < (try number("usedBytes")))
        let classes = try #require(json["sizeClasses"] as? [[String: Any]])
        #expect(classes.allSatisfy { ($0["used"] as? Int ?? 0) + ($0["free"] as? Int ?? 0) > 0 })
    }

    @Test func peopleReadItToo() throws {
        let outcome = try Command.run("info", "--full", path)
        #expect(outcome.status == 0 && outcome.error.isEmpty)
        for text in [
            "at rest", "Array<Movement>", "Map<Int, Person>", "1,000", "fragmentation",
            "Processes\n  none", "bytes each",
            "last checkpoint",
        ] {
            #expect(outcome.output.contains(text), "\(text)")
        }
        #expect(!outcome.output.contains("\u{1B}"))
    }

    @Test func nothingIsChanged() throws {
        let before = folder.contents
        #expect(try Command.run("info", path).status == 0)
        #expect(folder.contents == before)
    }

    /// The state after a crash is reported as it will be recovered, and left unchanged.
    @Test func aHeapThatWasNotClosed() throws {
        let folder = try TemporaryFolder(heap: "inventory.heap")
        let path = try Inventory.makeUnclosed(folder)
        let before = folder.contents
        #expect(before.count == 3)
        let json = try Command.run("info", "--json", path).json
        #expect(json["state"] as? String == "notClosed" && json["clean"] as? Bool == false)
        #expect(json["commits"] as? Int == 5 && json["logCommits"] as? Int == 3)
        #expect(try #require(json["logBytes"] as? Int) > 0)
        let roots = try #require(json["roots"] as? [[String: Any]])
        #expect(roots.first { $0["name"] as? String == "stock" }?["count"] as? Int == 7)
        #expect(folder.contents == before)
        #expect(try Command.run("info", path).output.contains("not closed"))
    }

    /// The processes that have it open, with views that are behind.
    @Test func processesWithTheirViews() throws {
        let heap = try PersistentHeap.open(path)
        defer { try? heap.close() }
        let snapshot = try heap.snapshot()
        for number in 0 ..< 4 {
            try heap.write { try $0.map("stock", String.self, Int.self)["bolt"] = number }
        }
        let json = try Command.run("info", "--json", path).json
        #expect(json["state"] as? String == "inUse")
        let processes = try #require(json["processes"] as? [[String: Any]])
        #expect(
            processes.count == 2 && processes.allSatisfy { $0["process"] as? Int32 == getpid() })
        let view = try #require(processes.first { $0["snapshot"] as? Bool == true })
        #expect(view["viewOpen"] as? Bool == true && view["commitsBehind"] as? Int == 4)
        #expect(try #require(view["bytesBehind"] as? Int) > 0)
        #expect(processes.first { $0["snapshot"] as? Bool == false }?["viewOpen"] as? Bool == false)
        #expect(try Command.run("info", path).output.contains("4 commits behind"))
        try snapshot.close()
    }

    @Test func quickLeavesBytesOut() throws {
        let json = try Command.run("info", "--json", "--quick", path).json
        let roots = try #require(json["roots"] as? [[String: Any]])
        #expect(
            roots.allSatisfy { $0["bytes"] is NSNull }
                && roots.map { $0["count"] as? Int } == [1000, 28, 1, 4, 1])
    }

    @Test func namesCannotPaintOnTheTerminal() throws {
        let heap = try PersistentHeap.open(path)
        try heap.write { _ = try $0.map("evil\u{1B}[2J\n", String.self, Int.self) }
        try heap.close()
        let outcome = try Command.run("info", path)
        #expect(outcome.output.contains("evil\\u{1B}[2J\\n") && !outcome.output.contains("\u{1B}"))
    }
}
