import Foundation
import HoldfastSystem
import Testing
import TestSupport

@testable import HoldfastEngine

/// Suspensions of every kind of opening, beside threads that use it, and with failing calls.
@Suite(.progress) struct SuspendKindTests {
    private let heap: TestHeap
    private let cell: UInt64

    init() throws { (heap, cell) = try TestHeap.atRest() }

    private func value(_ engine: HeapEngine) throws -> Int {
        try engine.look { $0.load(cell, as: Int.self) }
    }

    private var names: [String] { heap.disk.currentFiles().keys.sorted() }

    private func hasLocks() throws -> Bool {
        let file = try heap.disk.open(TestHeap.path, .readWrite)
        defer { file.close() }
        for lock in FileLock.allOfHeap where try file.isLockedByOthers(lock) { return true }
        return false
    }

    // MARK: Kinds

    /// An exclusive opening lets others in while it is suspended, and waits for none of them.
    @Test func exclusive() throws {
        var exclusive = heap
        exclusive.options.isExclusive = true
        let engine = try exclusive.open()
        #expect(throws: HeapError.busy(path: TestHeap.path)) { try heap.open() }
        try engine.suspend()
        let other = try heap.open()
        try other.change { $0.store(6, at: cell) }
        for _ in 0 ..< 2 {
            #expect(throws: HeapError.busy(path: TestHeap.path)) { try value(engine) }
            #expect(throws: HeapError.busy(path: TestHeap.path)) { _ = try engine.openSnapshot() }
        }
        #expect(other.openViews().count == 1)
        try other.close()
        #expect(try value(engine) == 6)
        #expect(throws: HeapError.busy(path: TestHeap.path)) { try heap.open() }
        try engine.close()
        #expect(names == [TestHeap.path])
    }

    /// What they see exists only under their protection.
    @Test func privateCopiesAndSnapshotsAreRefused() throws {
        let writer = try heap.open()
        let copy = try heap.open(.privateCopy)
        let snapshot = try writer.openSnapshot()
        for engine in [copy, snapshot] {
            #expect(throws: HeapError.noFile(path: TestHeap.path)) { try engine.suspend() }
            try engine.resume()
        }
        try writer.suspend()
        let other = try heap.open()
        try other.change { $0.store(6, at: cell) }
        try other.checkpoint()
        #expect(try value(copy) == 5)
        #expect(try value(snapshot) == 5)
        #expect(try value(writer) == 6)
        for engine in [copy, snapshot, other, writer] { try engine.close() }
        #expect(names == [TestHeap.path])
    }

    @Test func inMemory() throws {
        let engine = try HeapEngine(path: "a", mode: .inMemory)
        let cell = try engine.change { access in
            let cell = access.allocate(byteCount: 64)
            access.store(5, at: cell)
            return cell
        }
        try engine.suspend()
        #expect(try engine.look { $0.load(cell, as: Int.self) } == 5)
        try engine.close()
        #expect(throws: HeapError.closed(path: "a")) { try engine.suspend() }
        #expect(throws: HeapError.closed(path: "a")) { try engine.resume() }
    }

    /// Every call that needs the heap ends the suspension.
    @Test func everyUseEndsIt() throws {
        let engine = try heap.open()
        let uses: [(HeapEngine) throws -> Void] = [
            { _ = try $0.look { _ in } }, { try $0.change { _ in } }, { try $0.makeDurable() },
            { try $0.checkpoint() }, { try $0.compact() }, { try $0.reserve(bytes: 1 << 20) },
            { try $0.shrink() }, { _ = try $0.scrub() }, { _ = try $0.statistics() },
            { _ = try $0.audit() }, { try $0.openSnapshot().close() }, { try $0.resume() },
            { if $0.openViews().count != 1 { throw HeapError.busy(path: "") } },
        ]
        for (number, use) in uses.enumerated() {
            try engine.suspend()
            try use(engine)
            #expect(!engine.heap.lifecycle.isSuspended, "use \(number)")
        }
        // Those that do not wait leave that to others.
        try engine.suspend()
        #expect(try engine.tryToBeginRead() == nil)
        #expect(try engine.tryToBeginWrite() == nil)
        #expect(engine.heap.lifecycle.isSuspended)
        try engine.close()
        #expect(throws: HeapError.closed(path: TestHeap.path)) { try engine.resume() }
    }

    // MARK: Threads

    /// An open transaction keeps its locks, and the opening goes on.
    @Test func openTransactionsAreWaitedFor() throws {
        var impatient = heap
        impatient.options.timeout = .milliseconds(30)
        impatient.options.checkpointsInBackground = true
        let engine = try impatient.open()
        let context = try engine.beginRead()
        #expect(throws: HeapError.self) { try elsewhere { try engine.suspend() } }
        #expect(!engine.heap.lifecycle.isSuspended)
        #expect(try hasLocks())
        engine.endRead(context)
        try engine.change { $0.store(6, at: cell) }
        try engine.suspend()
        #expect(try !hasLocks())
        #expect(try value(engine) == 6)
        try engine.close()
    }

