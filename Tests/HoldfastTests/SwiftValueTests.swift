import Foundation
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

/// Swift's own collections, and other values of the standard library and Foundation, in a heap.
@Suite(.progress) struct SwiftValueTests {
    @Persistable enum Answer: Equatable {
        case none
        case words([String], Set<Int>)
        case span(Range<Double>, wait: Duration)
    }

    @Persistable struct Item: Equatable {
        var names: [String] = []
        var numbers: [Int32] = []
        var matrix: [[Double]] = []
        var tags: Set<String> = []
        var prices: [String: Decimal] = [:]
        var groups: [Int: [UUID: Bool]] = [:]
        var maybe: [String]?
        var holes: [Int?] = []
        var site: URL?
        var price: Decimal = 0
        var time: Duration = .zero
        var low: Int128 = 0
        var high: UInt128 = 0
        var range: Range<Int> = 0 ..< 0
        var letters: ClosedRange<String> = "a" ... "b"
        var answer = Answer.none
    }

    private static let full = Item(
        names: ["bolt", "a name of more than fifteen bytes", ""], numbers: [1, -2, .max],
        matrix: [[1.0, 2.0], [], [3.5]], tags: ["x", "é"],
        prices: ["bolt": Decimal(string: "0.1")!],
        groups: [7: [UUID(): true, UUID(): false], 8: [:]], maybe: ["a"], holes: [1, nil, 3],
        site: URL(string: "https://example.org/a%20b?c=d#e"),
        price: Decimal(string: "-12345678901234567890.123456789")!,
        time: .seconds(-3) + .nanoseconds(1), low: .min, high: .max, range: -3 ..< 1 << 40,
        letters: "a longer string than fifteen bytes" ... "z",
        answer: .words(["one", "two"], [1, 2, 3]))

    private let folder = try! TemporaryFolder()

    private func requireSound(_ heap: PersistentHeap) throws {
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
    }

