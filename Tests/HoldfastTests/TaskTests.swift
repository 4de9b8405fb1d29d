import Foundation
import Synchronization
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastEngine
@testable import HoldfastInspection

private struct Oops: Error {}

private enum Kind: CaseIterable {
    case file, privateCopy, memory

    var mode: Holdfast.OpenMode {
        switch self {
        case .file: .readWrite
        case .privateCopy: .privateCopy
        case .memory: .inMemory
        }
    }
}

private final class Count: Sendable {
    private let number = Atomic(0)
    var value: Int { number.load(ordering: .relaxed) }
    func increment() { number.add(1, ordering: .relaxed) }
}

private enum Local {
    @TaskLocal static var number = 0
}

/// Transactions and maintenance from tasks: what waits suspends the task.
@Suite(.progress, .ownThreads) struct TaskTests {
    private let folder = try! TemporaryFolder()

    private func open(_ mode: OpenMode = .readWrite, timeout: Duration = .seconds(600)) throws
        -> PersistentHeap
    {
        var options = PersistentHeap.Options()
        options.timeout = timeout
        return try PersistentHeap.open(folder.file(), mode: mode, options: options)
    }

    /// Calls the methods that block, from a test that is itself a task.
    private func blocking<R>(_ body: () throws -> R) rethrows -> R { try body() }

    /// A write transaction that a thread holds open until `end` is called.
    private final class HeldWrite: Sendable {
        private let mayEnd = DispatchSemaphore(value: 0)
        private let done = DispatchSemaphore(value: 0)

        init(_ heap: PersistentHeap) {
            let hasBegun = DispatchSemaphore(value: 0)
            Thread.detachNewThread { [self] in
                do {
                    try heap.write { tx in
                        try tx.value("held", initial: 0).value += 1
                        hasBegun.signal()
                        mayEnd.wait()
                    }
                } catch { Issue.record("\(error)") }
                done.signal()
            }
            hasBegun.wait()
        }

        func end() {
            mayEnd.signal()
            done.wait()
        }
    }

    /// Waits for a condition that other threads bring about.
    private func until(_ isMet: () -> Bool) async throws {
        while !isMet() { try await Task.sleep(for: .milliseconds(1)) }
    }

    // MARK: Transactions

