import HoldfastEngine

/// Giving up everything that other processes could wait for, while the program does not use the
/// heap.
extension PersistentHeap {
    /// Gives up all locks, and what this process holds of the heap's log, until the heap is used
    /// again.
    ///
    /// For a program that is about to be stopped for an unknown time. Some systems end a process
    /// that is stopped while it holds a lock of a shared file: iOS does so in app groups. And a
    /// heap that is open only in a stopped process is not at rest.
    ///
    ///     try heap.suspend()  // when the app goes to the background
    ///     …
    ///     try heap.read { tx in … }  // later: takes the locks again
    ///
    /// Waits for the open transactions of this process, and makes every commit durable. Then the
    /// heap is as if this process had closed it: no lock of any file is left, ``views()`` of other
    /// processes does not show it, and if no other process has it open, a single file is left.
    /// Private memory is given back. The file stays mapped, and this object stays open.
    ///
    /// The next call that needs the heap takes part again by itself: a transaction, ``sync()``,
    /// ``checkpoint()``, ``views()``, ``snapshot()`` and so on. It takes the locks as
    /// ``open(_:mode:options:)-(String,_,_)`` does, recovers the heap if another process has left
    /// it unclosed, and begins with the newest commit, whatever others have done to the file
    /// meanwhile. So it takes as long as opening, and throws its errors. ``resume()`` does the same
    /// at a moment of the program's choice. After an error the heap is suspended as before, and the
    /// next call tries again.
    ///
    /// All objects of this process that share the opening are suspended together. Handles do not
    /// outlive their transactions anyway. ``version`` may be as old as the suspension, and
    /// ``changes`` and ``waitForChange(since:timeout:)-(_,_)`` see no commits until it has ended;
    /// they do not end it, and nor do observers (``observe(_:)``). An exclusive opening lets others
    /// in while it is suspended; if one is still there, the next call throws
    /// ``HeapError/busy(path:)``. A ``snapshot()`` keeps locks of its own until it is closed.
    ///
    /// A heap in memory has nothing to give up, and goes on as it is. Does nothing if the heap is
    /// suspended already, and nor does ``close()`` to its files then.
    ///
    /// - Throws: ``HeapError/timedOut(path:waitingFor:)`` if a transaction of this process does not
    ///   end in time, and ``HeapError/noFile(path:)`` for a private copy: the heap is then not
    ///   suspended. (If a sync of another thread does not end in time, the heap is suspended, but
    ///   still has its entry in the reader table.) ``HeapError/closed(path:)``,
    ///   ``HeapError/forked(path:)``. Other errors come from the end of the work, such as the last
    ///   sync; the locks have been given up even so. After ``HeapError/failed(path:reason:)``,
    ///   close the heap and open it again.
    /// - Complexity: As ``close()``.
    public func suspend() throws(HeapError) {
        try requireOpen()
        try engine.suspend()
    }

    /// Ends a suspension now, instead of with the next use of the heap. Does nothing if the heap is
    /// not suspended. See ``suspend()-(_)``.
    ///
    /// - Throws: The errors of opening; among them ``HeapError/replaced(path:)`` if the file has
    ///   been removed or replaced meanwhile, and ``HeapError/busy(path:)`` for an exclusive opening
    ///   if another process has the heap open. The heap is then still suspended.
    public func resume() throws(HeapError) {
        try requireOpen()
        try engine.resume()
    }

    /// Gives up all locks until the heap is used again. See ``suspend()-(_)``.
    public func suspend() async throws {
        try await Self.blockingCalls.run(prepare: { try self.suspend() }, abandon: {}, {})
    }

    /// Ends a suspension now. See ``resume()-(_)``.
    public func resume() async throws {
        try await Self.blockingCalls.run(prepare: { try self.resume() }, abandon: {}, {})
    }
}
