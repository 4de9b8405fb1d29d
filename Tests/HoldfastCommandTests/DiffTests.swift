import Foundation
import Holdfast
import Testing
import TestSupport

/// `diff`: what differs between a heap and an older copy of it.
@Suite(.progress) struct DiffTests {
    private let folder: TemporaryFolder
    private let old: String
    private let new: String

    init() throws {
        folder = try TemporaryFolder(heap: "new.heap")
        new = folder.file("new.heap")
        old = folder.file("old.heap")
        let heap = try PersistentHeap.open(new)
        try heap.write(Inventory.fill)
        try heap.write { tx in
            _ = try tx.set("tags [1]", of: String.self).insert("old\u{1B}")
            try tx.map("people", Int.self, Person.self)[7] = Person(name: "Guest")
            _ = try tx.value("escape\u{1B}", initial: 1)
        }
        try heap.copy(to: old)
        try heap.write { tx in
            let stock = try tx.map("stock", String.self, Int.self)
            stock["nut"] = 18
            stock["left hand"] = nil
            stock["screw \"4\""] = 3
            let log = try tx.array("log", of: Movement.self)
            log.remove(at: 10)
            log[100].delta = -1
            let people = try tx.map("people", Int.self, Person.self)
            people[1815]!.friend = people[ref: 7]!.ref
            people[1852] = Person(name: "Sue", friend: try tx.new(Person(name: "Only referred")))
            try tx.set("tags [1]", of: String.self).remove("old\u{1B}")
            try tx.array("numbers", of: Int.self).append(5)
            try tx.string("notes").append("third\n")
            try tx.value("escape\u{1B}", initial: 0).value = 2
        }
        try heap.close()
    }

    private func diff(_ arguments: String...) throws -> Command.Outcome {
        try Command.run(["diff"] + arguments)
    }

    @Test func lines() throws {
        let outcome = try diff(old, new)
        #expect(outcome.status == 1 && outcome.error.isEmpty, "\(outcome)")
        // Places of records differ, and so does the order of a map.
        let lines = outcome.output.replacing(/@\d+/, with: "@N").split(separator: "\n").map(
            String.init)
        let expected = [
            "- log[10] = Movement(item: 10, delta: 100)",
            "~ log[100].delta: 10201 -> -1", #"~ escape\u{1B}: 1 -> 2"#,
            #"~ notes: "first line\nsecond \u{1b}[31mline\n" -> "#
                + #""first line\nsecond \u{1b}[31mline\nthird\n""#,
            "+ numbers: Array<Int>", "+ numbers[0] = 5",
            #"+ people[1852] = Person(name: "Sue", born: 0, friend: Person@N)"#,
            "~ people[1815].friend: nil -> Person@N",
            #"+ @N = Person(name: "Only referred", born: 0, friend: nil)"#,
            #"+ stock["screw \"4\""] = 3"#, #"- stock["left hand"] = 37"#,
            #"~ stock["nut"]: 17 -> 18"#, #"- ["tags [1]"]["old\u{1b}"]"#,
        ]
        #expect(lines.sorted() == expected.sorted(), "\(outcome.output)")
        let roots = ["log", "notes", "numbers", "people", "stock"]
        let order = lines.compactMap { line in roots.first { line.dropFirst(2).hasPrefix($0) } }
        #expect(order == order.sorted())
    }

    @Test func objects() throws {
        let outcome = try diff(old, new, "people", "stock", "numbers", "--json")
        #expect(outcome.status == 1 && outcome.error.isEmpty, "\(outcome)")
        let lines = outcome.output.split(separator: "\n").map(String.init)
        let expected = [
            #"{"root":"numbers","path":[],"change":"added","newType":"Array<Int>"}"#,
            #"{"root":"numbers","path":[{"index":0}],"change":"added","new":5}"#,
            #"{"root":"people","path":[{"key":1815},{"field":"friend"}],"change":"changed","#
                + #""old":null,"new":{"ref":1}}"#,
            #"{"root":"people","path":[{"key":1852}],"change":"added","#
                + #""new":{"born":0,"friend":{"ref":2},"name":"Sue"}}"#,
            #"{"root":"people","path":[{"record":2}],"change":"added","#
                + #""new":{"born":0,"friend":null,"name":"Only referred"}}"#,
            #"{"root":"stock","path":[{"key":"nut"}],"change":"changed","old":17,"new":18}"#,
            #"{"root":"stock","path":[{"key":"screw \"4\""}],"change":"added","new":3}"#,
            #"{"root":"stock","path":[{"key":"left hand"}],"change":"removed","old":37}"#,
        ]
        #expect(Set(lines) == Set(expected), "\(outcome.output)")
        for line in lines {
            _ = try JSONSerialization.jsonObject(with: Data(line.utf8))
        }
    }

