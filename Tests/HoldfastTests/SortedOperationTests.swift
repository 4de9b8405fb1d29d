import Foundation
import Holdfast
import HoldfastEngine
import Testing
import TestSupport

/// Operations of sorted maps other than looking up, inserting and removing single entries.
@Suite(.progress) struct SortedOperationTests {
    private enum Level: Int8, HeapEnum, PersistableOrderedKey, Comparable {
        case high = 3
        case low = 1
        case middle = 2
        static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    /// An enum whose own order is the reverse of its raw values'.
    private enum Backwards: Int, HeapEnum, PersistableOrderedKey, Comparable {
        case one = 1
        case two, three
        static func < (left: Backwards, right: Backwards) -> Bool { left.rawValue > right.rawValue }
    }

    /// A heap in memory and a map of the even numbers below `limit`, in an arbitrary order of
    /// insertion.
    private func withNumbers(_ limit: Int, _ body: (PersistentSortedMap<Int, Int>) throws -> Void)
        throws
    {
        let heap = try PersistentHeap.inMemory()
        var random = SplitMix(state: 1)
        try heap.write { tx in
            let map = try tx.sortedMap("map", Int.self, Int.self)
            for number in stride(from: 0, to: limit, by: 2).shuffled(using: &random) {
                map[number] = number * 10
            }
            try body(map)
            #expect(map.checkInvariants().problems == [])
        }
        try heap.write { tx in _ = try tx.removeRoot("map", PersistentSortedMap<Int, Int>.self) }
        #expect(try heap.audit().usedBytes == 0)
    }

    @Test func readingAndChangingInPlace() throws {
        try withNumbers(1000) { map in
            map[3, default: 7] += 1
            map[4, default: 7] += 1
            map[6] = nil
            map[8] = nil
            #expect(map[3] == 8 && map[4] == 41 && map[6] == nil && map.count == 499)
            map.merge([(3, 1), (5, 2)]) { $0 * 100 + $1 }
            #expect(map[3] == 801 && map[5] == 2)
            #expect(map.index(forKey: 4).map { map[$0].value } == 41)
            #expect(map.index(forKey: 7) == nil && map.index(forKey: 100_000) == nil)
            #expect(!map.removeValue(forKey: 7))
        }
    }

