import Foundation
import Holdfast
import Testing
import TestSupport

/// `copy`, `compact`, `grow`, `shrink`.
@Suite(.progress) struct SizeTests {
    private struct Note: HeapRecord {
        var title: String
        var pages: [Int]
    }

    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder(heap: "inventory.heap")
        path = try Inventory.make(folder)
    }

    private func diskBytes(_ name: String = "inventory.heap") throws -> Int {
        var status = stat()
        #expect(stat(folder.file(name), &status) == 0)
        return Int(status.st_blocks) * 512
    }

    private func length(_ name: String = "inventory.heap") throws -> Int {
        try folder.bytes(name).count
    }

    /// A heap with much free space in its middle.
    private func makeHole() throws {
        let heap = try PersistentHeap.open(path)
        try heap.write { tx in
            let wide = try tx.array("wide", of: UInt64.self)
            for number in 0 ..< 200_000 as Range<UInt64> { wide.append(number) }
        }
        try heap.write { tx in
            let behind = try tx.array("behind", of: UInt64.self)
            behind.reserveCapacity(300_000)
            for number in 0 ..< 300_000 as Range<UInt64> { behind.append(number) }
        }
        _ = try heap.write { tx in try tx.removeRoot("wide", PersistentArray<UInt64>.self) }
        try heap.close()
    }

    @Test func aCopyIsAHeapOfItsOwn() throws {
        let outcome = try Command.run("copy", path, folder.file("copy.heap"))
        #expect(outcome.status == 0 && outcome.output.contains("copy.heap"))
        #expect(try Command.run("check", folder.file("copy.heap")).status == 0)
        let (old, new) = (
            try Command.run("info", "--json", path).json,
            try Command.run("info", "--json", folder.file("copy.heap")).json
        )
        #expect(
            old["identity"] as? String != new["identity"] as? String
                && old["commits"] as? Int == new["commits"] as? Int)
        #expect(folder.names == ["copy.heap", "inventory.heap"])
    }

    /// While it is in use; uncommitted changes are not copied.
    @Test func aCopyOfAHeapInUse() throws {
        let heap = try PersistentHeap.open(path)
        try heap.write { tx in
            try tx.map("stock", String.self, Int.self)["bolt"] = 1
        }
        #expect(try Command.run("copy", path, folder.file("copy.heap")).status == 0)
        try heap.write { try $0.map("stock", String.self, Int.self)["bolt"] = 2 }
        try heap.close()
        #expect(
            try Command.run("show", folder.file("copy.heap"), "stock.bolt").output.hasSuffix("1\n"))
    }

    @Test func aCopyReplacesOnlyIfAsked() throws {
        try Inventory.make(folder, "old.heap")
        let before = folder.contents
        let refused = try Command.run("copy", path, folder.file("old.heap"))
        #expect(refused.status == 1 && folder.contents == before)
        #expect(try Command.run("copy", "--replace", path, folder.file("old.heap")).status == 0)
        #expect(folder.contents != before)
        // An open heap is not replaced.
        let heap = try PersistentHeap.open(folder.file("old.heap"))
        let busy = try Command.run("copy", "--replace", path, folder.file("old.heap"))
        #expect(busy.status == 1 && busy.error.contains("in use"))
        try heap.close()
    }

    @Test func compactingGivesHolesBack() throws {
        try makeHole()
        let before = (try length(), try diskBytes())
        let outcome = try Command.run("compact", "--json", path)
        let json = try outcome.json
        #expect(outcome.status == 0 && json["diskBytesBefore"] as? Int == before.1)
        #expect(try diskBytes() < before.1 - 1_000_000 && json["diskBytes"] as? Int == diskBytes())
        #expect(try Command.run("check", path).status == 0)
    }

    /// Types that the tool does not know are moved by their descriptions.
    @Test func movingBlocksTogether() throws {
        let sparse = folder.file("sparse.heap")
        let heap = try PersistentHeap.open(sparse)
        try heap.write { tx in
            let notes = try tx.map("notes", Int.self, Note.self)
            for number in 0 ..< 20_000 {
                notes[number] = Note(
                    title: "a title that needs a block, \(number)", pages: [number])
            }
            for number in 0 ..< 20_000 where number % 10 != 0 { notes[number] = nil }
            _ = try tx.value("favourite", initial: notes[ref: 10])
        }
        try heap.close()
        #expect(try Command.run("compact", sparse).status == 0)
        let before = try diskBytes("sparse.heap")
        let outcome = try Command.run("compact", "--move", sparse)
        #expect(outcome.status == 0, "\(outcome)")
        #expect(
            outcome.output.contains("were moved.")
                && outcome.output.contains("Records that references may lead to stayed: Note."),
            "\(outcome)")
        let json = try Command.run("compact", "--move-referenced", "--json", sparse).json
        #expect(json["fixedRecords"] as? [String] == [] && json["unknownRoots"] as? [String] == [])
        #expect((json["movedBytes"] as? Int ?? 0) > 2000 * 24)
        #expect(try diskBytes("sparse.heap") < before / 3)
        #expect(try Command.run("check", sparse).status == 0)
        let again = try PersistentHeap.open(sparse)
        try again.read { tx in
            let notes = try tx.map("notes", Int.self, Note.self)
            #expect(try tx.value("favourite", of: HeapRef<Note>?.self).value == notes[ref: 10])
            let wrong = (0 ..< 2000).filter {
                notes[$0 * 10]?.title != "a title that needs a block, \($0 * 10)"
            }
            #expect(notes.count == 2000 && wrong.isEmpty)
        }
        try again.close()
    }

    /// The reserved space survives closing, is used, and is released by `shrink`.
    @Test func growingAndShrinking() throws {
        let small = try length()
        #expect(try Command.run("grow", path, "3M").status == 0)
        #expect(try length() == 3 << 20 && diskBytes() >= 3 << 20)
        let heap = try PersistentHeap.open(path)
        try heap.write { try $0.map("stock", String.self, Int.self)["bolt"] = 2 }
        try heap.close()
        #expect(try length() == 3 << 20)
        #expect(try Command.run("check", path).status == 0)
        #expect(try Command.run("shrink", path).status == 0)
        #expect(try length() == small)
        #expect(try Command.run("show", path, "stock.bolt").output.hasSuffix("2\n"))
        #expect(try Command.run("check", path).status == 0)
    }

    @Test func theEndStaysWhileOthersHaveItOpen() throws {
        #expect(try Command.run("grow", path, "3M").status == 0)
        let heap = try PersistentHeap.open(path)
        let outcome = try Command.run("shrink", path)
        #expect(
            outcome.status == 0 && outcome.output.contains("open in 1 other place"), "\(outcome)")
        #expect(try length() == 3 << 20)
        try heap.write { try $0.map("stock", String.self, Int.self)["bolt"] = 2 }
        try heap.close()
        #expect(try length() < 1 << 20)
    }

    @Test func sizesThatAreNone() throws {
        for size in ["", "big", "-5", "1e9", "99999999T"] {
            let outcome = try Command.run("grow", "--", path, size)
            #expect(outcome.status == 2 && outcome.error.contains("SIZE"), "\(size)")
        }
        let outcome = try Command.run("grow", path, "100T")
        #expect(outcome.status == 1 && outcome.error.split(separator: "\n").count == 1)
    }
}
