import HoldfastFormat
import HoldfastSystem

/// Work between transactions: checkpoints, returning memory and file space, syncs.
final class Maintenance {
    private let dataFile: DataFile
    private let view: HeapView
    private let participation: Participation
    private let lifecycle: Lifecycle
    private let log: JoinedLog
    private let follower: LogFollower
    private let checkpointer: Checkpointer
    private let fileSize: FileSize
    private let committer: Committer
    private let events: EventReporter
    /// Makes checkpoints in the background; one for the images of an opening.
    let thread: CheckpointThread?

    init(_ heap: OpenHeap, committer: Committer, thread: CheckpointThread?) {
        dataFile = heap.dataFile
        view = heap.view
        participation = heap.participation
        lifecycle = heap.lifecycle
        log = heap.log
        follower = heap.follower
        checkpointer = heap.checkpointer
        fileSize = heap.fileSize
        events = EventReporter(heap.dataFile.options)
        self.committer = committer
        self.thread = thread
    }

    // MARK: Under the write lock, without a transaction

    func checkpoint() throws(HeapError) {
        try follower.catchUp()
        try checkpointLocked()
    }

    /// Checkpoints, then punches holes where pages are free. Nothing moves, so handles of other
    /// processes stay valid. Returns the bytes of the holes.
    func compact() throws(HeapError) -> Int {
        guard let file = dataFile.file else { return 0 }
        try follower.catchUp()
        return try compactLocked(file)
    }

    /// See `FileSize`. Other processes continue; writers wait. Durable on return.
    ///
    /// Throws `tooLarge` beyond the mappable size, and `diskFull` or `fileTooLarge` with the file
    /// unchanged.
    func reserve(bytes: Int) throws(HeapError) { try fileSize.reserve(bytes) }

    /// Drops the reservation, moves the log into the file, and truncates the file to what the heap
    /// needs. If another process has the heap open, the last process to close it truncates the
    /// file.
    func shrink() throws(HeapError) {
        try fileSize.reserve(0)
        try checkpoint()
        try fileSize.giveBackTail()
    }

    /// See `HeapEngine.pendingHistory`. `openSnapshot` opens a snapshot of the newest state.
    func pendingHistory(
        after place: HistoryPlace?, limit: UInt64,
        openSnapshot: () throws(HeapError) -> HeapEngine
    ) throws(HeapError) -> PendingHistory {
        guard let file = dataFile.file else { throw HeapError.closed(path: dataFile.path) }
        guard !view.isFollowing else { throw HeapError.following(path: dataFile.path) }
        let archive = ArchiveRegistration(dataFile: dataFile, lock: checkpointer.lock)
        try checkpoint()
        if let place, var queued = try archive.history(after: place) {
            if queued.hasHolesBehind {
                try committer.commitUnchanged()
                try checkpoint()
                guard let more = try archive.history(after: place) else { return .changes(queued) }
                queued = more
            }
            return .changes(queued)
        }
        // Free pages need not be archived.
        _ = try compactLocked(file)
        var found: (HeapHeader, PageEntries)?
        try dataFile.askAgain(waitingFor: "a reader of an older state of the heap") {
            () throws(HeapError) in
            found = try archive.startQueue(at: view.applied, limit: limit)
            if found == nil { try checkpointLocked() }
            return found != nil
        }
        // The write lock is held: the newest state is that of the checkpoint.
        return .base(HistoryBase(try openSnapshot(), found!.0, found!.1))
    }

    // MARK: Under the write lock

    /// Runs maintenance that is due before a transaction.
    @inline(__always)
    func runDue() throws(HeapError) {
        guard log.joined != nil, let shared = participation.fast.shared else { return }
        let usedBytes = shared._withUnsafeGuaranteedRef { $0.usedBytes }
        // The common case.
        guard checkpointer.policy.isReached(by: usedBytes) || follower.areManyPrivate else {
            return
        }
        try run(usedBytes)
    }

    @inline(never)
    private func run(_ usedBytes: Int) throws(HeapError) {
        if try fileSize.isLogOversized(usedBytes: usedBytes) {
            // The background thread does not hold the write lock, which truncating the log
            // requires.
            try checkpointLocked()
        } else if let thread {
            thread.wake(
                mayRefuse: checkpointer.policy.isEarly(usedBytes) && !follower.areManyPrivate)
            if isMemoryShort(usedBytes) {
                // The log grows faster than the background thread can empty it: this transaction
                // waits for a checkpoint.
                _ = try checkpointer.moveLogIntoDataFile(waits: true)
                try follower.dropToNewest()
            }
        } else if usedBytes > dataFile.options.logLimit || isMemoryShort(usedBytes) {
            try checkpointLocked()
        }
    }

    /// Whether a checkpoint has to run now, because only then can private pages be dropped.
    @inline(__always)
    private func isMemoryShort(_ usedBytes: Int) -> Bool {
        // The first condition follows from the last, and needs no access to the image.
        follower.areManyPrivate && usedBytes > 0
            && view.image.privatePageBound * HeapLayout.pageBytes > dataFile.options.memoryLimit
    }

    /// Trims, checkpoints, and returns memory and file space. No transaction may be open.
    private func checkpointLocked() throws(HeapError) {
        guard try log.join() != nil else { return }
        try committer.commitTrim()
        let isComplete = try checkpointer.moveLogIntoDataFile(waits: true)
        log.forgetTail()
        try dataFile.requireInPlace()
        if follower.areManyPrivate { try follower.dropToNewest() }
        if isComplete { try fileSize.giveBackSpace() }
    }

    private func compactLocked(_ file: any DiskFile) throws(HeapError) -> Int {
        try committer.commitTrim()
        guard try checkpointer.moveLogIntoDataFile(waits: true) else { return 0 }
        var freed = 0
        try checkpointer.lock.holding(waits: true) { () throws(HeapError) in
            let header = try dataFile.readHeader(file)
            // The write lock is held, so the pages that are free now are free for every later
            // opening, and were free for every open snapshot that is not older.
            guard header.checkpointPosition == view.applied,
                !checkpointer.hasSnapshot(before: view.applied)
            else { return }
            freed = try checkpointer.punchHoles(file, header)
        }
        try checkpointLocked()
        return freed
    }

    // MARK: Any thread

    /// Makes every commit so far durable.
    func makeDurable() throws(HeapError) {
        guard dataFile.mode == .readWrite, !dataFile.disk.isVolatile else { return }
        guard !lifecycle.isForked else { throw HeapError.forked(path: dataFile.path) }
        try lifecycle.requireNotFailed()
        if lifecycle.isSuspended { throw HeapError.suspended(path: dataFile.path) }
        guard let shared = participation.sharedMemory, lifecycle.isOpen else { return }
        let isPending = shared[.epoch] != 0 && shared[.durable] < shared[.published]
        do throws(HeapError) { try shared.requireNoFault() } catch {
            throw participation.fail(error)
        }
        guard isPending, let log = try log.joinForAll() else { return }
        let began = events.start
        do throws(HeapError) {
            try log.makeDurable(below: log.published) { () throws(HeapError) in
                try dataFile.requireInPlace()
            }
        } catch {
            switch error {
            case .timedOut, .replaced: throw error
            // Suspended meanwhile.
            case .closed where shared.hasLeftLocks && !lifecycle.isClosed:
                throw HeapError.suspended(path: dataFile.path)
            default: throw participation.fail(error)
            }
        }
        events.end(began) { .sync(duration: $0) }
    }

    /// Stops background checkpoints.
    func stopThread() { thread?.stop() }

    /// Allows them again.
    func allowThread() { thread?.allow() }
}
