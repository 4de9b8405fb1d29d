import HoldfastSystem

/// Noticing what others commit, without looking all the time.
extension HeapEngine {
    /// The signal that this opening's commits, and those of all it shares the heap with, go by; nil
    /// for one that follows nothing yet.
    ///
    /// Its words stay where they are as long as the engine lives: `sharedFile` is never taken back.
    private var signal: ChangeSignal? {
        if mode == .inMemory || mode == .privateCopy { return localSignal }
        return sharedFile.withLock { $0 }?.signal
    }

    /// The newest position that anyone has committed. Any thread.
    public var newestPosition: UInt64 {
        if let signal { return signal.position }
        if let visitorsPosition { return visitorsPosition }
        // A visitor may have registered in between.
        return signal?.position ?? guestPosition
    }

    /// As long as nobody has written a header, nobody has committed. After that a visitor takes
    /// part, or, where it cannot just now, looks what there is.
    private var visitorsPosition: UInt64? {
        guard let current = visit.withLock({ $0 }) else { return nil }
        if isAtRest(as: current) { return current.position }
        try? takePart(timeout: .zero)
        guard isVisiting else { return nil }
        return peek { $0.loadInOrder(.published) } ?? max(current.position, baseImagePosition)
    }

    /// Nobody has the heap open, but somebody had.
    private var baseImagePosition: UInt64 {
        guard let file else { return 0 }
        return (try? headerAndSize(of: file))?.0.checkpointPosition ?? 0
    }

    /// The position of the open view, to compare with the newest. Behind the gate.
    var viewPosition: UInt64 {
        if case .guest(let headers) = attachment { return headers.max() ?? 0 }
        return applied
    }

    /// A guest cannot see positions move, but it can see that someone has written a header.
    private var guestPosition: UInt64 { headerSequences.max() ?? 0 }

    /// Waits until the newest position is another than `position`, or the time is up; returns the
    /// newest either way. Any thread; looks for a moment, then sleeps in the kernel and is woken by
    /// the commit, but for an opening that cannot take part (no right to write beside the heap, or
    /// nobody has written yet and it may not begin), which looks every 10 milliseconds.
    public func waitForPosition(
        otherThan position: UInt64, timeout: Duration, isCancelled: () -> Bool = { false }
    )
        throws(HeapError) -> UInt64
    {
        try requireUsable()
        try takePart(timeout: .zero)
        if let signal, signal.spin(whileAt: position, atMost: min(options.spin, timeout)) {
            return newestPosition
        }
        let deadline = Deadline(in: timeout)
        while true {
            try requireUsable()
            // An opening that follows nothing yet begins to with its next view, once somebody
            // writes: until then it sees a header change, but no commit.
            try takePart(timeout: .zero)
            if signal == nil, !isVisiting { endRead(try beginRead()) }
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

    /// Wakes everyone who waits, in every process, to look again whether there is reason to wait.
    public func wakeWaiters() { signal?.wake() }
}
