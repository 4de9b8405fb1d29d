import HoldfastFormat
import Testing
import TestSupport

@testable import HoldfastEngine

/// The power is cut after every single call to the disk. Unsynced changes are kept, dropped or
/// torn, depending on a seed.
@Suite(.progress) struct PowerCutTests {
    @Test(arguments: [1 as UInt64, 2])
    func everyCallIsSurvived(seed: UInt64) throws {
        let recording = try Recording(transactions: 220, seed: seed)
        #expect(recording.workload.commits >= 180)
        let (violation, images) = recording.firstViolation(
            seeds: TestExtent.choose(quick: 0 ..< 1, full: 0 ..< 12))
        #expect(violation == nil, "workload seed \(seed)")
        #expect(images > TestExtent.choose(quick: 200, full: 8000))
    }

    /// Beside readers of the same opening, which hold older states in images of their own.
    @Test func everyCallIsSurvivedBesideReaders() throws {
        let recording = try Recording(transactions: 220, seed: 3, besideReaders: true)
        #expect(recording.mostImages >= 3)
        let (violation, images) = recording.firstViolation(
            seeds: TestExtent.choose(quick: 0 ..< 1, full: 0 ..< 4))
        #expect(violation == nil)
        #expect(images > TestExtent.choose(quick: 200, full: 2000))
    }

    /// Transactions with undone savepoints: the log holds nothing that they undid.
    @Test func undoneSavepointsStayUndone() throws {
        let recording = try Recording(transactions: 120, seed: 8, usesSavepoints: true)
        #expect(recording.workload.undoneSavepoints > 400)
        let (violation, images) = recording.firstViolation(
            seeds: TestExtent.choose(quick: 0 ..< 1, full: 0 ..< 12))
        #expect(violation == nil)
        #expect(images > TestExtent.choose(quick: 100, full: 4000))
    }

    /// Many small commits between checkpoints, so that checkpoints write summaries instead of the
    /// records.
    @Test func summariesAreSurvived() throws {
        var options = Workload.smallOptions
        options.logLimit = 1 << 20
        options.initialLogBytes = 256 * 1024
        let recording = try Recording(
            transactions: 2500, seed: 6, largest: 4, isRarelyDurable: true, options: options)
        var summaries = 0
        for case .write(_, _, let bytes) in recording.disk.journal {
            if let record = bytes.withUnsafeBytes({ LogRecord.decodeHeader($0) }),
                record.span > record.byteCount
            {
                summaries += 1
            }
        }
        #expect(summaries >= 3)
        let (violation, _) = recording.firstViolation(
            seeds: TestExtent.choose(quick: 0 ..< 3, full: 0 ..< 24))
        #expect(violation == nil)
    }

    /// Removes the protection: with one kind of sync skipped, the test above must find a violation.
    @Test(arguments: ["-log", ".heap"])
    func brokenOrderingIsFound(suffix: String) throws {
        let recording = try Recording(transactions: 120, seed: 4, lyingAbout: suffix)
        let (violation, _) = recording.firstViolation(seeds: 0 ..< 6)
        #expect(violation != nil, "skipping the syncs of \(suffix) went unnoticed")
    }
}
