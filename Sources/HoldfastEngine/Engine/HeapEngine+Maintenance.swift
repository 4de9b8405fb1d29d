import HoldfastFormat
import HoldfastSystem

/// Work between transactions, and waiting for the commits of others.
extension HeapEngine {
    // MARK: Maintenance

    /// Makes every commit so far durable. Any thread. One write and one sync of the log, shared by
    /// all threads and processes that wait at that moment; nothing if everything is durable.
    public func makeDurable() throws(HeapError) {
        try awake { () throws(HeapError) in try pool.first.maintenance.makeDurable() }
    }

    /// Moves the log into the data file, up to the oldest open snapshot, and returns memory, disk
    /// blocks and, if no other process has the heap open, space of the log to the system.
    public func checkpoint() throws(HeapError) {
        try awake { () throws(HeapError) in
            guard mode != .readOnly else { return try heap.lifecycle.requireUsable() }
            try pool.maintain("heap.checkpoint") { (work) throws(HeapError) in
                try work.checkpoint()
            }
        }
    }

    /// Checkpoints, then punches holes where pages are free. Returns the bytes of the holes.
    @discardableResult
    public func compact() throws(HeapError) -> Int {
        try awake { () throws(HeapError) in
            try pool.maintain("heap.compact") { (work) throws(HeapError) in
                try work.compact()
            } ?? 0
        }
    }

    /// Makes the file at least `bytes` long, and keeps it so; see `FileSize`.
    public func reserve(bytes: Int) throws(HeapError) {
        let bytes = try heap.fileSize.roundedReservation(bytes)
        try awake { () throws(HeapError) in
            try pool.maintainFile("heap.reserve") { (work) throws(HeapError) in
                try work.reserve(bytes: bytes)
            }
        }
    }

    /// Drops the reservation made by `reserve`, and truncates the file to what the heap needs.
    public func shrink() throws(HeapError) {
        try awake { () throws(HeapError) in
            try pool.maintainFile("heap.shrink") { (work) throws(HeapError) in try work.shrink() }
        }
    }

    // MARK: Changes

    /// The newest position that any process has committed. Any thread.
    public var newestPosition: UInt64 { changes.newestPosition }

    /// Waits until the newest position differs from `position`; returns it. See `ChangeWaiter`.
    public func waitForPosition(
        otherThan position: UInt64, timeout: Duration, isCancelled: () -> Bool = { false }
    ) throws(HeapError) -> UInt64 {
        try changes.wait(otherThan: position, timeout: timeout, isCancelled: isCancelled)
    }

    /// Wakes all waiting threads, in every process, to check their conditions again.
    public func wakeWaiters() { changes.wakeAll() }

    /// The registered openings; ends a suspension, because one that is suspended cannot tell.
    public func openViews() -> [OpenView] {
        try? resume()
        return changes.openViews
    }

    /// A reader of what commits change, for one thread.
    public func makeCommitReader() -> CommitReader {
        // The commits of a private copy are in no log.
        CommitReader(log: mode == .privateCopy ? nil : heap.log)
    }

    /// Whether the opening takes no part in the sharing until it is used.
    public var isSuspended: Bool { heap.lifecycle.isSuspended }
}