    @Test func fieldsComeBack() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let items = try tx.array("items", of: Item.self)
            items.append(Item())
            items.append(Self.full)
            items.append(Self.full)
            items[ref: 2].answer = .span(-1.5 ..< .infinity, wait: .milliseconds(3))
        }
        let items = try heap.read { tx in Array(try tx.array("items", of: Item.self)) }
        #expect(items[0] == Item())
        #expect(items[1] == Self.full)
        #expect(items[2].answer == .span(-1.5 ..< .infinity, wait: .milliseconds(3)))
        try requireSound(heap)
    }

    /// Each kind of change, through a reference and as a whole, leaves nothing behind.
    @Test func changes() throws {
        let heap = try PersistentHeap.inMemory()
        let before = try heap.audit().usedBytes
        try heap.write { tx in
            let items = try tx.map("items", Int.self, Item.self)
            items[1] = Item()
            let item = items[ref: 1]!
            item.names.append("bolt")
            item.names[0] += " M6"
            item.tags.insert("steel")
            item.prices["bolt", default: 0] += 2
            item.groups[3] = [UUID(): true]
            item.maybe = ["x"]
            item.maybe = nil
            item.matrix.append([1])
            item.matrix[0].append(2)
            item.site = URL(fileURLWithPath: "/a b")
            item.range = 1 ..< 2
        }
        let item = try heap.read { tx in try tx.map("items", Int.self, Item.self)[1] }
        #expect(item?.names == ["bolt M6"] && item?.tags == ["steel"] && item?.matrix == [[1, 2]])
        #expect(item?.prices == ["bolt": 2] && item?.maybe == nil && item?.range == 1 ..< 2)
        #expect(item?.site == URL(fileURLWithPath: "/a b"))
        try requireSound(heap)
        try heap.write { tx in
            let items = try tx.map("items", Int.self, Item.self)
            items[1] = Self.full
            items[1] = Item()
            items[2] = Self.full
            items[2] = items[1]
        }
        try requireSound(heap)
        try heap.write { try $0.removeRoot("items", PersistentMap<Int, Item>.self) }
        try heap.checkpoint()
        #expect(try heap.audit().usedBytes == before)
    }

    @Test func valuesAndElements() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            _ = try tx.value("list", initial: ["a", "b"])
            try tx.map("lists", String.self, [Int].self)["x"] = [1, 2]
            try tx.map("lists", String.self, [Int].self)["x", default: []].append(3)
            try tx.array("sets", of: Set<String>.self).append(["a", "b"])
            try tx.deque("maps", of: [String: Int].self).append(["a": 1])
            try tx.sortedMap("spans", Int.self, Range<Int>.self)[1] = 2 ..< 5
            try tx.array("times", of: Duration.self).append(.seconds(3))
        }
        try heap.read { tx in
            let list = try tx.value("list", of: [String].self).value
            let lists = try tx.map("lists", String.self, [Int].self)["x"]
            let set = try tx.array("sets", of: Set<String>.self)[0]
            let map = try tx.deque("maps", of: [String: Int].self)[0]
            let span = try tx.sortedMap("spans", Int.self, Range<Int>.self)[1]
            let time = try tx.array("times", of: Duration.self)[0]
            #expect(list == ["a", "b"] && lists == [1, 2, 3] && set == ["a", "b"])
            #expect(map == ["a": 1] && span == 2 ..< 5 && time == .seconds(3))
        }
        try requireSound(heap)
    }

    /// The same field as a value and as a collection that is changed in place.
    @Test func aFieldBecomesACollection() throws {
        enum Before {
            struct Part: HeapRecord {
                var names: [String]
                var tags: Set<Int>
                var counts: [String: Int]
            }
        }
        enum After {
            struct Part: HeapRecord {
                var names: PersistentArray<String>
                var tags: PersistentSet<Int>
                var counts: PersistentMap<String, Int>
            }
        }
        let path = folder.path + "/a.heap"
        var heap = try PersistentHeap.open(path)
        try heap.write { tx in
            try tx.array("parts", of: Before.Part.self).append(
                Before.Part(names: ["a"], tags: [1, 2], counts: ["x": 1]))
        }
        try heap.close()
        heap = try PersistentHeap.open(path)
        try heap.write { tx in
            let part = try tx.array("parts", of: After.Part.self)[ref: 0]
            part.names.append("b")
            part.tags.remove(1)
            part.counts["y"] = 2
        }
        let part = try heap.read { tx in try tx.array("parts", of: Before.Part.self)[0] }
        #expect(part.names == ["a", "b"] && part.tags == [2] && part.counts == ["x": 1, "y": 2])
        try requireSound(heap)
        try heap.close()
    }

    // MARK: Copies and exchange

    @Test func packedCopies() throws {
        let heap = try PersistentHeap.open(folder.path + "/a.heap")
        try heap.write { tx in
            let items = try tx.array("items", of: Item.self)
            for _ in 0 ..< 200 { items.append(Self.full) }
            let padding = try tx.array("padding", of: Int.self)
            padding.append(contentsOf: 0 ..< 100_000)
        }
        try heap.write { try $0.removeRoot("padding", PersistentArray<Int>.self) }
        let copy = folder.path + "/b.heap"
        try heap.copy(to: copy)
        let packed = try PersistentHeap.open(copy, mode: .readOnly)
        let items = try packed.read { tx in Array(try tx.array("items", of: Item.self)) }
        #expect(items.count == 200)
        let isEqual = items.allSatisfy { $0 == Self.full }
        #expect(isEqual)
        try requireSound(packed)
    }

    @Test func exportedAndImported() throws {
        #expect(try ExchangeRun.copied(Self.full) == Self.full)
        #expect(try ExchangeRun.copied([[1: "a"], [:]]) == [[1: "a"], [:]])
        #expect(try ExchangeRun.copied(Int128.min ... -1) == Int128.min ... -1)
        #expect(try ExchangeRun.copied(Decimal.nan).isNaN)
        for value in [
            Decimal.greatestFiniteMagnitude, .leastFiniteMagnitude, .leastNonzeroMagnitude, .pi, -0,
        ] {
            #expect(try ExchangeRun.copied(value) == value)
        }
        for attoseconds in [Int128.min, -1, 0, .max] {
            let value = Duration(attoseconds: attoseconds)
            #expect(try ExchangeRun.copied(value) == value)
        }
        // Not every URL is one that can be made from its text.
        let empty = try #require(URLComponents().url)
        #expect(try ExchangeRun.copied(empty).absoluteString == "")
    }

    @Test func badInput() throws {
        let heap = try PersistentHeap.inMemory()
        for (type, values) in [
            "Range<Int>": ["[3,1]", "[1]", "\"x\""],
            "Decimal": [
                "\"\"", "\"-\"", "\"1,234.5\"", "\"12abc\"", "\"1e\"", "\"0x10\"",
                "\".5\"", "3",
            ],
            "Int128": ["\"1e3\"", "\"170141183460469231731687303715884105728\"", "\"\""],
            "Array<Duration>": ["[1]", "\"1\""], "URL": ["3"],
        ] {
            for value in values {
                let lines = [
                    "{\"holdfast\":1,\"root\":\"r\",\"type\":\"Value<\(type)>\"}", value,
                ]
                #expect(throws: (any Error).self, "\(type): \(value)") {
                    try ExchangeRun.add(lines, to: heap)
                }
            }
        }
    }

    /// A description stands for the persistent collection, also after a program has named the value
    /// that is stored in the same form.
    @Test func aValueDoesNotHideTheCollection() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            for name in ["x", "y"] { try tx.array(name, of: Int16.self).append(1) }
            try tx.removeRoot("y", [Int16].self)
        }
        #expect(try ExchangeRun.lines(heap, "x").count == 2)
        let check = try heap.check(knowing: [[Int16].self])
        #expect(check.isSound && check.unknownRoots == [])
    }

    /// A program's record of a name that Holdfast has got a type of since.
    @Test func recordsNamedLikeTheseTypes() throws {
        let text = "record Duration{n: Int @8, next: Ref<Duration>? @16; 32 bytes}"
        #expect(TypeRegistry.shared.type(describedAs: text) != nil)
    }

    /// A tool that does not have the program's types.
    @Test func typesMadeFromTheirDescriptions() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            try tx.array("ranges", of: Range<Date>.self).append(.now ..< .distantFuture)
            _ = try tx.value("wide", initial: [UInt128.max])
            _ = try tx.value("pages", initial: ["a": URL(string: "https://example.org")!])
        }
        for type: any Persistable.Type in [
            PersistentArray<Range<Date>>.self, PersistentValue<[UInt128]>.self,
            PersistentValue<[String: URL]>.self,
        ] {
            TypeRegistry.shared.forget(type)
        }
        try requireSound(heap)
        let lines = try ["ranges", "wide", "pages"].map { try ExchangeRun.lines(heap, $0) }
        #expect(lines[1].joined().contains("\"\(UInt128.max)\""))
        #expect(lines[2].joined().contains("example.org"))
        #expect(lines[0].count == 2)
    }

    /// Inside the program that has the types, tools look into the values and change them in place.
    @Test func inspectedAndChangedByTools() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            try tx.array("items", of: Item.self).append(Self.full)
            try tx.map("inspected lists", Int.self, [Set<String>].self)[7] = [["z"], []]
            let lists = try #require(try tx.place(ofRoot: "inspected lists"))
            try lists.value(forKey: .integer(7))?.append(.list([.text("new")]))
        }
        let texts = try heap.read { tx in
            try ["inspected lists", "items"].map {
                try tx.place(ofRoot: $0)?.plain().description ?? ""
            }
        }
        #expect(texts[0] == #"[7: [["z"], [], ["new"]]]"#)
        for part in ["matrix: [[1.0, 2.0], [], [3.5]]", "holes: [1, nil, 3]", "\"bolt\": 0.1"] {
            let isShown = texts[1].contains(part)
            #expect(isShown, "\(texts[1])")
        }
        try requireSound(heap)
    }

    // MARK: Damage and depth

    /// Bounds in the wrong order, written as the pair of numbers that they are.
    @Test func damagedRanges() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let value = try tx.value("range", initial: 1 ..< 9)
            tx.access.store(StoredRange(9, 1), at: value.offset)
        }
        let check = try heap.check()
        let text = "\(check.problems)"
        #expect(!check.isSound && text.contains("the lower bound of a range, 9"), "\(text)")
    }

    @Test func damagedTexts() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let value = try tx.value("price", initial: Decimal(3))
            tx.access.store(String.store("three", in: tx.access), at: value.offset)
        }
        let check = try heap.check()
        let text = "\(check.problems)"
        #expect(!check.isSound && text.contains("is not Decimal"), "\(text)")
    }

    @Persistable struct Tree {
        var number: Int
        var children: [Tree] = []
    }

    /// Records in arrays in records: more levels than a thread's stack has room for.
    @Test func deepValues() throws {
        let depth = 20_000
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            var tree = Tree(number: depth)
            for number in (0 ..< depth).reversed() { tree = Tree(number: number, children: [tree]) }
            let trees = try tx.array("trees", of: Tree.self)
            trees.append(tree)
            // Taken apart by hand: Swift frees nested arrays by recursion.
            while let child = tree.children.popLast() { tree = child }
        }
        try heap.read { tx in
            var tree = try tx.array("trees", of: Tree.self)[0]
            var count = 0
            while let child = tree.children.popLast() {
                tree = child
                count += 1
            }
            #expect(count == depth && tree.number == depth)
        }
        try requireSound(heap)
        try heap.write { try $0.removeRoot("trees", PersistentArray<Tree>.self) }
        try requireSound(heap)
    }

    /// Plain structs describe such fields by their bytes in memory, as before the types had a
    /// stored form.
    @Test func plainStructsAreDescribedAsBefore() throws {
        struct Plain: HeapStruct {
            var wide: Int128
            var time: Duration
        }
        #expect(
            try Plain.describe().text
                == "Plain{wide: Int128{16 bytes, aligned to 16} @0, time: Duration{_low: UInt64 @0, "
                + "_high: Int64 @8; 16 bytes} @16; 32 bytes}")
    }
}
