import HoldfastFormat
import Testing
import TestSupport

@testable import HoldfastEngine

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Every call to the disk fails in turn. The caller gets an error and never a trap, and all
/// acknowledged commits hold.
@Suite struct FaultTests {
    enum Failure: String, CaseIterable, CustomTestStringConvertible {
        case ioErrorOnce, ioErrorFromThenOn, diskFullOnce, diskFullFromThenOn, shortWriteOnce

        var testDescription: String { rawValue }
        var fault: SimulatedDisk.Fault {
            switch self {
            case .ioErrorOnce, .ioErrorFromThenOn: .error(EIO)
            case .diskFullOnce, .diskFullFromThenOn: .error(ENOSPC)
            case .shortWriteOnce: .shortWrite(ENOSPC)
            }
        }
        var lasts: Bool { self == .ioErrorFromThenOn || self == .diskFullFromThenOn }
    }

    private static var options: EngineOptions {
        var options = Workload.smallOptions
        options.logLimit = 64 * 1024
        return options
    }

    /// The same calls each time; every step may fail, and the next one is tried all the same.
    /// Returns the errors of the steps.
    private func run(_ workload: Workload, steps: Int) -> [HeapError] {
        var errors: [HeapError] = []
        for step in 0 ..< steps {
            do throws(HeapError) {
                switch step % 9 {
                case 3, 7: try workload.makeDurable()
                case 5 where step % 2 == 0: try workload.checkpoint()
                case 8 where step % 27 == 26: try workload.reopen()
                default:
                    try workload.transaction(
                        changes: step == 12 ? 10 : nil, largest: step == 12 ? 30_000 : 3000)
                }
            } catch {
                errors.append(error)
            }
        }
        return errors
    }

    /// The number of calls that can fail in an undisturbed run, after the heap has been made.
    private func attempts(steps: Int) throws -> Range<Int> {
        let disk = SimulatedDisk()
        disk.recordsContents = false
        let workload = try Workload(options: Self.options, disk: disk, seed: 21)
        let first = disk.attempts
        #expect(run(workload, steps: steps).isEmpty)
        #expect(workload.commits > 15)
        return first ..< disk.attempts
    }

    @Test(arguments: Failure.allCases)
    func everyCallFailsInTurn(failure: Failure) throws {
        let steps = 60
        let calls = try attempts(steps: steps)
        #expect(calls.count > 60)
        var runs = 0
        var failedRuns = 0
        for failing in calls where TestExtent.includes(failing, oneIn: 24) {
            runs += 1
            let disk = SimulatedDisk()
            let workload = try Workload(options: Self.options, disk: disk, seed: 21)
            disk.fault = { attempt, _, _ in
                attempt == failing || failure.lasts && attempt > failing ? failure.fault : nil
            }
            let errors = run(workload, steps: steps)
            if !errors.isEmpty { failedRuns += 1 }
            let name = "\(failure.rawValue) at call \(failing), errors: \(errors.prefix(3))"
            check(workload, disk, name)
        }
        // A failed call may have no effect (a smaller growth is tried next), but not often.
        #expect(failedRuns * 10 > runs * 8)
    }

    /// The invariants after a failure: in this process, after its end, and after a power cut.
    private func check(_ workload: Workload, _ disk: SimulatedDisk, _ name: String) {
        let range = workload.durableCommits ... workload.commits
        // This process still sees exactly its commits, unless it closed the heap.
        do throws(HeapError) {
            let problem = try workload.problem(
                with: workload.engine, allowing: workload.commits ... workload.commits)
            #expect(problem == nil, "in the process: \(name)")
        } catch {
            #expect(error == .closed(path: workload.path), "in the process: \(name)")
        }
        // After a kill: everything that was published.
        let killed = workload.problem(
            withFiles: disk.currentFiles(), allowing: workload.commits ... workload.commits)
        #expect(killed == nil, "after a kill: \(name)")
        // After a power cut: a failed sync has made nothing durable.
        var images = CrashImages(of: disk)
        while images.position < images.count { images.advance() }
        for seed in 0 ..< 3 as Range<UInt64> {
            let problem = workload.problem(withFiles: images.image(seed: seed), allowing: range)
            #expect(problem == nil, "after a power cut, seed \(seed): \(name)")
        }
    }