    /// Waiting for changes does not end a suspension, and misses nothing.
    @Test func waitersSleepOn() throws {
        let engine = try heap.open()
        let other = try heap.open()
        let seen = engine.newestPosition
        let waiter = Thread.Waiter {
            try engine.waitForPosition(otherThan: seen, timeout: .seconds(60))
        }
        try engine.suspend()
        try other.change { $0.store(6, at: cell) }
        for timeout in [Duration.zero, .milliseconds(20)] {
            #expect(try engine.waitForPosition(otherThan: seen, timeout: timeout) == seen)
        }
        #expect(engine.heap.lifecycle.isSuspended)
        try engine.resume()
        #expect(try waiter.value() == other.newestPosition)
        try other.close()
        // The end of the opening reaches them too.
        let last = engine.newestPosition
        try engine.suspend()
        let second = Thread.Waiter {
            try engine.waitForPosition(otherThan: last, timeout: .seconds(60))
        }
        try engine.close()
        engine.wakeWaiters()
        #expect(throws: HeapError.closed(path: TestHeap.path)) { try second.value() }
    }

    /// Threads read and write, another opening writes and checkpoints, and a thread suspends the
    /// opening all the time: nobody notices.
    @Test(arguments: [0, 4]) func suspendedUnderUse(readerImages: Int) throws {
        var busy = heap
        busy.options.readerImages = readerImages
        busy.options.checkpointsInBackground = true
        let engine = try busy.open()
        let cells = try engine.change { access in
            (0 ..< 20).map { _ in
                let cell = access.allocate(byteCount: 2000)
                access.store(100, at: cell)
                return cell
            }
        }
        let other = try heap.open()
        let problems = Problems()
        let group = DispatchGroup()
        func run(_ body: @escaping @Sendable () throws -> Void) {
            group.enter()
            Thread.detachNewThread {
                problems.collect(body)
                group.leave()
            }
        }
        for number in 0 ..< 6 {
            run {
                var random = SplitMix(state: UInt64(number))
                for step in 0 ..< 200 {
                    let opening = number == 5 ? other : engine
                    if number % 2 == 0 {
                        let sum = try opening.look { access in
                            cells.reduce(0) { $0 + access.load($1, as: Int.self) }
                        }
                        if sum != 2000 { problems.add("the sum is \(sum)") }
                        continue
                    }
                    let (from, to) = (
                        cells.randomElement(using: &random)!, cells.randomElement(using: &random)!
                    )
                    try opening.change { access in
                        access.store(access.load(from, as: Int.self) - 1, at: from)
                        access.store(access.load(to, as: Int.self) + 1, at: to)
                    }
                    if step % 50 == 49 { try opening.checkpoint() }
                    if step % 20 == 19 { try opening.makeDurable() }
                }
            }
        }
        for _ in 0 ..< 2 {
            run { for _ in 0 ..< 60 { try engine.suspend() } }
        }
        group.wait()
        #expect(problems.all == [])
        #expect(try engine.audit().problems == [])
        try engine.close()
        try other.close()
        #expect(names == [TestHeap.path])
    }

    // MARK: Failures

    /// Each call to the disk fails in turn, in a suspension and its end. The locks are gone
    /// whatever the suspension reports; the opening is usable or says that it is not; and nothing
    /// is lost.
    @Test(arguments: [false, true]) func everyCallFails(isShared: Bool) throws {
        var call = 0
        var isOver = false
        while !isOver {
            let (heap, cell) = try TestHeap.atRest()
            let other = isShared ? try heap.open() : nil
            let engine = try heap.open()
            try engine.change { $0.store(6, at: cell) }
            let first = heap.disk.attempts
            heap.disk.fault = { attempt, _, _ in attempt == first + call ? .error(EIO) : nil }
            try? engine.suspend()
            #expect(engine.heap.lifecycle.isSuspended, "call \(call)")
            let file = try? heap.disk.open(TestHeap.path, .readWrite)
            if let file, !isShared {
                for lock in FileLock.allOfHeap {
                    #expect(try !file.isLockedByOthers(lock), "call \(call), slot \(lock.slot)")
                }
            }
            file?.close()
            try? engine.resume()
            isOver = heap.disk.attempts <= first + call
            heap.disk.fault = nil
            do {
                #expect(try engine.look { $0.load(cell, as: Int.self) } == 6, "call \(call)")
            } catch HeapError.failed {
            } catch { Issue.record("call \(call): \(error)") }
            try? engine.close()
            try? other?.close()
            let last = try heap.open()
            #expect(try last.look { $0.load(cell, as: Int.self) } == 6, "call \(call)")
            #expect(try last.audit().problems == [])
            try last.close()
            #expect(heap.disk.currentFiles().keys.sorted() == [TestHeap.path], "call \(call)")
            call += 1
        }
        #expect(call > 15)
    }
}

extension Thread {
    /// The result of a closure that runs on a thread of its own.
    final class Waiter<R: Sendable>: @unchecked Sendable {
        private let done = DispatchSemaphore(value: 0)
        private var result: Result<R, any Error>?

        init(_ body: @escaping @Sendable () throws -> R) {
            Thread.detachNewThread {
                self.result = Result { try body() }
                self.done.signal()
            }
        }

        func value() throws -> R {
            done.wait()
            return try result!.get()
        }
    }
}
