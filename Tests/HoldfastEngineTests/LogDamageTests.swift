import HoldfastFormat
import Testing
import TestSupport

@testable import HoldfastEngine

/// Damaged, missing and foreign logs beside a heap that was in use: a torn tail loses only
/// unacknowledged commits, and everything else is an error that changes nothing.
@Suite(.progress) struct LogDamageTests {
    private let path = TestHeap.path
    private var logPath: String { path + LogLayout.durableSuffix }
    private var sharedPath: String { path + LogLayout.sharedSuffix }

    /// The files left by a killed process after `commits` durable commits, each of which sets one
    /// cell to its number, and the place of each commit's record in the log file.
    private func killedHeap(commits: Int = 8) throws -> (
        files: [String: [UInt8]], records: [Range<Int>], cell: UInt64
    ) {
        let heap = TestHeap()
        let engine = try heap.open()
        var records: [Range<Int>] = []
        var cell: UInt64 = 0
        var end = LogLayout.ringOffset
        for commit in 1 ... commits {
            try engine.change { access in
                if cell == 0 { cell = access.allocate(byteCount: 64) }
                access.store(commit, at: cell)
            }
            try engine.makeDurable()
            let next = LogLayout.ringOffset + Int(engine.writerLog!.published)
            records.append(end ..< next)
            end = next
        }
        let files = heap.disk.currentFiles()
        withExtendedLifetime(engine) {}
        return (files, records, cell)
    }

    private func open(_ files: [String: [UInt8]], _ mode: OpenMode = .readWrite) throws
        -> HeapEngine
    {
        let disk = SimulatedDisk(files: files)
        disk.recordsContents = false
        return try HeapEngine(path: path, mode: mode, options: TestHeap.options, disk: disk)
    }

    /// The cell of the state that opens.
    private func opened(_ files: [String: [UInt8]], _ cell: UInt64) throws -> Int {
        let engine = try open(files)
        #expect(try engine.audit().problems.isEmpty)
        return try engine.look { $0.load(cell, as: Int.self) }
    }

