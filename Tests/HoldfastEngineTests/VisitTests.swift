import Foundation
import HoldfastFormat
import HoldfastSystem
import Synchronization
import Testing
import TestSupport

@testable import HoldfastEngine

/// Transient readers of a heap at rest: their cost, the protection of their one read transaction,
/// and their registration.
@Suite(.progress) struct VisitTests {
    private let heap: TestHeap
    private let cell: UInt64
    private var disk: SimulatedDisk { heap.disk }
    private let shared = TestHeap.path + LogLayout.sharedSuffix

    init() throws { (heap, cell) = try TestHeap.atRest() }

    /// An independent open file, which requests locks like another process.
    private func stranger() throws -> any DiskFile { try disk.open(TestHeap.path, .readWrite) }

    private func value(_ engine: HeapEngine) throws -> Int {
        try engine.look { $0.load(cell, as: Int.self) }
    }

    /// A writer that ends without closing: after its "death" its calls no longer reach the disk,
    /// and its locks are gone.
    final class Mortal: Sendable {
        private let isDead = Mutex(false)
        private let disk: TappedDisk
        let engine: HeapEngine

        init(_ disk: SimulatedDisk, options: EngineOptions = TestHeap.options) throws {
            self.disk = TappedDisk(disk)
            engine = try HeapEngine(
                path: TestHeap.path, mode: .readWrite, options: options, disk: self.disk)
            self.disk.tap = { [unowned self] _ throws(SystemError) in
                if isDead.withLock({ $0 }) { throw SystemError(.read, "", .ioError) }
            }
        }

        func die() {
            isDead.withLock { $0 = true }
            try? engine.close()
        }
    }

    // MARK: Costs