    @Test func summaries() throws {
        let text = try diff(old, new, "--summary")
        #expect(text.status == 1)
        let rows = text.output.split(separator: "\n").map {
            $0.split(separator: " ").map(String.init)
        }
        #expect(rows.first == ["root", "added", "removed", "changed"])
        #expect(rows.contains(["stock", "1", "1", "1"]) && rows.contains(["log", "0", "1", "1"]))
        #expect(rows.count == 8)
        let json = try diff(old, new, "log", "--summary", "--json").json
        #expect(json["equal"] as? Bool == false)
        let roots = try #require(json["roots"] as? [[String: Any]])
        #expect(roots.count == 1 && roots[0]["name"] as? String == "log")
        #expect(roots[0]["removed"] as? Int == 1 && roots[0]["added"] as? Int == 0)
    }

    /// Status 0 and silence, as of diff(1); 2 if it cannot tell.
    @Test func statuses() throws {
        for arguments in [[new, new], [old, old], [old, new, "version of shop"]] {
            let outcome = try Command.run(["diff"] + arguments)
            #expect(outcome.status == 0 && outcome.output.isEmpty && outcome.error.isEmpty)
        }
        #expect(try diff(old, old, "--summary").output.isEmpty)
        #expect(try diff(old, old, "--summary", "--json").json["equal"] as? Bool == true)
        let missing = try diff(old, folder.file("missing.heap"))
        #expect(missing.status == 2 && missing.error.contains("missing.heap"), "\(missing)")
        let root = try diff(old, new, "stock", "nothing")
        #expect(root.status == 2 && root.output.isEmpty && root.error.contains("nothing"))
        #expect(try diff(old).status == 2)
        var bytes = try folder.bytes("old.heap")
        let place = try Inventory.offset(of: Array("left hand".utf8), in: bytes)
        bytes[place] = UInt8(ascii: "L")
        try folder.write(bytes, to: "damaged.heap")
        let damaged = try diff(folder.file("damaged.heap"), new)
        #expect(damaged.status == 2 && damaged.output.isEmpty, "\(damaged)")
        #expect(damaged.error.contains("damaged.heap") && !damaged.error.contains("\n\n"))
    }

    /// With a heap that another process changes, and one that is read by many.
    @Test func heapsInUse() throws {
        let heap = try PersistentHeap.open(new)
        try heap.write { tx in try tx.map("stock", String.self, Int.self)["nut"] = 99 }
        let outcome = try diff(old, new, "stock")
        #expect(outcome.output.contains(#"~ stock["nut"]: 17 -> 99"#))
        try heap.close()
    }

    @Test func colours() throws {
        let terminal = try Command.terminal("diff", old, new, "stock")
        #expect(try terminal.waitForEnd() == .exited(1))
        #expect(terminal.output.contains("\u{1B}[32m+ stock[\"screw \\\"4\\\"\"]\u{1B}[0m = 3"))
        #expect(terminal.output.contains("\u{1B}[33m~ stock[\"nut\"]"))
    }

    @Test func aReaderThatGoes() throws {
        let heap = try PersistentHeap.open(new)
        try heap.write { tx in
            try tx.array("numbers", of: Int.self).append(contentsOf: 0 ..< 200_000)
        }
        try heap.close()
        let outcome = try Command.shell(
            "$holdfast diff old.heap new.heap numbers | head -n 1; exit ${PIPESTATUS[0]}",
            in: folder)
        #expect(outcome.status == 141 && outcome.error.isEmpty, "\(outcome.error)")
        #expect(outcome.output == "+ numbers: Array<Int>\n")
    }
}
