import HoldfastEngine

/// The operations of a ``PersistentHeap`` that most programs need. The others are those of
/// ``TypedHeap/heap``.
extension TypedHeap {
    /// The path that the heap was opened with.
    public var path: String { heap.path }

    /// Makes every commit so far survive a power cut. See ``PersistentHeap/sync()``.
    public func sync() throws(HeapError) { try heap.sync() }

    /// Closes the heap. See ``PersistentHeap/close()``.
    public func close() throws(HeapError) { try heap.close() }

    /// Writes the heap in its present state to a new file. See
    /// ``PersistentHeap/copy(to:replacing:progress:)``.
    public func copy(to path: String, replacing: Bool = false) throws(HeapError) {
        try heap.copy(to: path, replacing: replacing)
    }

    /// Gives up all locks until the heap is used again. See ``PersistentHeap/suspend()-(_)``.
    public func suspend() throws(HeapError) { try heap.suspend() }

    /// Ends a suspension now. See ``PersistentHeap/resume()-(_)``.
    public func resume() throws(HeapError) { try heap.resume() }

    /// The newest version that any process has committed. See ``PersistentHeap/version``.
    public var version: HeapVersion { heap.version }

    /// Waits until any process has committed something newer than a version that was read. See
    /// ``PersistentHeap/waitForChange(since:timeout:)``.
    public func waitForChange(since version: HeapVersion, timeout: Duration) throws(HeapError)
        -> Bool
    { try heap.waitForChange(since: version, timeout: timeout) }

    /// Waits until any process commits from now on. See ``PersistentHeap/waitForChange(timeout:)``.
    public func waitForChange(timeout: Duration) throws(HeapError) -> Bool {
        try heap.waitForChange(timeout: timeout)
    }

    /// The versions that any process commits from now on. See ``PersistentHeap/changes``.
    public var changes: AsyncStream<HeapVersion> { heap.changes }

    /// The versions that any process commits after one that was read. See
    /// ``PersistentHeap/changes(since:)``.
    public func changes(since version: HeapVersion) -> AsyncStream<HeapVersion> {
        heap.changes(since: version)
    }

    /// Which roots commits of any process touch. See ``PersistentHeap/rootChanges``.
    public var rootChanges: RootChanges { heap.rootChanges }
}
