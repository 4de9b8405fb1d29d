import HoldfastFormat
import HoldfastSystem

/// Commits a write transaction, or rolls it back. Requires the write lock.
final class Committer {
    private let dataFile: DataFile
    private let view: HeapView
    // Stored here although it is part of `view`: an object reached through another one is retained
    // around each call.
    private let dirty: DirtyTracker
    private let participation: Participation
    private let log: JoinedLog
    private let follower: LogFollower
    private let checkpointer: Checkpointer
    private let mode: OpenMode
    private let events: EventReporter
    /// Publishes the commits of a private copy, which has no log.
    private let localSignal: LocalSignal

    init(_ heap: OpenHeap) {
        dataFile = heap.dataFile
        view = heap.view
        dirty = heap.view.dirty
        participation = heap.participation
        log = heap.log
        follower = heap.follower
        checkpointer = heap.checkpointer
        mode = heap.dataFile.mode
        events = EventReporter(heap.dataFile.options)
        localSignal = heap.localSignal
    }

    /// Atomic: on an error, no change is kept.
    @inline(__always)
    func commit() throws(HeapError) {
        if view.shortage != nil || dirty.isIncomplete { throw undoAfterShortage() }
        if mode == .bulkBuild { return try view.requireBuildable() }
        guard !dirty.isEmpty else { return }
        do throws(HeapError) {
            // The transaction began before a fork, and the lock belongs to the parent: two
            // processes would append at the same place.
            guard !participation.lifecycle.isForked else {
                throw HeapError.forked(path: dataFile.path)
            }
            try participation.requireNoFault()
            try view.verifier?.verify(dirty: dirty, path: dataFile.path)
            guard mode == .readWrite else { return keepWithoutLog() }
            try append()
        } catch {
            undo()
            throw error
        }
    }

    @inline(never)
    private func keepWithoutLog() {
        view.verifier?.accept(pages: view.pagesInImage)
        dirty.keepWithoutLog()
        view.committedPages = view.pagesInImage
        // Positions without a log behind them: they only need to differ.
        view.applied += 8
        view.commitNumber += 1
        localSignal.signal.publish(view.applied)
    }

    /// Rolls the transaction back.
    @inline(never)
    func undo() {
        if !view.undo() { startOver() }
    }

    /// Rolls back a lost transaction; returns the error to end it with.
    @inline(never)
    private func undoAfterShortage() -> HeapError {
        let error = view.errorToCome ?? .outOfMemory(path: dataFile.path)
        undo()
        // A build cannot be rolled back.
        return mode == .bulkBuild ? participation.fail(error) : error
    }

    /// Resets the image. Needed when there was no memory for before-images: the old contents are in
    /// the data file and the log.
    private func startOver() {
        guard mode == .readWrite else {
            fatalError(
                "Holdfast: \(HeapError.outOfMemory(path: dataFile.path)) The heap lives in this "
                    + "process's memory alone, and cannot be put back as it was."
            )
        }
        do {
            try dirty.forgetAll()
            try follower.startFromDataFile()
            try follower.catchUp()
        } catch {
            // The image is unusable now. The files are unchanged.
            participation.lifecycle.close()
        }
        view.endShortage()
    }

    // MARK: Appending

    /// Appends the dirty lines to the log and publishes them.
    @inline(never)
    private func append() throws(HeapError) {
        let began = events.start
        let newPages = view.pagesInImage
        if Int(newPages) * HeapLayout.pageBytes > dataFile.byteCount {
            // Before the log has the commit: a commit whose blocks cannot be allocated must not
            // happen.
            try dataFile.translating { () throws(SystemError) in
                try dataFile.grow(dataFile.file!, toHold: Int(newPages) * HeapLayout.pageBytes)
            }
        }
        var tail = try logTail()
        let bound = dirty.recordBound
        if !tail.hasRoom(for: bound) {
            try makeRoom(in: try startedLog(), for: bound)
            tail = try logTail()
        }
        let start = tail.address(view.applied)
        tail.step(at: view.applied, byteCount: bound)
        let (runs, bytes) = dirty.writeRuns(to: start, endPage: newPages)
        let record = LogRecord(
            runs: runs, position: view.applied, byteCount: UInt64(bytes), span: UInt64(bytes),
            commitNumber: view.commitNumber + 1, previousChecksum: view.previousChecksum,
            durablePosition: tail.durablePosition, heapPages: newPages)
        tail.step(at: view.applied, byteCount: bytes)
        view.previousChecksum = record.seal(start, epoch: tail.epoch)
        view.commitNumber += 1
        view.applied += UInt64(bytes)
        // A ring that has lost its file accepts stores into memory that no other process will ever
        // see.
        guard !tail.hasFault else {
            throw participation.fail(HeapError.unreadable(path: tail.path, offset: 0))
        }
        tail.publish(view.applied, commits: view.commitNumber)
        view.verifier?.accept(pages: newPages)
        dirty.reset()
        view.committedPages = newPages
        events.end(began) { .commit(bytes: bytes, duration: $0) }
    }

