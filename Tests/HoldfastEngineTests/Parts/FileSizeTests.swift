import HoldfastFormat
import HoldfastSystem
import TestSupport
import Testing

@testable import HoldfastEngine

/// `FileSize`: how long the data file is, and when it may be cut.
@Suite(.progress) struct FileSizeTests {
    private static let mebibyte = 1 << 20

    private func checkpointer(of parts: PartsOfOpening) -> Checkpointer {
        Checkpointer(
            dataFile: parts.dataFile, participation: parts.participation, log: parts.log,
            policy: CheckpointPolicy(parts.dataFile.options))
    }

    private func fileSize(of parts: PartsOfOpening) -> FileSize {
        FileSize(
            dataFile: parts.dataFile, view: parts.view, participation: parts.participation,
            log: parts.log,
            lock: CheckpointLock(dataFile: parts.dataFile, participation: parts.participation))
    }

    /// A heap whose file is longer than it needs: a large block was freed again. All of the log is
    /// in the file.
    private func partsWithFreeTail() throws -> PartsOfOpening {
        let parts = try PartsOfOpening.opened()
        let bytes = 8 * Self.mebibyte
        let block = try parts.commit { $0.allocate(byteCount: bytes) }
        try parts.commit { $0.free(block, byteCount: bytes) }
        _ = try checkpointer(of: parts).moveLogIntoDataFile(waits: true)
        #expect(try parts.file.size() >= bytes)
        _ = parts.calls()
        return parts
    }

    /// The room is there, durably, before a header speaks of it.
    @Test func reservationIsDurableBeforeItsHeader() throws {
        let parts = try PartsOfOpening.opened()
        _ = try parts.commitPage(holding: 7)
        let fileSize = fileSize(of: parts)
        let bytes = try fileSize.roundedReservation(4 * Self.mebibyte - 1)
        #expect(bytes == 4 * Self.mebibyte)
        _ = parts.calls()
        try fileSize.reserve(bytes)
        #expect(
            parts.calls() == ["resize data", "sync data", "write data header", "sync data"])
        #expect(try parts.file.size() == bytes)
        #expect(try parts.header.reservedBytes == UInt64(bytes))
    }

    @Test func impossibleReservationsAreRefused() throws {
        let fileSize = fileSize(of: try PartsOfOpening.opened())
        #expect(throws: HeapError.self) { try fileSize.roundedReservation(-1) }
        #expect(throws: HeapError.self) { try fileSize.roundedReservation(.max) }
        #expect(try fileSize.roundedReservation(0) == 0)
    }

    @Test func freeTailIsCut() throws {
        let parts = try partsWithFreeTail()
        try fileSize(of: parts).giveBackTail()
        #expect(parts.calls() == ["resize data"])
        let needed = Int(parts.view.committedPages) * HeapLayout.pageBytes
        #expect(try parts.file.size() - needed < HeapLayout.fileGranule)
    }

    /// Another process's mapping would end in nothing.
    @Test func fileOfAnotherProcessIsNotCut() throws {
        let parts = try partsWithFreeTail()
        let other = try parts.disk.open(PartsOfOpening.path, .readWrite)
        #expect(try other.tryLock(.presence, exclusive: false))
        try fileSize(of: parts).giveBackTail()
        #expect(parts.calls().isEmpty)
        other.close()
        try fileSize(of: parts).giveBackTail()
        #expect(parts.calls() == ["resize data"])
    }

    /// Until a checkpoint is complete, recovery may need the old end.
    @Test func fileIsNotCutBesideALog() throws {
        let parts = try partsWithFreeTail()
        _ = try parts.commitPage(holding: 7)
        _ = parts.calls()
        try fileSize(of: parts).giveBackTail()
        #expect(parts.calls().isEmpty)
    }

    /// What was reserved stays.
    @Test func reservationIsNotCut() throws {
        let parts = try partsWithFreeTail()
        let fileSize = fileSize(of: parts)
        try fileSize.reserve(2 * Self.mebibyte)
        try fileSize.giveBackTail()
        #expect(try parts.file.size() == 2 * Self.mebibyte)
    }
}
