import Foundation
import Holdfast
import HoldfastEngine
import HoldfastSystem
import Testing
import TestSupport

/// The changes of collections: what a slow consumer gets, what is held for it, and how it ends.
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

    @Test("A collection that does not exist is empty: before, between and after")
    func removedRoots() async throws {
        let heap = try PersistentHeap.inMemory()
        var changes = heap.changes(of: { tx in try tx.map("stock", Int.self, Int.self) })
            .makeAsyncIterator()
        var mirror = StockMirror()
        let contents = try await mirror.follow(&changes)
        #expect(contents.changes == 0)
        try await heap.write { try $0.map("stock", Int.self, Int.self)[1] = 10 }
        _ = try await mirror.follow(&changes)
        #expect(mirror.content == [1: 10])
        try await heap.write { _ = try $0.removeRoot("stock", PersistentMap<Int, Int>.self) }
        _ = try await mirror.follow(&changes)
        #expect(mirror.content == [:])
        try await heap.write { try $0.map("stock", Int.self, Int.self)[2] = 20 }
        _ = try await mirror.follow(&changes)
        // Removed and made again in one commit.
        try await heap.write { tx in
            _ = try tx.removeRoot("stock", PersistentMap<Int, Int>.self)
            try tx.map("stock", Int.self, Int.self)[3] = 30
        }
        _ = try await mirror.follow(&changes)
        #expect(mirror.content == [3: 30])
    }

    @Test("Another opening's commits, a read-only one's iteration, and compaction")
    func otherOpenings() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/test.heap"
        let writer = try TypedHeap<Shop>.open(path)
        try await writer.write { $0.stock[1] = 1 }
        let reader = try TypedHeap<Shop>(
            PersistentHeap.open(
                path, mode: .readOnly, engineOptions: EngineOptions(), disk: SystemDisk.shared))
        var changes = reader.changes(of: { $0.stock }).makeAsyncIterator()
        var mirror = StockMirror()
        _ = try await mirror.follow(&changes)
        for number in 2 ..< 6 {
            try await writer.write { $0.stock[number] = number }
            if number == 4 { try await writer.heap.compact() }
            _ = try await mirror.follow(&changes)
            #expect(mirror.content.count == number)
        }
        let copy = try TypedHeap<Shop>.open(path, mode: .privateCopy)
        var refused = copy.changes(of: { $0.stock }).makeAsyncIterator()
        var found: HeapError?
        do { _ = try await refused.next() } catch { found = error as? HeapError }
        #expect(found == HeapError.noFile(path: path))
        for heap in [copy.heap, reader.heap, writer.heap] { try heap.close() }
        #expect(try await changes.next() == nil)
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(files == ["test.heap"])
    }

    @Test("A suspension takes the views, and is not ended; then the old state is lost")
    func suspension() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/test.heap"
        let heap = try TypedHeap<Shop>.open(path)
        try await heap.write { $0.stock[1] = 1 }
        let other = try PersistentHeap.open(
            path, engineOptions: EngineOptions(), disk: SystemDisk.shared)
        var changes = heap.changes(of: { $0.stock }).makeAsyncIterator()
        var mirror = StockMirror()
        _ = try await mirror.follow(&changes)
        #expect(try other.views().count == 3)
        try await heap.heap.suspend()
        #expect(try other.views().count == 1)
        try await other.write { try $0.map("stock", Int.self, Int.self)[2] = 2 }
        try await Task.sleep(for: .milliseconds(100))
        #expect(heap.heap.engine.isSuspended)
        try await heap.heap.resume()
        let later = try await mirror.follow(&changes)
        #expect(later.everything + later.regions == 1)
        #expect(mirror.content == [1: 1, 2: 2])
        try heap.close()
        try other.close()
        #expect(try await changes.next() == nil)
    }

    @Test("Cancelled and finished iterations leave nothing behind, and closing leaves one file")
    func nothingIsLeft() async throws {
        let folder = try TemporaryFolder()
        let heap = try TypedHeap<Shop>.open(folder.path + "/test.heap")
        try await heap.write { shop in for key in 0 ..< 100 { shop.stock[key] = key } }
        let tasks = (0 ..< 5).map { _ in
            Task { for try await _ in heap.changes(of: { $0.stock }, batchLimit: 10) {} }
        }
        while try heap.heap.views().count < 6 { try await Task.sleep(for: .milliseconds(1)) }
        tasks[0].cancel()
        try await tasks[0].value
        #expect(heap.heap.observerCount == 4)
        for task in tasks { task.cancel() }
        for task in tasks { try await task.value }
        #expect(heap.heap.observerCount == 0)
        #expect(try heap.heap.views().count == 1)
        // One more, which is waiting when the heap is closed.
        let last = Task {
            for try await _ in heap.changes(of: { $0.stock }, batchLimit: 1000) {}
        }
        while try heap.heap.views().count < 2 { try await Task.sleep(for: .milliseconds(1)) }
        try heap.close()
        try await last.value
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(files == ["test.heap"])
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
