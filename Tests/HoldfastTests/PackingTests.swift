import Foundation
import TestSupport
@testable import Holdfast
import HoldfastEngine
@testable import HoldfastInspection
import Testing

/// A packed copy has the same contents in less space.
@Suite(.progress) struct PackingTests {
    private struct Node: HeapRecord {
        var name: String
        var next: HeapRef<Node>?
        var owned = PersistentArray<String>()
        var shared: SharedRef<Leaf>?
        var choice: Choice?
    }

    private struct Leaf: HeapRecord {
        var text: String
        var data: Data
    }

    private enum Choice: HeapUnion {
        case none
        case leaf(Leaf)
        case texts(PersistentArray<String>, Int)

        static let cases = [
            UnionCase("none", { Choice.none }) { if case .none = $0 { true } else { false } },
            UnionCase("leaf", Choice.leaf) { if case .leaf(let leaf) = $0 { leaf } else { nil } },
            UnionCase("texts", Choice.texts) {
                if case .texts(let texts, let number) = $0 { (texts, number) } else { nil }
            },
        ]
    }

    private let folder = try! TemporaryFolder()

    /// Values of every kind, sparse and nested.
    private func fill(_ heap: PersistentHeap) throws {
        func text(_ number: Int) -> String { "a text that needs a block, number \(number)" }
        try heap.write { tx in
            let texts = try tx.map("texts", String.self, String.self)
            let numbers = try tx.map("numbers", Int.self, Double.self)
            let set = try tx.set("set", of: String.self)
            let sorted = try tx.sortedMap("sorted", String.self, PersistentArray<Int>.self)
            for number in 0 ..< 9000 {
                texts[text(number)] = text(-number)
                numbers[number] = 1 / Double(number)
                set.insert(text(number))
                sorted[creating: text(number)].append(number)
            }
            for number in 0 ..< 9000 where number % 9 != 0 {
                texts[text(number)] = nil
                numbers[number] = nil
                set.remove(text(number))
                sorted[text(number)] = nil
            }
            let deque = try tx.deque("deque", of: String.self)
            for number in 0 ..< 50 { deque.append(text(number)) }
            for _ in 0 ..< 40 { deque.append(deque.popFirst()!) }
            try tx.array("array", of: String?.self).append(contentsOf: [
                nil, text(1), "short", text(2),
            ])
            try tx.string("string").append(text(7))
            try tx.bytes("bytes").append(contentsOf: Data(repeating: 9, count: 100_000))
            try tx.bitSet("bits").insert(4 ..< 900)
            try tx.sortedSet("sortedSet", of: Double.self).formUnion([.nan, 3, -.infinity, 0])
            _ = try tx.value("value", initial: Leaf(text: text(3), data: Data([1, 2, 3])))
            let nodes = try tx.array("nodes", of: Node.self)
            let leaf = try tx.share(Leaf(text: text(4), data: Data(count: 100)))
            for number in 0 ..< 30 {
                nodes.append(Node(name: text(number), shared: number % 3 == 0 ? leaf : nil))
                nodes[ref: number].owned.append(text(number))
                if number > 0 { nodes[ref: number].next = nodes[ref: number - 1] }
            }
            nodes[ref: 0].next = nodes[ref: 29]
            nodes[ref: 1].choice = .leaf(Leaf(text: text(5), data: Data(count: 20)))
            nodes[ref: 2].choice = .texts([text(6)], 7)
            nodes[ref: 3].choice = Choice.none
            // A cycle that only references lead to.
            let alone = try tx.new(Node(name: "alone", next: nil))
            alone.next = try tx.new(Node(name: "its friend", next: alone))
            _ = try tx.value("alone", initial: Optional(alone))
            // Many nested levels.
            let deep = try tx.map(
                "deep", Int.self, PersistentMap<Int, PersistentArray<PersistentDeque<String?>>>.self
            )
            for number in 0 ..< 20 {
                let inner = deep[creating: number][creating: number]
                inner.appendNew().append(contentsOf: [text(number), nil])
            }
        }
    }

    private func lines(_ heap: PersistentHeap) throws -> [String] {
        var lines: [String] = []
        try heap.exportLines { lines.append($0) }
        return lines
    }

    @Test func everythingIsThere() throws {
        let heap = try PersistentHeap.open(folder.file())
        try fill(heap)
        var progress: [Int] = []
        let snapshot = try heap.makeSnapshotEngine()
        let packer = Packer(
            snapshot: snapshot, path: folder.file("copy.heap"), replacing: false
        ) { done, all in
            #expect(done <= all)
            progress.append(done)
        }
        let isPacked = try packer.copy(always: true)
        try snapshot.close()
        #expect(isPacked)
        #expect(progress == progress.sorted() && !progress.isEmpty)
        let copy = try PersistentHeap.open(folder.file("copy.heap"))
        let check = try copy.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
        #expect(try copy.audit().problems.isEmpty)
        #expect(try copy.read { $0.version } == (try heap.read { $0.version }))
        #expect(copy.identity != heap.identity)
        // References lead to the same records as before, and the tables are in the same order.
        #expect(try lines(copy).sorted() == lines(heap).sorted())
        let (old, new) = (try heap.statistics(), try copy.statistics())
        #expect(new.heapBytes < old.heapBytes * 2 / 3, "\(new.heapBytes) of \(old.heapBytes)")
        #expect(
            new.heapBytes < new.usedBytes * 5 / 4 + 65536, "\(new.heapBytes) for \(new.usedBytes)")
        try copy.read { tx in
            let nodes = try tx.array("nodes", of: Node.self)
            #expect(nodes[ref: 0].next == nodes[ref: 29] && nodes[ref: 5].next == nodes[ref: 4])
            #expect(nodes[3].shared?.referenceCount == 10 && nodes[3].shared == nodes[6].shared)
            let alone = try tx.value("alone", of: HeapRef<Node>?.self)
            #expect(
                alone.value?.next?.next == alone.value && alone.value?.next?.name == "its friend")
        }
        // A heap like any other.
        try copy.write { tx in
            try tx.map("numbers", Int.self, Double.self).removeAll()
            try tx.removeRoot("nodes", PersistentArray<Node>.self)
            let sorted = try tx.sortedMap("sorted", String.self, PersistentArray<Int>.self)
            #expect(sorted.checkInvariants().problems.isEmpty)
            for number in 0 ..< 2000 { sorted[creating: "x \(number)"].append(1) }
            #expect(sorted.checkInvariants().problems.isEmpty)
        }
        #expect(try copy.check().isSound)
        try copy.close()
        try heap.close()
    }

    /// Blocks known only to the program would be lost, so the pages are copied.
    @Test func whatIsNotReachedIsCopiedByPages() throws {
        let heap = try PersistentHeap.open(folder.file())
        try fill(heap)
        let pointer = try heap.write { tx in tx.allocate(Movement(item: 7, delta: 8, weight: nil)) }
        try heap.copy(to: folder.file("copy.heap"))
        let copy = try PersistentHeap.open(folder.file("copy.heap"))
        #expect(try copy.read { $0[pointer].item } == 7)
        #expect(try copy.statistics().heapBytes == (try heap.statistics().heapBytes))
        try copy.close()
        try heap.close()
    }
}
