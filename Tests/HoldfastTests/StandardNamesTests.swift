import Holdfast
import Testing
import TestSupport

/// Operations with the names of the standard library return what the standard library's return.
@Suite struct StandardNamesTests {
    private let heap = try! PersistentHeap.inMemory()

    @Test func mapsReturnOldValues() throws {
        try heap.write { tx in
            let map = try tx.map("map", String.self, String.self)
            let sorted = try tx.sortedMap("sorted", String.self, String.self)
            var model: [String: String] = [:]
            var random = SplitMix(state: 1)
            for _ in 0 ..< 2000 {
                let key = "k\(random.next() % 40)"
                let value = String(repeating: "v", count: Int(random.next() % 40))
                switch random.next() % 3 {
                case 0:
                    let old = model.removeValue(forKey: key)
                    #expect(map.removeValue(forKey: key) == old)
                    #expect(sorted.removeValue(forKey: key) == old)
                default:
                    let old = model.updateValue(value, forKey: key)
                    #expect(map.updateValue(value, forKey: key) == old)
                    #expect(sorted.updateValue(value, forKey: key) == old)
                }
            }
            #expect(Dictionary(map) == model)
            while !sorted.isEmpty {
                let (first, last) = (model.keys.min()!, model.keys.max()!)
                let removed = sorted.removeLast()
                #expect(removed == (last, model.removeValue(forKey: last)!))
                if first == last { break }
                let smallest = sorted.removeFirst()
                #expect(smallest == (first, model.removeValue(forKey: first)!))
            }
            #expect(model.isEmpty)
        }
    }

    @Test func setsReturnTheirMembers() throws {
        try heap.write { tx in
            let names = try tx.set("names", of: String.self)
            let sorted = try tx.sortedSet("sorted", of: String.self)
            let bits = try tx.bitSet("bits")
            // Equal strings, in two forms.
            let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")
            for round in 0 ..< 2 {
                let new = names.insert(round == 0 ? composed : decomposed)
                #expect(new.inserted == (round == 0))
                #expect(new.memberAfterInsert.unicodeScalars.count == 4)
                let ordered = sorted.insert(round == 0 ? composed : decomposed)
                #expect(ordered.inserted == (round == 0))
                #expect(ordered.memberAfterInsert.unicodeScalars.count == 4)
                let bit = bits.insert(70)
                #expect(bit == (round == 0, 70))
            }
            #expect(names.remove(decomposed)?.unicodeScalars.count == 4)
            #expect(sorted.remove(decomposed)?.unicodeScalars.count == 4)
            #expect(bits.remove(70) == 70)
            #expect(names.remove(composed) == nil)
            #expect(sorted.remove(composed) == nil)
            #expect(bits.remove(70) == nil)
            for name in ["b", "a", "c"] { sorted.insert(name) }
            #expect(sorted.removeFirst() == "a" && sorted.removeLast() == "c")
            #expect(Array(sorted) == ["b"])
        }
    }

    @Test func setsMakeSetsInMemory() throws {
        try heap.write { tx in
            let one = try tx.set("one", of: Int.self)
            let other = try tx.sortedSet("other", of: Int.self)
            one.formUnion([1, 2, 3])
            other.formUnion([2, 3, 4])
            #expect(one.union(other) == [1, 2, 3, 4])
            #expect(one.intersection(other) == [2, 3])
            #expect(one.subtracting(other) == [1])
            #expect(one.symmetricDifference(other) == [1, 4])
            #expect(other.union([9]) == [2, 3, 4, 9])
            #expect(one.isStrictSuperset(of: [1, 2]) && !one.isStrictSuperset(of: [1, 2, 3]))
            #expect(one.isStrictSubset(of: [1, 2, 3, 4]) && !one.isStrictSubset(of: [1, 2, 3]))
            other.remove(4)
            #expect(other.isStrictSubset(of: one) && one.isStrictSuperset(of: other))
            #expect(!one.isStrictSubset(of: other) && !one.isStrictSuperset(of: one))
        }
    }

    /// A map's indices against its iterator, from empty to several segments and back.
    @Test func mapsAreCollections() throws {
        try heap.write { tx in
            let map = try tx.map("map", Int.self, String.self)
            #expect(map.startIndex == map.endIndex && map.first == nil)
            #expect(map.index(forKey: 3) == nil)
            for size in [1, 7, 8, 100, 5000] {
                for key in 0 ..< size { map[key] = "v\(key)" }
                try requireCollection(map)
            }
            for key in 0 ..< 4990 { map.removeValue(forKey: key) }
            try requireCollection(map)
            while let index = map.indices.first {
                let (key, value) = map.remove(at: index)
                #expect(value == "v\(key)" && map[key] == nil)
            }
            #expect(map.isEmpty && map.startIndex == map.endIndex)
        }
    }

    private func requireCollection(_ map: PersistentMap<Int, String>) throws {
        var iterator = map.makeIterator()
        var index = map.startIndex
        var count = 0
        while let (key, value) = iterator.next() {
            let entry = map[index]
            let isFound = map.index(forKey: key) == index
            if entry != (key, value) || !isFound || map.keys[index] != key
                || map.values[index] != value
            {
                Issue.record("entry \(count) of \(map.count)")
            }
            let next = map.index(after: index)
            if !(index < next) { Issue.record("indices do not ascend") }
            index = next
            count += 1
        }
        #expect(index == map.endIndex && count == map.count)
        #expect(map.distance(from: map.startIndex, to: map.endIndex) == map.count)
        #expect(map.keys.sorted() == map.map(\.key).sorted())
        #expect(map.keys.first == map.first?.key && map.values.first == map.first?.value)
    }

    @Test func dequesArePrependedInOrder() throws {
        try heap.write { tx in
            let deque = try tx.deque("deque", of: String.self)
            deque.append("d")
            deque.prepend(contentsOf: ["a", "b", "c"])
            deque.prepend(contentsOf: [])
            #expect(Array(deque) == ["a", "b", "c", "d"])
            deque.prepend(contentsOf: deque)
            #expect(Array(deque) == ["a", "b", "c", "d", "a", "b", "c", "d"])
        }
    }
}
