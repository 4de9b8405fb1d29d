import Foundation
import HoldfastFormat
import HoldfastSystem
import Synchronization
import Testing
import TestSupport

@testable import HoldfastEngine

/// Many concurrent requests for durability cost as much as one.
@Suite(.progress) struct GroupCommitTests {
    /// A heap whose log's syncs can be delayed and are counted.
    private final class Setting: Sendable {
        let heap = TestHeap()
        let tapped: TappedDisk
        let door = Barrier()
        private let count = Mutex(0)
        private let isHeld = Mutex(false)
        private let pause = Mutex<UInt32>(0)

        init() {
            tapped = TappedDisk(heap.disk)
            tapped.tap = { [unowned self] call throws(SystemError) in
                guard call.operation == .sync, call.path.hasSuffix(LogLayout.durableSuffix) else {
                    return
                }
                count.withLock { $0 += 1 }
                if isHeld.withLock({ $0 }) { door.pass() }
                let pause = pause.withLock { $0 }
                if pause > 0 { usleep(pause) }
            }
        }

        var syncs: Int { count.withLock { $0 } }
        /// From now on each sync takes this long.
        func delay(microseconds: UInt32) { pause.withLock { $0 = microseconds } }
        func holdSyncs() { isHeld.withLock { $0 = true } }

        func open() throws -> HeapEngine {
            try HeapEngine(
                path: TestHeap.path, mode: .readWrite, options: heap.options, disk: tapped)
        }
    }

    private func cells(_ count: Int, in engine: HeapEngine) throws -> [UInt64] {
        try engine.change { access in
            (0 ..< count).map { _ in
                let cell = access.allocate(byteCount: 64)
                access.store(0, at: cell)
                return cell
            }
        }
    }

    /// While one thread's sync is running, all other threads commit and request one too. Together
    /// they need one more sync, whether they share an opening or each have their own, as processes
    /// do.
    @Test(arguments: [1, 8]) func allWhoWaitShareOneSync(openings: Int) throws {
        let threads = 16
        let setting = Setting()
        let engines = try (0 ..< openings).map { _ in try setting.open() }
        let cells = try cells(threads + 1, in: engines[0])
        try engines[0].makeDurable()
        for engine in engines { #expect(try engine.look { $0.load(cells[0], as: Int.self) } == 0) }
        try engines[0].change { $0.store(1, at: cells[threads]) }
        let before = setting.syncs
        setting.holdSyncs()
        let problems = Problems()
        let group = DispatchGroup()
        func start(_ body: @escaping @Sendable () throws -> Void) {
            group.enter()
            Thread.detachNewThread {
                problems.collect(body)
                group.leave()
            }
        }
        start { try engines[0].makeDurable() }
        setting.door.await()
        // The first sync includes none of these.
        let committed = Barrier()
        for index in 0 ..< threads {
            start {
                let engine = engines[index % openings]
                try engine.change { $0.store(index + 1, at: cells[index]) }
                committed.pass()
                try engine.makeDurable()
            }
        }
        committed.await(threads)
        #expect(engines[0].writerLog!.durablePosition < engines[0].writerLog!.published)
        committed.open()
        setting.door.open()
        group.wait()
        #expect(problems.all == [])
        #expect(setting.syncs - before == 2)
        #expect(engines[0].writerLog!.durablePosition == engines[0].writerLog!.published)
        // After that, no opening has anything left to sync.
        for engine in engines { try engine.makeDurable() }
        #expect(setting.syncs - before == 2)
        for engine in engines { try engine.close() }
    }

    /// A sync waits for the expected number of commits, and makes all of them durable.
    @Test func expectedCommitsAreGathered() throws {
        let setting = Setting()
        let engine = try setting.open()
        let cells = try cells(2, in: engine)
        try engine.makeDurable()
        let shared = engine.writerLog!.shared
        shared[.expected] = shared[.arrivals] + 2
        shared[.patience] = 60_000_000_000
        let before = setting.syncs
        let arrivals = shared[.arrivals]
        let problems = Problems()
        let group = DispatchGroup()
        group.enter()
        Thread.detachNewThread {
            problems.collect {
                try engine.change { $0.store(1, at: cells[0]) }
                try engine.makeDurable()
            }
            group.leave()
        }
        while shared[.arrivals] == arrivals { usleep(100) }
        usleep(1000)
        try engine.change { $0.store(1, at: cells[1]) }
        try engine.makeDurable()
        group.wait()
        #expect(problems.all == [])
        #expect(setting.syncs - before == 1)
        try engine.close()
    }

    /// A thread that waits for the lock itself goes first: others sleep until it is done, or, if it
    /// has died as here, for a moment.
    @Test func roundsGiveWay() throws {
        let setting = Setting()
        let engine = try setting.open()
        let cells = try cells(1, in: engine)
        try engine.makeDurable()
        let shared = engine.writerLog!.shared
        shared[.wanted] = Deadline.now + 900_000_000
        try engine.change { $0.store(1, at: cells[0]) }
        let before = setting.syncs
        try engine.makeDurable()
        #expect(setting.syncs - before == 1)
        #expect(shared[.evenRoundSleepers] + shared[.oddRoundSleepers] > 0)
        try engine.close()
    }

    /// The heap is closed while a thread of it syncs: until that has ended, the thread has the sync
    /// lock, also in the eyes of others.
    @Test func closingBesideASync() throws {
        let heap = TestHeap()
        let other = try heap.open()
        let isClosing = Atomic(false)
        let hasSeen = Mutex<[Bool]>([])
        let tapped = TappedDisk(heap.disk)
        var options = heap.options
        options.timeout = .milliseconds(50)
        let engine = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options, disk: tapped)
        try engine.change { $0.store(1, at: $0.allocate(byteCount: 64)) }
        let shared = try #require(engine.shared)
        let theirs = try #require(other.shared)
        let started = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        tapped.tap = { call throws(SystemError) in
            guard call.operation == .sync, shared.syncLock.isMine,
                !isClosing.exchange(true, ordering: .sequentiallyConsistent)
            else { return }
            started.signal()
            for _ in 0 ..< 100 {
                usleep(2000)
                let holder = theirs.syncLock.holder
                let isAlive = holder.map { ReaderTable(shared: theirs).isAlive($0) } ?? false
                hasSeen.withLock { $0.append(isAlive) }
            }
        }
        Thread.detachNewThread {
            try? engine.makeDurable()
            ended.signal()
        }
        started.wait()
        try? engine.close()
        ended.wait()
        #expect(hasSeen.withLock { Set($0) } == [true])
        try other.change { $0.store(2, at: $0.allocate(byteCount: 64)) }
        try other.makeDurable()
        try other.close()
    }

