import Foundation
import Holdfast
import HoldfastInspection

/// The contents of a heap of which much has been removed: values of every kind, sparse and nested.
enum SparseContents {
    struct Node: HeapRecord {
        var name: String
        var next: HeapRef<Node>?
        var owned = PersistentArray<String>()
        var shared: SharedRef<Leaf>?
        var choice: Choice?
    }

    struct Leaf: HeapRecord {
        var text: String
        var data: Data
    }

    enum Choice: HeapUnion {
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

    static func fill(_ heap: PersistentHeap) throws {
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

    /// All contents as text, in an order that does not depend on where they lie.
    static func lines(of heap: PersistentHeap) throws -> [String] {
        var lines: [String] = []
        try heap.exportLines { lines.append($0) }
        return lines.sorted()
    }
}
