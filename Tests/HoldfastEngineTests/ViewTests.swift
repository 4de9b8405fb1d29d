import Foundation
import HoldfastFormat
import HoldfastSystem
import Synchronization
import Testing
import TestSupport

@testable import HoldfastEngine

/// Views that stay open: their reports, the work that they hold up, and the views of dead
/// processes.
@Suite(.progress) struct ViewTests {
    private let heap = TestHeap()

    private final class Reports: Sendable {
        private let views = Mutex<[OpenView]>([])
        var all: [OpenView] { views.withLock { $0 } }
        func add(_ view: OpenView) { views.withLock { $0.append(view) } }
    }

    private func cell(_ engine: HeapEngine) throws -> UInt64 {
        try engine.change { access in
            let cell = access.allocate(byteCount: 64)
            access.store(0, at: cell)
            return cell
        }
    }

    /// A view that holds up checkpoints is reported once, and so is the next one of the same
    /// process; both processes continue.
    @Test func longViewsAreReportedOnceEach() throws {
        let reports = Reports()
        var options = heap.options
        // Any open view counts as long; nothing depends on the clock.
        options.longView = .seconds(-1)
        options.reportsLongView = { reports.add($0) }
        let writer = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options, disk: heap.disk)
        let reader = try heap.open(.readOnly)
        let cell = try cell(writer)
        for view in 1 ... 3 {
            let context = try reader.beginRead()
            for value in 0 ..< 5 {
                try writer.change { $0.store(value, at: cell) }
                try writer.checkpoint()
            }
            #expect(reports.all.count == view)
            let report = try #require(reports.all.last)
            #expect(report.processNumber == getpid() && report.isOpen && report.heldLogBytes > 0)
            reader.endRead(context)
            try writer.checkpoint()
            #expect(writer.writerLog!.usedBytes == 0)
            // The clock that distinguishes views is a coarse one.
            let before = Deadline.coarseNow
            while Deadline.coarseNow == before { usleep(1000) }
        }
        // Views that hold nothing up are not reported.
        let context = try reader.beginRead()
        try writer.checkpoint()
        reader.endRead(context)
        #expect(reports.all.count == 3)
    }

    /// Two concurrent long views give two reports, and neither is repeated because of the other.
    @Test func longViewsSideBySide() throws {
        let reports = Reports()
        var options = heap.options
        options.process = TestProcess()
        options.longView = .seconds(-1)
        options.reportsLongView = { reports.add($0) }
        let writer = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options, disk: heap.disk)
        let cell = try cell(writer)
        var open: [(HeapEngine, HeapEngine.Context)] = []
        for number in 2 ... 4 as ClosedRange<Int32> {
            options.process = TestProcess(
                identity: ProcessIdentity(number: number, namespace: UInt64(number)))
            let reader = try HeapEngine(
                path: TestHeap.path, mode: .readOnly, options: options, disk: heap.disk)
            open.append((reader, try reader.beginRead()))
            for _ in 0 ..< 3 {
                try writer.change { $0.store(Int(number), at: cell) }
                try writer.checkpoint()
            }
        }
        #expect(reports.all.map(\.processNumber) == [2, 3, 4])
        #expect(reports.all.filter(\.isInOtherNamespace).count == 3)
        for (reader, context) in open { reader.endRead(context) }
    }

    /// A writer that catches up with others' commits leaves no view open; such a view would hold up
    /// every checkpoint while the writer is idle.
    @Test func writersHoldNothingUp() throws {
        let first = try heap.open()
        let second = try heap.open()
        let cell = try cell(first)
        for value in 0 ..< 20 {
            try (value % 2 == 0 ? second : first).change { $0.store(value, at: cell) }
            #expect(first.openViews().filter(\.isOpen).isEmpty)
        }
        try second.abandon { $0.store(-1, at: cell) }
        // `second` is idle from here on.
        for value in 0 ..< 20 {
            try first.change { $0.store(value, at: cell) }
            try first.checkpoint()
            #expect(first.writerLog!.usedBytes == 0)
        }
        try second.checkpoint()
        #expect(first.openViews().filter(\.isOpen).isEmpty)
        _ = try second.change { $0.allocate(byteCount: 100_000) }
        _ = try first.compact()
        #expect(first.openViews().filter(\.isOpen).isEmpty)
        try second.close()
        try first.close()
        #expect(heap.disk.currentFiles().keys.sorted() == [TestHeap.path])
    }

    /// A snapshot is a view too: it holds up the recycling of the log, and nothing else, until it
    /// is closed or its process is dead.
    @Test func snapshotsHoldTheLog() throws {
        var options = heap.options
        options.logLimit = 256 * 1024
        // See `KeptSnapshotTests` for others.
        options.keptBytesPerLogByte = 0
        let writer = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options, disk: heap.disk)
        let block = try writer.change { $0.allocate(byteCount: 100_000) }
        func fill(_ value: UInt8) throws {
            try writer.change {
                $0.writableAddress(block, 100_000).initializeMemory(
                    as: UInt8.self, repeating: value, count: 100_000)
            }
        }
        try fill(1)
        options.isSnapshot = true
        let dying = try HeapEngine(
            path: TestHeap.path, mode: .readOnly, options: options, disk: heap.disk)
        try fill(2)
        let snapshot = try HeapEngine(
            path: TestHeap.path, mode: .readOnly, options: options, disk: heap.disk)
        for value in 3 ..< 30 as Range<UInt8> {
            try fill(value)
            if value % 5 == 0 { try writer.checkpoint() }
        }
        // The heap has changed underneath, grown, and shrunk; the views have not changed.
        let more = try writer.change { $0.allocate(byteCount: 3_000_000) }
        try writer.checkpoint()
        try writer.change { $0.free(more, byteCount: 3_000_000) }
        _ = try writer.compact()
        for (engine, value) in [(dying, UInt8(1)), (snapshot, 2)] {
            try engine.look { access in
                let bytes = UnsafeRawBufferPointer(
                    start: access.address(block, 100_000), count: 100_000)
                #expect(bytes.isFilled(with: value))
            }
            #expect(try engine.audit().problems == [])
        }
        #expect(writer.writerLog!.usedBytes > 27 * 100_000)
        dying.loseLocks()
        try snapshot.close()
        try writer.checkpoint()
        #expect(writer.writerLog!.usedBytes == 0)
        #expect(throws: HeapError.closed(path: TestHeap.path)) { try snapshot.look { _ in } }
    }

    /// All entries of the table are taken, but by dead processes: there is room.
    @Test func entriesOfTheDeadAreUsedAgain() throws {
        let writer = try heap.open()
        let dying = try heap.open()
        let table = ReaderTable(shared: try #require(dying.shared))
        while try table.take(for: TestProcess().identity, .following) != nil {}
        #expect(throws: HeapError.tooManyProcesses(path: TestHeap.path, limit: 192)) {
            try heap.open(.readOnly)
        }
        dying.loseLocks()
        let reader = try heap.open(.readOnly)
        #expect(writer.openViews().count == 2)
        try reader.close()
        try writer.close()
    }

    /// A process that may only read takes every lock of the shared file that it can: neither views
    /// nor the write lock of a dead process stay.
    @Test func aReaderCannotKeepTheDeadAlive() throws {
        let writer = try heap.open()
        let cell = try cell(writer)
        let viewing = try heap.open(.readOnly)
        let view = try viewing.beginRead()
        let locking = try heap.open()
        let (begun, over, ended) = (
            DispatchSemaphore(value: 0), DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)
        )
        Thread.detachNewThread {
            let context = try? locking.beginWrite()
            begun.signal()
            over.wait()
            if let context { locking.abort(context) }
            ended.signal()
        }
        begun.wait()
        #expect(writer.openViews().filter(\.isWriting).count == 1)
        let stranger = try heap.disk.open(TestHeap.path + LogLayout.sharedSuffix, .readOnly)
        func takeAll() throws {
            for slot in 0 ..< FileLock.slotCount {
                _ = try stranger.tryLock(FileLock(slot: slot), exclusive: false)
            }
        }
        try takeAll()
        #expect(writer.openViews().count == 3)
        for engine in [viewing, locking] { engine.loseLocks() }
        try takeAll()
        #expect(writer.openViews().count == 1)
        try writer.change { $0.store(3, at: cell) }
        try writer.checkpoint()
        #expect(writer.writerLog!.usedBytes == 0)
        viewing.endRead(view)
        over.signal()
        ended.wait()
        stranger.close()
        try writer.close()
    }

    /// Threads of one opening give up and take the same entries, and others never find the owner of
    /// an entry dead.
    @Test func entriesChangeHandsWithinAnOpening() throws {
        let first = try heap.open()
        let second = try heap.open()
        let (mine, others) = (try #require(first.shared), try #require(second.shared))
        // What the opening lock does between processes.
        let opening = Mutex(())
        let wrong = Atomic(0)
        let group = DispatchGroup()
        for _ in 0 ..< 3 {
            group.enter()
            Thread.detachNewThread {
                let table = ReaderTable(shared: mine)
                for _ in 0 ..< 3000 {
                    let entry = opening.withLock { _ in
                        try? table.take(for: TestProcess().identity, .furtherImage)
                    }
                    guard let entry, others.entryLocks.isAlive(entry) else {
                        wrong.add(1, ordering: .relaxed)
                        continue
                    }
                    table.giveUp(entry)
                }
                group.leave()
            }
        }
        group.wait()
        let found = wrong.load(ordering: .relaxed)
        #expect(found == 0)
        try second.close()
        try first.close()
    }

    /// A thread finds an entry's process dead, and at that moment another process takes the entry.
    /// The entry of the living process stays.
    @Test func takenWhileTheDeadAreFreed() throws {
        let asking = TappedDisk(heap.disk)
        let writer = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: heap.options, disk: asking)
        let dying = try heap.open(.readOnly)
        let shared = try #require(dying.shared)
        let entry = try #require(dying.heap.participation.fast.entry)
        ReaderTable.open(entry, at: 0, commit: 0, in: shared)
        dying.loseLocks()
        let living = try SharedMemory.join(
            disk: heap.disk, heapPath: TestHeap.path, identity: writer.heap.dataFile.identity,
            process: heap.options.process, isWritable: true)
        let other = ReaderTable(shared: living)
        let taken = Mutex<Int?>(nil)
        asking.didAsk = { lock in
            guard lock == FileLock(slot: entry), taken.withLock({ $0 == nil }) else { return }
            let entry = try? other.take(for: TestProcess().identity, .following)
            taken.withLock { $0 = entry }
            ReaderTable.open(entry!, at: 0, commit: 0, in: living)
        }
        let table = ReaderTable(shared: try #require(writer.shared))
        #expect(table.lowest(below: 100) == 100)
        #expect(taken.withLock { $0 } == entry)
        #expect(writer.openViews().count == 2)
        // The next checkpoint sees that view.
        #expect(table.lowest(below: 100) == 0)
        other.giveUp(entry)
        #expect(table.lowest(below: 100) == 100)
        living.close()
        try writer.close()
    }

    /// A reader that cannot register opens just after a checkpoint has looked for such readers, and
    /// another process commits once more: the checkpoint does not include that commit.
    @Test func unregisteredReaderBesideACheckpoint() throws {
        let disk = TappedDisk(heap.disk)
        let writer = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: heap.options, disk: disk)
        let cell = try cell(writer)
        let other = try writer.change { access in
            let other = access.allocate(byteCount: 4096)
            access.store(5, at: other)
            return other
        }
        try writer.checkpoint()
        // Gives the checkpoint something to do.
        try writer.change { $0.store(1, at: cell) }
        let second = try heap.open()
        // It may not write the shared file: the first attempt to open it fails.
        let attempts = Mutex(0)
        let refusing = TappedDisk(heap.disk) { call throws(SystemError) in
            guard call.operation == .open, call.path.hasSuffix(LogLayout.sharedSuffix) else {
                return
            }
            let attempt = attempts.withLock { count in
                count += 1
                return count
            }
            if attempt == 1 { throw SystemError(.open, call.path, .permissionDenied) }
        }
        let views = Mutex<[(reader: HeapEngine, context: UInt)]>([])
        let problems = Problems()
        let (path, options) = (TestHeap.path, heap.options)
        disk.didAsk = { lock in
            guard lock == .unregisteredReader, views.withLock({ $0.isEmpty }) else { return }
            problems.collect {
                let reader = try HeapEngine(
                    path: path, mode: .readOnly, options: options, disk: refusing)
                let context = UInt(bitPattern: try reader.beginRead())
                views.withLock { $0 = [(reader, context)] }
                Thread.detachNewThread {
                    problems.collect { try second.change { $0.store(6, at: other) } }
                    attempts.withLock { $0 = 100 }
                }
                while attempts.withLock({ $0 }) < 100 { usleep(100) }
            }
        }
        _ = try writer.moveLogIntoDataFile(waits: true)
        #expect(problems.all == [])
        let (reader, address) = try #require(views.withLock { $0.first })
        let context = try #require(HeapEngine.Context(bitPattern: address))
        #expect(reader.readerEntry == nil)
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        #expect(access.load(other, as: Int.self) == 5)
        reader.endRead(context)
        #expect(try reader.look { $0.load(other, as: Int.self) } == 6)
        try reader.close()
        try second.close()
        try writer.close()
    }
}