    @Test(arguments: Kind.allCases)
    fileprivate func resultsAndErrors(kind: Kind) async throws {
        try blocking { try open().write { try $0.value("a", initial: 0).value = 1 } }
        let heap = try blocking { try open(kind.mode) }
        let result = try await heap.write { tx in
            try tx.value("a", initial: 1).value += 1
            return try tx.value("a", of: Int.self).value
        }
        #expect(result == 2)
        await #expect(throws: Oops.self) {
            try await heap.write { tx in
                try tx.value("a", initial: 0).value = 3
                throw Oops()
            }
        }
        #expect(try await heap.read { try $0.value("a", of: Int.self).value } == 2)
        await #expect(throws: Oops.self) { try await heap.read { _ in throw Oops() } }
        try heap.close()
        await #expect(throws: HeapError.closed(path: heap.path)) {
            try await heap.read { _ in }
        }
        await #expect(throws: HeapError.closed(path: heap.path)) {
            try await heap.write { _ in }
        }
    }

    @Test func aReadOnlyHeapRefusesToWrite() async throws {
        try blocking { try open().close() }
        let heap = try await PersistentHeap.open(folder.file(), mode: .readOnly)
        await #expect(throws: HeapError.readOnly(path: heap.path)) {
            try await heap.write { _ in }
        }
        #expect(try await heap.read { $0.roots.isEmpty })
    }

    /// The closure is part of the task, whether it had to wait or not.
    @Test func theClosureIsPartOfTheTask() async throws {
        let heap = try blocking { try open() }
        try await Local.$number.withValue(7) {
            #expect(try await heap.write { _ in Local.number } == 7)
            let held = HeldWrite(heap)
            let waiting = Task(executorPreference: SmallPool.current) {
                try await heap.write { _ in (Local.number, Task.isCancelled) }
            }
            try await until { !heap.writers.isIdle }
            held.end()
            let (number, isCancelled) = try await waiting.value
            #expect(number == 7 && !isCancelled)
        }
        // Cancelled inside of the transaction, which does not end by itself.
        let held = HeldWrite(heap)
        let hasBegun = DispatchSemaphore(value: 0)
        let task = Task(executorPreference: SmallPool.current) {
            try await heap.write { tx in
                hasBegun.signal()
                while !Task.isCancelled { usleep(100) }
                try tx.value("a", initial: 0).value = 5
            }
        }
        try await until { !heap.writers.isIdle }
        held.end()
        blocking { hasBegun.wait() }
        task.cancel()
        try await task.value
        #expect(try await heap.read { try $0.value("a", of: Int.self).value } == 5)
    }

    /// A reader is not kept waiting by the writer, and runs on the task's own thread.
    @Test func readsGoOnBesideAWriter() async throws {
        let heap = try blocking { try open() }
        try await heap.write { try $0.value("a", initial: 0).value = 1 }
        let held = HeldWrite(heap)
        for _ in 0 ..< 100 {
            #expect(try await heap.read { try $0.value("a", of: Int.self).value } == 1)
        }
        held.end()
    }

    // MARK: Waiting

    /// While all threads' transactions wait, other tasks of the same two threads go on.
    @Test(arguments: Kind.allCases)
    fileprivate func waitingOccupiesNoThread(kind: Kind) async throws {
        try blocking { try open().close() }
        let heap = try blocking { try open(kind.mode) }
        let pool = SmallPool(threads: 2)
        defer { pool.stop() }
        let held = HeldWrite(heap)
        let beats = Count()
        let waiting = (0 ..< 20).map { number in
            Task(executorPreference: pool) {
                if number % 2 == 0 || kind == .file {
                    try await heap.write { try $0.value("count", initial: 0).value += 1 }
                } else {
                    try await heap.read { _ in }
                }
            }
        }
        let heart = Task(executorPreference: pool) {
            for _ in 0 ..< 100 {
                beats.increment()
                await Task.yield()
            }
        }
        await heart.value
        #expect(beats.value == 100)
        held.end()
        for task in waiting { try await task.value }
        let count = try await heap.read { try $0.value("count", of: Int.self).value }
        #expect(count == (kind == .file ? 20 : 10))
    }

    /// 200 tasks on two threads read, write and wait for each other's changes.
    @Test func manyTasksOnTwoThreadsAllEnd() async throws {
        let heap = try blocking { try open() }
        try await heap.write { try $0.value("count", initial: 0).value = 0 }
        let pool = SmallPool(threads: 2)
        defer { pool.stop() }
        let tasks = (0 ..< 200).map { number in
            Task(executorPreference: pool) {
                switch number % 4 {
                case 0, 1:
                    for _ in 0 ..< 5 {
                        try await heap.write { try $0.value("count", initial: 0).value += 1 }
                    }
                case 2:
                    var last = 0
                    for _ in 0 ..< 20 {
                        let now = try await heap.read { try $0.value("count", of: Int.self).value }
                        #expect(now >= last)
                        last = now
                    }
                default:
                    // Ends when all writers have.
                    while true {
                        let (count, version) = try await heap.read { tx in
                            (try tx.value("count", of: Int.self).value, tx.version)
                        }
                        if count == 500 { break }
                        _ = try await heap.waitForChange(since: version, timeout: .seconds(60))
                    }
                }
            }
        }
        for task in tasks { try await task.value }
        #expect(try await heap.read { try $0.value("count", of: Int.self).value } == 500)
    }

    @Test func tasksWriteInTheirOrder() async throws {
        let heap = try blocking { try open() }
        let held = HeldWrite(heap)
        var tasks: [Task<Void, any Error>] = []
        for number in 0 ..< 20 {
            tasks.append(
                Task(executorPreference: SmallPool.current) {
                    try await heap.write { try $0.array("order", of: Int.self).append(number) }
                })
            try await until { heap.writers.count == number + 1 }
        }
        held.end()
        for task in tasks { try await task.value }
        let order = try await heap.read { Array(try $0.array("order", of: Int.self)) }
        #expect(order == Array(0 ..< 20))
    }

    @Test func theTimeoutIsThatOfOtherThreads() async throws {
        let heap = try blocking { try open(timeout: .milliseconds(50)) }
        let held = HeldWrite(heap)
        await #expect(
            throws: HeapError.timedOut(
                path: heap.path, waitingFor: "another thread's transaction")
        ) { try await heap.write { _ in } }
        held.end()
        try await heap.write { try $0.value("a", initial: 0).value = 1 }
    }

    // MARK: Cancellation

    /// The first waits for the lock in a thread, the second for its turn. Both end while the lock
    /// is still held, and neither keeps anything locked.
    @Test func aCancelledTaskStopsWaiting() async throws {
        let heap = try blocking { try open() }
        let held = HeldWrite(heap)
        let ran = Count()
        var tasks: [Task<Void, any Error>] = []
        for number in 0 ..< 2 {
            tasks.append(
                Task(executorPreference: SmallPool.current) {
                    try await heap.write { _ in ran.increment() }
                })
            try await until { heap.writers.count == number + 1 }
        }
        for task in tasks {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        held.end()
        try await heap.write { try $0.value("a", initial: 0).value = 1 }
        try blocking { try heap.write { try $0.value("a", initial: 0).value += 1 } }
        #expect(try await heap.read { try $0.value("a", of: Int.self).value } == 2)
        #expect(ran.value == 0)
        try heap.close()
    }

    @Test func aCancelledReaderStopsWaiting() async throws {
        try blocking { try open().close() }
        let heap = try blocking { try open(.privateCopy) }
        let held = HeldWrite(heap)
        let task = Task(executorPreference: SmallPool.current) { try await heap.read { _ in } }
        try await until { heap.readers.count == 1 }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        held.end()
        try await heap.write { _ in }
        #expect(try await heap.read { tx in tx.roots.map(\.name) } == ["held"])
    }

    /// Cancelled at any moment: the closure has run as a whole, or not at all.
    @Test func cancellationIsWholeOrNothing() async throws {
        let heap = try blocking { try open() }
        try await heap.write { try $0.value("a", initial: 0).value = 0 }
        var expected = 0
        for round in 0 ..< TestExtent.choose(quick: 200, full: 5000) {
            let tasks = (0 ..< 4).map { _ in
                Task(executorPreference: SmallPool.current) {
                    try await heap.write { try $0.value("a", initial: 0).value += 1 }
                }
            }
            if round % 3 == 0 { await Task.yield() }
            for task in tasks.dropFirst() { task.cancel() }
            for task in tasks {
                switch await task.result {
                case .success: expected += 1
                case .failure(let error): #expect(error is CancellationError)
                }
            }
            #expect(try await heap.read { try $0.value("a", of: Int.self).value } == expected)
        }
    }

    // MARK: Durability

    /// The changes survive a power cut once `write` has returned.
    @Test func durableWritesOfTasks() async throws {
        let disk = SimulatedDisk()
        let heap = try blocking {
            try PersistentHeap.open(
                "/sim/test.heap", engineOptions: EngineOptions(), disk: disk)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0 ..< 20 {
                group.addTask(executorPreference: SmallPool.current) {
                    try await heap.write(durability: .device) { tx in
                        try tx.map("m", Int.self, Int.self)[number] = number
                    }
                }
            }
            try await group.waitForAll()
        }
        let durable = try blocking {
            var images = CrashImages(of: disk)
            while images.position < images.count { images.advance() }
            let after = SimulatedDisk(files: images.image(seed: 1))
            let heap = try PersistentHeap.open(
                "/sim/test.heap", engineOptions: EngineOptions(), disk: after)
            return try heap.read { try $0.map("m", Int.self, Int.self).count }
        }
        #expect(durable == 20)
    }

    // MARK: Maintenance

    @Test func maintenanceFromTasks() async throws {
        let heap = try await PersistentHeap.open(URL(filePath: folder.file()))
        try await heap.write { tx in
            let map = try tx.map("m", Int.self, String.self)
            for number in 0 ..< 10_000 { map[number] = "\(number)" }
        }
        try await heap.sync()
        try await heap.checkpoint()
        try await heap.compact()
        let steps = Mutex(0)
        try await heap.copy(to: folder.file("copy.heap")) { done, all in
            steps.withLock { $0 += 1 }
            #expect(done <= all)
        }
        #expect(steps.withLock { $0 } > 0)
        let check = try await heap.check()
        #expect(check.isSound)
        let copy = try await PersistentHeap.open(folder.file("copy.heap"), mode: .readOnly)
        #expect(try await copy.read { try $0.map("m", Int.self, String.self).count } == 10_000)
    }

    @Test func cancelledMaintenance() async throws {
        let heap = try blocking { try open() }
        try await heap.write { tx in
            let map = try tx.map("m", Int.self, String.self)
            for number in 0 ..< 100_000 { map[number] = "\(number)" }
        }
        let path = folder.file("copy.heap")
        let copy = Task(executorPreference: SmallPool.current) {
            // Cancels itself at the first step, from inside of the task.
            try await heap.copy(to: path) { _, _ in
                withUnsafeCurrentTask { $0?.cancel() }
            }
        }
        await #expect(throws: CancellationError.self) { try await copy.value }
        #expect(!FileManager.default.fileExists(atPath: path))
        let check = Task(executorPreference: SmallPool.current) {
            try await heap.check { _, _ in
                withUnsafeCurrentTask { $0?.cancel() }
            }
        }
        await #expect(throws: CancellationError.self) { _ = try await check.value }
        // The second: a checkpoint waits for the writer.
        let held = HeldWrite(heap)
        let checkpoint = Task(executorPreference: SmallPool.current) { try await heap.checkpoint() }
        try await until { heap.writers.count == 1 }
        checkpoint.cancel()
        await #expect(throws: CancellationError.self) { try await checkpoint.value }
        held.end()
        try await heap.checkpoint()
        try heap.close()
    }

    /// An opening that is not wanted any more leaves nothing open.
    @Test func cancelledOpenings() async throws {
        for _ in 0 ..< 50 {
            let path = folder.file()
            let task = Task(executorPreference: SmallPool.current) {
                try await PersistentHeap.open(path)
            }
            await Task.yield()
            task.cancel()
            if case .success(let heap) = await task.result { try heap.close() }
        }
        // The last process to close a heap leaves a single file.
        try await until {
            (try? FileManager.default.contentsOfDirectory(atPath: folder.path).count <= 1) == true
        }
    }

    // MARK: Changes

    @Test func waitingForChanges() async throws {
        let heap = try blocking { try open() }
        let before = heap.version
        #expect(try await !heap.waitForChange(since: before, timeout: .milliseconds(20)))
        let waiting = Task(executorPreference: SmallPool.current) {
            try await heap.waitForChange(since: before, timeout: .seconds(60))
        }
        try blocking { try heap.write { try $0.value("a", initial: 0).value = 1 } }
        #expect(try await waiting.value)
        #expect(try await heap.waitForChange(since: before, timeout: .zero))
        let now = heap.version
        let cancelled = Task(executorPreference: SmallPool.current) {
            try await heap.waitForChange(since: now, timeout: .seconds(60))
        }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { _ = try await cancelled.value }
        let closed = Task(executorPreference: SmallPool.current) {
            try await heap.waitForChange(since: now, timeout: .seconds(60))
        }
        try await Task.sleep(for: .milliseconds(10))
        try heap.close()
        await #expect(throws: HeapError.closed(path: heap.path)) { _ = try await closed.value }
    }
}