    /// Opening must fail with this error, in every mode, and leave every file unchanged.
    private func expectRefused(
        _ files: [String: [UInt8]], _ error: HeapError, _ name: Comment? = nil
    ) {
        for mode in [OpenMode.readWrite, .readOnly, .privateCopy] {
            let disk = SimulatedDisk(files: files)
            disk.recordsContents = false
            #expect(throws: error, name) {
                try HeapEngine(path: path, mode: mode, options: TestHeap.options, disk: disk)
            }
            #expect(disk.currentFiles() == files, name)
        }
    }

    @Test func wholeLogOpensTheLastCommit() throws {
        let (files, records, cell) = try killedHeap()
        #expect(records.count == 8)
        #expect(try opened(files, cell) == 8)
        var withoutShared = files
        withoutShared[sharedPath] = nil
        #expect(try opened(withoutShared, cell) == 8)
    }

    /// Every flipped bit of the last record is detected; nothing proves that it had been durable,
    /// so the state before it opens.
    @Test func flippedBitInTheTailEndsTheLog() throws {
        var (files, records, cell) = try killedHeap(commits: 3)
        files[sharedPath] = nil
        for bit in stride(from: 0, to: records[2].count * 8, by: 7) {
            var damaged = files
            damaged[logPath]![records[2].lowerBound + bit / 8] ^= 1 << UInt8(bit % 8)
            let found = try opened(damaged, cell)
            guard found == 2 else {
                Issue.record("bit \(bit) of the last record: commit \(found) opened")
                return
            }
        }
    }

    /// A flipped bit in a record that a later one proves to have been durable is damage, and
    /// nothing is discarded.
    @Test func flippedBitInTheDurablePartIsAnError() throws {
        var (files, records, _) = try killedHeap()
        files[sharedPath] = nil
        for index in 0 ..< 6 {
            for offset in [0, 9, 16, 24, 56, 70, records[index].count - 1] {
                var damaged = files
                damaged[logPath]![records[index].lowerBound + offset] ^= 0x10
                expectRefused(
                    damaged,
                    .damagedLog(path: path, logPath: logPath, lastWholeCommit: UInt64(index)),
                    "record \(index), byte \(offset)")
            }
        }
    }

    /// The shared file has the same records and repairs it.
    @Test func theOtherFileMendsADamagedRecord() throws {
        var (files, records, cell) = try killedHeap()
        files[logPath]![records[3].lowerBound + 40] ^= 1
        #expect(try opened(files, cell) == 8)
        // Damage in both files, in different records, can still be repaired.
        files[sharedPath]![records[5].lowerBound + 40] ^= 1
        #expect(try opened(files, cell) == 8)
        // In the same record it cannot.
        files[sharedPath]![records[3].lowerBound + 44] ^= 1
        expectRefused(files, .damagedLog(path: path, logPath: logPath, lastWholeCommit: 3))
    }

    /// A checkpoint that had begun needs the whole log: a log that ends earlier would leave a
    /// mixture of states.
    @Test func logShorterThanABegunCheckpointIsAnError() throws {
        let heap = TestHeap()
        let engine = try heap.open()
        let cell = try engine.change { access in
            let cell = access.allocate(byteCount: 64)
            access.store(1, at: cell)
            return cell
        }
        try engine.change { $0.store(2, at: cell) }
        let start = LogLayout.ringOffset + Int(engine.writerLog!.published)
        try engine.change { $0.store(3, at: cell) }
        heap.disk.fault = { _, operation, path in
            operation == .write && path == TestHeap.path ? .error(5) : nil
        }
        #expect(throws: HeapError.self) { try engine.checkpoint() }
        var files = heap.disk.currentFiles()
        #expect(try opened(files, cell) == 3)
        files[sharedPath] = nil
        #expect(try opened(files, cell) == 3)
        files[logPath]![start + 20] ^= 1
        expectRefused(files, .damagedLog(path: path, logPath: logPath, lastWholeCommit: 2))
    }

    /// A summary stands for many commits: damage to it loses all of them, so it is an error, unless
    /// the other file has them.
    @Test func damagedSummaryIsAnError() throws {
        let heap = TestHeap()
        let engine = try heap.open()
        let cell = try engine.change { $0.allocate(byteCount: 64) }
        try engine.makeDurable()
        let start = LogLayout.ringOffset + Int(engine.writerLog!.published)
        for value in 1 ... 300 { try engine.change { $0.store(value, at: cell) } }
        heap.disk.fault = { _, operation, path in
            operation == .write && path == TestHeap.path ? .error(5) : nil
        }
        #expect(throws: HeapError.self) { try engine.checkpoint() }
        let killed = heap.disk.currentFiles()
        let record = try #require(
            killed[logPath]![start...].withUnsafeBytes { LogRecord.decodeHeader($0) })
        #expect(
            record.span > record.byteCount, "the checkpoint wrote no summary, so this tests nothing"
        )
        var alone = killed
        alone[sharedPath] = nil
        #expect(try opened(killed, cell) == 300)
        #expect(try opened(alone, cell) == 300)
        // Commits keep their numbers: one for the allocation, 300 in the summary.
        #expect(try open(alone).commitNumber == 301)
        for offset in [0, 10, 24, 30, 66, 72, 80, Int(record.byteCount) - 1] {
            var damaged = alone
            damaged[logPath]![start + offset] ^= 1
            expectRefused(
                damaged, .damagedLog(path: path, logPath: logPath, lastWholeCommit: 1),
                "byte \(offset) of the summary")
            damaged[sharedPath] = killed[sharedPath]
            #expect(
                try opened(damaged, cell) == 300,
                "byte \(offset) of the summary, with the shared file")
        }
    }

    @Test func missingLogIsAnError() throws {
        var (files, _, _) = try killedHeap()
        files[logPath] = nil
        expectRefused(files, .logMissing(path: path, logPath: logPath))
        files[sharedPath] = nil
        expectRefused(files, .logMissing(path: path, logPath: logPath))
    }

    /// Another heap's log, an earlier log of this heap, and a file that is not a log.
    @Test func foreignLogIsAnError() throws {
        let (files, _, _) = try killedHeap()
        let (others, _, _) = try killedHeap()
        var mixed = files
        mixed[logPath] = others[logPath]
        expectRefused(mixed, .foreignLog(path: path, logPath: logPath), "of another heap")

        let disk = SimulatedDisk(files: files)
        let engine = try HeapEngine(
            path: path, mode: .readWrite, options: TestHeap.options, disk: disk)
        try engine.change { _ = $0.allocate(byteCount: 8) }
        var later = disk.currentFiles()
        withExtendedLifetime(engine) {}
        later[logPath] = files[logPath]
        expectRefused(later, .foreignLog(path: path, logPath: logPath), "of an earlier use")

        var noLog = files
        noLog[logPath] = [UInt8](repeating: 0, count: 100_000)
        expectRefused(noLog, .foreignLog(path: path, logPath: logPath), "zeros")
        noLog[logPath] = []
        expectRefused(noLog, .foreignLog(path: path, logPath: logPath), "empty")
    }

    /// A broken shared file only cannot help. A file that is not known to be the heap's stays, so a
    /// writer cannot create its own.
    @Test func foreignSharedFileIsPassedOver() throws {
        var (files, _, cell) = try killedHeap()
        let (others, _, _) = try killedHeap(commits: 3)
        var damaged = files[sharedPath]!
        damaged[57] ^= 1
        for content in [damaged, []] {
            files[sharedPath] = content
            #expect(try opened(files, cell) == 8)
        }
        for content in [others[sharedPath]!, [UInt8](repeating: 0xff, count: 70_000)] {
            files[sharedPath] = content
            let disk = SimulatedDisk(files: files)
            disk.recordsContents = false
            #expect(throws: HeapError.self) {
                try HeapEngine(path: path, mode: .readWrite, options: TestHeap.options, disk: disk)
            }
            for mode in [OpenMode.readOnly, .privateCopy] {
                let reader = try HeapEngine(
                    path: path, mode: mode, options: TestHeap.options, disk: disk)
                #expect(try reader.look { $0.load(cell, as: Int.self) } == 8)
                try reader.close()
            }
            #expect(disk.currentFiles() == files)
        }
    }

    /// Reading a heap that was in use shows its last commit, changes no file, and can be repeated.
    @Test(arguments: [OpenMode.readOnly, .privateCopy])
    func readingChangesNoFile(mode: OpenMode) throws {
        let (files, _, cell) = try killedHeap()
        let disk = SimulatedDisk(files: files)
        for _ in 0 ..< 2 {
            let engine = try HeapEngine(
                path: path, mode: mode, options: TestHeap.options, disk: disk)
            #expect(try engine.look { $0.load(cell, as: Int.self) } == 8)
            if mode == .privateCopy {
                try engine.change { $0.store(100, at: cell) }
                #expect(try engine.look { $0.load(cell, as: Int.self) } == 100)
            } else {
                #expect(throws: HeapError.readOnly(path: path)) { try engine.beginWrite() }
            }
            try engine.close()
            #expect(disk.currentFiles() == files)
        }
    }
}

