import Foundation
import Holdfast
import Testing
import TestSupport

/// `holdfast check`, and the repair of heaps.
@Suite(.progress) struct CheckTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder(heap: "inventory.heap")
        path = try Inventory.make(folder)
    }

    @Test func aSoundHeap() throws {
        let before = folder.contents
        let outcome = try Command.run("check", path)
        #expect(outcome.status == 0 && outcome.error.isEmpty && !outcome.output.contains("damaged"))
        #expect(folder.contents == before)
        let json = try Command.run("check", "--json", path).json
        #expect(json["sound"] as? Bool == true && json["unreachedBlocks"] as? Int == 0)
        #expect(
            (json["roots"] as? [[String: Any]])?.allSatisfy { $0["followed"] as? Bool == true }
                == true)
    }

    /// A number in the middle of an array: only its page's checksum reveals the damage, and the
    /// root is named.
    @Test func damagedDataNamesItsRoot() throws {
        let offset = try elementOfTheLog()
        try folder.damage(at: offset)
        let outcome = try Command.run("check", path)
        #expect(outcome.status == 1)
        #expect(
            outcome.output.contains("page \(offset / 4096): data of root \"log\""),
            "\(outcome.output)")
        #expect(
            outcome.error.split(separator: "\n").count == 1 && outcome.error.contains("--repair"))
        let json = try Command.run("check", "--json", path).json
        let pages = try #require(json["damagedPages"] as? [[String: Any]])
        #expect(json["sound"] as? Bool == false && pages.count == 1)
        #expect(
            pages[0]["page"] as? Int == offset / 4096 && pages[0]["roots"] as? [String] == ["log"])
    }

    /// The file offset of the element 777 of `log`.
    private func elementOfTheLog() throws -> Int {
        let movement = Movement(item: 777, delta: 777 * 777)
        return try Inventory.offset(
            of: withUnsafeBytes(of: movement.delta) { Array($0) }, in: try folder.bytes())
    }

    /// Damages the array's header, so that it can no longer be followed.
    private func damageHeaderOfTheLog() throws {
        let header = Array("HFAR".utf8) + [0, 0, 0, 0] + withUnsafeBytes(of: 1000) { Array($0) }
        try folder.damage(at: try Inventory.offset(of: header, in: try folder.bytes()), count: 4)
    }

    @Test func damagedStructureNamesThePlace() throws {
        try damageHeaderOfTheLog()
        let outcome = try Command.run("check", path)
        #expect(outcome.status == 1 && outcome.output.contains("root \"log\""), "\(outcome.output)")
        // Other verbs do not read further into it.
        for arguments in [["show", path, "log"], ["dump", path], ["info", path]] {
            let outcome = try Command.run(arguments)
            #expect(outcome.status == 1 && outcome.error.contains("log"), "\(arguments) \(outcome)")
        }
        #expect(try Command.run("show", path, "stock.bolt").status == 0)
    }

    @Test func oneCopyOfTheHeader() throws {
        try folder.damage(at: 100)
        let outcome = try Command.run("check", path)
        #expect(outcome.status == 1 && outcome.output.contains("copy 0; the other is intact"))
    }

    @Test func bothCopiesOfTheHeader() throws {
        try folder.damage(at: 100)
        try folder.damage(at: 4096 + 100)
        let outcome = try Command.run("check", path)
        #expect(outcome.status == 1 && outcome.output.contains("Both copies of the header"))
        #expect(try Command.run("check", "--json", path).json["sound"] as? Bool == false)
    }

    @Test func aMissingLog() throws {
        let folder = try TemporaryFolder(heap: "inventory.heap")
        let path = try Inventory.makeUnclosed(folder)
        try FileManager.default.removeItem(atPath: path + "-log")
        let outcome = try Command.run("check", path)
        #expect(
            outcome.status == 1 && outcome.output.contains("log")
                && outcome.error.contains("--repair"))
    }

    // MARK: Repair

    @Test func repairSavesTheOthers() throws {
        try damageHeaderOfTheLog()
        let before = folder.contents["inventory.heap"]
        let outcome = try Command.run("check", path, "--repair", folder.file("saved.heap"))
        #expect(outcome.status == 1 && outcome.output.contains("left out"))
        #expect(folder.contents["inventory.heap"] == before)
        #expect(try Command.run("check", folder.file("saved.heap")).status == 0)
        let heap = try PersistentHeap.open(folder.file("saved.heap"), mode: .readOnly)
        let (names, stock, ada) = try heap.read { tx in
            (
                tx.roots.map(\.name), try tx.map("stock", String.self, Int.self)["washer"],
                try tx.map("people", Int.self, Person.self)[1815]?.name
            )
        }
        #expect(names == ["notes", "people", "stock", "version of shop"])
        #expect(stock == 27 && ada == "Ada")
        try heap.close()
        #expect(folder.names == ["inventory.heap", "saved.heap"])
    }

    /// A complete root that may contain a wrong value is saved, and reported.
    @Test func repairNamesTheDoubtful() throws {
        try folder.damage(at: try elementOfTheLog())
        let out = folder.file("saved.heap")
        let json = try Command.run("check", path, "--repair", out, "--json").json
        let kept = try #require(json["kept"] as? [[String: Any]])
        #expect(kept.count == 5 && json["complete"] as? Bool == false)
        for root in kept {
            #expect(
                ((root["damagedPages"] as? [Int])?.isEmpty == false)
                    == (root["name"] as? String == "log"))
        }
        let heap = try PersistentHeap.open(out, mode: .readOnly)
        let elements = try heap.read { try $0.array("log", of: Movement.self).map { $0.delta } }
        #expect(elements.count == 1000 && elements[776] == 776 * 776 && elements[777] != 777 * 777)
        try heap.close()
    }

    @Test func repairOfASoundHeapIsComplete() throws {
        let outcome = try Command.run("check", path, "--repair", folder.file("saved.heap"))
        #expect(outcome.status == 0 && outcome.error.isEmpty)
    }

    /// Without its log, a heap consists of its file.
    @Test func repairWithoutTheLog() throws {
        let folder = try TemporaryFolder(heap: "inventory.heap")
        let path = try Inventory.makeUnclosed(folder)
        try FileManager.default.removeItem(atPath: path + "-log")
        let outcome = try Command.run("check", path, "--repair", folder.file("saved.heap"))
        #expect(outcome.status == 1 && outcome.output.contains("lost"))
        let stock = try Command.run("show", folder.file("saved.heap"), "stock", "--json").json
        #expect(stock["count"] as? Int == 4)
    }

    /// A log damaged in its middle is good up to that place.
    @Test func repairWithADamagedLog() throws {
        let folder = try TemporaryFolder(heap: "inventory.heap")
        let path = try Inventory.makeUnclosed(folder, commits: 5)
        // The shared file has the same records, and would be used instead.
        try FileManager.default.removeItem(atPath: path + "-shared")
        let third = try Inventory.offset(
            of: Array("new 2".utf8), in: try folder.bytes("inventory.heap-log"))
        try folder.damage("inventory.heap-log", at: third, count: 5)
        let before = folder.contents
        let outcome = try Command.run("check", path)
        #expect(
            outcome.status == 1 && outcome.output.contains("damaged after commit 4")
                && outcome.error.contains("--repair"),
            "\(outcome)")
        #expect(try Command.run("check", path, "--repair", folder.file("saved.heap")).status == 1)
        let stock = try Command.run("show", folder.file("saved.heap"), "stock", "--json").json
        #expect(
            (stock["value"] as? [String: Int])?.keys.filter { $0.hasPrefix("new") }.sorted() == [
                "new 0", "new 1",
            ])
        try FileManager.default.removeItem(atPath: folder.file("saved.heap"))
        #expect(folder.contents == before)
    }

    @Test func repairOfAFileThatWasCutShort() throws {
        let heap = try PersistentHeap.open(path)
        try heap.write { tx in
            let last = try tx.array("last", of: UInt64.self)
            for number in 0 ..< 100_000 as Range<UInt64> { last.append(number) }
        }
        try heap.close()
        let data = try folder.bytes()
        try folder.write(data.prefix(data.count - 256 * 1024), to: "inventory.heap")
        #expect(try Command.run("check", path).output.contains("is truncated"))
        let outcome = try Command.run("check", path, "--repair", folder.file("saved.heap"))
        #expect(outcome.status == 1 && outcome.output.contains("is truncated by"))
        #expect(
            try Command.run("show", folder.file("saved.heap"), "stock.nut").output.contains("17"))
    }

    @Test func repairDoesNotReplace() throws {
        try Inventory.make(folder, "other.heap")
        let before = folder.contents
        let outcome = try Command.run("check", path, "--repair", folder.file("other.heap"))
        #expect(
            outcome.status == 1 && outcome.error.contains("already") && folder.contents == before)
    }
}
