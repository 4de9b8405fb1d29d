import Foundation
import Holdfast
import HoldfastEngine
import HoldfastSystem
import Testing
import TestSupport

@Persistable private struct Row: Equatable {
    var title: String
    @Indexed var level: Int
}

/// The changes of collections: roots that come and go, other openings, suspensions and ends.
@Suite(.progress, .timeLimit(.minutes(5))) struct CollectionChangeEndTests {
    @HeapSchema struct Shop { var stock: PersistentMap<Int, Int> }

    typealias StockMirror = DictionaryMirror<Int, Int>

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

    @Test("Rows of a table, by their identifiers")
    func tables() async throws {
        let heap = try PersistentHeap.inMemory()
        var changes = heap.changes(of: { tx in try tx.table("rows", of: Row.self) })
            .makeAsyncIterator()
        var levels = heap.changes(of: { tx in try tx.table("rows", of: Row.self) }) { $0.level }
            .makeAsyncIterator()
        var mirror = DictionaryMirror<Row.RowID, Row>()
        var seen = DictionaryMirror<Row.RowID, Int>()
        _ = try await mirror.follow(&changes)
        _ = try await seen.follow(&levels)
        let ids = try await heap.write { tx in
            let rows = try tx.table("rows", of: Row.self)
            return (0 ..< 5).map { rows.insert(Row(title: "row \($0)", level: $0)) }
        }
        _ = try await mirror.follow(&changes)
        _ = try await seen.follow(&levels)
        try await heap.write { tx in
            let rows = try tx.table("rows", of: Row.self)
            rows[ids[1]]?.level = 7
            rows[ids[2]] = nil
        }
        let steps = try await mirror.follow(&changes)
        _ = try await seen.follow(&levels)
        #expect(steps.changes == 2)
        #expect(mirror.content.count == 4)
        #expect(mirror.content[ids[1]] == Row(title: "row 1", level: 7))
        #expect(seen.content == mirror.content.mapValues(\.level))
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
}
