import HoldfastFormat
import HoldfastSystem
import TestSupport
import Testing

@testable import HoldfastEngine

/// `Recovery` and the `LogFiles` that it reads, as functions of the files that a crash has left.
@Suite(.progress) struct RecoveryPartTests {
    /// A heap whose process was killed after two commits, of which the first was synced.
    private struct Crash {
        let disk: SimulatedDisk
        let page: UInt64
        let position: UInt64

        /// Opens the files as recovery finds them.
        func parts(_ mode: OpenMode = .readWrite) throws -> PartsOfOpening {
            let parts = try PartsOfOpening(on: disk, mode: mode)
            _ = parts.calls()
            return parts
        }
    }

    private func crash() throws -> Crash {
        let parts = try PartsOfOpening.opened()
        let page = try parts.commitPage(holding: 7)
        try #require(parts.log.joined).makeDurable(below: parts.view.applied)
        try parts.commit { $0.store(8, at: page) }
        return Crash(
            disk: SimulatedDisk(afterKillOf: parts.disk), page: page, position: parts.view.applied)
    }

    private func recovery(of parts: PartsOfOpening) -> Recovery {
        Recovery(dataFile: parts.dataFile, view: parts.view, participation: parts.participation)
    }

    /// The log is whole and durable before the data file is written, and goes when that is durable.
    @Test func stepsAreInOrder() throws {
        let crash = try crash()
        let parts = try crash.parts()
        let (file, header) = try parts.openedFile()
        let recovered = try recovery(of: parts).recover(file, header)
        #expect(
            parts.calls().filter { $0 != "resize data" } == [
                "write log records", "sync log", "write log header", "sync log",
                "write data pages", "sync data", "write data header", "sync data",
                "write data header", "remove shared", "remove log",
            ])
        #expect(recovered.checkpointPosition == crash.position)
        #expect(recovered.commitNumber == 2)
        #expect(!recovered.logInUse)
        #expect(try parts.valueInFile(at: crash.page) == 8)
        #expect(parts.value(at: crash.page) == 8)
    }

    /// A read-only opening recovers in memory and leaves all files alone.
    @Test func readerLeavesTheFilesAlone() throws {
        let crash = try crash()
        let before = crash.disk.currentFiles()
        let parts = try crash.parts(.readOnly)
        let (file, header) = try parts.openedFile()
        let recovered = try recovery(of: parts).recover(file, header)
        #expect(parts.calls().isEmpty)
        #expect(crash.disk.currentFiles() == before)
        #expect(recovered.checkpointPosition == crash.position)
        #expect(parts.value(at: crash.page) == 8)
        #expect(try parts.valueInFile(at: crash.page) == 0)
    }

    /// Without the shared file, recovery ends at the last synced commit, and says so.
    @Test func missingSharedFileCostsWhatWasNotSynced() throws {
        let crash = try crash()
        try crash.disk.remove(PartsOfOpening.path + LogLayout.sharedSuffix)
        let parts = try crash.parts()
        let (file, header) = try parts.openedFile()
        #expect(try recovery(of: parts).recover(file, header).commitNumber == 1)
        #expect(try parts.valueInFile(at: crash.page) == 7)
        #expect(parts.dataFile.warnings.count == 1)
    }

    /// A damaged record before the required position is an error, and nothing is written.
    @Test func damagedLogIsRefused() throws {
        let crash = try crash()
        try crash.disk.remove(PartsOfOpening.path + LogLayout.sharedSuffix)
        let log = try crash.disk.open(PartsOfOpening.path + LogLayout.durableSuffix, .readWrite)
        var logHeader = try LogHeader.readInUse(
            log, epoch: try crash.parts().openedFile().header.logEpoch)
        // A checkpoint had begun: all of the synced commit is needed.
        logHeader.sequence += 1
        logHeader.requiredPosition = crash.position - 1
        try log.write(
            logHeader.encoded(), at: LogLayout.headerOffsets[Int(logHeader.sequence % 2)])
        try log.write([0xff], at: LogLayout.ringOffset + 100)
        let parts = try crash.parts()
        let (file, header) = try parts.openedFile()
        #expect(
            throws: HeapError.damagedLog(
                path: PartsOfOpening.path,
                logPath: PartsOfOpening.path + LogLayout.durableSuffix, lastWholeCommit: 0)
        ) { try recovery(of: parts).recover(file, header) }
        #expect(parts.calls().isEmpty)
    }

    /// A page that the log changes in part must be sound before it gets a new checksum.
    @Test func damagedPageIsRefused() throws {
        let parts = try PartsOfOpening.opened()
        let page = try parts.commitPage(holding: 7)
        let checkpointer = Checkpointer(
            dataFile: parts.dataFile, participation: parts.participation, log: parts.log,
            policy: CheckpointPolicy(parts.dataFile.options))
        _ = try checkpointer.moveLogIntoDataFile(waits: true)
        try parts.commit { $0.store(8, at: page) }
        let crash = Crash(
            disk: SimulatedDisk(afterKillOf: parts.disk), page: page, position: parts.view.applied)
        let left = try crash.disk.open(PartsOfOpening.path, .readWrite)
        try left.write([1], at: Int(page) + 1000)
        let found = try crash.parts()
        let (file, header) = try found.openedFile()
        #expect(
            throws: HeapError.damagedPages(
                path: PartsOfOpening.path, pages: [Int(page) / HeapLayout.pageBytes])
        ) { try recovery(of: found).recover(file, header) }
        #expect(found.calls().isEmpty)
    }

    // MARK: The log's files

    @Test func logMustBeThere() throws {
        let crash = try crash()
        let path = PartsOfOpening.path + LogLayout.durableSuffix
        try crash.disk.remove(path)
        let parts = try crash.parts()
        let (_, header) = try parts.openedFile()
        #expect(throws: HeapError.logMissing(path: PartsOfOpening.path, logPath: path)) {
            try LogFiles(dataFile: parts.dataFile).open(header)
        }
    }

    /// Another heap's log, or an earlier one of this heap's, has nothing to say.
    @Test func logMustBelongToTheHeap() throws {
        let crash = try crash()
        let parts = try crash.parts()
        let (_, header) = try parts.openedFile()
        var otherEpoch = header
        otherEpoch.logEpoch += 1
        var otherHeap = header
        otherHeap.identity = .random()
        let expected = HeapError.foreignLog(
            path: PartsOfOpening.path, logPath: PartsOfOpening.path + LogLayout.durableSuffix)
        for other in [otherEpoch, otherHeap] {
            #expect(throws: expected) { try LogFiles(dataFile: parts.dataFile).open(other) }
        }
    }

    /// The shared file of another log is left out; recovery goes by the durable one alone.
    @Test func foreignSharedFileIsLeftOut() throws {
        let crash = try crash()
        let parts = try crash.parts()
        let (_, header) = try parts.openedFile()
        #expect(try LogFiles(dataFile: parts.dataFile).open(header).sources.count == 2)
        let shared = try crash.disk.open(
            PartsOfOpening.path + LogLayout.sharedSuffix, .readWrite)
        var epoch = header.logEpoch + 1
        try withUnsafeBytes(of: &epoch) {
            try shared.write(Array($0), at: SharedMemory.Word.epoch.rawValue)
        }
        var scanner = try LogFiles(dataFile: parts.dataFile).open(header)
        #expect(scanner.sources.count == 1)
        var commits = 0
        while scanner.next() != nil { commits += 1 }
        #expect(commits == 1)
    }
}
