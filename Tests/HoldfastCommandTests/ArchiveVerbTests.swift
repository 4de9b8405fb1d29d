import Foundation
import Holdfast
import Testing
import TestSupport

/// `archive`, `restore`, `verify`, `tail`, and moments of an archive in place of a heap.
@Suite(.progress) struct ArchiveVerbTests {
    private let folder: TemporaryFolder
    private let path: String
    private var archive: String { folder.file("backup") }

    init() throws {
        folder = try TemporaryFolder(heap: "inventory.heap")
        path = try Inventory.make(folder)
    }

    private func sell(_ bolts: Int) throws {
        let heap = try PersistentHeap.open(path)
        try heap.write { tx in try tx.map("stock", String.self, Int.self)["bolt"] = bolts }
        try heap.close()
    }

    private func commit() throws -> Int {
        let outcome = try Command.run("archive", path, archive, "--json")
        #expect(outcome.status == 0)
        return try #require(try outcome.json["commit"] as? Int)
    }

    @Test func momentsAreRestored() throws {
        let first = try Command.run("archive", path, archive)
        #expect(first.status == 0 && first.output.contains("the whole heap"))
        let again = try Command.run("archive", path, archive)
        #expect(again.output.contains("nothing new"))
        try sell(1)
        let one = try commit()
        try sell(2)
        let two = try commit()
        #expect(one < two)
        let verified = try Command.run("verify", archive)
        #expect(verified.status == 0 && verified.output.contains("sound"))
        let out = folder.file("out.heap")
        let restored = try Command.run("restore", archive, out, "--commit", "\(one)")
        #expect(restored.status == 0 && restored.output.contains("commit \(one)"))
        #expect(try Command.run("check", out).status == 0)
        #expect(try Command.run("show", out, "stock").output.contains("\"bolt\"       1"))
        let refused = try Command.run("restore", archive, out)
        #expect(refused.status == 1 && refused.error.contains("already exists"))
        #expect(try Command.run("restore", archive, out, "--replace").status == 0)
        #expect(try Command.run("show", out, "stock").output.contains("\"bolt\"       2"))
        #expect(try Command.run("diff", out, path).status == 0)
        let other = try Command.run("archive", out, archive)
        #expect(other.status == 1 && other.error.contains("another folder"))
        let early = try Command.run("restore", archive, folder.file("no.heap"), "--at", "7")
        #expect(early.status == 1 && early.error.contains("moment"))
        #expect(!folder.names.contains("no.heap"))
        let both = try Command.run("restore", archive, out, "--at", "7", "--commit", "7")
        #expect(both.status == 2)
        #expect(try Command.run("archive", path, archive, "--end").status == 0)
        #expect(!folder.names.contains("inventory.heap-archive"))
    }

    /// Wherever a heap is read, a moment of an archive can be.
    @Test func momentsAreReadInPlace() throws {
        try sell(1)
        let one = try commit()
        try sell(2)
        _ = try commit()
        let temporary = folder.file("temporary")
        try FileManager.default.createDirectory(
            atPath: temporary, withIntermediateDirectories: true)
        let shown = try Command.run(
            ["show", "\(archive)@\(one)", "stock"], environment: ["TMPDIR": temporary])
        #expect(shown.status == 0 && shown.output.contains("\"bolt\"       1"))
        let newest = try Command.run("show", "\(archive)@newest", "stock")
        #expect(newest.output.contains("\"bolt\"       2"))
        let differences = try Command.run("diff", "\(archive)@\(one)", path)
        #expect(differences.status == 1 && differences.output.contains("stock[\"bolt\"]: 1 -> 2"))
        let wrong = try Command.run("show", "\(archive)@yesterday")
        #expect(wrong.status == 2 && wrong.error.contains("no moment"))
        let missing = try Command.run("show", folder.file("nothing@1"))
        #expect(missing.status == 1 && missing.error.contains("no heap file"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary).isEmpty)
    }

    @Test func changesAreFollowed() throws {
        try sell(1)
        let one = try commit()
        #expect(try Command.run("tail", archive, "--from", "\(one)").output.isEmpty)
        try sell(2)
        let two = try commit()
        let changes = try Command.run("tail", archive, "--from", "\(one)")
        let lines = changes.output.split(separator: "\n")
        #expect(changes.status == 0 && lines.count == 2)
        let old = #""root":"stock","path":[{"key":"bolt"}],"change":"changed","old":1,"new":2"#
        #expect(lines.first?.contains(old) == true)
        #expect(lines.last?.filter { !$0.isWhitespace } == "{\"commit\":\(two)}")
        let all = try Command.run("tail", archive)
        #expect(all.status == 0 && all.output.contains("\"change\":\"added\""))
        let early = try Command.run("tail", archive, "--from", "0")
        #expect(early.status == 1 && early.error.contains("Choose a moment"))
    }

    @Test func damageIsNamed() throws {
        _ = try commit()
        try sell(2)
        _ = try commit()
        let names = try FileManager.default.contentsOfDirectory(atPath: archive).sorted()
        let segment = try #require(names.first { $0.hasPrefix("00-") })
        let file = archive + "/" + segment
        var bytes = try Data(contentsOf: URL(filePath: file))
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: URL(filePath: file))
        let verified = try Command.run("verify", archive)
        #expect(verified.status == 1 && verified.output.contains(segment))
        let restored = try Command.run("restore", archive, folder.file("out.heap"))
        #expect(restored.status == 1 && restored.error.contains(segment))
        #expect(!folder.names.contains("out.heap"))
    }

    @Test func aStandbyFollowsAndIsPromoted() throws {
        try sell(1)
        let one = try commit()
        let standby = folder.file("standby.heap")
        let made = try Command.run("follow", archive, standby)
        #expect(made.status == 0 && made.output.contains("commit \(one)"))
        try sell(2)
        let two = try commit()
        #expect(try Command.run("follow", archive, standby).output.contains("commit \(two)"))
        #expect(try Command.run("diff", standby, path).status == 0)
        #expect(try Command.run("check", standby).status == 0)
        let heap = try PersistentHeap.open(standby)
        #expect(throws: HeapError.following(path: standby)) {
            try heap.write { tx in try tx.map("stock", String.self, Int.self)["bolt"] = 3 }
        }
        try heap.close()
        let refused = try Command.run("archive", standby, folder.file("other"))
        #expect(refused.status == 1 && refused.error.contains("holdfast promote"))
        #expect(try Command.run("promote", standby).status == 0)
        let own = try PersistentHeap.open(standby)
        try own.write { tx in try tx.map("stock", String.self, Int.self)["bolt"] = 3 }
        try own.close()
        let parted = try Command.run("follow", archive, standby)
        #expect(parted.status == 1 && parted.error.contains("does not follow"))
        #expect(try Command.run("show", standby, "stock").output.contains("\"bolt\"       3"))
    }

    @Test func aPrivateHeapStaysPrivate() throws {
        let files = FileManager.default
        try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        _ = try commit()
        #expect(try Command.run("restore", archive, folder.file("out.heap")).status == 0)
        let segments = try files.contentsOfDirectory(atPath: archive).map { archive + "/" + $0 }
        for file in segments + [folder.file("out.heap"), path + "-archive"] {
            let mode = try files.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(file)")
        }
    }
}
