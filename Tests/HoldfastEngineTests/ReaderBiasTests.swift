import Foundation
import HoldfastFormat
import HoldfastSystem
import Synchronization
import TestSupport
import Testing

@testable import HoldfastEngine

/// Readers that enter an image without its latch, and the snapshot that stays open between them.
@Suite(.progress) struct ReaderBiasTests {
    private let heap = TestHeap()

    /// Two openings of one heap, as two processes have them, and a cell in a page of its own.
    private func openings() throws -> (reading: HeapEngine, writing: HeapEngine, cell: UInt64) {
        let reading = try heap.open()
        let cell = try reading.change { access in
            let cell = access.allocate(byteCount: 4096)
            access.store(1, at: cell)
            return cell
        }
        try reading.checkpoint()
        return (reading, try heap.open(), cell)
    }

    private func look(_ engine: HeapEngine, _ cell: UInt64) throws -> Int {
        try engine.look { $0.load(cell, as: Int.self) }
    }

    /// Reads until the first image's bias is open.
    private func bias(_ engine: HeapEngine, _ cell: UInt64) throws {
        for _ in 0 ..< 40 { _ = try look(engine, cell) }
        #expect(engine.pool.first.readerLock.isBiased)
    }

    /// Commits from the other opening, each moved into the data file as far as possible. Returns
    /// the bytes that remain in the log.
    private func commit(_ values: Range<Int>, to engine: HeapEngine, _ cell: UInt64) throws -> Int {
        for value in values {
            try engine.change { $0.store(value, at: cell) }
            try engine.checkpoint()
        }
        return engine.writerLog!.usedBytes
    }

    /// The snapshot stays open when no transaction is, and holds up no checkpoint of another
    /// process.
    @Test func betweenReadsNothingIsHeld() throws {
        let (reading, writing, cell) = try openings()
        try bias(reading, cell)
        #expect(writing.openViews().allSatisfy { !$0.isOpen })
        #expect(try commit(2 ..< 5, to: writing, cell) == 0)
        #expect(try look(reading, cell) == 4)
        try bias(reading, cell)
        try writing.close()
        try reading.close()
    }

    /// A reader that has only its seat is protected like any other, also from checkpoints that
    /// write the page that it reads.
    @Test func aReaderInItsSeatIsProtected() throws {
        let (reading, writing, cell) = try openings()
        try bias(reading, cell)
        let held = HeldRead(reading) { $0.load(cell, as: Int.self) }
        #expect(reading.pool.first.readerLock.isBiased)
        #expect(writing.openViews().filter(\.isOpen).count == 1)
        #expect(try commit(2 ..< 5, to: writing, cell) > 0)
        // A later reader does not share the older state.
        #expect(try look(reading, cell) == 4)
        #expect(held.end() == [1, 1])
        #expect(try commit(5 ..< 6, to: writing, cell) == 0)
        try writing.close()
        try reading.close()
    }

    /// Between reads the image is the writer's as if there were no bias; during one the writer goes
    /// elsewhere.
    @Test func theWriterOfTheProcess() throws {
        let (engine, other, cell) = try openings()
        try other.close()
        for value in 2 ..< 5 {
            try bias(engine, cell)
            try engine.change { $0.store(value, at: cell) }
            #expect(!engine.pool.first.readerLock.isBiased)
            #expect(engine.pool.openImages == [0])
            #expect(try look(engine, cell) == value)
        }
        try bias(engine, cell)
        let held = HeldRead(engine) { $0.load(cell, as: Int.self) }
        try engine.change { $0.store(5, at: cell) }
        #expect(engine.pool.openImages.count == 2)
        #expect(try look(engine, cell) == 5)
        #expect(held.end() == [4, 4])
        // The last reader has ended the bias, so the image can be closed.
        for _ in 0 ..< 4 { _ = engine.pool.tidy() }
        #expect(engine.pool.openImages.count == 1)
        try engine.close()
    }

    /// A reader that was interrupted after it had seen the bias open: meanwhile it has ended, and
    /// may be open again.
    @Test func aLateReaderTakesNoSeat() throws {
        let (engine, other, _) = try openings()
        let shared = try #require(engine.shared)
        let entry = try #require(engine.heap.participation.fast.entry)
        let bias = ReaderBias()
        func open() { for _ in 0 ..< 40 where !bias.state.isOpen { _ = bias.openIfDue(entry) } }
        func enter(_ state: ReaderBias.State) -> ReaderSeat? { bias.enter(state, shared) }
        func ends() -> Bool { bias.mayEnd(shared) }
        open()
        let seen = bias.state
        for isOpenAgain in [false, true] {
            bias.close()
            #expect(ends())
            if isOpenAgain { open() }
            #expect(enter(seen)?.address == nil)
            #expect(!ReaderSeats.isAnyTaken(of: entry, in: shared))
            open()
        }
        // While a reader has a seat, the bias does not end.
        let seat = try #require(enter(bias.state))
        bias.close()
        #expect(!ends())
        seat.leave()
        #expect(ends())
        #expect(!ends())
        try other.close()
        try engine.close()
    }

