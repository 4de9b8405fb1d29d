import HoldfastEngine
import HoldfastSystem

/// One opening of a heap by a process, and its view.
public typealias OpenView = HoldfastEngine.OpenView

/// Maintenance of a heap as a whole: checking, copying, compacting, building.
extension PersistentHeap {
    /// Returns every registered opening of this heap, in this and other processes, with its view.
    /// An opening whose threads read several commits at a time is listed once for each of its
    /// mappings with an open view.
    ///
    /// Safe on any thread. A reader that shares the heap with no other process registers with its
    /// second read transaction, or when it calls this method.
    public func views() throws(HeapError) -> [OpenView] {
        try requireOpen()
        return engine.openViews()
    }

    /// Returns a view of the heap as it is now.
    ///
    /// The view does not change for as long as it is kept, while all processes, including this one,
    /// go on reading and writing. It has a mapping of its own. While it is open, the log grows, or
    /// pages that have changed since are kept in the memory of this process, whatever is less; see
    /// ``Options/viewBudget``.
    public func snapshot() throws(HeapError) -> HeapSnapshot {
        try requireOpen()
        return HeapSnapshot(engine: try makeSnapshotEngine(mayBeEnded: true))
    }

    /// `isCancelled` is asked during long work with the snapshot.
    package func makeSnapshotEngine(
        isCancelled: (@Sendable () -> Bool)? = nil, mayBeEnded: Bool = false
    ) throws(HeapError) -> HeapEngine {
        guard engine.mode != .privateCopy else { throw HeapError.noFile(path: path) }
        return try engine.openSnapshot(isCancelled: isCancelled, mayBeEnded: mayBeEnded)
    }

    /// Writes the heap in its present state to a new file, while readers and writers continue.
    ///
    /// The copy is one commit, complete and at rest. It is a heap of its own, with another
    /// identity. Free pages are left out. If the live data would take much less space than its
    /// pages, the copy is packed.
    ///
    /// The file appears at `path` when it is complete and durable, or not at all. `progress` is
    /// reported in pages.
    ///
    /// The pages of the heap are compared with their checksums, because those of a copy are new: a
    /// copy of damage would look sound. What can be read of a damaged heap is saved by
    /// `PersistentHeap.repair(_:to:knowing:progress:)` of `HoldfastInspection`.
    ///
    /// - Throws: ``HeapError/alreadyExists(path:)`` if there is a file at `path` and `replacing` is
    ///   false; ``HeapError/busy(path:)`` if the file to be replaced is a heap that is open in any
    ///   process; ``HeapError/sameFile(path:)`` if it is this heap; and
    ///   ``HeapError/damagedPages(path:pages:)`` if a page does not match its checksum.
    /// - Complexity: O(size of the heap).
    public func copy(
        to path: String, replacing: Bool = false,
        progress: ((_ done: Int, _ of: Int) -> Void)? = nil
    ) throws(HeapError) {
        try copy(to: path, replacing: replacing, isCancelled: nil, progress: progress)
    }

    func copy(
        to path: String, replacing: Bool, isCancelled: (@Sendable () -> Bool)?,
        progress: ((_ done: Int, _ of: Int) -> Void)?
    ) throws(HeapError) {
        try requireOpen()
        try engine.requireOther(path)
        let snapshot = try makeSnapshotEngine(isCancelled: isCancelled)
        defer { try? snapshot.close() }
        let packer = Packer(
            snapshot: snapshot, path: path, replacing: replacing, progress: progress)
        if try packer.copy() { return }
        try snapshot.writeCopy(to: path, replacing: replacing, progress: progress)
    }

    /// Reduces the disk space that the file uses.
    ///
    /// Moves the log into the file, returns the disk blocks of free pages to the file system, and
    /// truncates the free end of the file if no other process has the heap open. Data inside the
    /// heap does not move, and readers in other processes continue; writers wait. If another
    /// process keeps a view open that is older than the last commit, nothing is freed.
    ///
    /// - Returns: The number of bytes of free pages returned to the file system.
    @discardableResult
    public func compact() throws(HeapError) -> Int {
        try requireOpen()
        guard engine.mode == .readWrite else { throw HeapError.readOnly(path: path) }
        return try engine.compact()
    }

