import HoldfastSystem

/// Entry of read transactions to one image: the latch between this process's threads, and the
/// snapshot that protects their data from checkpoints.
final class ReaderLock {
    private let latch: ReaderWriterLatch
    private let lifecycle: Lifecycle
    private let participation: Participation
    private let follower: LogFollower
    private let opener: Opener
    private let timeout: Duration
    private let bias = ReaderBias()
    /// Where the seats are; set before the image is used by several threads, and again, with
    /// exclusive access, at the end of a suspension. Unmanaged is safe: the participation keeps it,
    /// and `FormerMemory` what was there before.
    var shared: Unmanaged<SharedMemory>?

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
        case .mustPrepare:
            var seat: ReaderSeat?
            try prepare(&seat)
        case .timedOut:
            throw HeapError.timedOut(
                path: lifecycle.path, waitingFor: "another thread's transaction")
        }
        try requireUsableAsReader(nil)
    }

    /// Enters if that needs no waiting; nil otherwise. After `mustPrepare` the caller calls
    /// `prepare` or `decline`. Takes a seat if the image's entry has seats.
    @inline(__always)
    func tryToEnter(_ seat: inout ReaderSeat?) -> ReaderWriterLatch.Admission? {
        let admission = latch.tryToRead(
            isFresh: {
                seat = participation.takeSeat()
                return follower.isCurrent(isFirst: $0)
            }, last: { participation.closeSnapshot() })
        if admission == nil { giveUp(&seat) }
        return admission
    }

    /// After the admission: the heap may have been closed while the thread waited.
    @inline(__always)
    func requireUsableAsReader(_ seat: ReaderSeat?) throws(HeapError) {
        do throws(HeapError) { try lifecycle.requireUsable() } catch {
            leave(seat)
            throw error
        }
    }

    /// With the latch held exclusively: catches up, then admits other readers. Takes a seat if the
    /// caller has none.
    func prepare(_ seat: inout ReaderSeat?) throws(HeapError) {
        do throws(HeapError) {
            try lifecycle.requireUsable()
            try opener.catchUp()
            if seat == nil { seat = participation.takeSeat() }
            if !participation.isFixed { try protect() }
        } catch {
            decline(&seat)
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
    func decline(_ seat: inout ReaderSeat?) {
        participation.closeSnapshot()
        latch.unlockExclusively()
        giveUp(&seat)
    }

    /// Enters the image, if it has a snapshot open, for a thread that keeps pages for it. The
    /// caller leaves as a reader does.
    func tryToEnterToKeep() -> Bool {
        participation.isFixed
            ? latch.tryToRead(isFresh: { _ in true }, last: {}) != nil : latch.tryToJoin()
    }

    /// Ends a read; `isBiased`: one that has no place in the latch.
    @inline(__always)
    func leave(_ seat: ReaderSeat?, isBiased: Bool = false) {
        if !isBiased {
            latch.leaveReading { if !participation.isFixed { participation.closeSnapshot() } }
        }
        if let seat { leaveSeat(seat) }
    }

    @inline(__always)
    private func leaveSeat(_ seat: ReaderSeat) {
        // A transaction that ends in a forked child is still open in the parent.
        guard !lifecycle.isForked else { return }
        seat.leave()
        if bias.state.isClosing { tryToEndBias() }
    }

    @inline(never)
    private func giveUp(_ seat: inout ReaderSeat?) {
        guard let taken = seat else { return }
        seat = nil
        leaveSeat(taken)
    }

    // MARK: Without the latch

    /// Whether readers may enter without the latch.
    var isBiased: Bool { bias.state.isOpen }

    /// Enters an image that is only read, if it is the newest state.
    @inline(__always)
    func tryToEnterThroughBias() -> ReaderSeat? {
        // The state first: a bias that is open has been opened since `shared` was set.
        let state = bias.state
        guard state.isOpen, let shared else { return nil }
        return shared._withUnsafeGuaranteedRef { shared in
            guard let seat = bias.enter(state, shared) else { return nil }
            // The image changes only when the bias has ended, so its position is this thread's to
            // read.
            if shared.loadInOrder(.published) == participation.view.applied { return seat }
            leaveStaleBias(seat)
            return nil
        }
    }

    @inline(never)
    private func leaveStaleBias(_ seat: ReaderSeat) {
        bias.close()
        leaveSeat(seat)
    }

    /// For a reader that has been admitted by the latch, with a seat: whether it has given its
    /// place in the latch to the bias, and from now on has its seat only.
    @inline(__always)
    func openBiasIfDue() -> Bool {
        guard let entry = participation.fast.entry else { return false }
        return bias.openIfDue(entry)
    }

    /// For a thread that needs exclusive access: nothing remains of the bias if there are no
    /// readers. Any thread.
    @inline(__always)
    func endBias() {
        bias.forgetReads()
        if bias.state.isOpen { closeBias() }
    }

    /// Waits for exclusive access; false on a timeout.
    func lockExclusively(until deadline: Deadline) -> Bool {
        // In steps: the bias may have opened just before the latch keeps readers out.
        let step = Duration.milliseconds(20)
        repeat {
            endBias()
            let left = Duration.nanoseconds(deadline.remaining)
            if latch.lockExclusively(timeout: min(left, step)) { return true }
        } while !deadline.hasPassed
        return false
    }

    @inline(never)
    private func closeBias() {
        guard !lifecycle.isForked else { return }
        bias.close()
        tryToEndBias()
    }

    @inline(never)
    private func tryToEndBias() {
        guard let shared, shared._withUnsafeGuaranteedRef({ bias.mayEnd($0) }) else { return }
        latch.leaveReading { participation.closeSnapshot() }
    }

    /// Catches up as a read transaction does.
    func look() throws(HeapError) {
        guard !participation.view.hasOpenTransaction else { return }
        try enter()
        leave(nil)
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
