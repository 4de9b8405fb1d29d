import HoldfastFormat
import TestSupport
import Testing

@testable import HoldfastEngine

/// A log that grew beyond its limit, because a view stayed open, is shrunk again by later
/// transactions, without a call by the program.
@Suite(.progress) struct OversizedLogTests {
    private static let limit = 1 << 20
    private static let blockBytes = 64 * 1024

    private static func options(inBackground: Bool) -> EngineOptions {
        var options = TestHeap.options
        options.initialLogBytes = 64 * 1024
        options.logLimit = limit
        options.checkpointsInBackground = inBackground
        options.timeout = .seconds(60)
        // Views hold the log.
        options.keptBytesPerLogByte = 0
        return options
    }

    private func fill(_ engine: HeapEngine, _ block: UInt64, _ value: Int) throws {
        try engine.change {
            $0.writableAddress(block, Self.blockBytes).initializeMemory(
                as: UInt8.self, repeating: UInt8(value % 251), count: Self.blockBytes)
        }
    }

    /// A heap whose log has grown to four times the limit because of a snapshot.
    private func grown(_ heap: TestHeap) throws -> (
        engine: HeapEngine, snapshot: HeapEngine, block: UInt64
    ) {
        let engine = try heap.open()
        let block = try engine.change { $0.allocate(byteCount: Self.blockBytes) }
        var options = heap.options
        options.isSnapshot = true
        let snapshot = try HeapEngine(
            path: TestHeap.path, mode: .readOnly, options: options, disk: heap.disk)
        var commits = 0
        while engine.writerLog!.capacity <= Self.limit * 4 {
            commits += 1
            try fill(engine, block, commits)
            try #require(commits < 1000)
        }
        return (engine, snapshot, block)
    }

    private func logBytes(_ heap: TestHeap) -> [Int] {
        let files = heap.disk.currentFiles()
        return [LogLayout.durableSuffix, LogLayout.sharedSuffix].map {
            files[TestHeap.path + $0]?.count ?? 0
        }
    }

    @Test(arguments: [false, true]) func isGivenBackAfterTheSnapshot(inBackground: Bool) throws {
        let heap = TestHeap(Self.options(inBackground: inBackground))
        let (engine, snapshot, block) = try grown(heap)
        #expect(logBytes(heap).allSatisfy { $0 > Self.limit * 4 })
        try snapshot.close()
        var commits = 0
        while engine.writerLog!.capacity > Self.limit {
            commits += 1
            try fill(engine, block, commits)
            try #require(commits < 1000)
        }
        #expect(logBytes(heap).allSatisfy { $0 <= LogLayout.ringOffset + Self.limit })
        try fill(engine, block, 200)
        #expect(try engine.audit().problems == [])
        #expect(try engine.look { $0.load(block + 4096, as: UInt8.self) } == 200)
        try engine.close()
        let again = try heap.open(.readOnly)
        #expect(try again.look { $0.load(block + 4096, as: UInt8.self) } == 200)
        try again.close()
    }

    /// The ring grows by multiples of its capacity. A ring that has so become a little longer than
    /// its limit stays, and checkpoints stay in the background.
    @Test func ordinaryGrowthStays() throws {
        var options = Self.options(inBackground: true)
        options.initialLogBytes = 3 * Self.blockBytes
        let heap = TestHeap(options)
        let engine = try heap.open()
        let block = try engine.change { $0.allocate(byteCount: Self.blockBytes) }
        for commit in 1 ... 100 { try fill(engine, block, commit) }
        #expect(engine.writerLog!.capacity == 18 * Self.blockBytes)
        try engine.close()
    }

    /// Another opening has the log mapped, so it keeps its size.
    @Test func staysBesideOthers() throws {
        let heap = TestHeap(Self.options(inBackground: true))
        let (engine, snapshot, block) = try grown(heap)
        let other = try heap.open()
        try snapshot.close()
        for commit in 1 ... 100 { try fill(engine, block, commit) }
        #expect(engine.writerLog!.capacity > Self.limit * 4)
        #expect(try other.look { $0.load(block, as: UInt8.self) } == 100)
        try other.close()
        try engine.close()
    }
}
