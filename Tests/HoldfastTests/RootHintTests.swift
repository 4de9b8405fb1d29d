import HoldfastEngine
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

/// Roots that were found before are found again without a search; roots that no longer exist must
/// not be found.
@Suite(.progress) struct RootHintTests {
    private func value(_ heap: PersistentHeap, _ name: String) throws -> Int {
        try heap.read { try $0.value(name, of: Int.self).value }
    }

    private func set(_ name: String, _ number: Int, _ tx: borrowing WriteTransaction) throws {
        try tx.value(name, initial: number).value = number
    }

    @Test func aRemovedRootIsNotFound() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in try set("a", 1, tx) }
        #expect(try value(heap, "a") == 1)
        try heap.write { tx in
            try set("a", 2, tx)
            try tx.removeRoot("a", PersistentValue<Int>.self)
            // Another object is at its old place.
            try set("b", 3, tx)
            try set("a", 4, tx)
        }
        #expect(try value(heap, "a") == 4)
        #expect(try value(heap, "b") == 3)
        try heap.write { tx in _ = try tx.removeRoot("a", PersistentValue<Int>.self) }
        #expect(throws: HeapError.rootNotFound(path: "(in memory)", name: "a")) {
            try value(heap, "a")
        }
        #expect(throws: HeapError.self) { try heap.read { _ = try $0.value("b", of: String.self) } }
        try heap.close()
    }

    /// A transaction that is undone, and another opening's that is kept, change the catalogue
    /// equally often, so both reach the same version, with the root at different places.
    @Test func whatAnUndoneTransactionFoundIsForgotten() throws {
        struct Undo: Error {}
        let disk = SimulatedDisk()
        let ours = try PersistentHeap.open(
            "/sim/roots.heap", engineOptions: EngineOptions(), disk: disk)
        let theirs = try PersistentHeap.open(
            "/sim/roots.heap", engineOptions: EngineOptions(), disk: disk)
        #expect(throws: Undo.self) {
            try ours.write { tx in
                try set("b", 1, tx)
                try set("a", 2, tx)
                // Found, and not created.
                try set("a", 3, tx)
                throw Undo()
            }
        }
        try theirs.write { tx in
            try set("a", 4, tx)
            try set("b", 5, tx)
        }
        let found = try ours.write { tx in try tx.value("a", initial: 0).value }
        #expect(found == 4)
        try theirs.close()
        try ours.close()
    }

    @Test func anotherOpeningsChangesAreSeen() throws {
        let disk = SimulatedDisk()
        let ours = try PersistentHeap.open(
            "/sim/roots.heap", engineOptions: EngineOptions(), disk: disk)
        let theirs = try PersistentHeap.open(
            "/sim/roots.heap", engineOptions: EngineOptions(), disk: disk)
        try ours.write { tx in try set("a", 1, tx) }
        for round in 0 ..< 5 {
            let (writer, reader) = round % 2 == 0 ? (theirs, ours) : (ours, theirs)
            let seen = try value(reader, "a")
            #expect(seen == round + 1)
            try writer.write { tx in
                _ = try tx.removeRoot("a", PersistentValue<Int>.self)
                try set("filler \(round)", 0, tx)
                try set("a", seen + 1, tx)
            }
            #expect(try value(reader, "a") == seen + 1)
        }
        try theirs.close()
        try ours.close()
    }

    /// Successive heaps get the same contexts; here they also have the same version, with the root
    /// at different places.
    @Test func heapsDoNotTakeEachOthersRoots() throws {
        for round in 0 ..< 20 {
            for isFirst in [true, false] {
                let heap = try PersistentHeap.inMemory()
                try heap.write { tx in
                    if isFirst { try set("filler", -1, tx) }
                    try set("a", round, tx)
                    if !isFirst { try set("filler", -1, tx) }
                }
                for _ in 0 ..< 2 {
                    let read = try value(heap, "a")
                    #expect(read == round)
                    let written = try heap.write { tx in try tx.value("a", initial: -2).value }
                    #expect(written == round)
                }
                try heap.close()
            }
        }
    }

    /// Names of all lengths, many of which differ in one byte only, or by being shorter.
    @Test func namesAreToldApart() throws {
        var names: Set<String> = ["", "é", "e\u{301}x", "日本語の名前", "a\0", "a\0\0"]
        for length in 1 ... 18 {
            for changed in 0 ..< length {
                var bytes = [UInt8](repeating: UInt8(ascii: "a"), count: length)
                names.insert(String(decoding: bytes, as: UTF8.self))
                bytes[changed] = UInt8(ascii: "b")
                names.insert(String(decoding: bytes, as: UTF8.self))
            }
        }
        let all = names.sorted()
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in for (number, name) in all.enumerated() { try set(name, number, tx) }
        }
        for round in 0 ..< 2 {
            for (number, name) in all.enumerated() {
                let read = try value(heap, name)
                #expect(read == number, "\(name) in round \(round)")
                // The same root again, from the hint if there is one, and once more with another
                // normalisation.
                #expect(try value(heap, name) == number)
            }
        }
        #expect(
            Set(all.compactMap { name in ShortName(name).map { "\($0.low) \($0.high)" } }).count
                == all.count { $0.utf8.count <= 15 })
        try heap.close()
    }

    /// A root whose value is replaced by its description moves.
    @Test func aRootThatMovesIsFoundWhereItIs() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in try tx.array("list", of: Int.self).append(1) }
        #expect(try heap.read { try Array($0.array("list", of: Int.self)) } == [1])
        try heap.write { tx in
            _ = try tx.array("list", of: Int.self).count
            try tx.access.place(ofRoot: "list")!.set(.list([.integer(2), .integer(3)]))
            #expect(try Array(tx.array("list", of: Int.self)) == [2, 3])
        }
        #expect(try heap.read { try Array($0.array("list", of: Int.self)) } == [2, 3])
        try heap.close()
    }
}
