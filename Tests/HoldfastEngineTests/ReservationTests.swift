import Synchronization
import Testing
import TestSupport

@testable import HoldfastEngine

/// Reserving space in the file, and cancelling work.
@Suite(.progress) struct ReservationTests {
    private let heap = TestHeap()
    private var length: Int { heap.disk.currentFiles()[TestHeap.path]?.count ?? 0 }

    @Test func roomStaysUntilItIsTakenBack() throws {
        let engine = try heap.open()
        let cell = try engine.change { $0.allocate(byteCount: 64) }
        let small = length
        try engine.reserve(bytes: 1_000_000)
        #expect(length == 16 * 65536 && length > small)
        #expect(try engine.statistics().reservedBytes == length)
        try engine.change { $0.store(1, at: cell) }
        try engine.checkpoint()
        try engine.close()
        #expect(length == 16 * 65536)
        let again = try heap.open()
        try again.change { $0.store(2, at: cell) }
        // A reservation below the current size changes only the reservation.
        try again.reserve(bytes: 70_000)
        #expect(length == 16 * 65536)
        try again.shrink()
        #expect(length == small && again.mode == .readWrite)
        #expect(try again.look { $0.load(cell, as: Int.self) } == 2)
        #expect(try again.scrub().damagedPages.isEmpty)
        try again.close()
        #expect(length == small)
    }

    /// Whichever call to the disk fails, the heap opens again unchanged.
    @Test(arguments: [true, false]) func everyCallMayFail(_ reserves: Bool) throws {
        var failed = 0
        for number in 0 ..< 200 {
            let heap = TestHeap()
            let engine = try heap.open()
            let cell = try engine.change { $0.allocate(byteCount: 64) }
            try engine.change { $0.store(4711, at: cell) }
            if !reserves { try engine.reserve(bytes: 500_000) }
            let calls = Mutex(number)
            heap.disk.fault = { _, operation, path in
                let isIts = calls.withLock { left in
                    left -= 1
                    return left == -1
                }
                return isIts ? .error(28) : nil
            }
            var hasFailed = false
            do throws(HeapError) {
                if reserves { try engine.reserve(bytes: 500_000) } else { try engine.shrink() }
            } catch { hasFailed = true }
            heap.disk.fault = nil
            try? engine.close()
            let again = try heap.open()
            #expect(try again.look { $0.load(cell, as: Int.self) } == 4711)
            #expect(try again.scrub().damagedPages.isEmpty && again.audit().problems.isEmpty)
            try again.close()
            let wasReached = calls.withLock { $0 < 0 }
            failed += hasFailed ? 1 : 0
            guard wasReached else {
                #expect(failed > 3)
                return
            }
        }
        Issue.record("there is no end of calls")
    }

    /// The power is cut after every call: the heap opens, sound, at a commit no older than the last
    /// durable one.
    @Test func powerCuts() throws {
        let disk = SimulatedDisk()
        let engine = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: heap.options, disk: disk)
        let cell = try engine.change { access in
            let cell = access.allocate(byteCount: 64)
            access.store(1, at: cell)
            return cell
        }
        try engine.makeDurable()
        let first = disk.journal.count
        try engine.reserve(bytes: 300_000)
        let reserved = disk.journal.count
        try engine.change { $0.store(2, at: cell) }
        try engine.makeDurable()
        let second = disk.journal.count
        try engine.shrink()
        try engine.close()
        var images = CrashImages(of: disk)
        var tried = 0
        for call in 0 ..< images.count {
            images.advance()
            guard call + 1 >= first else { continue }
            for seed in 0 ..< 6 as Range<UInt64> {
                let crashed = SimulatedDisk(files: images.image(seed: seed))
                let again = try HeapEngine(
                    path: TestHeap.path, mode: .readWrite, options: heap.options, disk: crashed)
                let value = try again.look { $0.load(cell, as: Int.self) }
                #expect(
                    value == 2 || (value == 1 && call + 1 < second), "call \(call), seed \(seed)")
                let (pages, audit) = (try again.scrub(), try again.audit())
                #expect(
                    pages.damagedPages.isEmpty && audit.problems.isEmpty,
                    "call \(call), seed \(seed)")
                if call + 1 >= reserved, call + 1 <= second {
                    #expect(try again.statistics().reservedBytes == 5 * 65536)
                    #expect(try again.statistics().fileBytes >= 5 * 65536)
                }
                try again.close()
                tried += 1
            }
        }
        #expect(tried > 100)
    }

    @Test func whatCannotBeReserved() throws {
        let engine = try heap.open()
        do throws(HeapError) {
            try engine.reserve(bytes: 1 << 50)
            Issue.record("it was reserved")
        } catch {
            guard case .tooLarge = error else {
                Issue.record("\(error)")
                return
            }
        }
        try engine.close()
        let reader = try heap.open(.readOnly)
        #expect(throws: HeapError.readOnly(path: TestHeap.path)) {
            try reader.reserve(bytes: 1 << 20)
        }
        try reader.close()
    }

    // MARK: Cancelling

    /// A cancelled copy leaves no file, and a cancelled check no trace.
    @Test func workIsCalledOff() throws {
        let asked = Atomic<Int>(0)
        let limit = Atomic<Int>(.max)
        var heap = heap
        heap.options.isCancelled = {
            asked.add(1, ordering: .relaxed).newValue > limit.load(ordering: .relaxed)
        }
        let engine = try heap.open()
        let block = try engine.change { access in
            let block = access.allocate(byteCount: 8 << 20)
            for page in 0 ..< 2048 as Range<UInt64> {
                access.store(page + 1, at: block + page * 4096)
            }
            return block
        }
        try engine.checkpoint()
        let snapshot = try engine.openSnapshot()
        let before = heap.disk.currentFiles().keys.sorted()
        asked.store(0, ordering: .relaxed)
        limit.store(3, ordering: .relaxed)
        #expect(throws: HeapError.cancelled(path: "/sim/copy.heap")) {
            try snapshot.writeCopy(to: "/sim/copy.heap")
        }
        #expect(heap.disk.currentFiles().keys.sorted() == before)
        asked.store(0, ordering: .relaxed)
        #expect(throws: HeapError.cancelled(path: TestHeap.path)) { _ = try snapshot.scrub() }
        limit.store(.max, ordering: .relaxed)
        try snapshot.writeCopy(to: "/sim/copy.heap")
        #expect(try engine.look { $0.load(block, as: UInt64.self) } == 1)
        try snapshot.close()
        try engine.close()
    }
}