/// Damage to the two copies of the heap's header.
@Suite(.progress) struct HeaderDamageTests {
    private let path = TestHeap.path

    /// The bytes of a heap at rest, and its cell that holds 5.
    private func heapAtRest() throws -> (bytes: [UInt8], cell: UInt64) {
        let (heap, cell) = try TestHeap.atRest()
        return (heap.disk.currentFiles()[path]!, cell)
    }

    private func open(_ bytes: [UInt8]) throws -> HeapEngine {
        try HeapEngine(
            path: path, mode: .readWrite, options: TestHeap.options,
            disk: SimulatedDisk(files: [path: bytes]))
    }

    /// Either copy alone is enough to open a heap at rest, and to continue with it.
    @Test(arguments: [0, 1])
    func oneDamagedCopyIsSurvived(copy: Int) throws {
        var (bytes, cell) = try heapAtRest()
        bytes[copy * HeapLayout.pageBytes + 100] ^= 4
        let engine = try open(bytes)
        #expect(try engine.look { $0.load(cell, as: Int.self) } == 5)
        try engine.change { $0.store(6, at: cell) }
        try engine.close()
        let again = try HeapEngine(
            path: path, mode: .readWrite, options: TestHeap.options, disk: engine.disk)
        #expect(try again.look { $0.load(cell, as: Int.self) } == 6)
    }

    /// The copies are written in turn: a torn header never destroys the previous one.
    @Test func checkpointsWriteTheCopiesInTurn() throws {
        let heap = TestHeap()
        let engine = try heap.open()
        for round in 1 ... 4 {
            try engine.change { _ = $0.allocate(byteCount: 100) }
            try engine.checkpoint()
            let file = heap.disk.currentFiles()[path]!
            let sequences = [0, HeapLayout.pageBytes].compactMap { start -> UInt64? in
                let copy = file[start ..< start + HeapHeader.byteCount]
                guard case .header(let header) = copy.withUnsafeBytes({ HeapHeader.decode($0) })
                else { return nil }
                return header.sequence
            }
            #expect(
                sequences.count == 2 && sequences.max()! == sequences.min()! + 1,
                "round \(round): \(sequences)")
        }
    }

    @Test func twoDamagedCopiesAreAnError() throws {
        var (bytes, _) = try heapAtRest()
        bytes[100] ^= 4
        bytes[HeapLayout.pageBytes + 200] ^= 4
        #expect(throws: HeapError.damagedHeader(path: path)) { try open(bytes) }
    }

    /// The file must not end before the heap's end in the header.
    @Test func cutFileIsAnError() throws {
        let (bytes, _) = try heapAtRest()
        #expect(throws: HeapError.truncated(path: path, expectedBytes: 65_536, actualBytes: 65_535))
        {
            try open(Array(bytes.dropLast()))
        }
        // Bytes appended by another program are ignored.
        try open(bytes + [1, 2, 3]).close()
    }

    @Test func damagedAllocatorRootIsAnError() throws {
        var (bytes, _) = try heapAtRest()
        bytes[Int(AllocatorRoot.offset)] ^= 1
        #expect(throws: HeapError.damaged(path: path, what: "the allocator's root page is invalid"))
        { try open(bytes) }
    }
}
