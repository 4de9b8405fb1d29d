import Foundation
import Holdfast
import HoldfastEngine
import Testing
import TestSupport

/// Sorted maps compared with a dictionary and its sorted keys, with aborts and reopenings; the
/// tree's invariants are checked in between.
@Suite(.progress) struct SortedMapTests {
    private struct Abort: Error {}

    /// Random operations on one sorted map and a model, for keys that `key` makes and values that
    /// `value` makes.
    private func compare<
        Key: PersistableOrderedKey & Hashable & Comparable, Value: PersistableValue & Equatable
    >(
        operations: Int, seed: UInt64, verifiesDirtyTracking: Bool = false,
        key: (inout SplitMix) -> Key,
        value: (inout SplitMix) -> Value
    ) throws {
        let folder = try TemporaryFolder()
        var options = EngineOptions()
        options.logLimit = 1 << 20
        options.initialLogBytes = 1 << 16
        options.verifiesDirtyTracking = verifiesDirtyTracking
        var heap = try PersistentHeap.open(folder.file(), engineOptions: options)
        let empty = try heap.audit()
        var random = SplitMix(state: seed)
        var model: [Key: Value] = [:]
        var done = 0
        var round = 0
        while done < operations {
            round += 1
            let saved = model
            let aborts = round % 8 == 0
            let count = Int.random(in: 1 ... 2000, using: &random)
            // Long phases of mostly inserting and mostly removing, so that the tree grows tall and
            // shrinks again.
            let insertions = round % 6 < 4 ? 7 : 2
            done += count
            do {
                try heap.write { tx in
                    let map = try tx.sortedMap("map", Key.self, Value.self)
                    for _ in 0 ..< count {
                        let key = key(&random)
                        if Int.random(in: 0 ..< 10, using: &random) < insertions {
                            let value = value(&random)
                            let isNew: Bool = map.updateValue(value, forKey: key)
                            if isNew != (model.updateValue(value, forKey: key) == nil) {
                                Issue.record("\(key) was new or not")
                            }
                        } else {
                            let wasThere: Bool = map.removeValue(forKey: key)
                            if wasThere != (model.removeValue(forKey: key) != nil) {
                                Issue.record("\(key) was there or not")
                            }
                        }
                        let probe =
                            Bool.random(using: &random) ? key : model.randomKey(&random) ?? key
                        if map[probe] != model[probe] { Issue.record("value of \(probe)") }
                        if map.count != model.count {
                            Issue.record("count \(map.count), not \(model.count)")
                        }
                    }
                    let keys = model.keys.sorted()
                    neighbours(map, keys, (0 ..< 20).map { _ in key(&random) })
                    if aborts { throw Abort() }
                }
            } catch is Abort {
                model = saved
            }
            let problems = try heap.read {
                try $0.sortedMap("map", Key.self, Value.self).checkInvariants().problems
            }
            #expect(problems == [])
            if round % 16 == 0 {
                try heap.close()
                heap = try PersistentHeap.open(folder.file(), engineOptions: options)
            }
            try heap.read { tx in
                let map = try tx.sortedMap("map", Key.self, Value.self)
                let keys = model.keys.sorted()
                #expect(map.keys.elementsEqual(keys))
                if round % 4 == 0 { #expect(map.reversed().map(\.key) == keys.reversed()) }
                #expect(map == model)
            }
            #expect(try heap.audit().problems == [])
        }
        try heap.write { tx in
            for key in model.keys {
                try tx.sortedMap("map", Key.self, Value.self).removeValue(forKey: key)
            }
        }
        try heap.write { tx in _ = try tx.removeRoot("map", PersistentSortedMap<Key, Value>.self) }
        try heap.checkpoint()
        #expect(try heap.audit() == empty)
        try heap.close()
    }

    /// Neighbours and ranges, compared with the sorted keys.
    private func neighbours<Key: PersistableOrderedKey & Comparable, Value: Persistable>(
        _ map: PersistentSortedMap<Key, Value>, _ keys: [Key], _ probes: [Key]
    ) {
        for probe in probes {
            let low = keys.partitioningIndex { $0 >= probe }
            let high = keys.partitioningIndex { $0 > probe }
            #expect(map.entry(atOrAfter: probe)?.key == (low < keys.count ? keys[low] : nil))
            #expect(map.entry(after: probe)?.key == (high < keys.count ? keys[high] : nil))
            #expect(map.entry(before: probe)?.key == (low > 0 ? keys[low - 1] : nil))
            #expect(map.entry(atOrBefore: probe)?.key == (high > 0 ? keys[high - 1] : nil))
            #expect(
                map[..<probe].count == low && map[...probe].count == high
                    && map[probe...].count == keys.count - low)
        }
        let bounds = probes.sorted()
        for (lower, upper) in zip(bounds, bounds.dropFirst()) {
            let half = keys.filter { (lower ..< upper).contains($0) }
            let closed = keys.filter { (lower ... upper).contains($0) }
            #expect(
                map[lower ..< upper].map(\.key) == half && map[lower ..< upper].count == half.count)
            #expect(map[lower ... upper].map(\.key) == closed)
            #expect(map[lower ... upper].reversed().map(\.key) == closed.reversed())
        }
        #expect(map.first?.key == keys.first && map.last?.key == keys.last)
    }

    @Test func integers() throws {
        try compare(operations: 80_000, seed: 1) {
            UInt64.random(in: 0 ..< 8000, using: &$0)
        } value: {
            $0.next()
        }
    }

    /// Every changed line is marked for the log; the verifier compares all lines at every commit.
    @Test func everyChangeIsNoted() throws {
        try compare(operations: 20_000, seed: 7, verifiesDirtyTracking: true) {
            String(Int.random(in: 0 ..< 3000, using: &$0), radix: 3)
        } value: {
            Int8.random(in: .min ... .max, using: &$0)
        }
    }

    @Test func negativeIntegersWithLargeValues() throws {
        try compare(operations: 20_000, seed: 2) {
            Int16.random(in: -2000 ..< 2000, using: &$0)
        } value: {
            Movement(item: 1, delta: Int64(truncatingIfNeeded: $0.next()), weight: 2)
        }
    }

    @Test func extremeIntegers() throws {
        try compare(operations: 20_000, seed: 3) { random in
            let distance = Int64.random(in: 0 ..< 900, using: &random)
            return [Int64.min + distance, .max - distance, distance, -distance].randomElement(
                using: &random)!
        } value: {
            UInt8.random(in: 0 ... 255, using: &$0)
        }
    }

    @Test func floatingPoint() throws {
        try compare(operations: 20_000, seed: 4) { random in
            switch Int.random(in: 0 ..< 20, using: &random) {
            case 0:
                [.infinity, -.infinity, 0, -0.0, .leastNonzeroMagnitude].randomElement(
                    using: &random)!
            default: (Double.random(in: -500 ..< 500, using: &random) * 4).rounded() / 4
            }
        } value: {
            Float.random(in: 0 ..< 1, using: &$0)
        }
    }

    @Test func shortAndLongText() throws {
        try compare(operations: 30_000, seed: 5) { random in
            let start = ["", "key-", "a prefix that is longer than fifteen bytes, "].randomElement(
                using: &random)!
            return start + String(Int.random(in: 0 ..< 1500, using: &random))
        } value: { random in
            String(repeating: "x", count: Int.random(in: 0 ..< 40, using: &random))
        }
    }

    @Test func textOfManyScripts() throws {
        try compare(operations: 12_000, seed: 6) {
            Text(StringOrderTests.text(&$0, upTo: 3))
        } value: {
            $0.next()
        }
    }

    @Test func identifiersBytesAndDates() throws {
        try compare(operations: 12_000, seed: 8) { random in
            let low = UInt8.random(in: 0 ... 255, using: &random)
            let high = UInt8.random(in: 0 ... 9, using: &random)
            return UUID(uuid: (high, low, 0, 0, 0, 0, 0, low, 0, 0, 0, 0, 0, 0, 255, high))
        } value: {
            $0.next()
        }
        try compare(operations: 12_000, seed: 9) { random in
            Blob(
                Data(
                    (0 ..< Int.random(in: 0 ..< 20, using: &random)).map { _ in
                        UInt8.random(in: 0 ... 1, using: &random)
                    }))
        } value: {
            Data([UInt8.random(in: 0 ... 255, using: &$0)])
        }
        try compare(operations: 8000, seed: 10) {
            Date(timeIntervalSinceReferenceDate: Double(Int.random(in: -1000 ..< 1000, using: &$0)))
        } value: {
            Bool.random(using: &$0)
        }
    }
}

/// `Data` as a key, in the order that Holdfast defines; Foundation's has none.
struct Blob: HeapEnum, PersistableOrderedKey, PersistableValue, Hashable, Comparable {
    let rawValue: Data
    init(rawValue: Data) { self.rawValue = rawValue }
    init(_ data: Data) { rawValue = data }
    static func < (left: Blob, right: Blob) -> Bool {
        left.rawValue.lexicographicallyPrecedes(right.rawValue)
    }
}

extension Dictionary {
    fileprivate func randomKey(_ random: inout SplitMix) -> Key? {
        isEmpty ? nil : randomElement(using: &random)!.key
    }
}

extension Array {
    /// The first index whose element satisfies `isRight`.
    func partitioningIndex(_ isRight: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isRight(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
