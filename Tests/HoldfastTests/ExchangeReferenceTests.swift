import Foundation
import Holdfast
import Testing
import TestSupport

private struct Node: HeapRecord {
    var value: Int
    var next: HeapRef<Node>?
    var friends = PersistentArray<HeapRef<Node>>()
    var owned: Leaf?
}

private struct Leaf: HeapRecord {
    var text: String
    var home: HeapRef<Leaf>?
}

private struct Article: HeapRecord {
    var title: String
    var author: SharedRef<Person>
    var reviewer: SharedRef<Person>?
}

private struct Person: HeapRecord {
    var name: String
    var mentor: SharedRef<Person>?
}

private struct Tree: HeapRecord {
    var children = PersistentArray<Tree>()
}

/// References of records are restored faithfully: cycles, counts of owners, and references to
/// records owned by others.
@Suite(.progress) struct ExchangeReferenceTests {
    @Test func circles() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let roots = try tx.array("nodes", of: HeapRef<Node>.self)
            let nodes = try (0 ..< 3).map { try tx.new(Node(value: $0)) }
            for index in 0 ..< 3 {
                nodes[index].next = nodes[(index + 1) % 3]
                for friend in nodes { nodes[index].friends.append(friend) }
                nodes[index].owned = Leaf(text: "leaf \(index)")
            }
            roots.append(nodes[0])
            roots.append(nodes[0])
        }
        let lines = try ExchangeRun.lines(heap, "nodes")
        #expect(lines.dropFirst().prefix(2) == [#"{"ref":1}"#, #"{"ref":1}"#])
        #expect(
            lines[3].hasPrefix(
                #"{"object":1,"value":{"friends":[{"ref":1},{"ref":2},{"ref":3}],"next":{"ref":2}"#),
            "\(lines[3])"
        )
        #expect(lines.count == 6)
        let copy = try ExchangeRun.copy(heap)
        try copy.read { tx in
            let nodes = try tx.array("nodes", of: HeapRef<Node>.self)
            let (first, second) = (nodes[0], nodes[1])
            #expect(first == second && first.value == 0)
            #expect(first.next!.next!.next! == first && first.next!.value == 1)
            #expect(
                first.next!.friends[2] == first.next!.next! && first.next!.owned?.text == "leaf 1")
        }
    }

    @Test func sharedRecordsCountTheirOwners() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let articles = try tx.map("articles", Int.self, Article.self)
            let ada = try tx.share(Person(name: "Ada"))
            let bob = try tx.share(Person(name: "Bob", mentor: ada))
            articles[1] = Article(title: "One", author: ada)
            articles[2] = Article(title: "Two", author: bob, reviewer: ada)
            try tx.set("names", of: String.self).insert("another root")
        }
        let copy = try ExchangeRun.copy(heap, inOrder: false)
        try copy.write { tx in
            let articles = try tx.map("articles", Int.self, Article.self)
            let (ada, bob) = (articles[1]!.author, articles[2]!.author)
            #expect(
                ada.name == "Ada" && ada.referenceCount == 3 && bob.referenceCount == 1
                    && bob.mentor == ada)
            articles.removeAll()
        }
        // The counts were right: nothing is left.
        try ExchangeRun.requireSound(copy)
    }

    /// References to records in collections lead to the copies in the collections, whichever comes
    /// first, even from another root.
    @Test func referencesToOwnedRecords() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let leaves = try tx.array("leaves", of: Leaf.self)
            for index in 0 ..< 4 { leaves.append(Leaf(text: "leaf \(index)")) }
            leaves[ref: 0].home = leaves[ref: 3]
            leaves[ref: 3].home = leaves[ref: 0]
            leaves[ref: 1].home = leaves[ref: 1]
            try tx.deque("before", of: HeapRef<Leaf>.self).append(leaves[ref: 2])
            try tx.deque("zuletzt", of: HeapRef<Leaf>.self).append(leaves[ref: 2])
        }
        #expect(
            try ExchangeRun.lines(heap, "leaves")[1]
                == ##"{"#":1,"home":{"ref":2},"text":"leaf 0"}"##)
        let copy = try ExchangeRun.copy(heap)
        try copy.read { tx in
            let leaves = try tx.array("leaves", of: Leaf.self)
            let (first, second, third, fourth) = (
                leaves[ref: 0], leaves[ref: 1], leaves[ref: 2], leaves[ref: 3]
            )
            #expect(
                first.home == fourth && fourth.home == first && second.home == second
                    && third.home == nil)
            let others = [
                try tx.deque("before", of: HeapRef<Leaf>.self)[0],
                try tx.deque("zuletzt", of: HeapRef<Leaf>.self)[0],
            ]
            #expect(others == [third, third])
        }
        // A root exported alone includes a copy of the records that it refers to.
        let alone = try PersistentHeap.inMemory()
        try ExchangeRun.add(try ExchangeRun.lines(heap, "before"), to: alone)
        try ExchangeRun.requireSound(alone)
    }

    /// A chain of references is no deep recursion.
    @Test func longChains() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            var last: HeapRef<Leaf>?
            for index in 0 ..< 30_000 { last = try tx.new(Leaf(text: "\(index)", home: last)) }
            try tx.array("chain", of: HeapRef<Leaf>?.self).append(last)
        }
        let copy = try PersistentHeap.inMemory()
        try ExchangeRun.add(try ExchangeRun.lines(heap, "chain"), to: copy)
        try copy.read { tx in
            var at = try tx.array("chain", of: HeapRef<Leaf>?.self)[0]
            var count = 0
            while let leaf = at {
                count += 1
                at = leaf.home
            }
            #expect(count == 30_000)
        }
        try ExchangeRun.requireSound(copy)
    }

    private func tree(depth: Int) throws -> PersistentHeap {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            var at = try tx.array("tree", of: Tree.self)
            for _ in 0 ..< depth {
                at.append(Tree())
                at = at[ref: 0].children
            }
        }
        return heap
    }

    /// The export already refuses nesting that JSON decoders would refuse.
    @Test func deepNesting() throws {
        _ = try ExchangeRun.copy(try tree(depth: 150))
        let deep = try tree(depth: 300)
        #expect {
            _ = try ExchangeRun.lines(deep, "tree")
        } throws: { "\($0)".contains("nested more than 400 levels deep") }
    }

    /// An export is complete or an error.
    @Test func danglingReferencesAreRefused() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let leaf = try tx.new(Leaf(text: "gone"))
            try tx.array("leaves", of: HeapRef<Leaf>.self).append(leaf)
            leaf.free()
        }
        #expect {
            _ = try ExchangeRun.lines(heap, "leaves")
        } throws: {
            "\($0)".contains("The root \"leaves\"") && "\($0)".contains("where there is no Leaf")
        }
    }

    /// Two exports with references in random order, with records of all kinds nested in each other.
    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func randomGraphs(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let owned = try tx.array("owned", of: Node.self)
            let people = try tx.array("people", of: SharedRef<Person>?.self)
            var nodes: [HeapRef<Node>] = []
            for index in 0 ..< 200 {
                if random.below(2) == 0 {
                    owned.append(Node(value: index))
                    nodes.append(owned[ref: owned.count - 1])
                } else {
                    nodes.append(try tx.new(Node(value: index)))
                }
                if random.below(3) == 0 { nodes[index].owned = Leaf(text: random.text()) }
            }
            for node in nodes {
                if random.below(2) == 0 { node.next = nodes[random.below(nodes.count)] }
                for _ in 0 ..< random.below(4) {
                    node.friends.append(nodes[random.below(nodes.count)])
                }
            }
            var shared: [SharedRef<Person>] = []
            for _ in 0 ..< 50 {
                let mentor =
                    shared.isEmpty || random.below(2) == 0
                    ? nil : shared[random.below(shared.count)]
                shared.append(try tx.share(Person(name: random.text(), mentor: mentor)))
            }
            for _ in 0 ..< 100 {
                people.append(random.below(5) == 0 ? nil : shared[random.below(50)])
            }
            try tx.array("entry", of: HeapRef<Node>.self).append(contentsOf: nodes)
            try tx.collectGarbage()
        }
        try ExchangeRun.requireSound(heap)
        let copy = try ExchangeRun.copy(heap)
        func shape(_ heap: PersistentHeap) throws -> [[Int]] {
            try heap.read { tx in
                try tx.array("entry", of: HeapRef<Node>.self).map { node in
                    [node.value, node.next?.value ?? -1] + node.friends.map(\.value)
                }
            }
        }
        #expect(try shape(copy) == shape(heap))
    }
}
