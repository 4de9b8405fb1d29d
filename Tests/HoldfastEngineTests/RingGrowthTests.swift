import Foundation
import HoldfastFormat
import HoldfastSystem
import Synchronization
import Testing
import TestSupport

@testable import HoldfastEngine

/// The ring grows while others read from it.
@Suite(.progress) struct RingGrowthTests {
    /// A long checkpoint reads records from the ring. A writer that needs a larger ring meanwhile
    /// must not move them; otherwise the next appended record would lie where the checkpoint still
    /// reads.
    @Test func growthWaitsForACheckpoint() throws {
        let disk = SimulatedDisk()
        disk.recordsContents = false
        let door = Barrier()
        let tapped = TappedDisk(disk)
        var options = TestHeap.options
        options.initialLogBytes = 64 * 1024
        options.logLimit = 1 << 20
        let writer = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options, disk: disk)
        let checkpointer = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options, disk: tapped)
        let block = try writer.change { $0.allocate(byteCount: 400_000) }
        try writer.checkpoint()
        // From here on it knows of the log.
        #expect(try checkpointer.audit().problems == [])
        // Records that wrap around the ring's end: those at its beginning move when it grows.
        @Sendable func fill(_ range: Range<Int>, _ value: UInt8) throws {
            try writer.change { access in
                access.writableAddress(block + UInt64(range.lowerBound), range.count)
                    .initializeMemory(as: UInt8.self, repeating: value, count: range.count)
            }
        }
        try fill(0 ..< 40_000, 1)
        try writer.checkpoint()
        for piece in 0 ..< 12 { try fill(piece * 4096 ..< (piece + 1) * 4096, UInt8(piece + 10)) }
        #expect(writer.writerLog!.capacity == 64 * 1024)
        // The checkpoint stops when it has made the log durable, before it takes the lines out of
        // the ring.
        let isDurable = Mutex(false)
        tapped.tap = { call throws(SystemError) in
            if call.operation == .sync, call.path.hasSuffix(LogLayout.durableSuffix) {
                isDurable.withLock { $0 = true }
            }
            if call.operation == .read, call.path == TestHeap.path, isDurable.withLock({ $0 }) {
                door.pass()
            }
        }
        let problems = Problems()
        let group = DispatchGroup()
        for number in 0 ..< 2 {
            group.enter()
            Thread.detachNewThread {
                problems.collect {
                    if number == 0 {
                        _ = try checkpointer.moveLogIntoDataFile(waits: true)
                    } else {
                        door.await()
                        // More than fits into the old ring and its usual next size, in the same
                        // pages and in others.
                        for round in 0 ..< 4 {
                            for piece in 20 ..< 90 {
                                try fill(piece * 4096 ..< (piece + 1) * 4096, UInt8(round + 100))
                            }
                        }
                    }
                }
                group.leave()
            }
        }
        door.await()
        // It ends either way: the writer begins to wait for the checkpoint, or has finished.
        let before = writer.newestPosition
        var last = before
        var still = 0
        while still < 100 {
            usleep(2000)
            let now = writer.newestPosition
            still = now == last ? still + 1 : 0
            last = now
        }
        door.open()
        group.wait()
        #expect(problems.all == [])
        try writer.checkpoint()
        #expect(try checkpointer.scrub().damagedPages == [])
        // The data file, without any process's private pages.
        let later = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options, disk: disk)
        for engine in [writer, later, checkpointer] {
            try engine.look { access in
                for piece in 0 ..< 12 {
                    let bytes = UnsafeRawBufferPointer(
                        start: access.address(block + UInt64(piece * 4096), 4096), count: 4096)
                    #expect(bytes.isFilled(with: UInt8(piece + 10)), "piece \(piece)")
                }
                for piece in 20 ..< 90 {
                    #expect(access.load(block + UInt64(piece * 4096 + 4000), as: UInt8.self) == 103)
                }
            }
        }
    }
}
