import HoldfastSystem
import Testing
import TestSupport

@testable import HoldfastEngine

/// The cost of each operation, as exact numbers of logged lines and of calls to the disk: one more
/// or one less fails a test. If you change a number on purpose, change the comment beside it too.
@Suite(.progress) struct CostTests {
    /// Calls that reach the disk.
    struct Calls: Equatable, CustomStringConvertible {
        var writes = 0
        var writtenBytes = 0
        var syncs = 0
        /// Files created, extended, truncated and removed, and directory syncs.
        var others: [String] = []

        var description: String {
            "\(writes) writes of \(writtenBytes) bytes, \(syncs) syncs, \(others)"
        }
    }

    private let heap = TestHeap()

    private func calls<R>(of body: () throws -> R) rethrows -> (Calls, R) {
        heap.disk.recordsContents = true
        let start = heap.disk.journal.count
        let result = try body()
        heap.disk.recordsContents = false
        var calls = Calls()
        for call in heap.disk.journal[start...] {
            switch call {
            case .write(_, _, let bytes):
                calls.writes += 1
                calls.writtenBytes += bytes.count
            case .sync: calls.syncs += 1
            case .zero(_, _, let count): calls.others.append("zero \(count)")
            case .create(let name, _):
                calls.others.append("create \(name.split(separator: "/").last!)")
            case .resize: calls.others.append("resize")
            case .rename: calls.others.append("rename")
            case .remove(let name):
                calls.others.append("remove \(name.split(separator: "/").last!)")
            case .failedSync: calls.others.append("failedSync")
            case .createFolder(let name):
                calls.others.append("folder \(name.split(separator: "/").last!)")
            case .syncDirectory: calls.others.append("syncDirectory")
            }
        }
        return (calls, result)
    }

    /// The lines that a transaction logs, the bytes of its record, and the calls of its commit.
    private func cost(_ engine: HeapEngine, _ body: (HeapAccess) -> Void) throws -> (
        lines: Int, bytes: Int, calls: Calls
    ) {
        let before = engine.applied
        let context = try engine.beginWrite()
        body(HeapAccess(context: context, epoch: context.pointee.epoch))
        let lines = engine.dirty.lineCount
        let (calls, _) = try calls { try engine.commit(context) }
        return (lines, Int(engine.applied - before), calls)
    }

    /// A heap with a running log and one block of each kind beside the tested one.
    private func running() throws -> (engine: HeapEngine, cell: UInt64) {
        let engine = try heap.open()
        let cell = try engine.change { access in
            let cell = access.allocate(byteCount: 64)
            _ = access.allocate(byteCount: 100_000)
            return cell
        }
        return (engine, cell)
    }

    private static let nothing = Calls()

    // MARK: Transactions. A record has a header of 72 bytes, and for each run of adjacent lines 8
    // bytes and 64 per line.

    @Test func storeOfOneWord() throws {
        let (engine, cell) = try running()
        let cost = try cost(engine) { $0.store(1, at: cell) }
        // The word's line.
        #expect(cost.lines == 1)
        #expect(cost.bytes == 72 + (8 + 64))
        // The commit itself makes no call when the log is running.
        #expect(cost.calls == Self.nothing)
    }

    @Test func twoWordsOfOneLineAndOneBeside() throws {
        let (engine, cell) = try running()
        let same = try cost(engine) { access in
            access.store(1, at: cell)
            access.store(2, at: cell + 8)
        }
        #expect(same.lines == 1)
        let run = try engine.change { $0.allocate(byteCount: 40_000) }
        // Two adjacent lines are one run; two separate lines are two.
        let beside = try cost(engine) {
            $0.store(1, at: run + 64); $0.store(1, at: run + 128)
        }
        #expect(beside.lines == 2)
        #expect(beside.bytes == 72 + (8 + 2 * 64))
        let apart = try cost(engine) {
            $0.store(1, at: run + 64); $0.store(1, at: run + 256)
        }
        #expect(apart.bytes == 72 + 2 * (8 + 64))
    }

    @Test func allocationOf64Bytes() throws {
        let (engine, _) = try running()
        let cost = try cost(engine) { _ = $0.allocate(byteCount: 64) }
        // The slab's header line: bitmap and count.
        #expect(cost.lines == 1)
        #expect(cost.bytes == 72 + (8 + 64))
        #expect(cost.calls == Self.nothing)
    }

