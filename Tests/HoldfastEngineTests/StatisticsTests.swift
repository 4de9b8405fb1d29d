import HoldfastFormat
import HoldfastSystem
import Testing
import TestSupport

@testable import HoldfastEngine

/// The figures of a heap.
@Suite struct StatisticsTests {
    private let heap = TestHeap()

    private func expectSum(_ figures: HeapStatistics) {
        #expect(figures.usedBytes + figures.overheadBytes + figures.freeBytes == figures.fileBytes)
    }

    /// Compared with the audit, which shares no code with the figures.
    @Test func figuresAddUp() throws {
        let engine = try heap.open()
        var random = SplitMix(state: 20_261_121)
        var blocks: [(place: UInt64, byteCount: Int)] = []
        for _ in 0 ..< 40 {
            try engine.change { access in
                for _ in 0 ..< 50 {
                    if blocks.count > 100, Bool.random(using: &random) {
                        let block = blocks.remove(at: .random(in: blocks.indices, using: &random))
                        access.free(block.place, byteCount: block.byteCount)
                    } else {
                        let byteCount = Int.random(
                            in: 1
                                ... (Int.random(in: 0 ..< 10, using: &random) == 0 ? 100_000 : 900),
                            using: &random)
                        blocks.append((access.allocate(byteCount: byteCount), byteCount))
                    }
                }
            }
            let (figures, audit) = (try engine.statistics(), try engine.audit())
            #expect(audit.problems.isEmpty)
            #expect(UInt64(figures.usedBytes) == audit.usedBytes)
            #expect(figures.usedBlocks == blocks.count)
            #expect(figures.freeRuns.reduce(0) { $0 + $1.pages } == Int(audit.freePages))
            #expect(
                figures.blockClasses.map(\.usedBlocks)
                    == audit.blocksInUse.enumerated().filter { audit.slabs[$0.offset] > 0 }.map(
                        \.element))
            for runs in figures.freeRuns {
                #expect(
                    runs.pages >= runs.count * runs.pageCounts.lowerBound
                        && runs.pages < runs.count * runs.pageCounts.upperBound)
            }
            expectSum(figures)
        }
        try engine.close()
        let closed = try heap.open(.readOnly)
        expectSum(try closed.statistics())
        try closed.close()
    }

    @Test func fragmentationIsWhatTheLongestRunLacks() throws {
        let engine = try heap.open()
        let runs = try engine.change { access in
            (0 ..< 6).map { _ in access.allocate(byteCount: 40 * 4096) }
        }
        #expect(try engine.statistics().longestFreeRun < 40)
        try engine.change { access in
            access.free(runs[0], byteCount: 40 * 4096)
            for index in 2 ... 3 { access.free(runs[index], byteCount: 40 * 4096) }
        }
        let figures = try engine.statistics()
        #expect(figures.longestFreeRun == 80)
        let free = figures.freeBytes - figures.freeTailBytes
        #expect(free >= 120 * 4096 && figures.fragmentation == 1 - Double(80 * 4096) / Double(free))
        try engine.close()
    }

    @Test func commitsAndTheLog() throws {
        let before = Int(CalendarClock.seconds)
        let engine = try heap.open()
        #expect(try engine.statistics().condition == .atRest)
        let cell = try engine.change { $0.allocate(byteCount: 64) }
        for value in 0 ..< 9 { try engine.change { $0.store(value, at: cell) } }
        var figures = try engine.statistics()
        #expect(
            figures.commits == 10 && figures.logCommits == 10 && figures.logBytes > 10 * 72
                && figures.condition == .inUse)
        #expect(
            figures.logFileBytes > figures.logBytes && figures.checkpointSeconds >= before
                && figures.creationSeconds >= before)
        try engine.checkpoint()
        figures = try engine.statistics()
        #expect(figures.logCommits == 0 && figures.logBytes == 0 && figures.commits >= 10)
        try engine.close()
        let again = try heap.open()
        #expect(try again.statistics().commits == figures.commits)
        try again.close()
    }

    /// Recovery counts as a checkpoint, and its time is recorded.
    @Test func afterACrash() throws {
        let engine = try heap.open()
        let cell = try engine.change { $0.allocate(byteCount: 64) }
        try engine.change { $0.store(7, at: cell) }
        try engine.makeDurable()
        let disk = SimulatedDisk(files: heap.disk.currentFiles())
        var headers = disk.currentFiles()[TestHeap.path]!
        // As if the last checkpoint had been long ago.
        for copy in 0 ..< 2 {
            let bytes = Array(headers[copy * 4096 ..< copy * 4096 + HeapHeader.byteCount])
            guard case .header(var header) = bytes.withUnsafeBytes({ HeapHeader.decode($0) }) else {
                continue
            }
            header.checkpointTime = 5
            headers.replaceSubrange(
                copy * 4096 ..< copy * 4096 + HeapHeader.byteCount, with: header.encoded())
        }
        var files = disk.currentFiles()
        files[TestHeap.path] = headers
        let crashed = SimulatedDisk(files: files)
        let reader = try HeapEngine(
            path: TestHeap.path, mode: .readOnly, options: heap.options, disk: crashed)
        let figures = try reader.statistics()
        #expect(
            figures.condition == .notClosed && figures.commits == 2 && figures.logCommits == 2
                && figures.checkpointSeconds == 5)
        try reader.close()
        #expect(crashed.currentFiles() == files)
        let writer = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: heap.options, disk: crashed)
        #expect(
            try writer.statistics().checkpointSeconds > 5
                && writer.statistics().condition == .atRest)
        try writer.close()
        try engine.close()
    }

    @Test func viewsSayHowFarTheyAreBehind() throws {
        let writer = try heap.open()
        let cell = try writer.change { $0.allocate(byteCount: 64) }
        let reader = try heap.open(.readOnly)
        let context = try reader.beginRead()
        #expect(try writer.statistics().otherOpenings.map(\.commitsBehind) == [0])
        for value in 0 ..< 5 { try writer.change { $0.store(value, at: cell) } }
        let view = try #require(try writer.statistics().otherOpenings.first)
        #expect(view.isOpen && !view.isSnapshot && view.commitsBehind == 5 && view.heldLogBytes > 0)
        reader.endRead(context)
        let closed = try #require(try writer.statistics().otherOpenings.first)
        #expect(!closed.isOpen && closed.commitsBehind == 0)
        // The next view has caught up.
        let next = try reader.beginRead()
        #expect(try writer.statistics().otherOpenings.map(\.commitsBehind) == [0])
        reader.endRead(next)
        let snapshot = try writer.openSnapshot()
        #expect(try writer.statistics().otherOpenings.contains { $0.isSnapshot && $0.isOpen })
        try snapshot.close()
        try reader.close()
        try writer.close()
    }

    @Test func damagedAccountsAreAnError() throws {
        let engine = try heap.open()
        try engine.change { access in _ = access.allocate(byteCount: 100_000) }
        try engine.close()
        var files = heap.disk.currentFiles()
        // The length of the run that begins at page 5, in the page map.
        files[TestHeap.path]![3 * 4096 + 5 * 16 + 4] ^= 0x41
        let reader = try HeapEngine(
            path: TestHeap.path, mode: .readOnly, options: heap.options,
            disk: SimulatedDisk(files: files))
        do throws(HeapError) {
            _ = try reader.statistics()
            Issue.record("nothing was noticed")
        } catch {
            guard case .damaged = error else {
                Issue.record("\(error)")
                return
            }
        }
        try reader.close()
    }
}
