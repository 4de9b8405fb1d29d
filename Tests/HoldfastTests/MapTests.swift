import Foundation
import HoldfastEngine
import Testing
import TestSupport

@testable import Holdfast

/// Features of a heap's map in common with `Dictionary`, and its behaviour in edge cases.
@Suite(.progress) struct MapTests {
    private struct Refused: Error {}

    /// A value that owns memory and can be changed in place.
    private struct Numbers: HeapRecord {
        private var text: String

        init(_ values: [Int]) { text = values.map(String.init).joined(separator: ",") }

        var values: [Int] {
            get { text.split(separator: ",").map { Int($0)! } }
            set { text = newValue.map(String.init).joined(separator: ",") }
        }
    }

    private func withMap<Key: PersistableKey, Value: Persistable>(
        _ key: Key.Type, _ value: Value.Type, _ body: (PersistentMap<Key, Value>) throws -> Void
    ) throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in try body(try tx.map("map", Key.self, Value.self)) }
        #expect(try heap.audit().problems == [])
    }

    @Test func changingInPlace() throws {
        try withMap(String.self, Numbers.self) { map in
            map["a"] = .init([1])
            map["a"]?.values.append(2)
            map["b", default: .init([])].values.append(3)
            map["none"]?.values.append(4)
            #expect(map["a"]?.values == [1, 2] && map["b"]?.values == [3] && map.count == 2)
            // The value can be removed and set while it is being changed.
            func clear(_ value: inout Numbers?) { value = nil }
            func set(_ value: inout Numbers?) { value = .init([9]) }
            clear(&map["a"])
            set(&map["c"])
            clear(&map["none"])
            #expect(map["a"] == nil && map["c"]?.values == [9] && map.count == 2)
        }
    }

    /// A value that is being changed is written back to the right place although the table has
    /// moved meanwhile.
    @Test func changingTheMapMeanwhile() throws {
        try withMap(Int.self, Int.self) { map in
            func change<Value>(_ value: inout Value, to new: Value, _ meanwhile: () -> Void) {
                meanwhile()
                value = new
            }
            map[1] = 1
            change(&map[1], to: 7) { for key in 100 ..< 1000 { map[key] = key } }
            #expect(map[1] == 7)
            change(&map[2, default: 0], to: 8) { for key in 1000 ..< 9000 { map[key] = key } }
            change(&map[1, default: 0], to: 9) { for key in 9000 ..< 20_000 { map[key] = key } }
            change(&map[3], to: nil) { map[3] = 3 }
            #expect(
                map[1] == 9 && map[2] == 8 && map[3] == nil
                    && (100 ..< 20_000).allSatisfy { map[$0] == $0 })
            change(&map[1], to: 10) { map.removeAll() }
            #expect(map == [1: 10])
        }
    }

    @Test func likeADictionary() throws {
        try withMap(String.self, Int.self) { map in
            map.insert(uniqueKeysWithValues: (0 ..< 100).map { ("key \($0)", $0) })
            let model = Dictionary(uniqueKeysWithValues: (0 ..< 100).map { ("key \($0)", $0) })
            #expect(map == model && Dictionary(map) == model)
            #expect(map.mapValues { $0 * 2 } == model.mapValues { $0 * 2 })
            #expect(
                map.compactMapValues { $0 % 3 == 0 ? "\($0)" : nil }
                    == model.compactMapValues { $0 % 3 == 0 ? "\($0)" : nil })
            #expect(map.filter { $0.value > 90 } == model.filter { $0.value > 90 })
            #expect(
                map.keys.count == 100 && map.keys.contains("key 7") && !map.keys.contains("key 100")
            )
            #expect(
                map.values.count == 100 && map.values.contains(7) && map.values.reduce(0, +) == 4950
            )
            map.updateValues { key, value in value = key.utf8.count * 1000 + value }
            #expect(map["key 5"] == 5005 && map["key 50"] == 6050)
            map.merge(["key 5": 1, "new": 2]) { $0 + $1 }
            map.merge([("new", 3), ("new", 4)]) { $0 * $1 }
            map.merge(map) { old, new in old - new + 1 }
            #expect(map.count == 101 && map.values.allSatisfy { $0 == 1 })
            let removed: Int? = map.removeValue(forKey: "new")
            #expect(removed == 1 && map.removeValue(forKey: "new") == nil as Int?)
            map.removeAll { $0.key.hasSuffix("7") }
            #expect(map.count == 90 && map["key 7"] == nil && map["key 8"] == 1)
            #expect(throws: Refused.self) {
                try map.removeAll { if $0.key == "key 8" { throw Refused() } else { true } }
            }
            #expect(map.count == 90)
            var keys: Set<String> = []
            while let (key, _) = map.popFirst() { keys.insert(key) }
            #expect(
                keys.count == 90 && map.isEmpty && map.description == "[:]"
                    && map.randomElement() == nil)
            map[""] = 5
            #expect(map[""] == 5)
            #expect(map.debugDescription == #"["": 5]"#)
        }
    }

    /// Keys that equal nothing can still be removed by index.
    @Test func notANumber() throws {
        try withMap(Double.self, String.self) { map in
            for number in 0 ..< 20 { map[.nan] = "a value of more than fifteen bytes \(number)" }
            map[1] = "one"
            let none: String? = map.removeValue(forKey: .nan)
            #expect(none == nil && map.count == 21 && map[.nan] == nil && map != Dictionary(map))
            map.removeAll { $0.key.isNaN }
            #expect(map.count == 1 && map == [1: "one"])
            map[.nan, default: "x"] += "y"
            map.updateValues { $1 += "z" }
            #expect(
                map.count == 2 && map.values.contains("xyz") && map.popFirst() != nil
                    && map.popFirst() != nil && map.isEmpty)
        }
    }

    @Test func equalityAndHashing() throws {
        try withMap(Int.self, PersistentMap<String, Int>.self) { map in
            for key in 0 ..< 3 {
                for number in 0 ..< 30 {
                    map[creating: key]["\(number)"] = key == 2 ? -number : number
                }
            }
            _ = map[creating: 1].removeValue(forKey: "29") as Bool
            map[creating: 1]["29"] = 29
            #expect(map[0] == map[1] && map[0] != map[2] && map[0].hashValue == map[1].hashValue)
            #expect(Set(map.values).count == 2)
            #expect(
                PersistentMap<Int, Int>() == PersistentMap<Int, Int>()
                    && "\(PersistentMap<Int, Int>())" == "[:]")
        }
    }

    /// Counted by keys, and by the parts of the table that the hashes select: segments of different
    /// sizes must not be weighted differently.
    @Test(arguments: [(16, 16), (20_000, 20_000), (20_000, 8)])
    func randomEntriesAreAllAsLikely(count: Int, kept: Int) throws {
        try withMap(Int.self, Int.self) { map in
            var random = SplitMix(state: 5)
            for key in 0 ..< count { map[key] = key }
            if kept < count { map.removeAll { $0.key >= kept } }
            let seed = map.access.hashSeed
            let groups: [(Int) -> Int] = [{ $0 % 8 }, { Int(Int.hash($0, seed: seed) >> 61) }]
            for group in groups {
                var expected = [Double](repeating: 0, count: 8)
                let draws = kept == 8 ? 400 : 8000
                for key in 0 ..< kept { expected[group(key)] += Double(draws) / Double(kept) }
                var bins = [Int](repeating: 0, count: 8)
                for _ in 0 ..< draws { bins[group(map.randomElement(using: &random)!.key)] += 1 }
                // Five standard deviations.
                #expect(
                    zip(bins, expected).allSatisfy { abs(Double($0) - $1) <= 5 * $1.squareRoot() },
                    "\(bins), not \(expected)")
            }
        }
    }

    /// A reserved capacity does not grow: the bytes in use stay the same while it is filled.
    @Test(arguments: [1, 7, 8, 50, 1000, 5000, 100_000])
    func reservedRoomIsEnough(count: Int) throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let map = try tx.map("map", Int.self, Int.self)
            map[-1] = 1
            map.reserveCapacity(count)
        }
        let before = try heap.audit().usedBytes
        try heap.write { tx in
            let map = try tx.map("map", Int.self, Int.self)
            for key in 0 ..< count - 1 { map[key] = key }
            #expect(
                (0 ..< count - 1).allSatisfy { map[$0] == $0 } && map[-1] == 1 && map.count == count
            )
        }
        #expect(try heap.audit().usedBytes == before)
        // And at most twice the need.
        #expect(before < UInt64(8192 + count * 64))
        try heap.write { tx in
            let map = try tx.map("map", Int.self, Int.self)
            map.removeAll()
            map.reserveCapacity(0)
            for key in 0 ..< 100 { map[key] = key }
            #expect(map.count == 100)
        }
        #expect(try heap.audit().problems == [])
    }

    // MARK: Mistakes

    private func said(_ sentence: String, _ result: ExitTest.Result?) -> Bool {
        guard let result else { return false }
        return String(decoding: result.standardErrorContent, as: UTF8.self).contains(sentence)
    }

    /// A table that has grown finds its keys as quickly as one that was created large. Keys that
    /// stayed when their segment split lie in their homes, where there is room again.
    @Test func keysMoveUpWhenTheirSegmentSplits() throws {
        try withMap(UInt64.self, UInt64.self) { map in
            var splits = 0
            var depth = map.header.pointee.depth
            for key in 0 ..< 40_000 as Range<UInt64> {
                map[key] = key
                if map.header.pointee.depth == depth { continue }
                (splits, depth) = (splits + 1, map.header.pointee.depth)
                var sentOn = 0
                map.forEachSegment { segment in
                    // The two halves of the latest split; the others may be full.
                    guard segment.localDepth == Int(depth) else { return }
                    let base = map.chunks(segment)
                    for chunk in 0 ..< segment.chunks {
                        let control = (base + chunk * PersistentMap<UInt64, UInt64>.chunkBytes)
                            .load(as: UInt64.self)
                        sentOn += Int(MapChunk.overflow(control))
                    }
                }
                // Of about 2500 keys in 7168 slots; about a hundred if they had not moved.
                #expect(sentOn < 50, "\(sentOn) keys lie behind their homes")
            }
            #expect(splits >= 3 && (0 ..< 40_000).allSatisfy { map[$0] == $0 })
        }
    }

    /// Iterations over tables of every shape: one chunk, fewer than eight, many segments, slots
    /// that fill their chunks and slots that do not, gaps.
    @Test func walkingTablesOfAllSizes() throws {
        func walk<Value: Persistable & Equatable>(_ value: @escaping (Int) -> Value) throws {
            try withMap(Int.self, Value.self) { map in
                var expected: [Int: Int] = [:]
                for (number, limit) in [1, 7, 20, 60, 200, 3000, 20_000].enumerated() {
                    for key in expected.count ..< limit {
                        map[key] = value(key)
                        expected[key] = key
                    }
                    for key in stride(from: 0, to: limit, by: 3 + number) where limit > 10 {
                        map[key] = nil
                        expected[key] = nil
                    }
                    var met: Set<Int> = []
                    for (key, found) in map {
                        #expect(met.insert(key).inserted && found == value(key))
                    }
                    #expect(
                        met == Set(expected.keys) && map.keys.elementsEqual(map.lazy.map(\.key)))
                    #expect(map.values.elementsEqual(map.lazy.map(\.value)))
                    var iterator = map.makeIterator()
                    while iterator.next() != nil {}
                    #expect(iterator.next() == nil, "it stays at the end")
                }
            }
        }
        try walk { $0 }
        try walk { UInt8(truncatingIfNeeded: $0) }
        try walk { "text \($0)" }
        try walk { FourWords(first: $0) }
    }

    private struct FourWords: HeapStruct, Equatable {
        var first: Int
        var rest: InlineArray<3, Int> = [1, 2, 3]

        static func == (a: FourWords, b: FourWords) -> Bool {
            a.first == b.first && a.rest[2] == b.rest[2]
        }
    }

    private static func map(_ body: (PersistentMap<Int, Int>) throws -> Void) throws {
        try PersistentHeap.inMemory().write { tx in
            let map = try tx.map("map", Int.self, Int.self)
            for key in 0 ..< 20 { map[key] = key }
            try body(map)
        }
    }

    @Test func duplicateKeys() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try Self.map { $0.insert(uniqueKeysWithValues: [(100, 1), (100, 2)]) }
        }
        #expect(
            said("the key 100 is already in the map or occurs twice among the new ones", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.map { $0.insert(uniqueKeysWithValues: [(7, 1)]) }
        }
        #expect(said("the key 7 is already in the map", result))
    }

    @Test func changingWhileIterating() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try Self.map { map in for (key, _) in map { map[key + 100] = 1 } }
        }
        #expect(said("was changed during iteration", result))
        // At the next step, even among entries that the iterator already knows of.
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.map { map in
                var entries = map.makeIterator()
                for _ in 0 ..< 3 { _ = entries.next() }
                map[0] = nil
                _ = entries.next()
            }
        }
        #expect(said("was changed during iteration", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.map { map in map.updateValues { key, _ in map[key] = nil } }
        }
        #expect(said("was changed inside a closure", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.map { map in
                map.merge([1: 1]) { _, _ in
                    map.removeAll()
                    return 1
                }
            }
        }
        #expect(said("was changed inside a closure", result))
        // A capacity beyond any heap is an error of the transaction.
        #expect(throws: HeapError.self) { try Self.map { $0.reserveCapacity(.max) } }
    }
}
