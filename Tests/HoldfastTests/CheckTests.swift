import Foundation
import Holdfast
import HoldfastEngine
import HoldfastFormat
import HoldfastInspection
import Testing
import TestSupport

/// Problems that `check` finds inside roots, where no checksum helps: each damage is written
/// through a transaction, as by a defective program.
@Suite struct CheckTests {
    private func heap() throws -> PersistentHeap {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let stock = try tx.map("stock", String.self, PersistentArray<Int32>.self)
            for number in 0 ..< 40 {
                stock[creating: "item \(number)"].append(contentsOf: [1, 2, 3])
            }
            try tx.array("texts", of: String.self).append(contentsOf: [
                "a", "a text that has a block of its own", "b",
            ])
            try tx.array("colours", of: Colour.self).append(contentsOf: [.red, .green])
            try tx.array("moves", of: Movement.self).append(Movement(item: 1, delta: 2, weight: 3))
            try tx.map("flags", Int.self, Bool?.self)[5] = true
            try tx.value("motto", initial: "a motto that has a block of its own").value += "!"
            try tx.string("notes").append("notes on notes")
            try tx.map("bytes", UUID.self, Data.self)[UUID()] = Data(repeating: 7, count: 30)
        }
        return heap
    }

    /// The offset of the first word in the heap with this value, from `start` on.
    private func find(
        _ tx: borrowing WriteTransaction, _ word: UInt64, from start: UInt64 = 5 * 4096,
        to end: UInt64 = 64 * 4096
    )
        throws -> UInt64
    {
        var offset = start
        while offset < end {
            if tx[RelativePointer<UInt64>(offset: offset)] == word { return offset }
            offset += 8
        }
        throw NotFound(word: word)
    }

    private struct NotFound: Error {
        var word: UInt64
    }

    @Test func aSoundHeapHasNoProblems() throws {
        let heap = try heap()
        let check = try heap.check()
        #expect(check.problems == [])
        #expect(check.isSound)
        #expect(check.unknownRoots == [])
        #expect(check.unreachedBlocks == 0)
        // A block allocated by the program itself is reachable from no root.
        try heap.write { tx in _ = tx.allocate(byteCount: 100) }
        #expect(try heap.check().unreachedBlocks == 1)
    }

    /// A map that has grown a directory, after removals that leave its segments with different
    /// depths.
    @Test func aLargeMapHasNoProblems() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let map = try tx.map("m", String.self, String.self)
            for number in 0 ..< 20_000 {
                map["key \(number)"] = "value \(number) that is long enough for a block"
            }
            for number in 0 ..< 20_000 where number % 3 == 0 { map["key \(number)"] = nil }
        }
        let check = try heap.check()
        #expect(check.problems == [])
        #expect(check.unreachedBlocks == 0)
    }

    /// Writes `value` over the word `at` bytes behind the first word that equals `after`, and
    /// returns the check's problems.
    private func problems(behind after: UInt64, at: Int, _ value: UInt64) throws -> [String] {
        let heap = try heap()
        try heap.write { tx in
            let place = try find(tx, after)
            tx[RelativePointer<UInt64>(offset: place + UInt64(at))] = value
        }
        let check = try heap.check()
        #expect(check.isSound == check.problems.isEmpty)
        return check.problems
    }

    private static let arrayMagic: UInt64 = 0x5241_4648
    private static let mapMagic: UInt64 = 0x504d_4648

    @Test(arguments: [
        (8, 1 << 40, "but a capacity of"), (8, 1, ""), (16, 1 << 60, "too many for a heap"),
        (16, 77, "no block"), (24, 8, "lies at 8"),
        (24, 1 << 50, "outside the heap"), (24, 13, "lies at 13"), (0, 0, "wrong magic number"),
    ])
    func damagedArrays(at: Int, value: Int, sentence: String) throws {
        let problems = try problems(behind: Self.arrayMagic, at: at, UInt64(value))
        if sentence.isEmpty {
            #expect(problems == [])
        } else {
            #expect(problems.contains { $0.contains(sentence) && $0.contains("root \"") })
        }
    }

    @Test(arguments: [
        (4, 200, "depth of 200"), (8, 9, "a count of 9 but"), (16, 8, "lies at 8"),
        (16, 60 << 56 | 8192, "2^60 chunks"),
        (16, 1 << 48, "a depth of 1"),
    ])
    func damagedMaps(at: Int, value: Int, sentence: String) throws {
        let heap = try heap()
        try heap.write { tx in
            // "stock"; the next one is the catalogue of roots itself.
            let place = try find(tx, Self.mapMagic)
            if at == 4 {
                tx[RelativePointer<UInt32>(offset: place + 4)] = UInt32(value)
            } else {
                tx[RelativePointer<UInt64>(offset: place + UInt64(at))] = UInt64(
                    bitPattern: Int64(value))
            }
        }
        let problems = try heap.check().problems
        #expect(
            problems.contains { $0.contains(sentence) && $0.contains("root \"") }, "\(problems)")
    }

    @Test func twoOwnersOfOneBlock() throws {
        let heap = try heap()
        try heap.write { tx in
            let texts = try tx.array("texts", of: String.self)
            texts.append("another text that has a block of its own")
            // Writes the last two words of one string over those of another.
            let length = UInt64("a text that has a block of its own".utf8.count) | 0xff << 56
            let place = try find(tx, length)
            let other = try find(
                tx, UInt64("another text that has a block of its own".utf8.count) | 0xff << 56)
            for word in [0, 8] as [UInt64] {
                tx[RelativePointer<UInt64>(offset: other - word)] =
                    tx[RelativePointer<UInt64>(offset: place - word)]
            }
        }
        let problems = try heap.check().problems
        #expect(
            problems.count == 1 && problems[0].contains("also has another owner")
                && problems[0].contains("root \"texts\", [3]"),
            "\(problems)")
    }

    @Test func aKeyInTheWrongPlace() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let map = try tx.map("numbers", UInt64.self, Int.self)
            // Several, because one wrong key in 128 would have its place here too.
            for key in 1 ... 4 as ClosedRange<UInt64> { map[key << 32 | 0x5678_9abc] = 1 }
            for key in 1 ... 4 as ClosedRange<UInt64> {
                let place = try find(tx, key << 32 | 0x5678_9abc)
                tx[RelativePointer<UInt64>(offset: place)] = key << 32 | 0x5678_9abd
            }
        }
        let problems = try heap.check().problems
        #expect(
            problems.contains {
                $0.contains("search would not find an entry") && $0.contains("root \"numbers\"")
            },
            "\(problems)")
    }

    /// Bytes that are not a valid value of their type.
    @Test func impossibleValues() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            try tx.array("colours", of: Colour.self).append(contentsOf: [.red, .green])
            try tx.array("flags", of: Bool?.self).append(true)
            try tx.array("moves", of: Movement.self).append(Movement(item: 1, delta: 2, weight: 3))
            try tx.array("texts", of: String.self).append("bad: \u{e9}")
            for (root, count, at, byte) in [
                ("colours", 2, 2, 7), ("flags", 1, 1, 3), ("moves", 1, 24, 9),
                ("texts", 1, 5, 0xff),
            ]
                as [(String, UInt64, UInt64, UInt8)]
            {
                let header =
                    switch root {
                    case "colours": try find(tx, Self.arrayMagic)
                    default: try nextArray(tx, number: ["flags": 1, "moves": 2, "texts": 3][root]!)
                    }
                let found = tx[RelativePointer<UInt64>(offset: header + 8)]
                #expect(found == count)
                let buffer = tx[RelativePointer<UInt64>(offset: header + 24)]
                tx[RelativePointer<UInt8>(offset: buffer + at)] = byte
            }
        }
        let problems = try heap.check().problems.sorted()
        #expect(problems.count == 4)
        #expect(
            problems[0].contains("root \"colours\", [1]")
                && problems[0].contains("not a raw value of Colour"), "\(problems)")
        #expect(
            problems[1].contains("root \"flags\", [0]") && problems[1].contains("a Bool is 3"),
            "\(problems)")
        #expect(
            problems[2].contains("root \"moves\", [0]") && problems[2].contains("optional's flag"),
            "\(problems)")
        #expect(
            problems[3].contains("root \"texts\", [0]") && problems[3].contains("not valid UTF-8"),
            "\(problems)")
    }

    private func nextArray(_ tx: borrowing WriteTransaction, number: Int) throws -> UInt64 {
        var place = try find(tx, Self.arrayMagic)
        for _ in 0 ..< number { place = try find(tx, Self.arrayMagic, from: place + 8) }
        return place
    }

    /// Roots whose types cannot be made from their descriptions are named and left out; the rest of
    /// the heap is followed all the same.
    @Test func unknownTypes() throws {
        struct Secret: HeapStruct {
            var isOn: Bool
        }
        let heap = try PersistentHeap.inMemory()
        let mine = "Array<Secret{isOn: Bool @0; 1 bytes}>"
        let strange = mine.replacing("Array", with: "Arrow")
        try heap.write { tx in
            try tx.map("known", Int16.self, PersistentArray<Data?>.self)[creating: 3].append(
                Data([1]))
            try tx.array("strange", of: Secret.self).append(Secret(isOn: true))
            // As another program would have made it: the description in its block, and its
            // fingerprint.
            let text = try find(tx, Self.word("Array<Se"))
            tx[RelativePointer<UInt64>(offset: text)] = Self.word("Arrow<Se")
            let fingerprint = try find(tx, Self.fingerprint(mine))
            tx[RelativePointer<UInt64>(offset: fingerprint)] = Self.fingerprint(strange)
        }
        let check = try heap.check()
        #expect(check.problems == [])
        #expect(check.unknownRoots.map(\.name) == ["strange"])
        #expect(check.unknownRoots.first?.type.text == strange)
        #expect(check.unreachedBlocks == nil)
    }

    /// Only its owners claim it, whoever else refers to it.
    @Test func aSharedRecordThatRefersToItself() throws {
        struct Person: HeapRecord {
            var name: String
            var friend: HeapRef<Person>?
        }
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let ada = try tx.share(Person(name: "a name with a block of its own", friend: nil))
            ada.friend = ada.ref
            try tx.array("people", of: SharedRef<Person>.self).append(contentsOf: [ada, ada])
            try tx.array("friends", of: HeapRef<Person>.self).append(ada.ref)
        }
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
    }

    private static func word(_ text: String) -> UInt64 {
        text.utf8.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func fingerprint(_ description: String) -> UInt64 {
        Array(description.utf8).withUnsafeBytes {
            StableHash.hash(
                $0, seed: HeapIdentity(high: 0x486f_6c64_6661_7374, low: 0x5479_7065_5365_6564))
        }
    }
}
