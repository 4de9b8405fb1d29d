import Foundation
import Holdfast
import HoldfastEngine
import HoldfastInspection
import Testing
import TestSupport

/// Collections release memory as they empty, and the heap's file and its copies follow. Measured in
/// bytes of blocks and pages, never in time.
@Suite(.progress) struct ShrinkTests {
    private let folder = try! TemporaryFolder()

    private func open() throws -> PersistentHeap { try PersistentHeap.open(folder.file()) }

    private static func scattered(_ number: Int) -> UInt64 {
        UInt64(number) &* 0x9e37_79b9_7f4a_7c15
    }

    /// Bytes of blocks in use.
    private func used(_ heap: PersistentHeap) throws -> Int { try heap.statistics().usedBytes }

    private func requireSound(_ heap: PersistentHeap) throws {
        let check = try heap.check()
        #expect(check.isSound, "\(check)")
        let audit = try heap.audit()
        #expect(audit.problems.isEmpty, "\(audit.problems)")
    }

    // MARK: Maps and sets

    /// Nine in ten of a hundred thousand entries are removed, one by one, in an order unrelated to
    /// the table's.
    @Test(arguments: ["map", "set", "texts"])
    func tableShrinksAsEntriesGo(kind: String) throws {
        let heap = try open()
        let count = 24_000
        func change(
            _ body: (
                PersistentMap<UInt64, UInt64>, PersistentSet<UInt64>, PersistentMap<String, String>
            ) -> Void
        ) throws {
            try heap.write { tx in
                body(
                    try tx.map("map", UInt64.self, UInt64.self), try tx.set("set", of: UInt64.self),
                    try tx.map("texts", String.self, String.self))
            }
        }
        func insert(_ number: Int) throws {
            try change { map, set, texts in
                for number in number ..< number + 2000 {
                    switch kind {
                    case "map": map[UInt64(number)] = Self.scattered(number)
                    case "set": set.insert(UInt64(number))
                    default: texts["key \(number)"] = "value \(number)"
                    }
                }
            }
        }
        func remove(keeping number: Int) throws {
            try change { map, set, texts in
                for number in number ..< number + 2000 where number % 10 != 3 {
                    switch kind {
                    case "map": map[UInt64(number)] = nil
                    case "set": set.remove(UInt64(number))
                    default: texts["key \(number)"] = nil
                    }
                }
            }
        }
        try change { _, _, _ in }
        for number in stride(from: 0, to: count, by: 2000) { try insert(number) }
        let full = try used(heap)
        for number in stride(from: 0, to: count, by: 2000) { try remove(keeping: number) }
        let sparse = try used(heap)
        #expect(sparse < full / 3, "\(sparse) bytes of \(full)")
        try requireSound(heap)
        try heap.read { tx in
            let map = try tx.map("map", UInt64.self, UInt64.self)
            let set = try tx.set("set", of: UInt64.self)
            let texts = try tx.map("texts", String.self, String.self)
            #expect(map.count + set.count + texts.count == count / 10)
            for number in 0 ..< count {
                let isThere =
                    switch kind {
                    case "map": map[UInt64(number)] == Self.scattered(number)
                    case "set": set.contains(UInt64(number))
                    default: texts["key \(number)"] == "value \(number)"
                    }
                if isThere != (number % 10 == 3) { Issue.record("\(number) is there: \(isThere)") }
            }
            #expect(
                Set(map.keys).count + Set(set).count + texts.reduce(0) { sum, _ in sum + 1 }
                    == count / 10)
        }
        // It grows again to its old size.
        for number in stride(from: 0, to: count, by: 2000) { try insert(number) }
        #expect(try used(heap) < full * 5 / 4)
        try requireSound(heap)
        try heap.close()
    }

    @Test func tableShrinksToOneSegment() throws {
        let heap = try open()
        try heap.write { tx in
            let map = try tx.map("map", Int.self, Int.self)
            for number in 0 ..< 50_000 { map[number] = number }
            for number in 10 ..< 50_000 { map[number] = nil }
            #expect(map.count == 10)
            for number in 0 ..< 10 { #expect(map[number] == number) }
        }
        #expect(try used(heap) < 4096)
        try requireSound(heap)
        try heap.close()
    }

    /// Removals in the table's order, so that the later segments are still full when the first are
    /// empty.
    @Test func tableShrinksAsEntriesArePopped() throws {
        let heap = try open()
        try heap.write { tx in
            let map = try tx.map("map", Int.self, Int.self)
            for number in 0 ..< 50_000 { map[number] = number }
        }
        let full = try used(heap)
        try heap.write { tx in
            let map = try tx.map("map", Int.self, Int.self)
            for number in Array(map.keys).prefix(49_500) { map[number] = nil }
        }
        #expect(try used(heap) < full / 8)
        try requireSound(heap)
        try heap.close()
    }

    @Test func tableShrinksAfterRemovingByACondition() throws {
        let heap = try open()
        try heap.write { tx in
            let map = try tx.map("map", Int.self, String.self)
            for number in 0 ..< 40_000 { map[number] = "\(number)" }
        }
        let full = try used(heap)
        try heap.write { tx in
            try tx.map("map", Int.self, String.self).removeAll { $0.key % 50 != 0 }
        }
        #expect(try used(heap) < full / 16)
        try heap.read { tx in
            let map = try tx.map("map", Int.self, String.self)
            #expect(map.count == 800)
            for number in stride(from: 0, to: 40_000, by: 50) {
                if map[number] != "\(number)" { Issue.record("\(number)") }
            }
        }
        try requireSound(heap)
        try heap.close()
    }

    /// A key that is repeatedly inserted and removed touches the same few lines each time, whatever
    /// the count.
    @Test func comingAndGoingDoesNotThrash() throws {
        let heap = try open()
        try heap.write { tx in
            let map = try tx.map("map", UInt64.self, UInt64.self)
            for number in 0 ..< 14_000 { map[UInt64(number)] = 1 }
        }
        for target in stride(from: 12_000, through: 0, by: -1_000) {
            try heap.write { tx in
                let map = try tx.map("map", UInt64.self, UInt64.self)
                for number in target ..< target + 2_000 { map[UInt64(number)] = nil }
                // Pending resizing happens first.
                for time in 0 ..< 2000 { map[1 << 40] = time % 2 == 0 ? 1 : nil }
            }
            let start = heap.version.position
            for time in 0 ..< 40 {
                try heap.write { tx in
                    let map = try tx.map("map", UInt64.self, UInt64.self)
                    if time % 2 == 0 { map[1 << 40] = 1 } else { map[1 << 40] = nil }
                }
            }
            // Each is a header of 72 bytes and a few lines; a segment that moved would be a
            // thousand lines.
            let bytes = Int(heap.version.position - start)
            #expect(bytes < 40 * 1000, "\(bytes) bytes of log at \(target) entries")
        }
        try heap.close()
    }

    @Test func roomThatWasAskedForStaysUntilItHasBeenUsed() throws {
        let heap = try open()
        try heap.write { tx in
            let map = try tx.map("map", Int.self, Int.self)
            map.reserveCapacity(50_000)
            for number in 0 ..< 1000 { map[number] = number }
        }
        let reserved = try used(heap)
        try heap.write { tx in
            let map = try tx.map("map", Int.self, Int.self)
            for number in 1 ..< 1000 { map[number] = nil }
        }
        #expect(try used(heap) == reserved)
        try heap.write { tx in
            let map = try tx.map("map", Int.self, Int.self)
            for number in 0 ..< 50_000 { map[number] = number }
            for number in 1000 ..< 50_000 { map[number] = nil }
        }
        #expect(try used(heap) < reserved / 8)
        try requireSound(heap)
        try heap.close()
    }

    // MARK: Sorted collections

    @Test func treeShrinksAsEntriesGo() throws {
        let heap = try open()
        try heap.write { tx in
            let map = try tx.sortedMap("map", UInt64.self, UInt64.self)
            for number in 0 ..< 50_000 { map[Self.scattered(number)] = 1 }
        }
        let full = try used(heap)
        try heap.write { tx in
            let map = try tx.sortedMap("map", UInt64.self, UInt64.self)
            for number in 0 ..< 50_000 where number % 10 != 3 { map[Self.scattered(number)] = nil }
            #expect(map.checkInvariants().problems.isEmpty)
        }
        #expect(try used(heap) < full / 3)
        try requireSound(heap)
        try heap.close()
    }

    // MARK: Arrays and what is built on them

    @Test func arraysShrinkAsElementsGo() throws {
        let heap = try open()
        try heap.write { tx in
            try tx.array("array", of: Int.self).append(contentsOf: 0 ..< 100_000)
            try tx.bytes("bytes").resize(to: 1_000_000)
            try tx.string("text").append(String(repeating: "x", count: 100_000))
            try tx.bitSet("bits").insert(0 ..< 1_000_000)
            try tx.array("texts", of: String.self).append(
                contentsOf: (0 ..< 20_000).map { "a text, number \($0)" })
            try tx.array("few", of: Int.self).append(contentsOf: 0 ..< 100_000)
            try tx.array("many", of: Int.self).append(contentsOf: 0 ..< 100_000)
        }
        #expect(try used(heap) > 3_000_000)
        try heap.write { tx in
            let array = try tx.array("array", of: Int.self)
            while array.count > 100 { array.removeLast() }
            #expect(array.elementsEqual(0 ..< 100) && array.capacity < 1000)
            let bytes = try tx.bytes("bytes")
            bytes.truncate(to: 10)
            #expect(bytes.capacity < 4096)
            try tx.string("text").truncate(to: 10)
            try tx.bitSet("bits").removeAll { $0 > 100 }
            try tx.array("texts", of: String.self).removeAll { !$0.hasSuffix("000") }
            try tx.array("few", of: Int.self).removeSubrange(1 ..< 100_000)
            let many = try tx.array("many", of: Int.self)
            for _ in 0 ..< 999 { many.removeFirst(100) }
            #expect(many.elementsEqual(99_900 ..< 100_000))
        }
        #expect(try used(heap) < 40_000)
        try requireSound(heap)
        #expect(try heap.read { try $0.string("text").utf8Count } == 10)
        #expect(try heap.read { try $0.bitSet("bits").count } == 101)
        #expect(try heap.read { try $0.array("texts", of: String.self).count } == 19)
        #expect(try heap.read { try Array($0.array("few", of: Int.self)) } == [0])
        try heap.write { tx in
            let array = try tx.array("array", of: Int.self)
            array.removeAll()
            #expect(array.capacity == 0)
        }
        try heap.close()
    }

    /// An array used as a stack changes its block only rarely, whatever its count.
    @Test func pushingAndPoppingDoesNotThrash() throws {
        let heap = try open()
        try heap.write { tx in
            let array = try tx.array("array", of: Int.self)
            array.append(contentsOf: 0 ..< 20_000)
            var changes = 0
            var capacity = array.capacity
            for _ in 0 ..< 40_000 {
                array.removeLast()
                array.append(1)
                array.removeLast()
                if array.count == 0 { break }
                if array.capacity != capacity { changes += 1 }
                capacity = array.capacity
            }
            #expect(changes <= 12, "\(changes) changes")
        }
        try heap.close()
    }

    // MARK: The file

    private func diskBytes(_ name: String) throws -> Int {
        var status = stat()
        #expect(stat(folder.file(name), &status) == 0)
        return Int(status.st_blocks) * 512
    }

    /// Values of a kilobyte, nine in ten of which are removed, four times over.
    @Test func fileAndCopiesFollow() throws {
        let heap = try open()
        let value = Data(repeating: 7, count: 1000)
        for round in 0 ..< 4 {
            try heap.write { tx in
                let map = try tx.map("map", UInt64.self, Data.self)
                for number in 0 ..< 8000 { map[Self.scattered(number + round)] = value }
            }
            try heap.write { tx in
                let map = try tx.map("map", UInt64.self, Data.self)
                for number in 0 ..< 8010 where Self.scattered(number) >> 32 % 10 != 3 {
                    map[Self.scattered(number)] = nil
                }
            }
        }
        let live = try used(heap)
        #expect(live < 2_000_000, "\(live) bytes in use")
        try heap.copy(to: folder.file("copy.heap"))
        let copied = try diskBytes("copy.heap")
        #expect(copied < live * 3 / 2, "\(copied) bytes for \(live)")
        let copy = try PersistentHeap.open(folder.file("copy.heap"))
        try requireSound(copy)
        let old = try heap.read { try Dictionary($0.map("map", UInt64.self, Data.self)) }
        let new = try copy.read { try Dictionary($0.map("map", UInt64.self, Data.self)) }
        #expect(old == new && !old.isEmpty)
        try copy.close()
        try heap.compact()
        try heap.close()
    }

    /// In one transaction, without reserving: outgrown blocks are reused or never left behind.
    @Test func appendingToBytesLeavesNoHoles() throws {
        let heap = try open()
        try heap.write { tx in
            let bytes = try tx.bytes("bytes")
            let piece = Data(repeating: 1, count: 65536)
            for _ in 0 ..< 512 { bytes.append(contentsOf: piece) }
        }
        let statistics = try heap.statistics()
        let pages = try heap.audit().pages
        #expect(
            Int(pages) * 4096 < (32 << 20) * 8 / 5,
            "\(pages) pages, \(statistics.usedBytes) bytes used")
        try heap.close()
    }
}
