/// Snapshots: openings of their own that are fixed to a state.
extension HeapEngine {
    /// Another opening of the same file, fixed to the current state, with another `isCancelled`.
    /// `mayBeEnded`: whether its user gets along with `viewEnded` (`EngineOptions.viewBudget`).
    public func openSnapshot(
        isCancelled: (@Sendable () -> Bool)? = nil, mayBeEnded: Bool = false
    ) throws(HeapError) -> HeapEngine {
        guard !isForked else { throw HeapError.forked(path: path) }
        return try awake { () throws(HeapError) in try makeSnapshot(isCancelled, mayBeEnded) }
    }

    /// The same; nil if this opening is suspended.
    public func openSnapshotUnlessSuspended() throws(HeapError) -> HeapEngine? {
        guard !isForked else { throw HeapError.forked(path: path) }
        return try unlessSuspended { () throws(HeapError) in try makeSnapshot(nil, false) }
    }

    private func makeSnapshot(
        _ isCancelled: (@Sendable () -> Bool)?, _ mayBeEnded: Bool
    ) throws(HeapError) -> HeapEngine {
        do throws(HeapError) {
            if heap.lifecycle.isSuspended { throw HeapError.suspended(path: path) }
            // The file must still have its name, from the current working directory.
            try requireInPlace()
            let snapshot = try HeapEngine(
                path: location, mode: .readOnly,
                options: options.ofSnapshot(isCancelled, mayBeEnded: mayBeEnded),
                disk: heap.dataFile.disk)
            // It belongs to this opening, which another thread may have closed or suspended.
            if heap.dataFile.isExclusive { try heap.lifecycle.requireUsable() }
            return snapshot
        } catch {
            // Another thread has closed a heap in memory, which then has no name.
            throw heap.dataFile.disk.isVolatile && heap.lifecycle.isClosed
                ? HeapError.closed(path: path) : error
        }
    }

    /// For a snapshot: lets go of its state, so that it holds no log. It must not be read until
    /// `moveSnapshot`. Waits for open transactions.
    public func releaseSnapshot() throws(HeapError) {
        try pool.alone { () throws(HeapError) in heap.participation.closeSnapshot() }
    }

    /// For a snapshot: moves it to the newest state, by what the log has since, which is faster
    /// than opening another one. Waits for open transactions. False if it cannot be moved, because
    /// it does not follow the log.
    public func moveSnapshot() throws(HeapError) -> Bool {
        try pool.alone { () throws(HeapError) in
            try heap.lifecycle.requireUsable()
            guard options.isSnapshot, heap.participation.isRegistered else { return false }
            try heap.follower.moveSnapshot()
            return true
        }
    }
}
