import Foundation
import Holdfast
import Testing
import TestSupport

/// Damage is an error in one line, whatever the verb, and never gets into what the verb makes.
@Suite(.progress) struct DamageVerbTests {
    @Persistable struct Errand {
        var title: String
        @Indexed var due: Int?
        @Indexed(.unique) var code: String
    }

    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder(heap: "errands.heap")
        path = folder.file()
        let heap = try PersistentHeap.open(path)
        try heap.write { tx in
            try Inventory.fill(tx)
            let errands = try tx.table("errands", of: Errand.self)
            for number in 0 ..< 60 {
                try errands.insert(
                    Errand(title: "errand \(number)", due: number, code: "code \(number)"))
            }
        }
        try heap.close()
    }

    /// Changes one digit of a value.
    private func damage() throws {
        var bytes = try folder.bytes()
        let place = try Inventory.offset(of: Array("errand 41".utf8), in: bytes)
        bytes[place + 7] = UInt8(ascii: "3")
        try folder.write(bytes)
    }

    private func expectDamage(_ outcome: Command.Outcome) {
        let lines = outcome.error.split(separator: "\n")
        #expect(outcome.status == 1 && outcome.output.isEmpty && lines.count == 1, "\(outcome)")
        #expect(outcome.error.contains("does not match its checksum"), "\(outcome)")
    }

    @Test func copyAndDumpRefuseIt() throws {
        try damage()
        try expectDamage(Command.run("copy", path, folder.file("copy")))
        try Data("old".utf8).write(to: URL(filePath: folder.file("old")))
        try expectDamage(Command.run("copy", path, folder.file("old"), "--replace"))
        #expect(try folder.bytes("old") == Data("old".utf8))
        try expectDamage(Command.run("dump", path))
        try expectDamage(Command.run("dump", path, "errands", "--to", folder.file("lines")))
        #expect(folder.names == ["errands.heap", "old"])
        let stock = try Command.run("dump", path, "stock")
        #expect(stock.status == 0 && stock.error.isEmpty, "\(stock)")
        let repair = try Command.run("check", path, "--repair", folder.file("saved"))
        #expect(repair.status == 1 && repair.error.contains("1 root may hold wrong"), "\(repair)")
        #expect(folder.names == ["errands.heap", "old", "saved"])
    }

    /// Runs a verb with a heap of these bytes, and no other file in the folder.
    private func run(_ arguments: [String], on bytes: Data) throws -> Command.Outcome {
        for name in folder.names {
            try FileManager.default.removeItem(atPath: folder.file(name))
        }
        try folder.write(bytes)
        let line = #"{"holdfast":1,"root":"new","type":"Array<Int>","count":1}"# + "\n7\n"
        return try Command.run(
            [arguments[0], path] + arguments[1...], input: arguments[0] == "load" ? line : "")
    }

    /// Of a damaged catalogue nothing can be looked up. Whatever is wrong, a verb ends with a
    /// status of its own, and what it exports is right.
    @Test func noVerbTraps() throws {
        let sound = try folder.bytes()
        let dump = try Command.run("dump", path).output
        var random = SplitMix(state: 21)
        let used = sound.indices.filter { $0 > 2 << 12 && sound[$0] != 0 }
        for _ in 0 ..< TestExtent.choose(quick: 12, full: 300) {
            var bytes = sound
            if Bool.random(using: &random) {
                let page = Int.random(in: 2 ..< bytes.count >> 12, using: &random)
                let other = Int.random(in: 2 ..< bytes.count >> 12, using: &random)
                for byte in 0 ..< 4096 { bytes[page << 12 + byte] = sound[other << 12 + byte] }
            } else {
                for _ in 0 ..< Int.random(in: 1 ..< 20, using: &random) {
                    let bit = UInt8.random(in: 0 ..< 8, using: &random)
                    bytes[used.randomElement(using: &random)!] ^= 1 << bit
                }
            }
            for arguments in [
                ["check"], ["info"], ["map"], ["show"], ["show", "errands"], ["show", "stock"],
                ["dump"], ["dump", "errands"], ["copy", folder.file("copy")],
                ["check", "--repair", folder.file("saved")], ["load", "-"], ["grow", "200K"],
                ["shrink"], ["compact"],
            ] {
                let outcome = try run(arguments, on: bytes)
                #expect([0, 1].contains(outcome.status), "\(arguments) \(outcome)")
                if arguments == ["dump"], outcome.status == 0 { #expect(outcome.output == dump) }
            }
        }
    }

    /// Each page in turn is lost: those of the allocator and of the catalogue of roots, too.
    @Test func lostPages() throws {
        let sound = try folder.bytes()
        let dump = try Command.run("dump", path).output
        var lost = 0
        for page in 2 ..< sound.count >> 12 {
            var bytes = sound
            bytes.replaceSubrange(page << 12 ..< (page + 1) << 12, with: Data(count: 4096))
            if bytes == sound { continue }
            for arguments in [["dump"], ["dump", "stock"], ["load", "-"], ["compact"]] {
                let outcome = try run(arguments, on: bytes)
                #expect([0, 1].contains(outcome.status), "page \(page) \(arguments) \(outcome)")
                guard arguments == ["dump"] else { continue }
                // Some are free.
                if outcome.status == 0 { #expect(outcome.output == dump, "page \(page)") }
                lost += outcome.status == 0 ? 0 : 1
            }
        }
        #expect(lost > 8)
    }

    @Test func aCopyOntoItselfSaysSo() throws {
        for arguments in [["copy", path, path], ["copy", path, path, "--replace"]] {
            let outcome = try Command.run(arguments)
            #expect(
                outcome.status == 1 && outcome.error.contains("is the heap itself"), "\(outcome)")
        }
    }

    // MARK: Tables

    private func show(_ arguments: String...) throws -> String {
        let outcome = try Command.run(["show", path] + arguments)
        #expect(outcome.status == 0 && outcome.error.isEmpty, "\(outcome)")
        return outcome.output
    }

    /// A table is shown as its rows by their numbers: what is in the indexes is in the rows, too.
    @Test func tablesAreTheirRows() throws {
        let lines = try show("errands", "--limit", "2").split(separator: "\n")
        #expect(
            lines == [
                "errands is Table<Errand>, count 60",
                "  1  Errand(title: \"errand 0\", due: 0, code: \"code 0\")",
                "  2  Errand(title: \"errand 1\", due: 1, code: \"code 1\")",
                "  2 of 60, from number 0; continue with --from 2",
                "  indexed by due, unique by code",
            ])
        #expect(try show("errands[60].title") == "errands[60].title =  \"errand 59\"\n")
        #expect(try show("errands.rows[60].title").hasSuffix("\"errand 59\"\n"))
        #expect(try show("errands.last") == "errands.last =  60\n")
        let missing = try Command.run("show", path, "errands[61]")
        #expect(missing.status == 1, "\(missing)")
        #expect(
            missing.error.contains("There is no errands[61]")
                && missing.error.contains("errands is a Table<Errand>, count 60"), "\(missing)")
        let json = try Command.run("show", path, "errands", "--json", "--from", "59").json
        #expect(json["count"] as? Int == 60)
        let rows = try #require(json["value"] as? [[Any]])
        #expect(rows.count == 1 && rows[0][0] as? Int == 60)
    }

    @Test func tablesInOtherValues() throws {
        let heap = try PersistentHeap.open(path)
        try heap.write { tx in
            let lists = try tx.map("lists", Int.self, PersistentTable<Errand>.self)
            try lists[creating: 7].insert(Errand(title: "a", due: nil, code: "b"))
        }
        try heap.close()
        #expect(
            try show("lists").contains("7  [1: Errand(title: \"a\", due: nil, code: \"b\")]"))
        #expect(try show("lists[7][1].code") == "lists[7][1].code =  \"b\"\n")
    }
}
