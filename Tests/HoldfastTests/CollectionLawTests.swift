import Foundation
import Holdfast
import Testing
import TestSupport

/// The collections satisfy the laws of the standard library's protocols.
@Suite(.progress) struct CollectionLawTests {
    /// Every law on arrays of this element type: empty, with one element, and with several, some of
    /// them equal.
    private func check<Element: Persistable & Equatable>(
        _ elements: [Element], fresh: Element, by less: (Element, Element) -> Bool
    ) throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            for count in [0, 1, 2, 3, elements.count] {
                var array = try tx.array("array", of: Element.self)
                array.removeAll()
                array.append(contentsOf: elements.prefix(count))
                let problems = Laws.ofMutableRandomAccess(
                    &array, Array(elements.prefix(count)), fresh: fresh, by: less)
                #expect(problems == [], "\(count) elements")
            }
            // Slices are collections of their own.
            let array = try tx.array("array", of: Element.self)
            var slice = array[1 ..< elements.count - 1]
            let inner = Array(elements[1 ..< elements.count - 1])
            #expect(Laws.ofMutableRandomAccess(&slice, inner, fresh: fresh, by: less) == [])
            try tx.removeRoot("array", PersistentArray<Element>.self)
        }
        #expect(try heap.audit().problems == [])
    }

    @Test func arrays() throws {
        try check([5, 3, 3, 9, -1, 7, 0], fresh: 100, by: <)
        try check(
            ["b", "", "a text of more than fifteen bytes", "é", "b", "a"],
            fresh: "fresh, and long enough for a block", by: <)
        try check([1.5, nil, -3, nil, 0.25], fresh: 99) { ($0 ?? -.infinity) < ($1 ?? -.infinity) }
        try check([Colour.red, .red, .red], fresh: .green) { $0.rawValue < $1.rawValue }
        try check([Data([1]), Data(count: 40), Data(), Data([1, 2])], fresh: Data(count: 99)) {
            $0.lexicographicallyPrecedes($1)
        }
        let movements = (0 ..< 6).map { (number: Int) -> Movement in
            Movement(
                item: Int32(number), delta: Int64(-number), weight: number % 2 == 0 ? nil : 0.5)
        }
        try check(movements, fresh: Movement(item: 9, delta: 9, weight: nil)) {
            $0.delta < $1.delta
        }
    }

    @Test func bytes() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            for elements in [[], [1], [4, 2], [7, 3, 3, 9, 0, 255, 1]] as [[UInt8]] {
                var bytes = try tx.bytes("bytes")
                bytes.removeAll()
                bytes.append(contentsOf: elements)
                #expect(Laws.ofMutableRandomAccess(&bytes, elements, fresh: 100, by: <) == [])
                guard elements.count > 2 else { continue }
                var slice = bytes[1 ..< elements.count]
                #expect(
                    Laws.ofMutableRandomAccess(&slice, Array(elements[1...]), fresh: 100, by: <)
                        == [])
            }
        }
    }

    /// Deques whose ring begins anywhere, so that elements lie on both sides of its end.
    @Test func deques() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            for (count, turned) in [(0, 0), (1, 5), (7, 0), (7, 3), (40, 33)] {
                var deque = try tx.deque("deque", of: String.self)
                deque.removeAll()
                for number in 0 ..< turned { deque.append("\(number)") }
                deque.removeFirst(turned)
                let elements = (0 ..< count).map {
                    "element \($0 * 7 % 5), sometimes long enough for a block"
                }
                for element in elements.prefix(count / 2).reversed() { deque.prepend(element) }
                deque.append(contentsOf: elements.dropFirst(count / 2))
                #expect(
                    Laws.ofMutableRandomAccess(&deque, elements, fresh: "fresh", by: <) == [],
                    "\(count) elements")
            }
        }
    }

    /// Sorted collections of one leaf and of several levels, and ranges of them.
    @Test func sortedCollections() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            for count in [0, 1, 5, 60] {
                let set = try tx.sortedSet("set", of: String.self)
                let map = try tx.sortedMap("map", Int.self, String.self)
                for number in 0 ..< count {
                    set.insert("element \(1000 + number)")
                    map[number * 3] = "value \(number)"
                }
                let elements = (0 ..< count).map { "element \(1000 + $0)" }
                #expect(Laws.ofBidirectional(set, elements) == [], "\(count) elements")
                let pairs = map.lazy.map { Pair(key: $0.key, value: $0.value) }
                #expect(
                    Laws.ofBidirectional(
                        pairs, (0 ..< count).map { Pair(key: $0 * 3, value: "value \($0)") }) == [])
                guard count > 4 else { continue }
                let range = map[4 ..< 12].lazy.map { Pair(key: $0.key, value: $0.value) }
                #expect(
                    Laws.ofBidirectional(
                        range, (2 ..< 4).map { Pair(key: $0 * 3, value: "value \($0)") }) == [])
            }
        }
    }

    private struct Pair: Equatable {
        var key: Int
        var value: String
    }

    @Test func mapsAndTheirViews() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let map = try tx.map("map", String.self, Int.self)
            for count in 0 ..< 40 {
                let keys = Set((0 ..< count).map { "key \($0)" })
                #expect(Laws.ofUnordered(map.keys, keys) == [])
                #expect(Laws.ofUnordered(map.values, Set(0 ..< count)) == [])
                map["key \(count)"] = count
            }
        }
    }

    @Test func bitSetsAndTexts() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let bits = try tx.bitSet("bits")
            for elements in [[], [0], [63, 64], [0, 1, 2, 127, 128, 1000, 1063, 1064]] {
                bits.removeAll()
                bits.formUnion(elements)
                #expect(Laws.ofSequence(bits, elements) == [])
            }
            let text = try tx.string("text")
            for string in ["", "a", "e\u{301}👨‍👩‍👧‍👦\r\nx", "🇩🇪🇫🇷🇯🇵"] {
                text.string = string
                #expect(Laws.ofSequence(text.characters, Array(string)) == [])
            }
            text.string = "one\ntwo\r\n\nfour"
            #expect(Laws.ofSequence(text.lines, ["one", "two", "", "four"]) == [])
            let bytes = try tx.bytes("bytes")
            bytes.append(contentsOf: 0 ..< 10)
            #expect(
                Laws.ofSequence(
                    bytes.chunks(of: 4), [Data([0, 1, 2, 3]), Data([4, 5, 6, 7]), Data([8, 9])])
                    == [])
        }
    }
}
