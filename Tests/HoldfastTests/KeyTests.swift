import Foundation
import Holdfast
import TestSupport
import Testing

@Suite(.progress) struct KeyTests {
    private enum Suit: String, HeapEnum, PersistableKey {
        case hearts, spades
    }

    @Test func everyKindOfKey() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let doubles = try tx.map("doubles", Double.self, Int.self)
            doubles[1.5] = 1
            doubles[0.0] = 2
            doubles[-0.0, default: 0] += 3
            #expect(doubles[1.5] == 1 && doubles[0.0] == 5 && doubles.count == 2)
            let floats = try tx.map("floats", Float.self, Int.self)
            for number in 0 ..< 100 { floats[Float(number) / 8] = number }
            #expect((0 ..< 100).allSatisfy { floats[Float($0) / 8] == $0 })
            let data = try tx.map("data", Data.self, Int.self)
            for count in 0 ..< 40 { data[Data(repeating: 7, count: count)] = count }
            #expect((0 ..< 40).allSatisfy { data[Data(repeating: 7, count: $0)] == $0 })
            #expect(data[Data([7, 7, 8])] == nil)
            let suits = try tx.map("suits", Suit.self, Int.self)
            suits[.hearts] = 1
            suits[.spades] = 2
            #expect(suits[.hearts] == 1 && suits[.spades] == 2 && suits.count == 2)
            let negative = try tx.map("negative", Int8.self, Int.self)
            for key in Int8.min ... .max { negative[key] = Int(key) }
            #expect((Int8.min ... .max).allSatisfy { negative[$0] == Int($0) })
        }
    }

    /// As in a `Dictionary`: NaN equals nothing, so it is never found and never replaced.
    @Test func notANumber() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let map = try tx.map("map", Double.self, Int.self)
            map[.nan] = 1
            map[.nan] = 2
            #expect(map[.nan] == nil)
            #expect(map.count == 2)
            #expect(map.allSatisfy { $0.key.isNaN })
            map.removeAll()
            #expect(map.isEmpty)
        }
    }

    /// Keys that are equal as strings are one key, whatever their normalisation.
    @Test func canonicallyEqualStrings() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let map = try tx.map("map", String.self, Int.self)
            map["caf\u{E9} au lait, s'il vous pla\u{EE}t"] = 1
            map["cafe\u{301} au lait, s'il vous plai\u{302}t"] = 2
            map["\u{1100}\u{1161}"] = 3
            map["\u{AC00}", default: 0] += 1
            #expect(map.count == 2)
            #expect(map["caf\u{E9} au lait, s'il vous pla\u{EE}t"] == 2)
            #expect(map["\u{1100}\u{1161}"] == 4)
        }
    }

    @Test func manyCollidingTagsAndAFullTable() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let map = try tx.map("map", Int.self, String.self)
            for key in 0 ..< 50_000 { map[key] = "\(key)" }
            for key in stride(from: 0, to: 50_000, by: 2) { map[key] = nil }
            #expect(map.count == 25_000)
            let isHalfLeft = (0 ..< 50_000).allSatisfy { (key: Int) -> Bool in
                let expected: String? = key % 2 == 0 ? nil : "\(key)"
                return map[key] == expected
            }
            #expect(isHalfLeft)
            for key in 0 ..< 50_000 { map[key] = nil }
            let first = map.first { _ in true }
            #expect(map.isEmpty && first == nil)
        }
        #expect(try heap.audit().problems == [])
    }
}
