import HoldfastEngine

/// Observing commits, including those of other processes.
extension PersistentHeap {
    /// The newest version that any process has committed.
    ///
    /// Reading it is one load from shared memory, and safe on any thread.
    public var version: HeapVersion { HeapVersion(position: engine.newestPosition) }

    /// Waits until any process commits a version newer than `version`, or until the timeout.
    ///
    ///     var seen = try heap.read { tx in show(tx); return tx.version }
    ///     while try heap.waitForChange(since: seen, timeout: .seconds(60)) {
    ///         seen = try heap.read { tx in show(tx); return tx.version }
    ///     }
    ///
    /// No commit between the read and the wait is missed. The thread spins for up to 20
    /// microseconds, so that two processes that answer each other immediately make no system call.
    /// Then it sleeps in the kernel, and the commit wakes it. (An opening without the right to
    /// write next to the heap polls every few milliseconds instead.)
    ///
    /// Call this from a thread that may block. Tasks use ``changes`` instead.
    ///
    /// - Returns: Whether there is a newer version.
    /// - Throws: ``HeapError/closed(path:)`` if the heap is closed during the wait.
    public func waitForChange(since version: HeapVersion, timeout: Duration) throws(HeapError)
        -> Bool
    {
        try requireOpen()
        let newest = try engine.waitForPosition(
            otherThan: version.position, timeout: timeout, isCancelled: { !self.isOpen })
        try requireOpen()
        return newest != version.position
    }

    /// Waits until any process commits from now on. See ``waitForChange(since:timeout:)``.
    public func waitForChange(timeout: Duration) throws(HeapError) -> Bool {
        try waitForChange(since: version, timeout: timeout)
    }

    private var isOpen: Bool { (try? requireOpen()) != nil }

    /// The versions that any process commits from now on, as they appear.
    ///
    /// A slow consumer gets the newest version and skips the ones in between. The sequence ends
    /// when the heap is closed.
    ///
    ///     for await version in heap.changes { … }
    ///
    /// All iterations in this process share one thread, which runs while there are any. Where the
    /// system provides no threads, changes arrive up to ten milliseconds late.
    public var changes: AsyncStream<HeapVersion> { stream(since: nil) }

    /// The versions that any process commits after `version`, as they appear. If there is a newer
    /// one already, the sequence begins with the newest.
    ///
    /// So a program that reads and then listens misses no commit:
    ///
    ///     let (items, seen) = try heap.read { tx in (try list(tx), tx.version) }
    ///     for await version in heap.changes(since: seen) { … }
    ///
    /// See ``changes``.
    public func changes(since version: HeapVersion) -> AsyncStream<HeapVersion> {
        stream(since: version.position)
    }

    /// Which roots commits of any process touch from now on, as they appear.
    ///
    ///     for try await touched in heap.rootChanges {
    ///         if touched.names.contains("stock") { reload() }
    ///     }
    ///
    /// A root is touched by a commit that changes a 64-byte line of what the root owns: its
    /// collection with all values, including those that values own, but not what references lead
    /// to. Now and then a line has parts of two roots, and both are named. Commits between two
    /// steps of the consumer come as one element; a consumer that does not ask holds nothing, and
    /// one that is so slow that the log has been recycled gets all roots, as it does for commits
    /// before its first step. Commits that touch no root, because they change only records of their
    /// own, are left out.
    ///
    /// To know a root's lines, the sequence walks it: all roots before the first element, in one
    /// read transaction, and then those that were touched. For a root of many elements that is
    /// expensive, O(*n*) with about a hundred nanoseconds for each; ``observe(_:)`` and
    /// `changes(of:)` find out more cheaply about one. For each root
    /// up to half a megabyte is kept. A root of more than 64 MiB, and one whose type this program
    /// does not know (``HeapTransaction/roots``), is named with every commit.
    ///
    /// The sequence ends when the heap is closed, or the task cancelled. It does not end a
    /// suspension.
    public var rootChanges: RootChanges {
        RootChanges(
            versions: { self.changes }, makeTracker: { RootTracker(self.engine) },
            look: { tracker in
                try await self.readUnlessSuspended { tx in tracker.update(tx) }
            })
    }

    private func stream(since position: UInt64?) -> AsyncStream<HeapVersion> {
        AsyncStream(bufferingPolicy: .bufferingNewest(1)) { monitor.add($0, since: position) }
    }
}
