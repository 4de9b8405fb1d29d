import Foundation
import Holdfast
import HoldfastInspection
import Testing
import TestSupport

/// Collections that are created with elements, before they have a place in a heap.
@Suite(.progress) struct NewCollectionTests {
    private struct Item: HeapRecord {
        var name: String
        var tags: PersistentArray<String> = []
        var queue: PersistentDeque<Int> = []
        var kinds: PersistentSet<String> = []
        var sorted: PersistentSortedSet<Int> = []
        var prices: PersistentMap<String, Double> = [:]
        var days: PersistentSortedMap<Int, String> = [:]
        var note = PersistentString()
        var scan = PersistentBytes()
        var bits = PersistentBitSet()
        var nested: PersistentArray<PersistentArray<Int>>?
    }

    private let folder = try! TemporaryFolder()

    private func full(_ tags: [String]) -> Item {
        Item(
            name: "bolt", tags: PersistentArray(tags), queue: [1, 2], kinds: PersistentSet(tags),
            sorted: [3, 1, 2],
            prices: ["a": 1.5, "b": 2.5], days: [2: "b", 1: "a"],
            note: PersistentString("a note that is long enough for a block"),
            scan: PersistentBytes(Data([1, 2, 3])), bits: PersistentBitSet([5, 70]),
            nested: [[1], [], [2, 3]])
    }

    private func requireFull(_ item: Item?) throws {
        let item = try #require(item)
        #expect(item.tags == ["steel", "M6"])
        #expect(Array(item.queue) == [1, 2])
        #expect(Set(item.kinds) == ["steel", "M6"])
        #expect(Array(item.sorted) == [1, 2, 3])
        #expect(Dictionary(item.prices) == ["a": 1.5, "b": 2.5])
        #expect(item.days.map(\.value) == ["a", "b"])
        #expect(item.note == "a note that is long enough for a block")
        #expect(Array(item.scan) == [1, 2, 3])
        #expect(Array(item.bits) == [5, 70])
        #expect(item.nested?.map { Array($0) } == [[1], [], [2, 3]])
    }

    @Test func areTakenOverByTheirPlace() throws {
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            let items = try tx.map("items", String.self, Item.self)
            items["bolt"] = full(["steel", "M6"])
            items["empty"] = Item(name: "empty")
            try requireFull(items["bolt"])
        }
        try heap.read { tx in
            let items = try tx.map("items", String.self, Item.self)
            try requireFull(items["bolt"])
            #expect(items["empty"]?.tags.isEmpty == true)
            #expect(items["empty"]?.nested == nil)
            // Comparing with a literal allocates nothing in the heap, so it works in a read
            // transaction.
            #expect(items["bolt"]?.tags == ["steel", "M6"])
            #expect(items["bolt"]?.prices == ["a": 1.5, "b": 2.5])
            #expect(items["bolt"]?.tags != ["steel"])
            #expect(items["bolt"]?.prices != ["a": 1.5])
            #expect(items["none"]?.tags != ["steel"])
            #expect(items["bolt"]?.note == "a note that is long enough for a block")
        }
        let check = try heap.check(knowing: [PersistentMap<String, Item>.self])
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
        // As elements and values, too.
        try heap.write { tx in
            let lists = try tx.map("lists", Int.self, PersistentArray<String>.self)
            lists[1] = ["a", "b"]
            lists[1] = ["c"]
            lists[2] = []
            try tx.array("texts", of: PersistentString.self).append(PersistentString("text"))
            #expect(lists[1] == ["c"])
            #expect(lists[2] == [String]())
        }
        #expect(try heap.check().unreachedBlocks == 0)
        try heap.close()
    }

    /// Stored twice it becomes two; one that is never stored leaves nothing behind.
    @Test func belongToOnePlace() throws {
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            let lists = try tx.map("lists", Int.self, PersistentArray<Int>.self)
            let list = PersistentArray([1, 2, 3])
            lists[1] = list
            lists[2] = list
            lists[1]?.append(4)
            #expect(lists[1] == [1, 2, 3, 4])
            #expect(lists[2] == [1, 2, 3])
            let forgotten: PersistentMap<String, PersistentArray<String>> = ["a": ["b", "c"]]
            #expect(forgotten.count == 1)
        }
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
        struct Refusal: Error {}
        #expect(throws: Refusal.self) {
            try heap.write { tx in
                try tx.map("lists", Int.self, PersistentArray<Int>.self)[3] = [7]
                _ = PersistentArray([1, 2, 3])
                throw Refusal()
            }
        }
        #expect(
            try heap.read { try $0.map("lists", Int.self, PersistentArray<Int>.self).count } == 2)
        try heap.write { tx in _ = PersistentSet([1]) }
        #expect(try heap.check().unreachedBlocks == 0)
        // In a heap that is being built, and from one heap to another.
        try PersistentHeap.build(folder.file("built.heap")) { tx in
            try tx.map("lists", Int.self, PersistentArray<Int>.self)[1] = [1, 2]
            _ = PersistentArray([9])
        }
        let built = try PersistentHeap.open(folder.file("built.heap"))
        #expect(try built.check().unreachedBlocks == 0)
        try built.write { outer in
            let target = try outer.map("lists", Int.self, PersistentArray<Int>.self)
            try heap.write { _ in target[2] = [5, 6] }
            #expect(target[2] == [5, 6])
        }
        #expect(try built.check().unreachedBlocks == 0)
        #expect(try heap.check().unreachedBlocks == 0)
        try built.close()
        try heap.close()
    }

    @Test func areNotMadeOutsideOfWriting() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            _ = PersistentArray([1, 2])
        }
        #expect(said(result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let heap = try PersistentHeap.inMemory()
            try heap.read { _ in _ = PersistentString("text") }
        }
        #expect(said(result))
    }

    private func said(_ result: ExitTest.Result?) -> Bool {
        guard let result else { return false }
        return String(decoding: result.standardErrorContent, as: UTF8.self).contains(
            "was created outside of a write transaction")
    }
}