    /// The calls of an opening and its first read transaction, one by one, and the files left on
    /// the disk.
    @Test func callsOfAnOpening() throws {
        let calls = Mutex<[String]>([])
        let tapped = TappedDisk(disk) { call throws(SystemError) in
            calls.withLock { $0.append("\(call.operation) \(call.path)") }
        }
        let engine = try HeapEngine(
            path: TestHeap.path, mode: .readOnly, options: heap.options, disk: tapped)
        #expect(try value(engine) == 5)
        #expect(
            calls.withLock { $0 } == ["open", "status", "map"].map { "\($0) \(TestHeap.path)" })
        #expect(disk.currentFiles().keys.sorted() == [TestHeap.path])
        try engine.close()
        #expect(calls.withLock { $0.count } == 3)
        #expect(disk.currentFiles().keys.sorted() == [TestHeap.path])
    }

    @Test func secondReadTakesPart() throws {
        let engine = try heap.open(.readOnly)
        #expect(try value(engine) == 5)
        #expect(disk.currentFiles()[shared] == nil)
        for _ in 0 ..< 3 { #expect(try value(engine) == 5) }
        #expect(disk.currentFiles()[shared] != nil)
        #expect(engine.openViews().count == 1)
        let stranger = try stranger()
        #expect(try !stranger.isLockedByOthers(.transientReader))
        #expect(try !stranger.tryLock(.presence, exclusive: true))
        try engine.close()
        #expect(disk.currentFiles().keys.sorted() == [TestHeap.path])
    }

    /// An idle transient reader holds no lock that delays others.
    @Test func locksOfAVisit() throws {
        let engine = try heap.open(.readOnly)
        let stranger = try stranger()
        #expect(try stranger.isLockedByOthers(.transientReader))
        for lock in FileLock.allOfHeap where lock != .transientReader {
            #expect(try !stranger.isLockedByOthers(lock), "\(lock)")
        }
        let context = try engine.beginRead()
        #expect(try stranger.isLockedByOthers(.transientRead))
        engine.endRead(context)
        #expect(try !stranger.isLockedByOthers(.transientRead))
        try engine.close()
        for lock in FileLock.allOfHeap { #expect(try !stranger.isLockedByOthers(lock), "\(lock)") }
    }

    /// If any process has the heap open, a reader registers at once.
    @Test func besideOthersThereAreNoVisits() throws {
        let writer = try heap.open()
        let reader = try heap.open(.readOnly)
        #expect(writer.openViews().count == 2)
        try reader.close()
        try writer.close()
    }

    // MARK: The snapshot stays fixed

    /// Whatever a writer does while a transient reader reads: the snapshot, and the data file under
    /// it, stay unchanged.
    @Test func checkpointsWaitForAVisitorsRead() throws {
        let visitor = try heap.open(.readOnly)
        let context = try visitor.beginRead()
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        let before = disk.currentFiles()[TestHeap.path]!
        let writer = try heap.open()
        for number in 0 ..< 5 {
            try writer.change { $0.store(100 + number, at: cell) }
            try writer.checkpoint()
            _ = try writer.compact()
            try writer.shrink()
            #expect(access.load(cell, as: Int.self) == 5)
        }
        // Except for the headers, which say that there is a log.
        let pages = 8192 ..< before.count
        #expect(Array(disk.currentFiles()[TestHeap.path]![pages]) == Array(before[pages]))
        #expect(writer.writerLog!.usedBytes > 0)
        // The log stays when the writer closes, because its commits could not be moved to the data
        // file.
        try writer.close()
        #expect(access.load(cell, as: Int.self) == 5)
        #expect(disk.currentFiles()[TestHeap.path + LogLayout.durableSuffix] != nil)
        visitor.endRead(context)
        #expect(try value(visitor) == 104)
        let next = try heap.open()
        #expect(try value(next) == 104)
        try next.checkpoint()
        try visitor.close()
        try next.close()
        #expect(disk.currentFiles().keys.sorted() == [TestHeap.path])
    }

    /// An idle transient reader holds nothing up, and notices the changes meanwhile when it reads.
    @Test(arguments: [false, true]) func idleVisitorHoldsUpNothing(hasRead: Bool) throws {
        let visitor = try heap.open(.readOnly)
        if hasRead { #expect(try value(visitor) == 5) }
        let writer = try heap.open()
        let more = try writer.change { access in
            access.store(6, at: cell)
            return access.allocate(byteCount: 1_000_000)
        }
        try writer.checkpoint()
        #expect(writer.writerLog!.usedBytes == 0)
        try writer.change { access in
            access.store(7, at: cell)
            access.store(8, at: more + 999_992)
        }
        #expect(try value(visitor) == 7)
        #expect(try visitor.look { $0.load(more + 999_992, as: Int.self) } == 8)
        #expect(writer.openViews().count == 2)
        #expect(try !stranger().isLockedByOthers(.transientReader))
        try visitor.close()
        try writer.close()
    }

    /// Written, closed and truncated by others, with the heap at rest before and after.
    @Test func heapAtRestAgain() throws {
        let block: UInt64
        do {
            let writer = try heap.open()
            block = try writer.change { $0.allocate(byteCount: 3_000_000) }
            try writer.close()
        }
        let visitor = try heap.open(.readOnly)
        do {
            let writer = try heap.open()
            try writer.change { access in
                access.free(block, byteCount: 3_000_000)
                access.store(9, at: cell)
            }
            try writer.close()
        }
        #expect(heap.fileBytes() < 3_000_000)
        #expect(try value(visitor) == 9)
        #expect(try visitor.audit().problems == [])
        #expect(visitor.image.fault == nil)
        try visitor.close()
        #expect(disk.currentFiles().keys.sorted() == [TestHeap.path])
    }

    // MARK: Recovery

    /// A writer dies while a transient reader reads: the next one continues with the files left
    /// behind, and the log stays in place.
    @Test func writersGoOnBesideAVisitorsRead() throws {
        let visitor = try heap.open(.readOnly)
        let context = try visitor.beginRead()
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        for number in 0 ..< 3 {
            let writer = try Mortal(disk)
            if number > 0 { #expect(try value(writer.engine) == 99 + number) }
            try writer.engine.change { $0.store(100 + number, at: cell) }
            if number == 1 { try writer.engine.makeDurable() }
            writer.die()
            #expect(access.load(cell, as: Int.self) == 5)
            // Readers change nothing.
            #expect(try value(heap.open(.readOnly)) == 100 + number)
        }
        // A reader that has applied the log to its image notices when others continue with it.
        let guest = try heap.open(.readOnly)
        #expect(try value(guest) == 102)
        let last = try heap.open()
        try last.change { $0.store(103, at: cell) }
        #expect(try value(guest) == 103)
        try last.change { $0.store(102, at: cell) }
        #expect(try value(guest) == 102)
        try guest.close()
        try last.close()
        #expect(access.load(cell, as: Int.self) == 5)
        visitor.endRead(context)
        let next = try heap.open()
        #expect(try value(next) == 102)
        #expect(try value(visitor) == 102)
        try visitor.close()
        try next.close()
        #expect(disk.currentFiles().keys.sorted() == [TestHeap.path])
    }

    /// The same beside a reader that may not write the file, and so never registers.
    @Test func writersGoOnBesideAGuest() throws {
        let attempts = Mutex(0)
        let refusing = TappedDisk(disk) { call throws(SystemError) in
            let isFirst = attempts.withLock { count in
                count += 1
                return count <= 2
            }
            // For the transient read, and for registering.
            if call.operation == .open, isFirst {
                throw SystemError(.open, call.path, .permissionDenied)
            }
        }
        let guest = try HeapEngine(
            path: TestHeap.path, mode: .readOnly, options: heap.options, disk: refusing)
        let context = try guest.beginRead()
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        #expect(try stranger().isLockedByOthers(.unregisteredReader))
        for number in 0 ..< 3 {
            let writer = try Mortal(disk)
            try writer.engine.change { $0.store(100 + number, at: cell) }
            writer.die()
            #expect(access.load(cell, as: Int.self) == 5)
        }
        guest.endRead(context)
        #expect(try value(guest) == 102)
        try guest.close()
        let next = try heap.open()
        #expect(try value(next) == 102)
        try next.close()
        #expect(disk.currentFiles().keys.sorted() == [TestHeap.path])
    }

    /// Without the shared file, or with one that records a failed write, only recovery can help,
    /// and waits until the transient reader is done.
    @Test(arguments: [false, true]) func recoveryWaitsForAVisitorsRead(hasFailed: Bool) throws {
        let visitor = try heap.open(.readOnly)
        let context = try visitor.beginRead()
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        let writer = try Mortal(disk)
        try writer.engine.change { $0.store(6, at: cell) }
        try writer.engine.makeDurable()
        if hasFailed { writer.engine.shared![.failed] = 1 }
        writer.die()
        if !hasFailed { try disk.remove(shared) }
        var options = heap.options
        options.timeout = .milliseconds(20)
        #expect {
            _ = try HeapEngine(path: TestHeap.path, mode: .readWrite, options: options, disk: disk)
        } throws: { error in
            if case HeapError.timedOut(path: TestHeap.path, waitingFor: _) = error {
                true
            } else {
                false
            }
        }
        #expect(access.load(cell, as: Int.self) == 5)
        #expect(try value(heap.open(.readOnly)) == 6)
        visitor.endRead(context)
        let next = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options, disk: disk)
        #expect(try value(next) == 6)
        try next.change { $0.store(7, at: cell) }
        #expect(try value(visitor) == 7)
        try next.close()
        try visitor.close()
    }

    /// The writer died before the transient reader reads, or reads again, and no other process is
    /// there: the log is applied to the image.
    @Test(arguments: [false, true]) func visitorRecoversInMemory(hasRead: Bool) throws {
        let visitor = try heap.open(.readOnly)
        if hasRead { #expect(try value(visitor) == 5) }
        let writer = try Mortal(disk)
        try writer.engine.change { $0.store(6, at: cell) }
        writer.die()
        let before = disk.currentFiles()
        for _ in 0 ..< 3 { #expect(try value(visitor) == 6) }
        #expect(disk.currentFiles() == before)
        let next = try heap.open()
        try next.change { $0.store(7, at: cell) }
        #expect(try value(visitor) == 7)
        try visitor.close()
        try next.close()
    }

    // MARK: Replaced files

    /// No process may replace a heap that is open, even by a transient reader.
    @Test(arguments: [false, true]) func visitorsFileIsNotReplaced(hasRead: Bool) throws {
        let visitor = try heap.open(.readOnly)
        if hasRead { #expect(try value(visitor) == 5) }
        let builder = try HeapEngine(
            path: TestHeap.path, mode: .bulkBuild, options: heap.options, disk: disk)
        #expect(throws: HeapError.busy(path: TestHeap.path)) {
            try builder.finishBuild(replacing: true)
        }
        try visitor.close()
        try builder.finishBuild(replacing: true)
        try builder.close()
    }

    /// Another program has put another heap in its place: the transient reader keeps reading the
    /// old one, and creates no files beside the new one.
    @Test func replacedByHand() throws {
        let other = "/sim/other.heap"
        let engine = try HeapEngine(
            path: other, mode: .readWrite, options: heap.options, disk: disk)
        try engine.close()
        let visitor = try heap.open(.readOnly)
        try disk.renameReplacing(other, to: TestHeap.path)
        for _ in 0 ..< 3 { #expect(try value(visitor) == 5) }
        #expect(disk.currentFiles().keys.sorted() == [TestHeap.path])
        let next = try heap.open()
        try next.change { $0.store(1, at: $0.allocate(byteCount: 64)) }
        #expect(try value(visitor) == 5)
        try visitor.close()
        try next.close()
    }

    // MARK: Failed registration

    /// No room for the shared file: the transient reader becomes an unregistered reader, like any
    /// reader without it, and keeps no process out.
    @Test func noRoomToTakePart() throws {
        let visitor = try heap.open(.readOnly)
        #expect(try value(visitor) == 5)
        disk.fault = { _, operation, path in
            operation == .grow && path.hasSuffix(LogLayout.sharedSuffix) ? .error(ENOSPC) : nil
        }
        for _ in 0 ..< 3 { #expect(try value(visitor) == 5) }
        disk.fault = nil
        #expect(disk.currentFiles().keys.sorted() == [TestHeap.path])
        let writer = try heap.open()
        try writer.change { $0.store(6, at: cell) }
        #expect(try value(visitor) == 6)
        try visitor.close()
        try writer.close()
    }

    /// The log is temporarily unreadable, from one of the calls on: an error of that transaction,
    /// which keeps no process out and leaves no partial state.
    @Test(arguments: 0 ..< 4) func errorWhileTakingPart(readsBefore: Int) throws {
        let visitor = try heap.open(.readOnly)
        #expect(try value(visitor) == 5)
        let writer = try Mortal(disk)
        try writer.engine.change { $0.store(6, at: cell) }
        try writer.engine.makeDurable()
        writer.die()
        nonisolated(unsafe) var reads = 0
        disk.fault = { _, operation, path in
            guard operation == .read || operation == .map, path.hasSuffix(LogLayout.durableSuffix)
            else { return nil }
            reads += 1
            return reads > readsBefore ? .error(EIO) : nil
        }
        for _ in 0 ..< 2 { #expect(throws: HeapError.self) { try value(visitor) } }
        disk.fault = nil
        let next = try heap.open()
        #expect(try value(next) == 6)
        try next.change { $0.store(7, at: cell) }
        try next.close()
        #expect(try value(visitor) == 7)
        try visitor.close()
    }

    // MARK: Calls that need a registered opening

    @Test func visitorIsToldOfOthers() throws {
        let visitor = try heap.open(.readOnly)
        let start = visitor.newestPosition
        // At rest there have been no commits, and reporting that needs no files.
        #expect(try visitor.waitForPosition(otherThan: start + 8, timeout: .zero) == start)
        let reader = try heap.open(.readOnly)
        #expect(reader.newestPosition == start)
        let writer = try heap.open()
        #expect(writer.newestPosition == start)
        let third = try heap.open(.readOnly)
        #expect(third.newestPosition == start)
        // Inside its first read transaction a transient reader cannot register, but it can read the
        // files.
        let fourth = try TestHeap.atRest()
        let inside = try fourth.heap.open(.readOnly)
        let context = try inside.beginRead()
        let position = inside.viewPosition
        #expect(inside.newestPosition == position)
        let other = try fourth.heap.open()
        #expect(inside.newestPosition == position)
        try other.change { $0.store(6, at: fourth.cell) }
        #expect(inside.newestPosition == other.newestPosition)
        #expect(inside.newestPosition > position)
        #expect(
            try inside.waitForPosition(otherThan: position, timeout: .seconds(60))
                == other.newestPosition)
        #expect(inside.openViews().count == 1)
        inside.endRead(context)
        #expect(inside.openViews().count == 2)
        for engine in [visitor, reader, third, inside] { try engine.close() }
        for engine in [writer, other] { try engine.close() }
    }

    /// A waiting transient reader is woken by the commit.
    @Test func visitorWaits() throws {
        let visitor = try heap.open(.readOnly)
        let start = visitor.newestPosition
        let group = DispatchGroup()
        let result = Mutex<UInt64?>(nil)
        group.enter()
        Thread.detachNewThread {
            let position = try? visitor.waitForPosition(otherThan: start, timeout: .seconds(60))
            result.withLock { $0 = position }
            group.leave()
        }
        let writer = try heap.open()
        try writer.change { $0.store(6, at: cell) }
        group.wait()
        #expect(result.withLock { $0 } == writer.newestPosition)
        try visitor.close()
        try writer.close()
    }

    // MARK: Threads

    /// Many threads read through one transient reader while it registers, beside a writer that
    /// keeps two cells equal and moves the log into the data file.
    @Test func threadsOfAVisitor() throws {
        let problems = Problems()
        for _ in 0 ..< 20 {
            let (heap, first) = try TestHeap.atRest()
            let visitor = try heap.open(.readOnly)
            let second = first + 32
            let group = DispatchGroup()
            for number in 0 ..< 5 {
                group.enter()
                Thread.detachNewThread {
                    problems.collect {
                        if number == 0 {
                            let writer = try heap.open()
                            for value in 0 ..< 40 {
                                try writer.change { access in
                                    access.store(value, at: first)
                                    access.store(value, at: second)
                                }
                                if value % 7 == 6 { try writer.checkpoint() }
                            }
                            try writer.close()
                        } else {
                            var last = -1
                            for _ in 0 ..< 60 {
                                let (one, other) = try visitor.look {
                                    ($0.load(first, as: Int.self), $0.load(second, as: Int.self))
                                }
                                // The state at rest, or that of some commit.
                                if one == 5, other == 0, last < 0 { continue }
                                if one != other || one < last {
                                    problems.add("\(one) and \(other) after \(last)")
                                }
                                last = one
                            }
                        }
                    }
                    group.leave()
                }
            }
            group.wait()
            #expect(try visitor.look { $0.load(first, as: Int.self) } == 39)
            try visitor.close()
            // A reader that closes last leaves the log unchanged.
            try heap.open().close()
            #expect(heap.disk.currentFiles().keys.sorted() == [TestHeap.path])
        }
        #expect(problems.all == [])
    }
}
