import Foundation
import Holdfast
import HoldfastEngine
import HoldfastInspection
import Synchronization
import Testing
import TestSupport

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A heap in memory can do all that a heap in a file can.
@Suite(.progress) struct InMemoryHeapTests {
    private func heap(_ options: PersistentHeap.Options = .init()) throws -> PersistentHeap {
        let heap = try PersistentHeap.inMemory(options: options)
        try set(heap, 1)
        return heap
    }

    private func set(_ heap: PersistentHeap, _ value: Int) throws {
        try heap.write { try $0.value("v", initial: 0).value = value }
    }

    private func value(_ heap: PersistentHeap) throws -> Int {
        try heap.read { try $0.value("v", of: Int.self).value }
    }

    // MARK: Threads

    @Test func aReaderDoesNotWaitForTheWriter() throws {
        let heap = try heap()
        try heap.write { tx in
            try tx.value("v", initial: 0).value = 2
            let seen = try elsewhere { try heap.read { try $0.value("v", of: Int.self).value } }
            #expect(seen == 1)
        }
        #expect(try value(heap) == 2)
        try heap.close()
    }

    @Test func theWriterDoesNotWaitForAReader() throws {
        let heap = try heap()
        try heap.read { tx in
            for next in 2 ..< 20 {
                // Neither does the open read keep later readers on its state.
                let seen = try elsewhere {
                    try heap.write { try $0.value("v", initial: 0).value = next }
                    return try heap.read { try $0.value("v", of: Int.self).value }
                }
                #expect(seen == next)
            }
            let seen = try tx.value("v", of: Int.self).value
            #expect(seen == 1)
        }
        #expect(try value(heap) == 19)
        try heap.close()
    }