    /// A single thread waits for no others.
    @Test func oneThreadSleepsNever() throws {
        let setting = Setting()
        let engine = try setting.open()
        let cells = try cells(1, in: engine)
        try engine.makeDurable()
        let log = engine.writerLog!
        for round in 1 ... 20 {
            try engine.change { $0.store(round, at: cells[0]) }
            let before = setting.syncs
            #expect(log.shared[.expected] <= log.shared[.arrivals] + 1)
            try engine.makeDurable()
            #expect(setting.syncs - before == 1)
        }
        #expect(log.shared[.arrivals] == 21)
        #expect(log.shared[.evenRoundSleepers] == 0)
        #expect(log.shared[.oddRoundSleepers] == 0)
        try engine.close()
    }

    /// A process killed in the middle of a round has announced the round's end, and no process
    /// completes it.
    @Test func roundOfTheDeadIsMadeAgain() throws {
        let setting = Setting()
        let engine = try setting.open()
        let cells = try cells(1, in: engine)
        try engine.makeDurable()
        try engine.change { $0.store(1, at: cells[0]) }
        let log = engine.writerLog!
        let before = setting.syncs
        log.shared[.syncRound] = log.published | (log.shared[.syncRound] + 1) & 7
        try engine.makeDurable()
        #expect(setting.syncs - before == 1)
        #expect(log.durablePosition == log.published)
        try engine.close()
    }

    /// A checkpoint needs the lock too, and gets it beside threads that sync without a pause.
    @Test func checkpointsFindTheLockFree() throws {
        let setting = Setting()
        let engine = try setting.open()
        let cells = try cells(5, in: engine)
        try engine.makeDurable()
        setting.delay(microseconds: 300)
        let isOver = Mutex(false)
        let problems = Problems()
        let group = DispatchGroup()
        for cell in cells[..<4] {
            group.enter()
            Thread.detachNewThread {
                problems.collect {
                    while !isOver.withLock({ $0 }) {
                        try engine.change { $0.store($0.load(cell, as: Int.self) + 1, at: cell) }
                        try engine.makeDurable()
                    }
                }
                group.leave()
            }
        }
        problems.collect {
            for round in 1 ... 20 {
                try engine.change { $0.store(round, at: cells[4]) }
                try engine.checkpoint()
            }
        }
        isOver.withLock { $0 = true }
        group.wait()
        #expect(problems.all == [])
        #expect(engine.writerLog!.shared[.wanted] == 0)
        try engine.close()
    }

    /// The sync that several threads wait for fails: each of them gets the error, and so does every
    /// later call, in every opening.
    @Test func allWhoWaitAreToldOfAFailure() throws {
        let setting = Setting()
        let engines = try (0 ..< 3).map { _ in try setting.open() }
        let cells = try cells(3, in: engines[0])
        try engines[0].makeDurable()
        for (index, engine) in engines.enumerated() {
            try engine.change { $0.store(1, at: cells[index]) }
        }
        setting.heap.disk.fault = { _, operation, path in
            operation == .sync && path.hasSuffix(LogLayout.durableSuffix) ? .error(EIO) : nil
        }
        let errors = Mutex<[HeapError]>([])
        let group = DispatchGroup()
        for index in 0 ..< 9 {
            group.enter()
            Thread.detachNewThread {
                do throws(HeapError) { try engines[index % 3].makeDurable() } catch {
                    errors.withLock { $0.append(error) }
                }
                group.leave()
            }
        }
        group.wait()
        #expect(errors.withLock { $0.count } == 9)
        // One call to the disk failed, and no other was made.
        let logPath = TestHeap.path + LogLayout.durableSuffix
        let others = errors.withLock {
            $0.filter { $0 != .io(operation: "sync", path: logPath, code: EIO) }
        }
        #expect(others.count == 8)
        for error in others {
            guard case .failed = error else {
                Issue.record("\(error)")
                continue
            }
        }
        setting.heap.disk.fault = nil
        let syncs = setting.syncs
        for engine in engines {
            #expect(throws: HeapError.self) { try engine.makeDurable() }
            #expect(throws: HeapError.self) { try engine.change { $0.store(9, at: cells[0]) } }
            #expect(throws: HeapError.self) { try engine.checkpoint() }
            #expect(
                try cells.allSatisfy { cell in try engine.look { $0.load(cell, as: Int.self) } == 1
                })
        }
        // No thread has tried to sync it again.
        #expect(setting.syncs == syncs)
        for engine in engines { #expect(throws: HeapError.self) { try engine.close() } }
        // The commits are in the log's ring, and are recovered.
        let again = try setting.open()
        #expect(
            try cells.allSatisfy { cell in try again.look { $0.load(cell, as: Int.self) } == 1 })
        try again.close()
    }
}
