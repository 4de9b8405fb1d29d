import HoldfastSystem

/// Waits for commits by any process without polling. Any thread.
final class ChangeWaiter {
    private let dataFile: DataFile
    private let lifecycle: Lifecycle
    private let participation: Participation
    private let readerLock: ReaderLock
    /// The signal of a private copy, which follows nothing.
    private let localSignal: LocalSignal

    init(_ heap: OpenHeap, readerLock: ReaderLock) {
        dataFile = heap.dataFile
        lifecycle = heap.lifecycle
        participation = heap.participation
        localSignal = heap.localSignal
        self.readerLock = readerLock
    }

    /// The signal for the commits of this opening and of all openings that it shares the heap with;
    /// nil for an opening that does not follow commits yet.
    ///
    /// The signal's words stay valid as long as the engine lives: shared memory is never unmapped
    /// before.
    private var signal: ChangeSignal? {
        if dataFile.mode == .privateCopy { return localSignal.signal }
        return participation.sharedMemory?.signal
    }

    /// The newest position that any process has committed.
    var newestPosition: UInt64 {
        if let signal { return signal.position }
        if let position = transientPosition { return position }
        // A transient reader may have registered in between.
        if let signal { return signal.position }
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
    /// to write beside the heap, or it may not start the log and no process has.
    func wait(
        otherThan position: UInt64, timeout: Duration, isCancelled: () -> Bool
    ) throws(HeapError) -> UInt64 {
        try lifecycle.requireUsable()
        try readerLock.register()
        if let signal, signal.spin(whileAt: position, atMost: min(dataFile.options.spin, timeout)) {
            return newestPosition
        }
        let deadline = Deadline(in: timeout)
        while true {
            try lifecycle.requireUsable()
            // An opening that does not follow commits yet begins to with its next snapshot, once a
            // process writes. Until then it sees a header change, but no commit.
            try readerLock.register()
            if signal == nil, participation.visit == nil { try readerLock.look() }
            let newest = newestPosition
            let left = deadline.remaining
            guard newest == position, left > 0, !isCancelled() else { return newest }
            if let signal {
                // Sleeps in slices, because another thread that closes the heap does not commit.
                signal.sleep(whileAt: position, nanoseconds: min(left, 500_000_000))
            } else {
                SystemThread.sleep(microseconds: UInt32(min(left / 1000, 10_000)))
            }
        }
    }

    /// The registered openings of this heap, in all processes.
    var openViews: [OpenView] {
        if lifecycle.isClosed { return [] }
        try? readerLock.register()
        return participation.openViews
    }

    /// Wakes all waiting threads, in every process, to check their conditions again.
    func wakeAll() { signal?.wake() }
}
