import HoldfastFormat
import HoldfastSystem
import TestSupport
import Testing

@testable import HoldfastEngine

/// `Committer` and what it asks of the log, without an engine.
@Suite(.progress) struct CommitterTests {
    /// The header names the log, durably, before the first commit can be in it.
    @Test func firstCommitStartsTheLog() throws {
        let parts = try PartsOfOpening.opened()
        _ = parts.calls()
        _ = try parts.commitPage(holding: 7)
        // The working file's zeros, room for as much in the shared file, the working file's header.
        #expect(
            parts.calls() == [
                "create working file", "write working file", "resize shared", "write working file",
                "sync working file", "rename to log", "sync folder", "write data header",
                "sync data",
            ])
        #expect(try parts.header.logInUse)
        #expect(try parts.header.logEpoch == parts.participation.shared?[.epoch])
    }

    @Test func laterCommitsCallNothing() throws {
        let parts = try PartsOfOpening.opened()
        let page = try parts.commitPage(holding: 7)
        let before = parts.view.applied
        _ = parts.calls()
        try parts.commit { $0.store(8, at: page) }
        #expect(parts.calls().isEmpty)
        #expect(parts.view.applied > before)
        #expect(parts.participation.shared?[.published] == parts.view.applied)
        #expect(parts.participation.shared?[.commits] == 2)
    }

    /// A transaction that changed nothing leaves no record.
    @Test func emptyCommitPublishesNothing() throws {
        let parts = try PartsOfOpening.opened()
        _ = try parts.commitPage(holding: 7)
        let before = parts.view.applied
        try parts.commit { _ in }
        #expect(parts.view.applied == before)
        #expect(parts.participation.shared?[.published] == before)
    }

    /// A full disk is found before the log has the commit; the image is as before.
    @Test func fullDiskRefusesTheCommit() throws {
        let parts = try PartsOfOpening.opened()
        let page = try parts.commitPage(holding: 7)
        let before = parts.view.applied
        let pages = parts.view.committedPages
        parts.disk.capacity = parts.disk.currentFiles().values.reduce(0) { $0 + $1.count }
        #expect(throws: HeapError.diskFull(path: PartsOfOpening.path)) {
            try parts.commit { access in
                access.store(8, at: page)
                _ = access.allocate(byteCount: 8 << 20)
            }
        }
        #expect(parts.value(at: page) == 7)
        #expect(parts.view.pagesInImage == pages)
        #expect(parts.participation.shared?[.published] == before)
        // The next one that needs no room goes through.
        try parts.commit { $0.store(9, at: page) }
        #expect(parts.participation.shared?[.published] == parts.view.applied)
    }

    /// Each record names the checksum of the one before it, and its own commit's number.
    @Test func recordsAreChained() throws {
        let parts = try PartsOfOpening.opened()
        let page = try parts.commitPage(holding: 1)
        for value in 2 ... 5 { try parts.commit { $0.store(value, at: page) } }
        let lines = LineIndex(
            of: try parts.ring, from: try parts.header, to: parts.view.applied,
            epoch: try #require(parts.log.joined).epoch)
        let found = try #require(lines)
        #expect(found.commitNumber == 5)
        #expect(found.chain == parts.view.previousChecksum)
        #expect(found.end == parts.view.applied)
    }

    /// A heap in memory has its log on a disk of its own.
    @Test func heapInMemoryCallsNothing() throws {
        let parts = try PartsOfOpening(mode: .inMemory)
        try parts.open()
        let before = parts.view.position
        let page = try parts.commitPage(holding: 7)
        #expect(parts.value(at: page) == 7)
        #expect(parts.view.position > before)
        #expect(parts.calls().isEmpty)
    }
}