    @Test func freeOf64Bytes() throws {
        let (engine, _) = try running()
        let block = try engine.change { $0.allocate(byteCount: 64) }
        let cost = try cost(engine) { $0.free(block, byteCount: 64) }
        // The slab's header line.
        #expect(cost.lines == 1)
        #expect(cost.calls == Self.nothing)
    }

    @Test func firstBlockOfAClass() throws {
        let (engine, _) = try running()
        let cost = try cost(engine) { _ = $0.allocate(byteCount: 500) }
        // The root's first line (the heap's end), its line with the class's list, the descriptors
        // of the slab's two pages, which are in two lines, and the slab's header.
        #expect(cost.lines == 5)
    }

    @Test func allocationOfARunAtTheEnd() throws {
        let (engine, _) = try running()
        let cost = try cost(engine) { _ = $0.allocate(byteCount: 40_000) }
        // The root's first line (the heap's end); the descriptors of the first and the last of 10
        // pages, in two lines.
        #expect(cost.lines == 3)
        #expect(cost.bytes == 72 + 3 * (8 + 64))
        // The file grows: 4 + 25 + 1 pages before, 40 after, in steps of 64 KiB.
        #expect(cost.calls == Calls(others: ["resize"]))
    }

    @Test func runThatIsFreedAndTakenAgain() throws {
        let (engine, _) = try running()
        let run = try engine.change { access in
            let run = access.allocate(byteCount: 40_000)
            _ = access.allocate(byteCount: 40_000)
            return run
        }
        let freed = try cost(engine) { $0.free(run, byteCount: 40_000) }
        // Two lines of descriptors, the bin's bit, the bin's first run.
        #expect(freed.lines == 4)
        let taken = try cost(engine) { #expect($0.allocate(byteCount: 40_000) == run) }
        #expect(taken.lines == 4)
        #expect(freed.calls == Self.nothing && taken.calls == Self.nothing)
    }

    @Test func runThatIsFreedAtTheEnd() throws {
        let (engine, _) = try running()
        let run = try engine.change { $0.allocate(byteCount: 40_000) }
        // The first descriptor and the heap's end.
        #expect(try cost(engine) { $0.free(run, byteCount: 40_000) }.lines == 2)
    }

    @Test func emptyAndAbortedTransactions() throws {
        let (engine, cell) = try running()
        let empty = try cost(engine) { _ = $0.load(cell, as: Int.self) }
        #expect(empty.lines == 0 && empty.bytes == 0)
        #expect(empty.calls == Self.nothing)
        let before = engine.writerLog!.published
        #expect(try calls { try engine.abandon { $0.store(5, at: cell) } }.0 == Self.nothing)
        #expect(engine.writerLog!.published == before)
    }

    // MARK: The disk

    @Test func durableCommit() throws {
        let (engine, cell) = try running()
        try engine.makeDurable()
        try engine.change { $0.store(1, at: cell) }
        // The record; one sync of the log.
        #expect(
            try calls { try engine.makeDurable() }.0
                == Calls(writes: 1, writtenBytes: 144, syncs: 1))
        // Nothing new to sync.
        #expect(try calls { try engine.makeDurable() }.0 == Self.nothing)
        // Many commits cost as much as one.
        for value in 0 ..< 20 { try engine.change { $0.store(value, at: cell) } }
        #expect(
            try calls { try engine.makeDurable() }.0
                == Calls(writes: 1, writtenBytes: 20 * 144, syncs: 1))
    }

    @Test func recordThatWrapsIsWrittenInTwo() throws {
        let (engine, cell) = try running()
        let run = try engine.change { $0.allocate(byteCount: 65_536) }
        // A lap of the ring without a checkpoint, up to just before its end; the next records cross
        // the end.
        while engine.writerLog!.capacity - Int(engine.writerLog!.published)
            % engine.writerLog!.capacity > 4096
        {
            try engine.change {
                $0.writableAddress(run, 2048).initializeMemory(
                    as: UInt8.self, repeating: 1, count: 2048)
            }
        }
        try engine.checkpoint()
        while Int(engine.writerLog!.published) < engine.writerLog!.capacity {
            try engine.change { $0.store(1, at: cell) }
        }
        let calls = try calls { try engine.makeDurable() }.0
        #expect(calls.writes == 2 && calls.syncs == 1)
    }

    @Test func checkpoint() throws {
        let (engine, cell) = try running()
        try engine.checkpoint()
        try engine.change { $0.store(2, at: cell) }
        // The record and the log's header, the changed page and its checksum page, the heap's
        // header; a sync after each, and one for both pages.
        #expect(
            try calls { try engine.checkpoint() }.0
                == Calls(writes: 5, writtenBytes: 144 + 128 + 2 * 4096 + 512, syncs: 4))
        #expect(try calls { try engine.checkpoint() }.0 == Self.nothing)
        // Records that are already durable are not written again.
        try engine.change { $0.store(3, at: cell) }
        try engine.makeDurable()
        #expect(
            try calls { try engine.checkpoint() }.0
                == Calls(writes: 4, writtenBytes: 128 + 2 * 4096 + 512, syncs: 3))
    }

    /// Adjacent changed pages are one write, up to 256 of them.
    @Test func checkpointJoinsPages() throws {
        let (engine, _) = try running()
        let run = try engine.change { $0.allocate(byteCount: 40_000) }
        try engine.checkpoint()
        try engine.change { access in
            for page in 0 ..< 8 { access.store(1, at: run + UInt64(page) * 4096) }
        }
        let record = 72 + 8 * (8 + 64)
        #expect(
            try calls { try engine.checkpoint() }.0
                == Calls(writes: 5, writtenBytes: record + 128 + 9 * 4096 + 512, syncs: 4))
    }

    @Test func making() throws {
        let (calls, engine) = try calls { try heap.open() }
        // The five pages under a working name, the two copies of the header, a sync, the renaming,
        // a sync of the folder; and the shared file.
        #expect(calls.writes == 3 && calls.writtenBytes == 5 * 4096 + 2 * 512 && calls.syncs == 1)
        #expect(
            calls.others.count == 6 && calls.others[0].hasPrefix("create test.heap-")
                && calls.others[0].hasSuffix("-new"))
        #expect(
            Array(calls.others[1...]) == [
                "resize", "rename", "syncDirectory", "create test.heap-shared", "resize",
            ])
        withExtendedLifetime(engine) {}
    }

    @Test func openingAndClosingAtRest() throws {
        var (engine, cell) = try running()
        try engine.close()
        heap.disk.clearCounts()
        let (opening, again) = try calls { try heap.open() }
        engine = again
        #expect(opening == Calls(others: ["create test.heap-shared", "resize"]))
        // Two headers of 512 bytes; two mappings.
        #expect(heap.disk.reads.map(\.bytes) == [512, 512])
        #expect(heap.disk.maps.map(\.bytes) == [heap.fileBytes(), 16384])
        #expect(try engine.look { $0.load(cell, as: Int.self) } == 0)
        // Nothing was written, so nothing has to be recorded.
        #expect(try calls { try engine.close() }.0 == Calls(others: ["remove test.heap-shared"]))
    }

    @Test func firstCommitAndClose() throws {
        var (engine, cell) = try running()
        try engine.close()
        engine = try heap.open()
        let cost = try cost(engine) { $0.store(1, at: cell) }
        #expect(cost.bytes == 144)
        // The log's zeros (16 KiB of headers, 256 KiB of ring) and its header, synced under a
        // working name, then renamed; the heap's header that marks it as in use, synced; the names
        // of the two files.
        let working = WorkingName.path(for: "test.heap", suffix: "-log")
        #expect(
            cost.calls
                == Calls(
                    writes: 3, writtenBytes: (16 + 256) * 1024 + 128 + 512, syncs: 2,
                    others: ["create \(working)", "resize", "rename", "syncDirectory"]))
        // A checkpoint (5 writes, 4 syncs), whose header marks the heap as at rest; that header
        // again over the other copy; the log is removed.
        #expect(
            try calls { try engine.close() }.0
                == Calls(
                    writes: 6, writtenBytes: 144 + 128 + 2 * 4096 + 512 + 512, syncs: 4,
                    others: ["remove test.heap-shared", "remove test.heap-log"]))
    }

    @Test func closeAfterACheckpoint() throws {
        let (engine, _) = try running()
        try engine.checkpoint()
        // The header that marks the heap as at rest, synced, and again over the other copy. The
        // file keeps its size: all of its 64 KiB granules are in use.
        #expect(
            try calls { try engine.close() }.0
                == Calls(
                    writes: 2, writtenBytes: 2 * 512, syncs: 1,
                    others: ["remove test.heap-shared", "remove test.heap-log"]))
    }

    /// Recovery after a kill: the records that are only in the shared file are written to the log,
    /// then as for a checkpoint.
    @Test func recovery() throws {
        var (engine, cell) = try running()
        try engine.close()
        engine = try heap.open()
        try engine.change { $0.store(1, at: cell) }
        try engine.makeDurable()
        try engine.change { $0.store(2, at: cell) }
        let killed = heap.disk.currentFiles()
        try engine.close()
        let disk = SimulatedDisk(files: killed)
        let start = disk.journal.count
        let recovered = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: heap.options, disk: disk)
        var writes: [Int] = []
        var syncs = 0
        for call in disk.journal[start...] {
            switch call {
            case .write(_, _, let bytes): writes.append(bytes.count)
            case .sync: syncs += 1
            default: break
            }
        }
        // Both records, the first one from the durable log itself; the log's header; the checksums
        // of pages behind the end, in case of an interrupted checkpoint; the changed page and its
        // checksum; the header, twice.
        #expect(writes == [144, 144, 128, 4096, 4096, 4096, 512, 512])
        #expect(syncs == 4)
        #expect(try recovered.look { $0.load(cell, as: Int.self) } == 2)
        // A reader recovers in memory.
        let readerDisk = SimulatedDisk(files: killed)
        let before = readerDisk.journal.count
        let reader = try HeapEngine(
            path: TestHeap.path, mode: .readOnly, options: heap.options, disk: readerDisk)
        #expect(try reader.look { $0.load(cell, as: Int.self) } == 2)
        try reader.close()
        #expect(readerDisk.changes(since: before).isEmpty)
    }

    /// The calls of an opening to the disk.
    private struct OpeningCalls: Equatable {
        var reads: Int
        var maps: Int
        var writes = 0
        var writtenBytes = 0
        var syncs = 0
    }

    /// Opens a heap that was killed after this many commits of one line each.
    private func callsOfRecovery(after commits: Int, areDurable: Bool, mode: OpenMode) throws
        -> OpeningCalls
    {
        var options = TestHeap.options
        options.initialLogBytes = 4 << 20
        let heap = TestHeap(options)
        let engine = try heap.open()
        let cells = try engine.change { access in
            (0 ..< 100).map { _ in access.allocate(byteCount: 64) }
        }
        let start = engine.applied
        for commit in 0 ..< commits {
            try engine.change { $0.store(commit, at: cells[commit % cells.count]) }
        }
        try #require(engine.applied - start == UInt64(commits * (72 + 8 + 64)))
        if areDurable { try engine.makeDurable() }
        let disk = SimulatedDisk(files: heap.disk.currentFiles())
        try engine.close()
        disk.clearCounts()
        let before = disk.journal.count
        let recovered = try HeapEngine(
            path: TestHeap.path, mode: mode, options: heap.options, disk: disk)
        var calls = OpeningCalls(reads: disk.reads.count, maps: disk.maps.count)
        for call in disk.journal[before...] {
            switch call {
            case .write(_, _, let bytes):
                calls.writes += 1
                calls.writtenBytes += bytes.count
            case .sync: calls.syncs += 1
            default: break
            }
        }
        let cell = cells[(commits - 1) % cells.count]
        #expect(try recovered.look { $0.load(cell, as: Int.self) } == commits - 1)
        try recovered.close()
        return calls
    }

    /// The cost of recovery depends on the bytes of the log and on the changed pages, not on the
    /// number of commits.
    @Test(arguments: [false, true]) func recoveryOfManySmallCommits(areDurable: Bool) throws {
        let few = try callsOfRecovery(after: 400, areDurable: areDurable, mode: .readWrite)
        var many = try callsOfRecovery(after: 6400, areDurable: areDurable, mode: .readWrite)
        if areDurable {
            // Records that were already durable are rewritten unchanged.
            #expect(many.writtenBytes - few.writtenBytes == 6000 * (72 + 8 + 64))
            many.writtenBytes = few.writtenBytes
        }
        // Otherwise the final state of the lines is written, once for all commits.
        #expect(many == few)
        let read = try callsOfRecovery(after: 400, areDurable: areDurable, mode: .readOnly)
        #expect(
            try callsOfRecovery(after: 6400, areDurable: areDurable, mode: .readOnly) == read)
        #expect(read.writes == 0)
    }

    /// A checkpoint itself releases the old ring: the next commit need not unmap it after the ring
    /// has shrunk.
    @Test func aCheckpointLetsGoOfTheRing() throws {
        let engine = try heap.open()
        _ = try cost(engine) { _ = $0.allocate(byteCount: 5000, alignment: 8) }
        #expect(engine.heap.log.tailRing != nil)
        try engine.checkpoint()
        #expect(engine.heap.log.tailRing == nil)
        try engine.close()
    }
}
