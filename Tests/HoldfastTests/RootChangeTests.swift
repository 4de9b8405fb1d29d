import Foundation
import Holdfast
import HoldfastEngine
import Testing
import TestSupport

/// Which roots commits have touched.
@Suite(.progress, .timeLimit(.minutes(5))) struct RootChangeTests {
    @Persistable struct Card {
        var title: String
        var tags: [String] = []
    }

    @HeapSchema struct Shop {
        var stock: PersistentMap<Int, Int>
        var cards: PersistentArray<Card>
        var lists: PersistentMap<Int, PersistentArray<Int>>
        var names: PersistentSortedMap<String, Int>
        var lastOrder = 0
    }

    @Test("Each commit names the roots that it has changed, also deep inside values")
    func touchedRoots() async throws {
        let shop = try TypedHeap<Shop>.inMemory()
        try await shop.write { shop in
            for key in 0 ..< 2000 {
                shop.stock[key] = key
                shop.cards.append(Card(title: "a title of more than fifteen bytes \(key)"))
                shop.lists[creating: key].append(key)
                shop.names["a name of more than fifteen bytes \(key)"] = key
            }
        }
        let heap = shop.heap
        var changes = shop.rootChanges.makeAsyncIterator()
        let steps: [(names: [String], change: @Sendable (Shop) -> Void)] = [
            (["stock"], { $0.stock[1000] = -1 }),
            (["cards"], { $0.cards[ref: 1000].tags.append("blue") }),
            (["lists"], { $0.lists[1000]!.append(-1) }),
            (["names"], { $0.names["a name of more than fifteen bytes 1000"] = -1 }),
            (
                ["names", "stock"],
                {
                    $0.names["new"] = 1; $0.stock[-1] = 1
                }
            ),
        ]
        // Before the first step, it is not known what a commit has changed.
        try await shop.write { $0.stock[1] = -1 }
        #expect(
            try await changes.next()?.names == ["cards", "lastOrder", "lists", "names", "stock"])
        for step in steps {
            try await shop.write { step.change($0) }
            let touched = try #require(try await changes.next())
            // Small blocks of several roots share lines.
            let isTold = touched.names.filter { step.names.contains($0) } == step.names
            #expect(isTold, "\(touched.names) instead of \(step.names)")
            #expect(touched.names.count <= step.names.count + 1)
            #expect(touched.from < touched.to)
        }
        // Roots that come and go, and a value.
        try await heap.write { try $0.map("more", Int.self, Int.self)[1] = 1 }
        #expect(try await changes.next()?.names == ["more"])
        try await shop.write { $0.lastOrder = 1 }
        #expect(try await changes.next()?.names.contains("lastOrder") == true)
        try await heap.write { _ = try $0.removeRoot("more", PersistentMap<Int, Int>.self) }
        #expect(try await changes.next()?.names == ["more"])
        try heap.close()
        #expect(try await changes.next() == nil)
    }

    @Test("Several commits come as one element, and nothing is held for it")
    func slowConsumer() async throws {
        let shop = try TypedHeap<Shop>.inMemory()
        var changes = shop.rootChanges.makeAsyncIterator()
        try await shop.write { $0.stock[0] = 0 }
        #expect(try await changes.next() != nil)
        for number in 0 ..< 500 {
            try await shop.write { shop in
                shop.stock[number] = number
                shop.names["\(number)"] = number
            }
        }
        #expect(try await changes.next()?.names == ["names", "stock"])
        let open = try shop.heap.views().filter(\.isOpen)
        #expect(open.isEmpty)
    }
}