    /// Trims the allocator and commits that, so that its spare memory does not stay in the file.
    /// Bypasses `commit`, because the lock is already held.
    func commitTrim() throws(HeapError) {
        // Its allocator is that of the heap that it follows.
        if view.isFollowing { return }
        view.markUnusedLines()
        Allocator.trim(view)
        guard !dirty.isEmpty else { return }
        try appendOrUndo()
    }

    /// Commits the heap as it is, so that what was done to the data file since the last commit
    /// belongs to one. Bypasses `commit`, like `commitTrim`.
    func commitUnchanged() throws(HeapError) {
        let line = AllocatorRoot.offset / UInt64(HeapLayout.lineBytes)
        dirty.markDirty(firstLine: line, lastLine: line)
        try appendOrUndo()
    }

    private func appendOrUndo() throws(HeapError) {
        do throws(HeapError) { try append() } catch {
            dirty.undo()
            throw error
        }
    }

    /// The place of the next record.
    @inline(__always)
    private func logTail() throws(HeapError) -> LogTail {
        if let tail = log.tail, tail.isCurrent { return tail }
        return try findLogTail()
    }

    @inline(never)
    private func findLogTail() throws(HeapError) -> LogTail {
        let started = try startedLog()
        let ring = try dataFile.translating { () throws(SystemError) in try started.shared.ring() }
        let found = LogTail(of: started, in: ring)
        checkpointer.policy.ringIs(ring.capacity)
        log.keepTail(found, in: ring)
        return found
    }

    // MARK: The log

    /// The log, started if this is the first commit since any process opened the heap.
    private func startedLog() throws(HeapError) -> RedoLog {
        if let log = try log.join() { return log }
        guard let shared = participation.shared, let file = dataFile.file else {
            throw HeapError.closed(path: dataFile.path)
        }
        return try checkpointer.lock.holding(waits: true) { () throws(HeapError) in
            try startLog(shared, file)
        }!
    }

    private func startLog(_ shared: SharedMemory, _ file: any DiskFile) throws(HeapError)
        -> RedoLog
    {
        let options = dataFile.options
        var header = try dataFile.readHeader(file)
        // A process that died here while starting the log has left a log without a commit, and a
        // header that names it.
        let isLeft = header.logInUse
        let started: RedoLog
        do throws(SystemError) {
            if isLeft || dataFile.disk.exists(dataFile.location + LogLayout.durableSuffix) {
                try dataFile.writeNextHeader(&header, file)
            }
            started = try RedoLog(
                starting: shared, disk: dataFile.disk, heapPath: dataFile.location,
                rights: try file.rights(), header: header,
                epoch: isLeft ? header.logEpoch : UInt64.random(in: 1 ... .max), isLeft: isLeft,
                capacity: max(
                    RingMapping.granule, RingMapping.roundedCapacity(options.initialLogBytes)),
                timeout: options.timeout)
        } catch {
            // Nothing depends on the log yet; the commit is refused and the heap is unchanged.
            switch dataFile.heapError(error) {
            case .permissionDenied: throw HeapError.readOnlyFolder(path: dataFile.path)
            case let other: throw other
            }
        }
        if !isLeft {
            header.logEpoch = started.epoch
            header.logInUse = true
            do throws(SystemError) { try dataFile.writeNextHeader(&header, file) } catch {
                throw participation.fail(error)
            }
        }
        started.announce()
        log.adopt(started)
        return started
    }

    /// Makes room for a record of up to `bytes` bytes. A small ring grows up to its limit; a full
    /// ring is emptied by a checkpoint; a ring that is too small for the transaction, or is kept
    /// full by an open snapshot, grows beyond the limit.
    private func makeRoom(in log: RedoLog, for bytes: Int) throws(HeapError) {
        guard bytes > log.room else { return }
        let lock = checkpointer.lock
        if log.capacity < RingMapping.roundedCapacity(dataFile.options.logLimit) {
            do throws(HeapError) {
                // A running checkpoint reads records at their current place, so this waits for it.
                try lock.holding(waits: true) { () throws(HeapError) in
                    try log.grow(
                        toHold: max(
                            log.usedBytes + bytes,
                            checkpointer.policy.nextCapacity(after: log.capacity)))
                }
            } catch {
                switch error {
                case .failed, .timedOut: throw error
                // Even without this room a checkpoint may suffice. Below, a failed growth is told
                // apart from a full disk.
                default: break
                }
            }
            if bytes <= log.room { return }
        }
        _ = try checkpointer.moveLogIntoDataFile(waits: true)
        if bytes > log.room {
            try lock.holding(waits: true) { () throws(HeapError) in
                try log.grow(toHold: log.usedBytes + bytes)
            }
        }
    }
}
