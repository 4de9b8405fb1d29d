import Foundation
import HoldfastFormat
import Testing
import TestSupport

@testable import HoldfastEngine

/// Sequences of failures that once lost durable commits, each step by step. `DoubleFailureTests`
/// searches for others of their kind.
@Suite(.progress) struct KnownFailureTests {
    private static let path = FailureModel.path

    private static func open(_ disk: SimulatedDisk, _ mode: OpenMode = .readWrite) throws
        -> HeapEngine
    {
        try HeapEngine(path: path, mode: mode, options: FailureModel.options, disk: disk)
    }

    /// Problems in the images of power cuts after each call from `start` on.
    private static func problems(
        _ disk: SimulatedDisk, from start: Int, allowed: ClosedRange<Int>, failureSeed: UInt64 = 0,
        seeds: Range<UInt64> = TestExtent.choose(quick: 0 ..< 2, full: 0 ..< 7)
    ) -> [String] {
        var images = CrashImages(of: disk, failureSeed: failureSeed)
        var distinct = DistinctFiles()
        var problems: [String] = []
        while images.position < images.count {
            images.advance()
            guard images.position > start else { continue }
            for seed in seeds {
                var files = images.image(seed: seed)
                // Nothing is promised about the shared file.
                files[path + LogLayout.sharedSuffix] = nil
                guard distinct.insert(files, allowing: allowed) else { continue }
                if let problem = FailureModel.problem(inFiles: files, allowed: allowed) {
                    problems.append(
                        "after \(images.position - start) calls, seed \(seed): \(problem)")
                }
            }
        }
        return problems
    }

    /// A heap with the durable commits 0 to 8 does `work` and is closed, with one call to its file
    /// failing: each of those of one kind in turn, with a heap of its own. `then` goes on from what
    /// that has left. Returns the number of these calls.
    private static func failEachCall(
        _ failing: SimulatedDisk.Operation, _ fault: SimulatedDisk.Fault,
        _ work: (HeapEngine) -> Void, then: (SimulatedDisk, _ number: Int) throws -> Void
    ) throws -> Int {
        var number = 0
        while true {
            let disk = SimulatedDisk()
            let engine = try open(disk)
            for commit in 0 ... 8 { try FailureModel.commit(commit, in: engine) }
            try engine.makeDurable()
            nonisolated(unsafe) var calls = 0
            disk.fault = { [number] _, operation, path in
                guard operation == failing, path == Self.path else { return nil }
                calls += 1
                return calls == number + 1 ? fault : nil
            }
            work(engine)
            try? engine.close()
            disk.fault = nil
            guard calls > number else { return number }
            try then(disk, number)
            number += 1
        }
    }

    /// A sync of the log fails: the system's page cache shows the log as it should be, and the disk
    /// does not have it. The heap is opened again, and the power is cut.
    @Test(arguments: [0, 1, 2] as [UInt64]) func failedSyncOfTheLog(failureSeed: UInt64) throws {
        let disk = SimulatedDisk()
        let engine = try Self.open(disk)
        for number in 0 ... 5 { try FailureModel.commit(number, in: engine) }
        try engine.checkpoint()
        for number in 6 ... 8 { try FailureModel.commit(number, in: engine) }
        try engine.makeDurable()
        for number in 9 ... 12 { try FailureModel.commit(number, in: engine) }
        disk.fault = { _, operation, path in
            operation == .sync && path.hasSuffix(LogLayout.durableSuffix) ? .error(EIO) : nil
        }
        #expect(throws: HeapError.self) { try engine.makeDurable() }
        disk.fault = nil
        #expect(throws: HeapError.self) { try engine.close() }
        let start = disk.journal.count
        let again = try Self.open(disk)
        #expect(8 ... 12 ~= (try FailureModel.value(in: again)))
        #expect(Self.problems(disk, from: start, allowed: 8 ... 12, failureSeed: failureSeed) == [])
        try again.close()
    }

