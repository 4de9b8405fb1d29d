import HoldfastSystem

/// Notices commits, by this process or others, without looking all the time. Any thread.
final class ChangeWaiter {
    private let dataFile: DataFile
    private let lifecycle: Lifecycle
    private let participation: Participation
    private let readerLock: ReaderLock
    /// The commits of a heap without shared memory.
    private let localSignal: LocalSignal

    init(_ heap: OpenHeap, readerLock: ReaderLock) {
        dataFile = heap.dataFile
        lifecycle = heap.lifecycle
        participation = heap.participation
        localSignal = heap.localSignal
        self.readerLock = readerLock
    }

    /// The signal that this opening's commits, and those of all it shares the heap with, go by; nil
    /// for one that follows nothing yet.
    ///
    /// Its words stay where they are as long as the engine lives: shared memory is never unmapped
    /// before.
    private var signal: ChangeSignal? {
        if dataFile.mode == .inMemory || dataFile.mode == .privateCopy { return localSignal.signal }
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

    /// As long as no process has written a header, none has committed. After that a transient
    /// reader takes part, or, where it cannot just now, looks at the files.
    private var transientPosition: UInt64? {
        guard let read = participation.visit else { return nil }
        if read.isAtRest { return read.position }
        try? readerLock.register()
        guard participation.visit != nil else { return nil }
        return participation.peek { $0.loadInOrder(.published) }
            ?? max(read.position, dataFilePosition)
    }

    /// No process has the heap open, but one had.
    private var dataFilePosition: UInt64 {
        guard let file = dataFile.file else { return 0 }
        return (try? dataFile.headerAndSize(of: file))?.0.checkpointPosition ?? 0
    }

    /// Waits until the newest position is another than `position`, or the time is up; returns the
    /// newest either way. Looks for a moment, then sleeps in the kernel and is woken by the commit,
    /// but for an opening that cannot take part (no right to write beside the heap, or no process
    /// has written yet and it may not begin), which looks every 10 milliseconds.
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
            // An opening that follows nothing yet begins to with its next snapshot, once a process
            // writes: until then it sees a header change, but no commit.
            try readerLock.register()
            if signal == nil, participation.visit == nil { try readerLock.look() }
            let newest = newestPosition
            let left = deadline.remaining
            guard newest == position, left > 0, !isCancelled() else { return newest }
            if let signal {
                // Not for ever at once, since closing the heap in another thread is not a commit.
                signal.sleep(whileAt: position, nanoseconds: min(left, 500_000_000))
            } else {
                SystemThread.sleep(microseconds: UInt32(min(left / 1000, 10_000)))
            }
        }
    }

    /// The openings of this heap by all processes, as far as they are registered.
    var openViews: [OpenView] {
        if lifecycle.isClosed { return [] }
        try? readerLock.register()
        return participation.openViews
    }

    /// Wakes all waiting threads, in every process, to look again whether there is reason to wait.
    func wakeAll() { signal?.wake() }
}