    /// The opening ends although readers come without pause; a reader is not interrupted.
    @Test func theEndOfTheOpening() throws {
        let (engine, other, cell) = try openings()
        try other.close()
        try bias(engine, cell)
        let group = DispatchGroup()
        let wrong = Atomic(0)
        for _ in 0 ..< 3 {
            group.enter()
            Thread.detachNewThread {
                while let value = try? engine.look({ $0.load(cell, as: Int.self) }) {
                    if value != 1 { wrong.add(1, ordering: .relaxed) }
                }
                group.leave()
            }
        }
        try bias(engine, cell)
        try engine.close()
        group.wait()
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(throws: HeapError.closed(path: TestHeap.path)) { try look(engine, cell) }
    }

    /// A process dies in a read, and leaves its seat taken. Its entry of the reader table is not
    /// seated again, whether it was freed by a checkpoint or is taken from the dead process: that
    /// would hold up all checkpoints.
    @Test(arguments: [false, true]) func seatsOfTheDead(freedByCheckpoint: Bool) throws {
        let writing = try heap.open()
        let cell = try writing.change { $0.allocate(byteCount: 4096) }
        let dying = try heap.open()
        let entry = dying.heap.participation.fast.entry
        try bias(dying, cell)
        let held = try dying.beginRead()
        #expect(try commit(2 ..< 4, to: writing, cell) > 0)
        dying.loseLocks()
        if freedByCheckpoint { #expect(try commit(4 ..< 5, to: writing, cell) == 0) }
        let successor = try heap.open()
        #expect(successor.heap.participation.fast.entry != entry)
        try bias(successor, cell)
        #expect(try commit(5 ..< 7, to: writing, cell) == 0)
        #expect(try look(successor, cell) == 6)
        let table = ReaderTable(shared: try #require(writing.shared))
        var seated = 0
        for _ in 2 ..< ReaderTable.count {
            let taken = try #require(
                try table.take(for: TestProcess().identity, .following, wantsSeats: true))
            if table.isSeated(taken) { seated += 1 }
        }
        #expect(seated == ReaderSeats.entries - 3)
        #expect(!table.isSeated(try #require(entry)))
        try successor.close()
        try writing.close()
        // Or the opening's end would wait for it.
        dying.endRead(held)
    }

    /// Readers on several threads, while another process commits and makes checkpoints at all
    /// moments: each sees one commit, and none older than the newest at its beginning.
    @Test func readersBesideCommitsAndCheckpoints() throws {
        let (reading, writing, first) = try openings()
        let second = try writing.change { access in
            let cell = access.allocate(byteCount: 4096)
            access.store(1, at: cell)
            return cell
        }
        let newest = Atomic(1)
        let isDone = Atomic(false)
        let problems = Mutex<Set<String>>([])
        let biased = Atomic(0)
        let group = DispatchGroup()
        for _ in 0 ..< 3 {
            group.enter()
            Thread.detachNewThread {
                while !isDone.load(ordering: .relaxed) {
                    let least = newest.load(ordering: .acquiring)
                    let seen = try? reading.look { access in
                        let seen = access.load(first, as: Int.self)
                        if seen % 8 == 0 { usleep(50) }
                        return (seen, access.load(second, as: Int.self))
                    }
                    if reading.pool.first.readerLock.isBiased { biased.add(1, ordering: .relaxed) }
                    guard let (one, two) = seen else {
                        _ = problems.withLock { $0.insert("a read has failed") }
                        break
                    }
                    if one != two {
                        _ = problems.withLock { $0.insert("parts of two commits were seen") }
                    }
                    if one < least {
                        _ = problems.withLock { $0.insert("an older commit was seen") }
                    }
                }
                group.leave()
            }
        }
        var random = SplitMix(state: 16)
        for value in 2 ..< TestExtent.choose(quick: 2000, full: 50_000) {
            try writing.change {
                $0.store(value, at: first)
                $0.store(value, at: second)
            }
            newest.store(value, ordering: .releasing)
            // From time to time, long enough for the bias to open; once, for as long as a busy
            // machine takes for that.
            usleep(UInt32(random.next() % 300) + (value % 100 == 0 ? 5000 : 0))
            let deadline = Deadline(in: .seconds(20))
            while value == 200, biased.load(ordering: .relaxed) == 0, deadline.remaining > 0 {
                usleep(1000)
            }
            try writing.checkpoint()
        }
        isDone.store(true, ordering: .relaxed)
        group.wait()
        #expect(problems.withLock { $0 } == [])
        #expect(biased.load(ordering: .relaxed) > 0)
        try writing.close()
        try reading.close()
    }
}
