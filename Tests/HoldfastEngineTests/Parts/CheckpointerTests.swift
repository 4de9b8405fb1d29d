import HoldfastFormat
import HoldfastSystem
import TestSupport
import Testing

@testable import HoldfastEngine

/// `Checkpointer`, made of a data file, a participation and a log.
@Suite(.progress) struct CheckpointerTests {
    private func checkpointer(of parts: PartsOfOpening) -> Checkpointer {
        Checkpointer(
            dataFile: parts.dataFile, participation: parts.participation, log: parts.log,
            policy: CheckpointPolicy(parts.dataFile.options))
    }

    /// Each step is durable before the next begins.
    @Test func stepsAreInOrder() throws {
        let parts = try PartsOfOpening.opened()
        let page = try parts.commitPage(holding: 7)
        _ = parts.calls()
        #expect(try checkpointer(of: parts).moveLogIntoDataFile(waits: true))
        #expect(
            parts.calls() == [
                "write log records", "sync log", "write log header", "sync log",
                "write data pages", "sync data", "write data header", "sync data",
            ])
        #expect(try parts.valueInFile(at: page) == 7)
        #expect(try parts.header.checkpointPosition == parts.view.applied)
        #expect(parts.log.joined?.usedBytes == 0)
    }

    @Test func emptyLogCostsNothing() throws {
        let parts = try PartsOfOpening.opened()
        _ = try parts.commitPage(holding: 7)
        let checkpointer = checkpointer(of: parts)
        _ = try checkpointer.moveLogIntoDataFile(waits: true)
        _ = parts.calls()
        #expect(try checkpointer.moveLogIntoDataFile(waits: true))
        #expect(parts.calls().isEmpty)
    }

    /// Commits behind an open snapshot stay in the log, as long as there is a reader.
    @Test func goesNoFurtherThanASnapshot() throws {
        let parts = try PartsOfOpening.opened()
        let first = try parts.commitPage(holding: 1)
        let position = parts.view.applied
        let seat = try #require(parts.participation.takeSeat())
        parts.participation.openSnapshot()
        let second = try parts.commitPage(holding: 2)
        let checkpointer = checkpointer(of: parts)
        #expect(try !checkpointer.moveLogIntoDataFile(waits: true))
        #expect(try parts.header.checkpointPosition == position)
        #expect(try parts.valueInFile(at: first) == 1)
        #expect(try parts.valueInFile(at: second) == 0)
        seat.leave()
        #expect(try checkpointer.moveLogIntoDataFile(waits: true))
        #expect(try parts.valueInFile(at: second) == 2)
        parts.participation.closeSnapshot()
    }

    /// A process that reads and is in no reader table keeps the data file as it is.
    @Test func unregisteredReaderStopsIt() throws {
        let parts = try PartsOfOpening.opened()
        _ = try parts.commitPage(holding: 7)
        let reader = try parts.disk.open(PartsOfOpening.path, .readOnly)
        #expect(try reader.tryLock(.unregisteredReader, exclusive: false))
        let checkpointer = checkpointer(of: parts)
        _ = parts.calls()
        #expect(try !checkpointer.moveLogIntoDataFile(waits: true))
        #expect(parts.calls().isEmpty)
        reader.close()
        #expect(try checkpointer.moveLogIntoDataFile(waits: true))
    }

    /// A damaged page gets no new checksum.
    @Test func damagedPageIsNotWritten() throws {
        let parts = try PartsOfOpening.opened()
        let page = try parts.commitPage(holding: 7)
        let checkpointer = checkpointer(of: parts)
        _ = try checkpointer.moveLogIntoDataFile(waits: true)
        try parts.file.write([1], at: Int(page) + 1000)
        try parts.commit { $0.store(8, at: page) }
        _ = parts.calls()
        #expect(
            throws: HeapError.damagedPages(
                path: PartsOfOpening.path, pages: [Int(page) / HeapLayout.pageBytes])
        ) { try checkpointer.moveLogIntoDataFile(waits: true) }
        #expect(parts.calls().isEmpty)
        #expect(try parts.valueInFile(at: page) == 7)
    }

    /// A failed write leaves the disk in an unknown state: no process writes it any more.
    @Test func failureIsFinal() throws {
        let parts = try PartsOfOpening.opened()
        _ = try parts.commitPage(holding: 7)
        let checkpointer = checkpointer(of: parts)
        parts.disk.fault = { _, operation, path in
            operation == .sync && path == PartsOfOpening.path ? .error(Errno.ioError.rawValue) : nil
        }
        #expect(throws: HeapError.self) { try checkpointer.moveLogIntoDataFile(waits: true) }
        parts.disk.fault = nil
        #expect(parts.participation.shared?[.failed] == 1)
        _ = parts.calls()
        #expect(throws: HeapError.self) { try checkpointer.moveLogIntoDataFile(waits: true) }
        #expect(parts.calls().isEmpty)
    }

    // MARK: The writer of its pages

    /// Makes an index of all that the log holds.
    private func lines(of parts: PartsOfOpening) throws -> LineIndex {
        let lines = LineIndex(
            of: try parts.ring, from: try parts.header, to: parts.view.applied,
            epoch: try #require(parts.log.joined).epoch)
        return try #require(lines)
    }

    private func writer(of parts: PartsOfOpening) throws -> CheckpointWriter {
        CheckpointWriter(file: try parts.file, keepsBlocks: true, isRepair: false)
    }

    /// It writes pages, and leaves syncs and the header to its caller.
    @Test func writerWritesPagesOnly() throws {
        let parts = try PartsOfOpening.opened()
        let page = try parts.commitPage(holding: 7)
        let lines = try lines(of: parts)
        let header = try parts.header
        _ = parts.calls()
        _ = try writer(of: parts).write(lines, from: header)
        #expect(parts.calls() == ["write data pages"])
        #expect(try parts.valueInFile(at: page) == 7)
        #expect(try parts.header == header)
    }

    /// Every page that it writes has a checksum that is right.
    @Test func writerKeepsChecksums() throws {
        let parts = try PartsOfOpening.opened()
        let pages = try (1 ... 3).map { try parts.commitPage(holding: $0) }
        let lines = try lines(of: parts)
        var header = try parts.header
        header.pageMapParts = try writer(of: parts).write(lines, from: header).table.parts
        header.heapPages = lines.heapPages
        var verifier = PageVerifier(file: try parts.file, header: header)
        let numbers = pages.map { Int($0) / HeapLayout.pageBytes }
        #expect(try verifier.damaged(among: numbers).isEmpty)
        // They are not only missing: another byte is found.
        try parts.file.write([1], at: Int(pages[1]) + 1000)
        #expect(try verifier.damaged(among: numbers) == [numbers[1]])
    }
}
