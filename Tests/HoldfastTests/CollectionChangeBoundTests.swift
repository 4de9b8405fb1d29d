import Foundation
import Holdfast
import HoldfastEngine
import Testing
import TestSupport

/// The changes of collections: what a slow consumer gets, and what is held for it.
@Suite(.progress, .timeLimit(.minutes(5))) struct CollectionChangeBoundTests {
    @HeapSchema struct Shop {
        var stock: PersistentMap<Int, Int>
        var log: PersistentArray<Int>
        var sorted: PersistentSortedMap<Int, Int>
    }

    typealias StockMirror = DictionaryMirror<Int, Int>

    @Test("The contents first, in batches; then each commit's changes, and nothing for others")
    func contentsThenChanges() async throws {
        let shop = try TypedHeap<Shop>.inMemory()
        try await shop.write { shop in for key in 0 ..< 25 { shop.stock[key] = key } }
        var changes = shop.changes(of: { $0.stock }, batchLimit: 10).makeAsyncIterator()
        var mirror = StockMirror()
        let contents = try await mirror.follow(&changes, limit: 10)
        #expect(contents.batches == 3)
        #expect(contents.changes == 25)
        #expect(mirror.content == Dictionary(uniqueKeysWithValues: (0 ..< 25).map { ($0, $0) }))

        try await shop.write { shop in
            shop.log.append(1)
            shop.stock[3] = 3
        }
        let writer = Task {
            try await Task.sleep(for: .milliseconds(20))
            try await shop.write { shop in
                shop.stock[4] = 40
                shop.stock[5] = nil
                shop.stock[100] = 7
            }
        }
        // The first commit has no difference, and is not returned.
        let batch = try #require(try await changes.next())
        let expected: [KeyedChange<Int, Int>] = [
            .updated(4, old: 4, new: 40), .removed(5, old: 5), .inserted(100, 7),
        ]
        #expect(batch.changes.count == 3)
        for change in expected {
            let isThere = batch.changes.contains(change)
            #expect(isThere, "\(change)")
        }
        #expect(batch.isLast)
        #expect(batch.to > batch.from!)
        try await writer.value
    }

    @Test("One edit of an array is one change, at the ends, in the middle and in place")
    func arrayEdits() async throws {
        let shop = try TypedHeap<Shop>.inMemory()
        try await shop.write { $0.log.append(contentsOf: 0 ..< 1000) }
        var changes = shop.changes(of: { $0.log }).makeAsyncIterator()
        let contents = try #require(try await changes.next())
        #expect(contents.lost?.isEverything == true)
        #expect(contents.changes.count == 1000)
        try await shop.write { $0.log.append(1000) }
        #expect(try await changes.next()?.changes == [.inserted(at: 1000, 1000)])
        try await shop.write { $0.log.insert(-1, at: 500) }
        #expect(try await changes.next()?.changes == [.inserted(at: 500, -1)])
        try await shop.write { $0.log[20] = 7 }
        #expect(try await changes.next()?.changes == [.updated(at: 20, old: 20, new: 7)])
        try await shop.write { $0.log.removeElement(at: 0) }
        #expect(try await changes.next()?.changes == [.removed(at: 0, old: 0)])
        try await shop.write { $0.log.removeLast() }
        #expect(try await changes.next()?.changes == [.removed(at: 1000, old: 1000)])
    }

    @Test("A consumer that does not read: no view is held, and the log does not grow")
    func nothingIsHeldForASlowConsumer() async throws {
        let disk = SimulatedDisk()
        disk.recordsContents = false
        var options = EngineOptions()
        options.initialLogBytes = 4 << 20
        options.logLimit = 4 << 20
        let heap = try PersistentHeap.open("/sim/test.heap", engineOptions: options, disk: disk)
        try await heap.write { tx in
            let stock = try tx.map("stock", Int.self, Int.self)
            for key in 0 ..< 20_000 { stock[key] = key }
        }
        try await heap.checkpoint()
        let budget = 64 << 10
        var changes = heap.changes(
            of: { tx in try tx.map("stock", Int.self, Int.self) }, logBudget: budget
        ).makeAsyncIterator()
        var mirror = StockMirror()
        _ = try await mirror.follow(&changes)
        #expect(heap.holdsObservedViews)
        #expect(try heap.views().count == 2)
        var longest = 0
        for commit in 0 ..< 1000 {
            try await heap.write { tx in
                let stock = try tx.map("stock", Int.self, Int.self)
                stock[commit % 2] = -commit
                try tx.array("other", of: Int.self).append(contentsOf: 0 ..< 100)
            }
            if commit % 100 == 99 {
                while heap.holdsObservedViews { try await Task.sleep(for: .milliseconds(1)) }
                try await heap.checkpoint()
                longest = max(longest, try heap.statistics().logBytes)
            }
        }
        // The log is empty after a checkpoint: nothing of it is held.
        #expect(longest == 0)
        #expect(try heap.views().count == 1)
        // The consumer goes on with what has changed.
        let later = try await mirror.follow(&changes)
        #expect(later.everything == 0)
        #expect(later.regions == 1)
        #expect(later.changes < 20_000)
        let now = try await heap.read { tx in
            Dictionary(try tx.map("stock", Int.self, Int.self))
        }
        #expect(mirror.content == now)
        try heap.close()
        #expect(try await changes.next() == nil)
    }

    @Test("A slow consumer of an array that was only appended to gets the new elements")
    func slowConsumerOfAnArray() async throws {
        let shop = try TypedHeap<Shop>.inMemory()
        try await shop.write { shop in
            shop.log.reserveCapacity(10_000)
            shop.log.append(contentsOf: 0 ..< 5000)
        }
        var changes = shop.changes(of: { $0.log }, batchLimit: 10_000, logBudget: 0)
            .makeAsyncIterator()
        var mirror = ArrayMirror<Int>()
        _ = try await mirror.follow(&changes)
        for number in 0 ..< 100 {
            try await shop.write { shop in
                shop.log.append(number)
                shop.log[number * 10] = -1
            }
        }
        while shop.heap.holdsObservedViews { try await Task.sleep(for: .milliseconds(1)) }
        let later = try await mirror.follow(&changes)
        #expect(later.everything == 0)
        // Elements share lines, and the old ones are not known.
        #expect(later.changes >= 200)
        #expect(later.changes <= 100 + 100 * 8)
        #expect(try await shop.read { Array($0.log) } == mirror.content)
    }

    @Test("A sorted map's lost region is a range of keys")
    func slowConsumerOfASortedMap() async throws {
        let shop = try TypedHeap<Shop>.inMemory()
        try await shop.write { shop in for key in 0 ..< 20_000 { shop.sorted[key] = key } }
        var changes = shop.changes(of: { $0.sorted }, batchLimit: 100_000, logBudget: 0)
            .makeAsyncIterator()
        var mirror = StockMirror()
        _ = try await mirror.follow(&changes)
        try await shop.write { $0.sorted[7000] = -1 }
        while shop.heap.holdsObservedViews { try await Task.sleep(for: .milliseconds(1)) }
        let batch = try #require(try await changes.next())
        let lost = try #require(batch.lost)
        #expect(!lost.isEverything)
        #expect(lost.contains(7000))
        #expect(!lost.contains(0))
        #expect(!lost.contains(12_000))
        // Its leaf, and perhaps the last one.
        #expect(batch.changes.count <= 60)
    }

    @Test("A consumer that stops in the middle of a difference begins again, and holds nothing")
    func interruptedDifference() async throws {
        let shop = try TypedHeap<Shop>.inMemory()
        try await shop.write { shop in for key in 0 ..< 500 { shop.stock[key] = key } }
        var changes = shop.changes(of: { $0.stock }, batchLimit: 100, logBudget: 0)
            .makeAsyncIterator()
        let first = try #require(try await changes.next())
        #expect(!first.isLast)
        try await shop.write { $0.stock[1] = -1 }
        while shop.heap.holdsObservedViews { try await Task.sleep(for: .milliseconds(1)) }
        var mirror = StockMirror()
        for change in first.changes { _ = mirror.apply(change) }
        let again = try await mirror.follow(&changes)
        #expect(again.everything == 1)
        #expect(try await shop.read { Dictionary($0.stock) } == mirror.content)
    }

    @Test("Only changed parts are read")
    func onlyChangedPartsAreRead() async throws {
        let heap = try PersistentHeap.inMemory()
        try await heap.write { tx in
            let stock = try tx.map("stock", Int.self, Int.self)
            let sorted = try tx.sortedMap("sorted", Int.self, Int.self)
            let log = try tx.array("log", of: Int.self)
            for key in 0 ..< 50_000 {
                stock[key] = key
                sorted[key] = key
            }
            log.append(contentsOf: 0 ..< 50_000)
        }
        let pages = try heap.comparedPages {
            try $0.map("stock", Int.self, Int.self)[4711] = -1
            try $0.sortedMap("sorted", Int.self, Int.self)[4711] = -1
            try $0.array("log", of: Int.self)[4711] = -1
        }
        // The map's pages are about 290, the tree's about 240, the array's 98. Of the map the
        // header, the directory and a chunk are read; of the tree the inner nodes and a leaf.
        #expect(pages.map.read <= 4)
        #expect(pages.map.changes == 1)
        #expect(pages.sorted.read <= 60)
        #expect(pages.sorted.changes == 1)
        #expect(pages.array.read <= 3)
        #expect(pages.array.changes == 1)
    }

    @Test("Writers beside a consumer that keeps only a little of the log")
    func concurrentWriters() async throws {
        let shop = try TypedHeap<Shop>.inMemory()
        let consumer = Task {
            var mirror = StockMirror()
            var changes = shop.changes(of: { $0.stock }, batchLimit: 50, logBudget: 16 << 10)
                .makeAsyncIterator()
            while mirror.content[-1] != 4 { _ = try await mirror.follow(&changes, limit: 50) }
            return mirror.content
        }
        await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0 ..< 4 {
                group.addTask {
                    for number in 0 ..< 300 {
                        try await shop.write { shop in
                            shop.stock[writer * 1000 + number % 200] = number
                            if number % 7 == 0 { shop.stock[writer * 1000 + number / 2] = nil }
                        }
                    }
                    try await shop.write { $0.stock[-1, default: 0] += 1 }
                }
            }
        }
        let content = try await consumer.value
        #expect(try await shop.read { Dictionary($0.stock) } == content)
    }
}
