import Foundation
import Holdfast
import TestSupport
import Testing

/// Views that stay open while much is committed, as a program sees them.
@Suite struct KeptViewTests {
    private let folder = try! TemporaryFolder()
    private let options = PersistentHeap.Options(
        logLimit: 1 << 20, checkpointsInBackground: false, viewBudget: 2 << 20)

    private func change(_ heap: PersistentHeap, _ number: Int) throws {
        try heap.write { tx in
            let numbers = try tx.array("numbers", of: Int.self)
            numbers.removeAll(keepingCapacity: true)
            numbers.append(contentsOf: repeatElement(number, count: 100_000))
        }
    }

    private func sum(_ tx: borrowing ReadTransaction) throws -> Int {
        try tx.array("numbers", of: Int.self).reduce(0, +)
    }

    /// Twenty times the log's limit goes by, and the log does not grow.
    @Test func theLogStaysShort() throws {
        let heap = try PersistentHeap.open(folder.file(), options: options)
        try change(heap, 1)
        // What the log has changed is private to the snapshot anyhow.
        try heap.checkpoint()
        let snapshot = try heap.snapshot()
        for number in 2 ... 30 { try change(heap, number) }
        let statistics = try heap.statistics()
        #expect(statistics.logBytes < 3 << 20 && statistics.logFileBytes < 8 << 20)
        #expect(statistics.keptBytes > 700_000 && statistics.keptBytes < 2 << 20)
        #expect(try snapshot.read { try sum($0) } == 100_000)
        #expect(try heap.views().map(\.heldLogBytes).max()! < 3 << 20)
        try snapshot.close()
        #expect(try heap.statistics().keptBytes == 0)
        try heap.close()
        #expect(folder.names == ["test.heap"])
    }

    /// The oldest of those that nobody reads.
    @Test func forgottenViewsAreEnded() throws {
        let heap = try PersistentHeap.open(folder.file(), options: options)
        var snapshots: [HeapSnapshot] = []
        for number in 1 ... 8 {
            for _ in 0 ..< 4 { try change(heap, number) }
            try heap.checkpoint()
            snapshots.append(try heap.snapshot())
        }
        for _ in 0 ..< 6 { try change(heap, 9) }
        #expect(try heap.statistics().keptBytes <= 2 << 20)
        let sums = snapshots.map { snapshot in
            Result { try snapshot.read { try sum($0) } }.mapError { $0 as! HeapError }
        }
        #expect(sums[0] == .failure(.viewEnded(path: heap.path)))
        #expect(sums[7] == .success(800_000))
        let firstAlive = try #require(sums.firstIndex { (try? $0.get()) != nil })
        for (index, sum) in sums.enumerated() {
            #expect(
                sum
                    == (index < firstAlive
                        ? .failure(.viewEnded(path: heap.path))
                        : .success((index + 1) * 100_000)))
        }
        for snapshot in snapshots { try snapshot.close() }
        #expect(throws: HeapError.closed(path: heap.path)) { try snapshots[0].read { try sum($0) } }
        try heap.close()
        #expect(folder.names == ["test.heap"])
    }
}
