import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastEngine

/// The cost of the collections' operations in heaps of a thousand, a hundred thousand and a million
/// entries, in dirty lines: constant, except where growth is documented.
@Suite(.progress) struct GrowthCostTests {
    private static let sizes = [1_000, 100_000, 1_000_000]

    private struct Costs {
        var insert = 0.0
        var replace = 0.0
        var remove = 0.0
        var find = 0.0
        var append = 0.0
        var set = 0.0
        var insertAtFront = 0.0
        var insertNearEnd = 0.0
        var overwrite = 0.0
        var insertText = 0.0
    }

    private static func scattered(_ number: Int) -> UInt64 {
        UInt64(number) &* 0x9e37_79b9_7f4a_7c15
    }

    /// A heap of `count` entries in each collection, built without a log.
    private func build(_ path: String, _ count: Int) throws {
        try PersistentHeap.build(path) { tx in
            let map = try tx.map("map", UInt64.self, UInt64.self)
            // With a thousand entries in its one segment, one heap in 130 has a hash seed with
            // which an insertion finds six full chunks in a row.
            map.reserveCapacity(max(count, 4_000))
            for number in 0 ..< count { map[Self.scattered(number)] = 1 }
            let array = try tx.array("array", of: UInt64.self)
            array.append(contentsOf: [UInt64](repeating: 7, count: count))
            try tx.bytes("bytes").resize(to: count)
            try tx.string("text").append(String(repeating: "x", count: count))
            try tx.bitSet("bits").insert(0 ..< count)
        }
    }

    /// The mean number of dirty lines of some transactions.
    private func lines(
        _ heap: PersistentHeap, _ times: Int,
        _ body: (borrowing WriteTransaction, Int) throws -> Void
    ) throws -> Double {
        var total = 0
        for time in 0 ..< times {
            try heap.write { tx in
                try body(tx, time)
                total += heap.engine.view.dirty.lineCount
            }
        }
        return Double(total) / Double(times)
    }

    private func costs(_ count: Int) throws -> Costs {
        let folder = try TemporaryFolder()
        try build(folder.file(), count)
        let heap = try PersistentHeap.open(folder.file())
        // Room at the ends, so that the count includes no growth.
        try heap.write { tx in
            try tx.array("array", of: UInt64.self).reserveCapacity(count + 1000)
            try tx.bytes("bytes").reserveCapacity(count + 1000)
            try tx.string("text").reserveCapacity(count + 1000)
        }
        var costs = Costs()
        costs.find = try lines(heap, 3) { tx, time in
            _ = try tx.map("map", UInt64.self, UInt64.self)[Self.scattered(time)]
            _ = try tx.array("array", of: UInt64.self)[count / 2]
            _ = try tx.bitSet("bits").contains(count / 2)
            _ = try tx.string("text").hasPrefix("xx")
        }
        costs.replace = try lines(heap, 50) { tx, time in
            try tx.map("map", UInt64.self, UInt64.self)[Self.scattered(time)] = 2
        }
        costs.insert = try lines(heap, 50) { tx, time in
            try tx.map("map", UInt64.self, UInt64.self)[Self.scattered(count + time)] = 2
        }
        costs.remove = try lines(heap, 50) { tx, time in
            _ =
                try tx.map("map", UInt64.self, UInt64.self).removeValue(
                    forKey: Self.scattered(time)) as UInt64?
        }
        costs.append = try lines(heap, 50) { tx, time in
            try tx.array("array", of: UInt64.self).append(1)
        }
        costs.set = try lines(heap, 50) { tx, time in
            try tx.array("array", of: UInt64.self)[time * 9] = 2
        }
        costs.insertNearEnd = try lines(heap, 10) { tx, time in
            let array = try tx.array("array", of: UInt64.self)
            array.insert(3, at: array.count - 8)
        }
        costs.insertAtFront = try lines(heap, 1) { tx, time in
            try tx.array("array", of: UInt64.self).insert(3, at: 0)
        }
        costs.overwrite = try lines(heap, 20) { tx, time in
            try tx.bytes("bytes").write([1, 2, UInt8(time + 1)], at: 48 * time)
        }
        costs.insertText = try lines(heap, 10) { tx, time in
            let text = try tx.string("text")
            text.insert("y", at: text.utf8Count - 10)
        }
        try heap.close()
        return costs
    }

    @Test func fromAThousandToAMillion() throws {
        let all = try Self.sizes.map(costs)
        for (size, costs) in zip(Self.sizes, all) {
            // Reading marks no line.
            #expect(costs.find == 0, "\(size)")
            // The slot's line; for insertions and removals also the chunk's control bytes and the
            // map's header; now and then a chunk in between.
            #expect(costs.replace == 1, "\(size)")
            #expect(costs.insert >= 2 && costs.insert < 4, "\(size): \(costs.insert)")
            #expect(costs.remove >= 2 && costs.remove < 3, "\(size): \(costs.remove)")
            #expect(costs.append == 2 && costs.set == 1, "\(size)")
            #expect(
                costs.insertNearEnd >= 2 && costs.insertNearEnd <= 4,
                "\(size): \(costs.insertNearEnd)")
            #expect(costs.overwrite == 1, "\(size)")
            #expect(costs.insertText >= 2 && costs.insertText <= 3, "\(size): \(costs.insertText)")
            // Eight elements per line have to move.
            let moved = Double(size / 8)
            #expect(
                costs.insertAtFront >= moved && costs.insertAtFront < moved + 20,
                "\(size): \(costs.insertAtFront)")
        }
    }
}