    /// Makes the heap file at least `bytes` long, with disk space allocated for all of it.
    ///
    /// The reservation persists after the heap is closed: later commits need no more disk space
    /// until the heap has grown beyond it. ``shrink()`` undoes it. The change is durable when this
    /// method returns. Other processes continue; writers wait.
    ///
    /// - Throws: ``HeapError/diskFull(path:)``, ``HeapError/fileTooLarge(path:)`` or
    ///   ``HeapError/tooLarge(path:limitBytes:)``. The file is then unchanged.
    /// - Complexity: O(1), or the time that the file system takes to reserve the space.
    public func reserve(bytes: Int) throws(HeapError) {
        try requireOpen()
        guard engine.mode == .readWrite else { throw HeapError.readOnly(path: path) }
        try engine.reserve(bytes: bytes)
    }

    /// Truncates the unused end of the heap file, including space that ``reserve(bytes:)`` has
    /// reserved.
    ///
    /// Moves the log into the file first. If another process has the heap open, the last process to
    /// close it truncates the file. ``compact()`` frees space in the middle of the file.
    public func shrink() throws(HeapError) {
        try requireOpen()
        guard engine.mode == .readWrite else { throw HeapError.readOnly(path: path) }
        try engine.shrink()
    }

    /// Creates a heap at `path` and fills it with `body`, without a log. This is the fast way to
    /// build a large heap.
    ///
    /// The file appears at `path` when it is complete and durable. If `body` throws or the process
    /// ends, it does not appear.
    ///
    ///     try PersistentHeap.build("words.heap") { tx in
    ///         let words = try tx.map("words", String.self, Int.self)
    ///         …
    ///     }
    ///
    /// - Throws: ``HeapError/alreadyExists(path:)`` if there is a file at `path` and `replacing` is
    ///   false; ``HeapError/busy(path:)`` while another build at the same path is running, or while
    ///   the heap to be replaced is open.
    public static func build<R>(
        _ path: String, replacing: Bool = false, options: Options = Options(),
        _ body: (borrowing WriteTransaction) throws -> R
    ) throws -> R {
        try build(path, replacing: replacing, engineOptions: options.engineOptions, body)
    }

    /// Builds a heap with the engine's own options.
    package static func build<R>(
        _ path: String, replacing: Bool = false, engineOptions: EngineOptions,
        _ body: (borrowing WriteTransaction) throws -> R
    ) throws -> R {
        if !replacing, SystemDisk.shared.exists(path) { throw HeapError.alreadyExists(path: path) }
        let engine = try HeapEngine(path: path, mode: .bulkBuild, options: engineOptions)
        defer { try? engine.close() }
        if replacing { try engine.requireReplaceable() }
        let result = try WriteTransaction.run(try engine.beginWrite(), of: engine, body)
        try engine.finishBuild(replacing: replacing)
        return result
    }
}

/// A fixed view of a heap. See ``PersistentHeap/snapshot()``.
///
/// Safe to read on any thread. It is closed when it is deallocated.
public final class HeapSnapshot: Sendable {
    private let engine: HeapEngine

    init(engine: HeapEngine) { self.engine = engine }

    deinit { try? engine.close() }

    /// Runs `body` with the view.
    ///
    /// - Throws: What `body` throws. ``HeapError/viewEnded(path:)`` if the view has been ended
    ///   because too many pages had to be kept; see ``PersistentHeap/Options/viewBudget``.
    public func read<R>(_ body: (borrowing ReadTransaction) throws -> R) throws -> R {
        try reading(body)
    }

    func reading<R>(_ body: (borrowing ReadTransaction) throws -> R) throws -> R {
        try ReadTransaction.run(try engine.beginRead(), of: engine, body)
    }

    /// Closes the view, so that the log can be recycled.
    ///
    /// Waits for running reads. Later reads throw ``HeapError/closed(path:)``.
    public func close() throws(HeapError) { try engine.close() }
}