    /// Each sync of the heap's file during a checkpoint or a close fails; the heap is opened again,
    /// changed and closed, and the power is cut at any call of that.
    @Test func failedSyncOfTheHeap() throws {
        let calls = try Self.failEachCall(.sync, .error(EIO)) { engine in
            try? engine.checkpoint()
            try? FailureModel.commit(9, in: engine)
        } then: { disk, number in
            let start = disk.journal.count
            let again = try Self.open(disk)
            let value = try FailureModel.value(in: again)
            #expect(8 ... 9 ~= value)
            try FailureModel.commit(value + 1, in: again)
            try again.close()
            #expect(
                Self.problems(disk, from: start, allowed: 8 ... value + 1) == [],
                "sync \(number) failed")
        }
        #expect(calls >= 3)
    }

    /// Each write of a checkpoint or a close is cut short by an error, so that one copy of the
    /// header may be torn; the heap is opened again, and the power is cut at any call of that
    /// opening or of a later checkpoint.
    @Test func shortWriteToTheHeap() throws {
        let calls = try Self.failEachCall(.write, .shortWrite(EIO)) { engine in
            try? engine.checkpoint()
        } then: { disk, number in
            let start = disk.journal.count
            let again = try Self.open(disk)
            #expect(try FailureModel.value(in: again) == 8)
            try FailureModel.commit(9, in: again)
            try again.checkpoint()
            try again.close()
            #expect(
                Self.problems(disk, from: start, allowed: 8 ... 9) == [], "write \(number) failed")
        }
        #expect(calls >= 5)
    }

    /// One copy of the header is damaged, of a heap at rest or of one whose log holds commits that
    /// the file does not have; the heap is opened and changed, and the power is cut at any call of
    /// that.
    @Test(arguments: [0, 1], [true, false])
    func damagedCopyOfTheHeader(copy: Int, atRest: Bool) throws {
        let made = SimulatedDisk()
        let engine = try Self.open(made)
        for number in 0 ... 8 { try FailureModel.commit(number, in: engine) }
        try engine.checkpoint()
        // The heap does not get shorter: a file that has been cut does not fit an older header.
        for number in 9 ... 11 { try FailureModel.commit(number, in: engine) }
        try engine.makeDurable()
        if atRest { try engine.close() }
        var files = made.currentFiles()
        files[Self.path]![copy * HeapLayout.pageBytes + 40] ^= 1
        let disk = SimulatedDisk(files: files)
        let start = disk.journal.count
        let again = try Self.open(disk)
        #expect(try FailureModel.value(in: again) == 11)
        for number in 12 ... 14 { try FailureModel.commit(number, in: again) }
        try again.checkpoint()
        try again.close()
        #expect(Self.problems(disk, from: start, allowed: 11 ... 14, seeds: 0 ..< 7) == [])
        withExtendedLifetime(engine) {}
    }

    /// A checkpoint that wrote a summary to the durable log is killed before it is done. A survivor
    /// lets the ring grow: it must move the summary in the durable log, not the records that it
    /// stands for.
    @Test func summaryThenGrowth() throws {
        var options = EngineOptions()
        options.initialLogBytes = 64 * 1024
        options.logLimit = 1 << 20
        let disk = SimulatedDisk()
        disk.recordsContents = false
        let engine = try HeapEngine(path: Self.path, mode: .readWrite, options: options, disk: disk)
        let cell = try engine.change { access in
            let cell = access.allocate(byteCount: 64)
            access.catalogue = cell
            return cell
        }
        var value = 0
        let ring: UInt64 = 64 * 1024
        // To the end of a lap whose places move when the ring becomes sixteen times as large.
        while engine.applied < 16 * ring - 20_000 {
            value += 1
            try engine.change { $0.store(value, at: cell) }
            if engine.writerLog!.usedBytes > 40_000 {
                _ = try engine.moveLogIntoDataFile(waits: true)
            }
        }
        _ = try engine.moveLogIntoDataFile(waits: true)
        #expect(engine.writerLog!.capacity == Int(ring))
        disk.recordsContents = true
        while engine.applied < 16 * ring + 20_000 {
            value += 1
            try engine.change { $0.store(value, at: cell) }
        }
        // Killed when it begins to write to the heap's file.
        let heapFile = Int(disk.fileIdentity(at: Self.path)!.number)
        let first = disk.journal.count
        var killed: [SimulatedDisk] = []
        disk.onCall = { [unowned disk] _ in killed.append(SimulatedDisk(afterKillOf: disk)) }
        _ = try engine.moveLogIntoDataFile(waits: true)
        disk.onCall = nil
        let index = killed.indices.first {
            if case .write(heapFile, _, _) = disk.journal[first + $0] { true } else { false }
        }
        let copy = killed[try #require(index)]
        let holder = try copy.open(Self.path, .readWrite)
        #expect(try holder.tryLock(.presence, exclusive: false))
        let survivor = try HeapEngine(
            path: Self.path, mode: .readWrite, options: options, disk: copy)
        try survivor.makeDurable()
        _ = try survivor.change { access in
            let block = access.allocate(byteCount: 60_000)
            access.writableAddress(block, 60_000).initializeMemory(
                as: UInt8.self, repeating: 7, count: 60_000)
        }
        #expect(survivor.writerLog!.capacity > Int(ring))
        try survivor.makeDurable()
        var files = copy.currentFiles()
        files[Self.path + LogLayout.sharedSuffix] = nil
        let opened = try HeapEngine(
            path: Self.path, mode: .readWrite, options: options, disk: SimulatedDisk(files: files))
        #expect(try opened.look { $0.load(cell, as: Int.self) } == value)
        try opened.close()
    }

    /// Killed between the header that names the larger ring and its sync. The survivor writes at
    /// places of the larger ring that hold live records of the smaller one: it makes that header
    /// durable first.
    @Test func growthThatWasCutShort() throws {
        let ring = FailureModel.options.initialLogBytes
        let made = SimulatedDisk()
        made.recordsContents = false
        let engine = try Self.open(made)
        for number in 0 ... 11 { try FailureModel.commit(number, in: engine) }
        // To the last places before the larger ring begins again.
        repeat {
            try engine.change { access in
                let block = access.load(access.catalogue + 8, as: UInt64.self)
                _ = access.writableAddress(block, HeapLayout.pageBytes)
            }
            try engine.checkpoint()
        } while !(ring ..< ring + 16 * 1024).contains(Int(engine.applied) % (2 * ring))
        try engine.close()
        let disk = SimulatedDisk(files: made.currentFiles())
        let growing = try Self.open(disk)
        try FailureModel.commit(12, in: growing)
        try growing.makeDurable()
        var killed: [SimulatedDisk] = []
        disk.onCall = { [unowned disk] _ in killed.append(SimulatedDisk(afterKillOf: disk)) }
        try FailureModel.commit(13, in: growing)
        disk.onCall = nil
        #expect(growing.writerLog!.capacity == 2 * ring)
        #expect(killed.count > 5)
        for (call, copy) in killed.enumerated() {
            let start = copy.journal.count
            let holder = try copy.open(Self.path, .readWrite)
            #expect(try holder.tryLock(.presence, exclusive: false))
            let survivor = try Self.open(copy)
            #expect(try FailureModel.value(in: survivor) == 12)
            try FailureModel.commit(13, in: survivor)
            try survivor.makeDurable()
            // The last call is the sync of that header. One image in ten has lost the header and
            // has the records.
            let isLast = call == killed.count - 1
            let problems = Self.problems(
                copy, from: start, allowed: 12 ... 13,
                seeds: TestExtent.choose(quick: isLast ? 0 ..< 40 : 0 ..< 2, full: 0 ..< 40))
            #expect(problems == [], "killed before call \(call)")
            holder.close()
        }
    }

    /// Killed between the header that names a new log and its sync: a survivor that uses the log
    /// makes that header durable before it acknowledges anything.
    @Test func logThatWasStartedByTheDead() throws {
        let disk = SimulatedDisk()
        try Self.open(disk).close()
        let engine = try Self.open(disk)
        var killed: [SimulatedDisk] = []
        disk.onCall = { [unowned disk] _ in killed.append(SimulatedDisk(afterKillOf: disk)) }
        try FailureModel.commit(0, in: engine)
        disk.onCall = nil
        #expect(killed.count > 5)
        for (call, copy) in killed.enumerated() {
            let holder = try copy.open(Self.path, .readWrite)
            #expect(try holder.tryLock(.presence, exclusive: false))
            let survivor = try Self.open(copy)
            try FailureModel.commit(0, in: survivor)
            try FailureModel.commit(1, in: survivor)
            try survivor.makeDurable()
            let problems = Self.problems(
                copy, from: copy.journal.count - 1, allowed: 1 ... 1,
                seeds: TestExtent.choose(quick: 0 ..< 8, full: 0 ..< 40))
            #expect(problems == [], "killed before call \(call)")
            holder.close()
        }
    }

    /// A closing process is killed at each of its calls. A successor that only opens and closes, or
    /// commits and syncs, removes no log that the header on the disk still names.
    @Test(arguments: [false, true]) func closingThatWasCutShort(commits: Bool) throws {
        let disk = SimulatedDisk()
        let engine = try Self.open(disk)
        for number in 0 ... 3 { try FailureModel.commit(number, in: engine) }
        try engine.makeDurable()
        var killed: [SimulatedDisk] = []
        disk.onCall = { [unowned disk] _ in killed.append(SimulatedDisk(afterKillOf: disk)) }
        try engine.close()
        disk.onCall = nil
        for (call, copy) in killed.enumerated() {
            let start = copy.journal.count
            let successor = try Self.open(copy)
            #expect(try FailureModel.value(in: successor) == 3)
            if commits { try FailureModel.commit(4, in: successor) }
            try successor.close()
            #expect(
                Self.problems(copy, from: start, allowed: 3 ... 4) == [],
                "killed before call \(call)")
        }
    }
}

