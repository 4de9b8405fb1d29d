import Foundation
import Holdfast
import HoldfastEngine
import HoldfastInspection
import Testing
import TestSupport

/// Verifying and reading a part of a heap costs the part, whatever the size of the rest.
@Suite(.progress) struct PartReadingTests {
    @Persistable struct Item {
        var number: Int
        var name: String
        var tags: PersistentArray<String>
        var counts: PersistentMap<String, Int>
    }

    private func heap(_ count: Int) throws -> PersistentHeap {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let items = try tx.array("items", of: Item.self)
            let names = try tx.map("names", String.self, Item.self)
            let sorted = try tx.sortedMap("sorted", Int.self, Item.self)
            for number in 0 ..< count {
                let item = Item(
                    number: number, name: "the item with the number \(number)",
                    tags: ["a", "b \(number)"], counts: ["x": number])
                items.append(item)
                names["key number \(number)"] = item
                sorted[number] = item
            }
        }
        return heap
    }

    /// The pages that are read to show one value.
    private func pages(
        _ heap: PersistentHeap, _ root: String, _ go: (ValuePlace) throws -> ValuePlace?
    ) throws -> Int {
        try heap.pagesRead { tx in
            let root = try #require(try tx.verifiedPlace(ofRoot: root))
            #expect(try root.problem(reading: .itself) { true } == nil)
            let place = try #require(try go(root))
            let all = ValuePlace.Part.elements(0 ..< 100, nested: 10, depth: 5)
            #expect(try place.problem(reading: all) { true } == nil)
            #expect(place.plain(limit: 10, depth: 5) != .null)
        }
    }

    @Test func oneValueTouchesFewPages() throws {
        for count in [300, 20_000] {
            let heap = try heap(count)
            let element = try pages(heap, "items") { root in root.element(at: count / 2) }
            let field = try pages(heap, "items") { root in
                let item = try #require(root.element(at: count - 1))
                #expect(try item.problem(reading: .itself) { true } == nil)
                return item.field("tags")
            }
            let entry = try pages(heap, "names") { root in
                let key = PlainValue.text("key number \(count / 3)")
                #expect(try root.problem(reading: .key(key)) { true } == nil)
                return try root.value(forKey: key)
            }
            let ordered = try pages(heap, "sorted") { root in
                let key = PlainValue.integer(count / 3)
                #expect(try root.problem(reading: .key(key)) { true } == nil)
                return try root.value(forKey: key)
            }
            // A segment of a map is at most 64 KiB, and its keys lie in blocks of their own.
            #expect(element < 20, "\(count)")
            #expect(field < 20, "\(count)")
            #expect(ordered < 20, "\(count)")
            #expect(entry < 250, "\(count)")
        }
    }

    /// The first elements of a map or set are verified with the segments or leaves that they lie
    /// in, and not with the rest.
    @Test func theBeginningOfALargeMapTouchesFewPages() throws {
        let heap = try heap(20_000)
        for (root, limit) in [("names", 700), ("sorted", 100), ("items", 100)] {
            let pages = try heap.pagesRead { tx in
                let root = try #require(try tx.verifiedPlace(ofRoot: root))
                let part = ValuePlace.Part.elements(0 ..< 20, nested: 5, depth: 5)
                #expect(try root.problem(reading: part) { true } == nil)
                _ = root.plain(limit: 20, depth: 4)
            }
            #expect(pages < limit, "\(root) \(pages)")
        }
    }

    /// Whatever byte of a heap is wrong, verifying a part and then reading it never traps.
    @Test func damageIsAProblemAndNoTrap() throws {
        let folder = try TemporaryFolder()
        let path = folder.file()
        do {
            let heap = try PersistentHeap.open(path)
            try heap.write { tx in
                let items = try tx.array("items", of: Item.self)
                let names = try tx.map("names", String.self, Item.self)
                let sorted = try tx.sortedMap("sorted", String.self, Item.self)
                for number in 0 ..< 60 {
                    let item = Item(
                        number: number, name: "the item with the number \(number)",
                        tags: ["a"], counts: ["x": number, "y": 2])
                    items.append(item)
                    names["a long key, number \(number)"] = item
                    sorted["a long key, number \(number)"] = item
                }
            }
            try heap.close()
        }
        let sound = try Data(contentsOf: URL(filePath: path))
        var random = SplitMix(state: 7)
        let rounds = TestExtent.choose(quick: 400, full: 5000)
        var problems = 0
        for _ in 0 ..< rounds {
            var bytes = sound
            // Behind the headers and the allocator's own pages.
            for _ in 0 ..< Int.random(in: 1 ... 4, using: &random) {
                let place = Int.random(in: 5 << 12 ..< sound.count, using: &random)
                bytes[place] = UInt8.random(in: .min ... .max, using: &random)
            }
            let damaged = folder.file("damaged.heap")
            try? FileManager.default.removeItem(atPath: damaged)
            try bytes.write(to: URL(filePath: damaged))
            let heap = try PersistentHeap.open(damaged, mode: .readOnly)
            try heap.read { tx in
                for name in ["items", "names", "sorted"] {
                    problems += try Self.readParts(tx, name) ? 0 : 1
                }
            }
            try heap.close()
        }
        #expect(problems > 0)
    }

    /// Returns false if there was a problem.
    private static func readParts(_ tx: borrowing ReadTransaction, _ name: String) throws -> Bool {
        guard let root = try? tx.verifiedPlace(ofRoot: name),
            try root.problem(reading: .itself, goingOn: { true }) == nil
        else { return false }
        let part = ValuePlace.Part.elements(3 ..< 13, nested: 5, depth: 6)
        guard try root.problem(reading: part, goingOn: { true }) == nil else { return false }
        if name == "items" {
            for index in 3 ..< min(13, root.count ?? 0) {
                _ = root.element(at: index)?.plain(limit: 5, depth: 5)
            }
            return true
        }
        for (key, value) in try root.entries(from: 3, limit: 10) {
            _ = (key.plain(), value?.plain(limit: 5, depth: 5))
        }
        let key = PlainValue.text("a long key, number 31")
        guard try root.problem(reading: .key(key), goingOn: { true }) == nil else { return false }
        guard let found = try root.value(forKey: key) else { return true }
        let all = ValuePlace.Part.elements(0 ..< 10, nested: 5, depth: 6)
        guard try found.problem(reading: all, goingOn: { true }) == nil else { return false }
        _ = found.plain(limit: 5, depth: 5)
        return true
    }
}
