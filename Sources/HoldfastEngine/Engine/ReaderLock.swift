/// Entry of read transactions to one image: the latch between this process's threads, and the
/// snapshot that protects their data from checkpoints.
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

    /// Enters the opening's only image. Waits while another thread of this process writes; never
    /// for another process.
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
        try requireUsableAsReader()
    }

    /// Enters if that needs no waiting; nil otherwise. After `mustPrepare` the caller calls
    /// `prepare` or `decline`.
    @inline(__always)
    func tryToEnter() -> ReaderWriterLatch.Admission? {
        latch.tryToRead(
            isFresh: { follower.isCurrent(isFirst: $0) }, last: { participation.closeSnapshot() })
    }

    /// After the admission: the heap may have been closed while the thread waited.
    @inline(__always)
    func requireUsableAsReader() throws(HeapError) {
        do throws(HeapError) { try lifecycle.requireUsable() } catch {
            leave()
            throw error
        }
    }

    /// With the latch held exclusively: catches up, then admits other readers.
    func prepare() throws(HeapError) {
        do throws(HeapError) {
            try lifecycle.requireUsable()
            try opener.catchUp()
            if !participation.isFixed { try protect() }
        } catch {
            decline()
            throw error
        }
        latch.beginReading()
    }

    /// Opens the snapshot at the position that the image has reached, or moves it there.
    ///
    /// If the image was opened, or the opening registered, just now, nothing has protected it
    /// before: others may have committed since, and a checkpoint may have written that to the data
    /// file. It is published then, and is applied under the snapshot.
    private func protect() throws(HeapError) {
        participation.openSnapshot()
        guard let target = participation.catchUpTarget, target != participation.view.applied else {
            return
        }
        try opener.catchUp()
        participation.openSnapshot()
    }

    /// Gives the admission up.
    func decline() {
        participation.closeSnapshot()
        latch.unlockExclusively()
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

    /// Registers a transient reader that has no read transaction open, unless another thread has
    /// the latch. For calls that need a registered opening; any thread.
    func register() throws(HeapError) {
        guard participation.visit != nil, !participation.view.hasOpenTransaction,
            latch.lockExclusively(timeout: .zero)
        else { return }
        defer { latch.unlockExclusively() }
        try lifecycle.requireUsable()
        try opener.register()
    }
}