    /// Creating a heap fails at every call in turn: there is no partial heap under the heap's name,
    /// and the next attempt succeeds.
    @Test(arguments: [EIO, ENOSPC])
    func makingAHeapFails(code: Int32) throws {
        let trial = TestHeap()
        let made = try trial.open()
        let attempts = trial.disk.attempts
        try made.close()
        for failing in 0 ..< attempts {
            let heap = TestHeap()
            heap.disk.fault = { attempt, _, _ in attempt == failing ? .error(code) : nil }
            #expect(throws: HeapError.self, "call \(failing)") { try heap.open() }
            heap.disk.fault = nil
            #expect(
                heap.disk.currentFiles().keys.allSatisfy { $0 == TestHeap.path }, "call \(failing)")
            let engine = try heap.open()
            #expect(try engine.audit().pages == 5)
            try engine.close()
        }
    }

    /// The kernel may have dropped the data of a failed sync, so a later success would promise too
    /// much.
    @Test func failedSyncIsFinal() throws {
        let heap = TestHeap()
        let engine = try heap.open()
        let cell = try engine.change { access in
            let cell = access.allocate(byteCount: 8)
            access.store(1, at: cell)
            return cell
        }
        try engine.makeDurable()
        try engine.change { $0.store(2, at: cell) }
        heap.disk.fault = { _, operation, _ in operation == .sync ? .error(EIO) : nil }
        let logPath = TestHeap.path + LogLayout.durableSuffix
        #expect(throws: HeapError.io(operation: "sync", path: logPath, code: EIO)) {
            try engine.makeDurable()
        }
        // The disk works again, but the guarantee cannot be given any more.
        heap.disk.fault = nil
        for _ in 0 ..< 2 {
            #expect(isFailed { try engine.makeDurable() })
            #expect(isFailed { try engine.checkpoint() })
            #expect(isFailed { try engine.change { $0.store(3, at: cell) } })
        }
        #expect(try engine.look { $0.load(cell, as: Int.self) } == 2)
        #expect(isFailed { try engine.close() })
        let again = try heap.open()
        #expect(try again.look { $0.load(cell, as: Int.self) } == 2)
        try again.change { $0.store(4, at: cell) }
        try again.close()
    }

    private func isFailed(_ body: () throws -> Void) -> Bool {
        do {
            try body()
            return false
        } catch HeapError.failed(path: TestHeap.path, reason: _) {
            return true
        } catch {
            return false
        }
    }

    /// A commit that finds no room is refused as a whole, and the heap works again when there is
    /// room.
    @Test func fullDiskRefusesTheCommit() throws {
        let heap = TestHeap()
        let engine = try heap.open()
        let cell = try engine.change { access in
            let cell = access.allocate(byteCount: 8)
            access.store(1, at: cell)
            return cell
        }
        let before = try engine.audit()
        let used = heap.disk.currentFiles().values.reduce(0) { $0 + $1.count }
        heap.disk.capacity = used + 100_000
        for _ in 0 ..< 3 {
            #expect(throws: HeapError.diskFull(path: TestHeap.path)) {
                try engine.change { access in
                    access.store(2, at: cell)
                    let run = access.allocate(byteCount: 300_000)
                    access.store(3, at: run)
                }
            }
            #expect(try engine.look { $0.load(cell, as: Int.self) } == 1)
            #expect(try engine.audit() == before)
        }
        // Changes that need no room continue.
        try engine.change { $0.store(5, at: cell) }
        try engine.makeDurable()
        heap.disk.capacity = .max
        let run = try engine.change { access in
            let run = access.allocate(byteCount: 300_000)
            access.store(6, at: run)
            return run
        }
        try engine.close()
        let again = try heap.open()
        #expect(try again.look { $0.load(cell, as: Int.self) } == 5)
        #expect(try again.look { $0.load(run, as: Int.self) } == 6)
        try again.close()
    }

    /// If there is no room for the roomy growth, the exact size is tried.
    @Test func fullDiskStillGivesTheExactNeed() throws {
        let heap = TestHeap()
        let engine = try heap.open()
        _ = try engine.change { $0.allocate(byteCount: 4 << 20) }
        let used = heap.disk.currentFiles().values.reduce(0) { $0 + $1.count }
        let size = heap.fileBytes()
        // An eighth more would be 512 KiB and more; there is room for 256 KiB.
        heap.disk.capacity = used + 256 * 1024
        let free = size - Int(try engine.audit().pages) * 4096
        let run = try engine.change { $0.allocate(byteCount: free + 100_000) }
        #expect(run > 0)
        #expect(heap.fileBytes() > size && heap.fileBytes() <= size + 256 * 1024)
    }

    /// A full disk at the first commit: no log can be created, the commit is refused, and the next
    /// one tries again.
    @Test func fullDiskAtTheFirstCommit() throws {
        let heap = TestHeap()
        let engine = try heap.open()
        heap.disk.fault = { _, operation, path in
            path.hasSuffix(LogLayout.durableSuffix) && operation == .write
                ? .shortWrite(ENOSPC) : nil
        }
        #expect(throws: HeapError.self) { try engine.change { _ = $0.allocate(byteCount: 8) } }
        #expect(try engine.audit().pages == 5)
        heap.disk.fault = nil
        try engine.change { $0.store(9, at: $0.allocate(byteCount: 8)) }
        try engine.close()
        #expect(heap.disk.currentFiles().keys.sorted() == [TestHeap.path])
    }

    /// The same, but the heap is closed without ever getting its log: no neighbour files are left.
    @Test func failedStartLeavesNoLog() throws {
        let heap = TestHeap()
        let engine = try heap.open()
        heap.disk.fault = { _, operation, path in
            path.hasSuffix(LogLayout.durableSuffix) && operation == .write ? .error(ENOSPC) : nil
        }
        #expect(throws: HeapError.diskFull(path: TestHeap.path + LogLayout.durableSuffix)) {
            try engine.change { _ = $0.allocate(byteCount: 8) }
        }
        try engine.close()
        #expect(heap.disk.currentFiles().keys.sorted() == [TestHeap.path])
    }

    /// A transaction that is larger than the log needs a larger log; a full disk then refuses it
    /// like any other.
    @Test func fullDiskAtTheLogsGrowth() throws {
        var options = TestHeap.options
        options.initialLogBytes = 64 * 1024
        options.logLimit = 64 * 1024
        let heap = TestHeap(options)
        let engine = try heap.open()
        let run = try engine.change { $0.allocate(byteCount: 500_000) }
        for suffix in [LogLayout.sharedSuffix, LogLayout.durableSuffix] {
            heap.disk.fault = { _, operation, path in
                operation == .grow && path.hasSuffix(suffix) ? .error(ENOSPC) : nil
            }
            #expect(throws: HeapError.self) {
                try engine.change { access in
                    access.writableAddress(run, 400_000).initializeMemory(
                        as: UInt8.self, repeating: 3, count: 400_000)
                }
            }
            heap.disk.fault = nil
            #expect(try engine.look { $0.load(run, as: UInt8.self) } == 0)
            try engine.change { $0.store(UInt8(0), at: run) }
        }
        try engine.change { access in
            access.writableAddress(run, 400_000).initializeMemory(
                as: UInt8.self, repeating: 4, count: 400_000)
        }
        try engine.close()
        let again = try heap.open()
        #expect(try again.look { $0.load(run + 399_999, as: UInt8.self) } == 4)
        try again.close()
    }

}