/// The shared file's page with the words is lost: no process trusts the zeros that it reads there.
@Suite(.progress) struct LostWordsTests {
    private func withHeap(_ body: (HeapEngine, _ path: String, _ cell: UInt64) throws -> Void)
        throws
    {
        let folder = try TemporaryFolder()
        let path = folder.file()
        let engine = try HeapEngine(path: path, mode: .readWrite, options: FailureModel.options)
        let cell = try engine.change { access in
            let cell = access.allocate(byteCount: 64)
            access.store(5, at: cell)
            return cell
        }
        try engine.makeDurable()
        try body(engine, path, cell)
        // Whatever was reported meanwhile, durable commits are present.
        let again = try HeapEngine(path: path, mode: .readWrite, options: FailureModel.options)
        #expect(try again.look { $0.load(cell, as: Int.self) } == 5)
        try again.close()
    }

    private func loseWords(of path: String) {
        #expect(truncate(path + LogLayout.sharedSuffix, 0) == 0)
    }

    @Test func closeDoesNotTakeTheLogForUnused() throws {
        try withHeap { engine, path, _ in
            loseWords(of: path)
            #expect(throws: HeapError.self) { try engine.close() }
            #expect(FileManager.default.fileExists(atPath: path + LogLayout.durableSuffix))
        }
    }

    @Test func syncDoesNotTakeCommitsForDurable() throws {
        try withHeap { engine, path, cell in
            loseWords(of: path)
            #expect(throws: HeapError.self) { try engine.makeDurable() }
            #expect(throws: HeapError.self) { try engine.close() }
        }
    }

    @Test func writesAndReadsAreErrors() throws {
        try withHeap { engine, path, cell in
            loseWords(of: path)
            #expect(throws: HeapError.self) { try engine.change { $0.store(6, at: cell) } }
            #expect(throws: HeapError.self) {
                let context = try engine.beginRead()
                defer { engine.endRead(context) }
                try engine.requireReadable()
            }
            #expect(throws: HeapError.self) { try engine.close() }
        }
    }
}