    @Test func changesAreReported() async throws {
        let heap = try heap()
        let before = heap.version
        #expect(try await !heap.waitForChange(since: before, timeout: .zero))
        let changes = heap.changes
        let started = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            started.wait()
            try? heap.write { try $0.value("v", initial: 0).value = 2 }
        }
        started.signal()
        #expect(try await heap.waitForChange(since: before, timeout: .seconds(30)))
        for await version in changes where version > before { break }
        let seen = try await heap.read { $0.version }
        #expect(seen == heap.version)
        try heap.close()
        for await _ in changes {}
    }

    @Test func viewsAreListed() throws {
        let heap = try heap()
        #expect(try heap.views().map(\.isOpen) == [false])
        #expect(try heap.views().map(\.processNumber) == [getpid()])
        let snapshot = try heap.snapshot()
        #expect(try heap.views().map(\.isSnapshot).sorted { !$0 && $1 } == [false, true])
        #expect(try heap.statistics().otherOpenings.count == 1)
        try snapshot.close()
        #expect(try heap.views().count == 1)
        try heap.close()
    }

    // MARK: Snapshots and copies

    @Test func aSnapshotStandsStill() throws {
        let heap = try heap()
        let snapshot = try heap.snapshot()
        for next in 2 ..< 50 {
            try set(heap, next)
            if next % 10 == 0 { try heap.checkpoint() }
        }
        let second = try heap.snapshot()
        #expect(try snapshot.read { try $0.value("v", of: Int.self).value } == 1)
        #expect(try second.read { try $0.value("v", of: Int.self).value } == 49)
        // The heap may be closed before its snapshots.
        try heap.close()
        #expect(try snapshot.read { try $0.value("v", of: Int.self).value } == 1)
        #expect(try second.read { try $0.value("v", of: Int.self).value } == 49)
        try snapshot.close()
        #expect(throws: HeapError.closed(path: "(in memory)")) { try snapshot.read { _ in } }
        try second.close()
        #expect(throws: HeapError.closed(path: "(in memory)")) { _ = try heap.snapshot() }
    }

    /// A snapshot that is taken while another thread closes the heap is whole, or an error.
    @Test func snapshotsBesideClosing() throws {
        for round in 0 ..< 100 {
            let heap = try heap()
            try set(heap, round)
            let (began, done) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let unexpected = Mutex<[String]>([])
            Thread.detachNewThread {
                began.signal()
                do {
                    while true {
                        let snapshot = try heap.snapshot()
                        let seen = try snapshot.read { try $0.value("v", of: Int.self).value }
                        if seen != round { unexpected.withLock { $0.append("\(seen)") } }
                        try snapshot.close()
                    }
                } catch HeapError.closed(path: "(in memory)") {} catch {
                    unexpected.withLock { $0.append("\(error)") }
                }
                done.signal()
            }
            began.wait()
            if round % 2 == 0 { usleep(UInt32(round * 20)) }
            try heap.close()
            done.wait()
            #expect(unexpected.withLock { $0 } == [])
        }
    }

    /// A snapshot before the first commit, too.
    @Test func aSnapshotOfAnEmptyHeap() throws {
        let heap = try PersistentHeap.inMemory()
        let snapshot = try heap.snapshot()
        try set(heap, 1)
        let (before, after) = (
            try snapshot.read { $0.roots.map(\.name) },
            try heap.snapshot().read { $0.roots.map(\.name) }
        )
        #expect(before == [] && after == ["v"])
        try heap.close()
    }

    @Test func aCopyIsAHeapInAFile() throws {
        let folder = try TemporaryFolder()
        let heap = try heap()
        try heap.write { tx in
            let words = try tx.map("words", String.self, Int.self)
            for number in 0 ..< 5000 { words["word number \(number)"] = number }
        }
        // Part of it in the log only.
        try heap.checkpoint()
        try set(heap, 2)
        try heap.copy(to: folder.file())
        #expect(throws: HeapError.alreadyExists(path: folder.file())) {
            try heap.copy(to: folder.file())
        }
        try set(heap, 3)
        #expect(folder.names == ["test.heap"])
        let copy = try PersistentHeap.open(folder.file())
        #expect(copy.identity != heap.identity)
        #expect(try value(copy) == 2)
        #expect(try copy.check().isSound)
        #expect(
            try copy.read { try $0.map("words", String.self, Int.self)["word number 77"] } == 77)
        try copy.close()
        try heap.copy(to: folder.file(), replacing: true)
        let second = try PersistentHeap.open(folder.file(), mode: .readOnly)
        #expect(try value(second) == 3)
        try second.close()
        try heap.close()
        #expect(folder.names == ["test.heap"])
    }

    /// Blocks are moved into a packed copy where that saves much.
    @Test func aCopyIsPacked() throws {
        let folder = try TemporaryFolder()
        let heap = try heap()
        try heap.write { tx in
            let texts = try tx.map("texts", Int.self, String.self)
            for number in 0 ..< 20_000 {
                texts[number] = "a text that has a block of its own, number \(number)"
            }
            for number in 0 ..< 20_000 where number % 16 != 0 { texts[number] = nil }
        }
        let before = try heap.statistics().fileBytes
        try heap.copy(to: folder.file())
        #expect(try folder.bytes().count < before / 2)
        let copy = try PersistentHeap.open(folder.file())
        #expect(try copy.check().isSound)
        #expect(try copy.read { try $0.map("texts", Int.self, String.self).count } == 1250)
        try copy.close()
        try heap.close()
    }

    // MARK: Maintenance

    @Test func checksumsAndFigures() throws {
        let heap = try heap()
        var figures = try heap.statistics()
        #expect(figures.condition == .inMemory)
        #expect(figures.commits == 1 && figures.logCommits == 1)
        try heap.checkpoint()
        figures = try heap.statistics()
        #expect(figures.logBytes == 0)
        #expect(
            figures.fileBytes
                == figures.usedBytes + figures.overheadBytes + figures.freeBytes)
        let check = try heap.check()
        #expect(check.isSound)
        #expect(check.checkedPages > 0)
        #expect(try heap.pageUse(comparingChecksums: true).problems == [])
        try heap.close()
    }

    /// Free pages are given back, and the log starts again from its beginning: memory does not grow
    /// with the number of commits.
    @Test func memoryIsReused() throws {
        var options = PersistentHeap.Options()
        options.logLimit = 256 << 10
        options.memoryLimit = 4 << 20
        let heap = try PersistentHeap.inMemory(options: options)
        let count = 64 << 10
        try heap.write { try $0.bytes("b").append(contentsOf: Data(repeating: 0, count: count)) }
        for round in 1 ... 400 {
            try heap.write { tx in
                let bytes = try tx.bytes("b")
                for index in stride(from: 0, to: count, by: 64) {
                    bytes[index] = UInt8(round % 256)
                }
            }
        }
        // 25 MB of log.
        let figures = try heap.statistics()
        #expect(figures.commits == 401)
        #expect(figures.logFileBytes < 4 << 20, "\(figures.logFileBytes)")
        #expect(figures.diskBytes < 1 << 20, "\(figures.diskBytes)")
        #expect(try heap.check().isSound)
        try heap.write { tx in _ = try tx.removeRoot("b", PersistentBytes.self) }
        try heap.compact()
        try heap.shrink()
        #expect(try heap.statistics().fileBytes == 64 << 10)
        try heap.close()
    }

    @Test func syncsHaveNothingToDo() throws {
        let heap = try heap()
        try heap.sync()
        try heap.write(durability: .device) { try $0.value("v", initial: 0).value = 2 }
        #expect(try value(heap) == 2)
        try heap.close()
        #expect(throws: HeapError.closed(path: "(in memory)")) { try value(heap) }
        try heap.close()
    }

    // MARK: Isolation

    @Test func heapsAreIndependent() throws {
        let (one, other) = (try heap(), try heap())
        #expect(one.identity != other.identity)
        try set(one, 2)
        // A transaction of one inside a transaction of the other.
        try one.write { tx in
            try tx.value("v", initial: 0).value = 3
            try other.write { try $0.value("v", initial: 0).value = 4 }
            let seen = try value(other)
            #expect(seen == 4)
        }
        #expect(try value(one) == 3)
        #expect(try one.views().count == 1)
        try one.close()
        #expect(try value(other) == 4)
        try other.close()
    }

    @Test func aForkedChildIsRefused() async {
        await #expect(processExitsWith: .success) {
            func isForked(_ body: () throws -> Void) -> Bool {
                do { try body() } catch HeapError.forked(path: _) { return true } catch {}
                return false
            }
            var options = PersistentHeap.Options()
            options.checkpointsInBackground = false
            let heap = try PersistentHeap.inMemory(options: options)
            try heap.write { try $0.value("v", initial: 0).value = 1 }
            let snapshot = try heap.snapshot()
            let status = ForkedChild.run {
                let uses: [() throws -> Void] = [
                    { _ = try heap.read { try $0.value("v", of: Int.self).value } },
                    { try heap.write { try $0.value("v", initial: 0).value = 2 } },
                    { try heap.checkpoint() }, { _ = try heap.compact() }, { _ = try heap.check() },
                    { _ = try heap.snapshot() }, { _ = try snapshot.read { $0.version } },
                    { _ = try heap.waitForChange(timeout: .zero) },
                ]
                for (index, use) in uses.enumerated() where !isForked(use) {
                    return Int32(index + 1)
                }
                do {
                    try snapshot.close()
                    try heap.close()
                    // Its own are not affected.
                    let mine = try PersistentHeap.inMemory()
                    try mine.write { try $0.value("v", initial: 0).value = 5 }
                    guard try mine.snapshot().read({ try $0.value("v", of: Int.self).value }) == 5
                    else { return 21 }
                    try mine.close()
                } catch { return 20 }
                return 0
            }
            guard status == 0 else { exit(status) }
            try heap.write { try $0.value("v", initial: 0).value += 1 }
            guard try heap.views().count == 2,
                try heap.read({ try $0.value("v", of: Int.self).value }) == 2,
                try snapshot.read({ try $0.value("v", of: Int.self).value }) == 1
            else { exit(30) }
            try heap.close()
        }
    }
}
