import HoldfastSystem

/// Waits for commits by any process without polling. Any thread.
final class ChangeWaiter {
    private let dataFile: DataFile
    private let lifecycle: Lifecycle
    private let participation: Participation
    private let readerLock: ReaderLock
    /// The signal of a private copy, which follows nothing; or of the end of a suspension.
    private let localSignal: LocalSignal

    init(_ heap: OpenHeap, readerLock: ReaderLock) {
        dataFile = heap.dataFile
        lifecycle = heap.lifecycle
        participation = heap.participation
        localSignal = heap.localSignal
        self.readerLock = readerLock
    }

    /// The signal for the commits of this opening and of all openings that it shares the heap with;
    /// nil for an opening that does not follow commits yet. Valid inside `body`: after a
    /// suspension, the opening may have other shared memory.
    private func withSignal<R>(_ body: (ChangeSignal?) -> R) -> R {
        if dataFile.mode == .privateCopy { return body(localSignal.signal) }
        let shared = participation.sharedMemory
        return withExtendedLifetime(shared) { body(shared?.signal) }
    }

    private var signalled: UInt64? { withSignal { $0?.position } }

    /// The newest position that any process has committed; that of a suspended opening may be as
    /// old as the suspension.
    var newestPosition: UInt64 {
        if let position = signalled ?? transientPosition { return position }
        // A transient reader may have registered in between, or have been suspended.
        if let position = signalled ?? participation.lastPosition { return position }
        // An unregistered reader cannot see positions move, but it can see a new header.
        let (first, second) = participation.view.headerSequences
        return max(first, second)
    }

    /// As long as no process has written a header, none has committed. After that, a transient
    /// reader registers, or, if it cannot at the moment, reads the files.
    private var transientPosition: UInt64? {
        guard let read = participation.visit else { return nil }
        if read.isAtRest { return read.position }
        try? readerLock.register()
        guard participation.visit != nil else { return nil }
        return participation.peek { $0.loadInOrder(.published) }
            ?? max(read.position, dataFilePosition)
    }

    /// The position in the data file, for a heap that no process has open but that was opened
    /// meanwhile.
    private var dataFilePosition: UInt64 {
        guard let file = dataFile.file else { return 0 }
        return (try? dataFile.headerAndSize(of: file))?.0.checkpointPosition ?? 0
    }

    /// Waits until the newest position differs from `position`, or until the timeout; returns the
    /// newest position in both cases. Spins briefly, then sleeps in the kernel until a commit wakes
    /// it. An opening that cannot register polls every 10 milliseconds instead: it lacks permission
    /// to write beside the heap, or it may not start the log and no process has. A suspended
    /// opening does not look until its suspension ends, which this does not bring about.
    func wait(
        otherThan position: UInt64, timeout: Duration, isCancelled: () -> Bool
    ) throws(HeapError) -> UInt64 {
        let deadline = Deadline(in: timeout)
        if lifecycle.isOpen {
            try whileOpen { () throws(HeapError) in try readerLock.register() }
            let spin = min(dataFile.options.spin, timeout)
            let hasChanged = withSignal { $0?.spin(whileAt: position, atMost: spin) ?? false }
            if hasChanged { return newestPosition }
        }
        while true {
            guard isResumed(by: deadline, isCancelled) else { return position }
            try whileOpen(follow)
            let newest = newestPosition
            let left = deadline.remaining
            guard newest == position, left > 0, !isCancelled() else { return newest }
            let hasSlept = withSignal { signal in
                // Sleeps in slices, because another thread that closes the heap does not commit.
                signal?.sleep(whileAt: position, nanoseconds: min(left, Self.slice)) != nil
            }
            if !hasSlept { SystemThread.sleep(microseconds: UInt32(min(left / 1000, 10_000))) }
        }
    }

    private static let slice: Int64 = 500_000_000

    /// An opening that does not follow commits yet begins to with its next snapshot, once a process
    /// writes. Until then it sees a header change, but no commit.
    private func follow() throws(HeapError) {
        try readerLock.register()
        if signalled == nil, participation.visit == nil { try readerLock.look() }
    }

    /// Runs `body`; does nothing in a suspension that begins meanwhile.
    private func whileOpen(_ body: () throws(HeapError) -> Void) throws(HeapError) {
        do throws(HeapError) {
            try lifecycle.requireUsable()
            try body()
        } catch { if !error.isOfSuspension { throw error } }
    }

    /// Sleeps as long as the opening is suspended; false at the deadline, or when cancelled.
    /// Touches no lock and no file.
    private func isResumed(by deadline: Deadline, _ isCancelled: () -> Bool) -> Bool {
        let turn = localSignal.signal.position
        while lifecycle.isSuspended {
            let left = deadline.remaining
            guard left > 0, !isCancelled() else { return false }
            localSignal.signal.sleep(whileAt: turn, nanoseconds: min(left, Self.slice))
        }
        return true
    }

    /// The registered openings of this heap, in all processes.
    var openViews: [OpenView] {
        guard lifecycle.isOpen else { return [] }
        try? readerLock.register()
        return participation.openViews
    }

    /// Wakes all waiting threads, in every process, to check their conditions again.
    func wakeAll() {
        withSignal { $0?.wake() }
        // Those that wait for the end of a suspension.
        localSignal.signal.wake()
    }
}
