/// The entry of read transactions: the latch between this process's threads, and the snapshot that
/// protects what they see from other processes' checkpoints.
final class ReaderLock {
    private let latch: ReaderWriterLatch
    private let lifecycle: Lifecycle
    private let participation: Participation
    private let follower: LogFollower
    private let opener: Opener
    private let timeout: Duration

    init(_ heap: OpenHeap) {
        latch = heap.latch
        lifecycle = heap.lifecycle
        participation = heap.participation
        follower = heap.follower
        opener = heap.opener
        timeout = heap.dataFile.options.timeout
    }

    /// Waits while another thread of this process writes; never for another process.
    @inline(__always)
    func enter() throws(HeapError) {
        try lifecycle.requireUsable()
        switch latch.enterReading(timeout: timeout, isFresh: { follower.isCurrent(isFirst: $0) }) {
        case .first, .joined: break
        case .mustPrepare: try prepare()
        case .timedOut:
            throw HeapError.timedOut(
                path: lifecycle.path, waitingFor: "another thread's transaction")
        }
        do throws(HeapError) { try lifecycle.requireUsable() } catch {
            leave()
            throw error
        }
    }

    /// Alone behind the latch: catches up, and lets other readers in.
    private func prepare() throws(HeapError) {
        do throws(HeapError) {
            try lifecycle.requireUsable()
            try opener.catchUp()
        } catch {
            participation.closeSnapshot()
            latch.unlockExclusively()
            throw error
        }
        // An opening that has registered while it caught up has closed its snapshot again. In
        // between nothing protected it; but a checkpoint goes no further than the published
        // position, and this opening is there.
        if !participation.isFixed { participation.openSnapshot() }
        latch.beginReading()
    }

    @inline(__always)
    func leave() {
        latch.leaveReading { if !participation.isFixed { participation.closeSnapshot() } }
    }

    /// Catches up as a read transaction does.
    func look() throws(HeapError) {
        guard !participation.view.hasOpenTransaction else { return }
        try enter()
        leave()
    }

    // MARK: Without reading

    /// Runs `body` alone behind the latch.
    func alone<R>(_ body: () throws(HeapError) -> R) throws(HeapError) -> R {
        guard latch.lockExclusively(timeout: timeout) else {
            throw HeapError.timedOut(
                path: lifecycle.path, waitingFor: "another thread's transaction")
        }
        defer { latch.unlockExclusively() }
        return try body()
    }

    /// Registers a transient reader that has no read transaction open, if no other thread has the
    /// latch. For calls that need what only registered openings know; any thread.
    func register() throws(HeapError) {
        guard participation.visit != nil, !participation.view.hasOpenTransaction,
            latch.lockExclusively(timeout: .zero)
        else { return }
        defer { latch.unlockExclusively() }
        try lifecycle.requireUsable()
        try opener.register()
    }
}
