import Testing
import TestSupport

@testable import HoldfastEngine

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A log that is cheap to empty stays small; another grows to its limit, and its pages are written
/// less often.
@Suite(.progress) struct CompactLogTests {
    private static let compact = 512 << 10
    private static let limit = 8 << 20

    private static var options: EngineOptions {
        var options = TestHeap.options
        options.checkpointsInBackground = true
        options.initialLogBytes = 64 << 10
        options.compactLogBytes = compact
        options.logLimit = limit
        return options
    }

    /// Commits until this many bytes have been logged, and lets the thread keep up.
    private func write(_ bytes: Int, to engine: HeapEngine, _ change: (HeapAccess, Int) -> Void)
        throws
    {
        let end = engine.applied + UInt64(bytes)
        var number = 0
        while engine.applied < end {
            try engine.change { change($0, number) }
            number += 1
            // Slowly while the thread is behind, because the next transaction wakes it.
            if engine.policy.isReached(by: engine.writerLog!.usedBytes) { usleep(500) }
        }
    }

    @Test func changesOfTheSamePagesKeepTheLogSmall() throws {
        let heap = TestHeap(Self.options)
        let engine = try heap.open()
        let block = try engine.change { $0.allocate(byteCount: 64 << 10) }
        try write(4 << 20, to: engine) { access, number in
            access.store(UInt64(number), at: block)
            access.store(UInt64(number), at: block + UInt64(number % 1000) * 64)
        }
        #expect(engine.writerLog!.capacity == Self.compact)
        #expect(engine.writerLog!.checkpointPosition > 3 << 20)
        try engine.close()
    }

    @Test func changesOfManyPagesLetTheLogGrow() throws {
        let heap = TestHeap(Self.options)
        let engine = try heap.open()
        let block = try engine.change { $0.allocate(byteCount: 16 << 20) }
        let start = engine.writerLog!.checkpointPosition
        try write(2 << 20, to: engine) { access, number in
            access.store(UInt64(number), at: block + UInt64(number % 4096) * 4096)
        }
        #expect(engine.writerLog!.capacity == Self.limit)
        #expect(engine.writerLog!.checkpointPosition == start)
        // Half of the limit is always due.
        try write(3 << 20, to: engine) { access, number in
            access.store(UInt64(number), at: block + UInt64(number % 4096) * 4096)
        }
        var waits = 0
        while engine.writerLog!.checkpointPosition == start, waits < 60_000 {
            usleep(1000)
            waits += 1
        }
        #expect(engine.writerLog!.checkpointPosition > start)
        try engine.close()
    }

    /// A checkpoint cannot move commits that an open view needs: the thread tries once, and not
    /// before every transaction.
    @Test func anOpenViewLetsTheLogGrow() throws {
        let heap = TestHeap(Self.options)
        let engine = try heap.open()
        let block = try engine.change { $0.allocate(byteCount: 64 << 10) }
        let snapshot = try engine.openSnapshot()
        try write(Self.compact / 2, to: engine) { access, number in
            access.store(UInt64(number), at: block)
        }
        var waits = 0
        while engine.policy.isReached(by: Self.compact), waits < 1000 {
            try engine.change { $0.store(0, at: block) }
            usleep(1000)
            waits += 1
        }
        #expect(waits < 1000)
        #expect(engine.writerLog!.capacity == Self.compact)
        try write(2 << 20, to: engine) { access, number in access.store(UInt64(number), at: block) }
        #expect(engine.writerLog!.capacity == Self.limit)
        try snapshot.close()
        try engine.close()
    }
}
