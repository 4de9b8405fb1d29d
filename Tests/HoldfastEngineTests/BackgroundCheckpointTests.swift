import Foundation
import HoldfastSystem
import Synchronization
import Testing
import TestSupport

@testable import HoldfastEngine

/// Checkpoints in a background thread: transactions continue meanwhile, and failures are reported.
@Suite(.progress) struct BackgroundCheckpointTests {
    private static let blocks = 64
    private static let blockBytes = 16 * 1024

    private static var options: EngineOptions {
        var options = TestHeap.options
        options.checkpointsInBackground = true
        options.initialLogBytes = 1 << 20
        options.logLimit = 1 << 20
        options.memoryLimit = 256 << 20
        options.timeout = .seconds(60)
        return options
    }

    private func make(_ engine: HeapEngine) throws -> [UInt64] {
        try engine.change { access in
            (0 ..< Self.blocks).map { _ in access.allocate(byteCount: Self.blockBytes) }
        }
    }

    @Sendable private static func fill(_ engine: HeapEngine, _ block: UInt64, _ value: UInt8) throws
    {
        try engine.change {
            $0.writableAddress(block, blockBytes).initializeMemory(
                as: UInt8.self, repeating: value, count: blockBytes)
        }
    }

    private func isFilled(_ engine: HeapEngine, _ block: UInt64, _ value: UInt8) throws -> Bool {
        try engine.look { access in
            UnsafeRawBufferPointer(
                start: access.address(block, Self.blockBytes), count: Self.blockBytes
            ).isFilled(with: value)
        }
    }

    /// The thread is stuck in a slow disk, in the middle of the pages. Commits, reads and syncs
    /// continue until the log is full, and everything is right when the thread continues.
    @Test func commitsGoOnBesideAStuckCheckpoint() throws {
        let disk = SimulatedDisk()
        disk.recordsContents = false
        let tapped = TappedDisk(disk)
        let door = Barrier()
        let isHeld = Mutex(true)
        let engine = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: Self.options, disk: tapped)
        let blocks = try make(engine)
        tapped.tap = { call throws(SystemError) in
            if call.operation == .write, call.path == TestHeap.path, isHeld.withLock({ $0 }) {
                door.pass()
            }
        }
        // Half of the limit wakes the thread.
        for index in 0 ..< 36 { try Self.fill(engine, blocks[index], 1) }
        door.await()
        let held = engine.writerLog!.checkpointPosition
        // This thread is not delayed: the log has room for about 20 more.
        for index in 20 ..< 36 { try Self.fill(engine, blocks[index], 2) }
        for index in 0 ..< 36 { #expect(try isFilled(engine, blocks[index], index < 20 ? 1 : 2)) }
        try engine.makeDurable()
        #expect(engine.writerLog!.checkpointPosition == held)
        #expect(door.arrived == 1)
        isHeld.withLock { $0 = false }
        door.open()
        // More than fits: these wait for the thread where they must.
        for round in 3 ..< 9 as Range<UInt8> {
            for block in blocks { try Self.fill(engine, block, round) }
        }
        #expect(engine.writerLog!.checkpointPosition > held)
        #expect(engine.writerLog!.capacity == 1 << 20)
        try engine.close()
        #expect(disk.currentFiles().keys.sorted() == [TestHeap.path])
        let again = try HeapEngine(
            path: TestHeap.path, mode: .readOnly, options: Self.options, disk: disk)
        for block in blocks { #expect(try isFilled(again, block, 8)) }
        #expect(try again.scrub().damagedPages == [])
    }

    /// No write of a checkpoint is longer than 1 MiB, however much has to be written.
    @Test func stepsAreBounded() throws {
        var options = Self.options
        options.logLimit = 16 << 20
        let disk = SimulatedDisk()
        let engine = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options, disk: disk)
        let run = try engine.change { $0.allocate(byteCount: 6 << 20) }
        try engine.change {
            $0.writableAddress(run, 6 << 20).initializeMemory(
                as: UInt8.self, repeating: 7, count: 6 << 20)
        }
        let before = disk.journal.count
        try engine.checkpoint()
        let file = try #require(
            disk.journal.compactMap {
                if case .create(let name, let file) = $0, name.hasSuffix("-new") {
                    file
                } else {
                    nil
                }
            }
            .first)
        let writes = disk.journal[before...].compactMap {
            if case .write(file, _, let bytes) = $0 { bytes.count } else { nil }
        }
        #expect(writes.reduce(0, +) > 6 << 20)
        #expect(try #require(writes.max()) <= 1 << 20)
        try engine.close()
    }

    /// The thread's checkpoint fails: the next change is refused with the reason, reads continue,
    /// and no commit is lost.
    @Test(arguments: [EIO, ENOSPC]) func errorsSurface(code: Int32) throws {
        let disk = SimulatedDisk()
        disk.recordsContents = false
        let tapped = TappedDisk(disk)
        let door = Barrier()
        let engine = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: Self.options, disk: tapped)
        let blocks = try make(engine)
        tapped.tap = { call throws(SystemError) in
            guard call.operation == .write, call.path == TestHeap.path else { return }
            door.pass()
            throw SystemError(.write, TestHeap.path, Errno(code))
        }
        for index in 0 ..< 36 { try Self.fill(engine, blocks[index], 1) }
        door.await()
        try Self.fill(engine, blocks[0], 2)
        door.open()
        while !engine.heap.lifecycle.hasFailed.load(ordering: .acquiring) { usleep(100) }
        for _ in 0 ..< 2 {
            do {
                try Self.fill(engine, blocks[1], 3)
                Issue.record("the change went through")
            } catch HeapError.failed(path: TestHeap.path, reason: let reason) {
                #expect(reason.contains("write") && reason.contains("\(code)"))
            }
        }
        #expect(throws: HeapError.self) { try engine.makeDurable() }
        #expect(try isFilled(engine, blocks[0], 2))
        tapped.tap = nil
        #expect(throws: HeapError.self) { try engine.close() }
        let again = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: Self.options, disk: disk)
        for index in 0 ..< 36 { #expect(try isFilled(again, blocks[index], index == 0 ? 2 : 1)) }
        #expect(try again.scrub().damagedPages == [])
        try again.close()
    }

    /// Closing waits for a running checkpoint, and then makes the last one itself.
    @Test func closingWaits() throws {
        let disk = SimulatedDisk()
        disk.recordsContents = false
        let tapped = TappedDisk(disk)
        let door = Barrier()
        let engine = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: Self.options, disk: tapped)
        let blocks = try make(engine)
        tapped.tap = { call throws(SystemError) in
            if call.operation == .write, call.path == TestHeap.path { door.pass() }
        }
        for index in 0 ..< 36 { try Self.fill(engine, blocks[index], 1) }
        door.await()
        let problems = Problems()
        let isClosed = Mutex(false)
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            problems.collect { try engine.close() }
            isClosed.withLock { $0 = true }
            done.signal()
        }
        #expect(!isClosed.withLock { $0 })
        door.open()
        done.wait()
        #expect(problems.all == [])
        #expect(disk.currentFiles().keys.sorted() == [TestHeap.path])
    }
}