    @Test func indices() throws {
        try withNumbers(1000) { map in
            #expect(map.indices.map { map[$0].key } == Array(stride(from: 0, to: 1000, by: 2)))
            #expect(map.index(map.startIndex, offsetBy: 250) == map.index(atOrAfter: 499))
            #expect(map.distance(from: map.endIndex, to: map.index(forKey: 10)!) == -495)
            #expect(map.dropFirst(3).prefix(2).map(\.key) == [6, 8])
            #expect(map.suffix(2).map(\.value) == [9960, 9980])
            #expect(
                map[100 ..< 200][map.index(forKey: 120)! ..< map.index(forKey: 126)!].map(\.key)
                    == [120, 122, 124])
            #expect(map[100 ... 104].keys.reversed() == [104, 102, 100])
            #expect(
                map[101 ..< 102].isEmpty && map[2000...].isEmpty && map[..<0].isEmpty
                    && map[100 ..< 100].isEmpty)
        }
    }

    @Test func removingFromBothEnds() throws {
        try withNumbers(4000) { map in
            for round in 0 ..< 1000 {
                #expect(map.popFirst()! == (round * 2, round * 20))
                #expect(map.popLast()!.key == 3998 - round * 2)
                if round % 100 == 0 { #expect(map.checkInvariants().problems == []) }
            }
            #expect(
                map.isEmpty && map.popFirst() == nil && map.popLast() == nil
                    && !map.removeFirstEntry()
                    && !map.removeLastEntry())
        }
    }

    @Test func removingMany() throws {
        struct Stop: Error {}
        for divisor in [2, 3, 7, 50, 1000] {
            try withNumbers(6000) { map in
                map.removeAll { $0.key % divisor != 0 }
                #expect(
                    map.keys.elementsEqual(
                        stride(from: 0, to: 6000, by: 2).filter { $0 % divisor == 0 }))
                #expect(map.checkInvariants().problems == [])
                // An error in the middle: removed entries stay removed.
                #expect(throws: Stop.self) {
                    try map.removeAll {
                        if $0.key > 3000 { throw Stop() }
                        return true
                    }
                }
                #expect(map.first?.key ?? 3002 > 3000)
            }
        }
        try withNumbers(6000) { map in
            map.removeAll { $0.key < 5990 }
            #expect(map.count == 5 && map.checkInvariants().height == 0)
            map.removeAll { _ in true }
            #expect(map.isEmpty && map.first == nil)
        }
    }

    /// Ascending keys fill their leaves, appended at once or one by one, and later insertions in
    /// any order work as well.
    @Test func ascendingKeysArePackedDensely() throws {
        try withNumbers(0) { map in
            map.append(sorted: (0 ..< 5000).map { ($0, $0) })
            var account = map.checkInvariants()
            #expect(account.problems == [] && account.entries == 5000 && account.slots < 5000 + 28)
            map.append(sorted: (5000 ..< 5010).lazy.map { (key: $0, value: $0) })
            for key in 5010 ..< 8000 { map[key] = key }
            account = map.checkInvariants()
            #expect(account.problems == [] && account.slots < 8000 + 28)
            #expect(map.keys.elementsEqual(0 ..< 8000))
            for key in 0 ..< 8000 where key % 3 != 0 { map[key] = nil }
            #expect(map.checkInvariants().problems == [])
            map.append(sorted: EmptyCollection<(Int, Int)>())
            for key in 0 ..< 8000 where key % 3 != 0 { map[key] = key }
            #expect(map.keys.elementsEqual(0 ..< 8000))
        }
    }

    /// A tree of three levels of inner nodes, grown and shrunk.
    @Test func aHighTree() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            // Few entries per leaf: a value of 200 bytes.
            let map = try tx.sortedMap("map", UInt32.self, Wide.self)
            for number in 0 ..< 60_000 as Range<UInt32> {
                map[number &* 0x9e37_79b1] = Wide(number: number)
            }
            let account = map.checkInvariants()
            #expect(account.problems == [] && account.height >= 3)
            #expect(
                (0 ..< 60_000 as Range<UInt32>).allSatisfy { map[$0 &* 0x9e37_79b1]?.number == $0 })
            for number in 0 ..< 60_000 as Range<UInt32> where number % 64 != 0 {
                map[number &* 0x9e37_79b1] = nil
            }
            let lower = map.checkInvariants()
            #expect(lower.problems == [] && lower.entries == 938 && lower.height < account.height)
            map.removeAll()
        }
        try heap.write { tx in _ = try tx.removeRoot("map", PersistentSortedMap<UInt32, Wide>.self)
        }
        #expect(try heap.audit().usedBytes == 0)
    }

    /// Nothing equals NaN: it is never found, may occur many times, and comes after every number.
    @Test func notANumber() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let map = try tx.sortedMap("map", Double.self, Int.self)
            for number in 0 ..< 200 {
                map[.nan] = number
                map[Double(number)] = number
            }
            map[-0.0] = 1
            #expect(map.count == 400 && map[.nan] == nil && map[0] == 1)
            #expect(map.checkInvariants().problems == [])
            #expect(map.prefix(200).map(\.key) == (0 ..< 200).map(Double.init))
            #expect(
                map.suffix(200).allSatisfy { $0.key.isNaN } && map[0...].count == 400
                    && map[...(.infinity)].count == 200)
            let copies = try tx.array("copies", of: PersistentSortedMap<Double, Int>.self)
            copies.append(map)
            #expect(copies[0].count == 400 && copies[0].checkInvariants().problems == [])
            map.removeAll { $0.key.isNaN && $0.value % 2 == 0 }
            #expect(map.count == 300 && map.checkInvariants().problems == [])
            for _ in 0 ..< 100 { #expect(map.popLast()!.key.isNaN) }
            #expect(map.last?.key == 199)
            _ = try tx.removeRoot("map", PersistentSortedMap<Double, Int>.self)
            _ = try tx.removeRoot("copies", PersistentArray<PersistentSortedMap<Double, Int>>.self)
        }
        #expect(try heap.audit().usedBytes == 0)
    }

    @Test func enumsAreOrderedByTheirRawValues() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let map = try tx.sortedMap("map", Level.self, String.self)
            map[.high] = "c"
            map[.low] = "a"
            map[.middle] = "b"
            #expect(map.values.joined() == "abc" && map[.middle ... .high].count == 2)
            #expect(map.description == "[low: a, middle: b, high: c]")
            let backwards = try tx.sortedSet("backwards", of: Backwards.self)
            backwards.formUnion([.one, .two, .three])
            #expect(Array(backwards) == [.one, .two, .three])
            // Its own order makes a range of this; by raw values the range is empty.
            #expect(Array(backwards[.three ..< .one]) == [])
        }
    }

    @Test func collectionsInside() throws {
        let folder = try TemporaryFolder()
        var heap = try PersistentHeap.open(folder.file())
        let empty = try heap.audit()
        try heap.write { tx in
            let days = try tx.sortedMap(
                "days", Int.self, PersistentSortedMap<String, PersistentArray<String>>.self)
            for number in 0 ..< 500 {
                days[creating: number % 50][creating: "an entry with a long name \(number)"].append(
                    "text number \(number), not short")
            }
            days[100] = days[7]
            days[creating: 7].removeAll()
            try tx.map("sets", String.self, PersistentSortedSet<Int>.self)[creating: "primes"]
                .formUnion([7, 3, 5, 2])
            try tx.array("bags", of: PersistentSet<String>.self).appendNew().insert(
                "in a set in an array")
        }
        try heap.close()
        heap = try PersistentHeap.open(folder.file())
        try heap.read { tx in
            let days = try tx.sortedMap(
                "days", Int.self, PersistentSortedMap<String, PersistentArray<String>>.self)
            #expect(days.count == 51 && days[7]!.isEmpty && days[100]!.count == 10)
            #expect(days[100]!.first!.value[0].hasPrefix("text number"))
            #expect(
                days[8]!.keys.elementsEqual(
                    (0 ..< 10).map { "an entry with a long name \($0 * 50 + 8)" }.sorted()))
            let sets = try tx.map("sets", String.self, PersistentSortedSet<Int>.self)
            #expect(sets["primes"].map(Array.init) == [2, 3, 5, 7])
            let bags = try tx.array("bags", of: PersistentSet<String>.self)
            #expect(bags[0] == ["in a set in an array"])
            #expect(
                tx.roots.map(\.type.text) == [
                    "Array<Set<String>>", "SortedMap<Int, SortedMap<String, Array<String>>>",
                    "Map<String, SortedSet<Int>>",
                ])
        }
        try heap.write { tx in
            let removed = [
                try tx.removeRoot(
                    "days",
                    PersistentSortedMap<Int, PersistentSortedMap<String, PersistentArray<String>>>
                        .self),
                try tx.removeRoot("sets", PersistentMap<String, PersistentSortedSet<Int>>.self),
                try tx.removeRoot("bags", PersistentArray<PersistentSet<String>>.self),
            ]
            #expect(removed == [true, true, true])
        }
        try heap.checkpoint()
        #expect(try heap.audit() == empty)
        try heap.close()
    }
}

struct Wide: HeapStruct {
    var number: UInt32
    var rest:
        (
            UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64,
            UInt64
        ) = (
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        )
}
