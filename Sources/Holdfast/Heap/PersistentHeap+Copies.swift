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
        try requireChangeableFile()
        return try engine.compact()
    }

    /// Moves the data of the heap closer together, and returns the space in between to the file
    /// system.
    ///
    /// After much has been removed here and there, a heap keeps pages that are mostly empty, which
    /// ``compact()`` cannot return. This moves their blocks to others, root by root, in many short
    /// transactions; other threads and processes read and write in between. Afterwards the heap
    /// takes at most about an eighth more space than its blocks do, and one slab of up to 256 KiB
    /// for each size of block, apart from what cannot move:
    ///
    /// - records that a ``HeapRef`` or ``SharedRef`` can lead to, by the types of the roots. With
    ///   `movingReferenced` they and all references to them are moved too, in one transaction of
    ///   O(size of the heap), for which other writers wait, if that is still worthwhile;
    /// - roots of types that this program does not know. Name types that have not been used before
    ///   in `types`;
    /// - blocks of `tx.allocate`.
    ///
    /// Space that an open view of an earlier commit shows is returned by a later ``compact()``. The
    /// report names all of these.
    ///
    /// `progress` is reported in bytes, anew for each of a few passes. If an error is thrown, the
    /// heap is sound, and some of its data has moved.
    ///
    /// - Throws: ``HeapError/damaged(path:what:)`` if the heap contradicts itself, which is checked
    ///   first; nothing has moved then.
    /// - Complexity: O(size of the heap), in transactions of about a megabyte each, or of the
    ///   largest single block.
    @discardableResult
    public func defragment(
        knowing types: [any Persistable.Type] = [], movingReferenced: Bool = false,
        progress: ((_ done: Int, _ of: Int) -> Void)? = nil
    ) throws(HeapError) -> Defragmentation {
        try defragment(
            knowing: types, movingReferenced: movingReferenced,
            isCancelled: { [engine] in engine.options.isCancelled?() == true },
            progress: progress)
    }

    func defragment(
        knowing types: [any Persistable.Type], movingReferenced: Bool,
        isCancelled: @escaping () -> Bool, progress: ((_ done: Int, _ of: Int) -> Void)?
    ) throws(HeapError) -> Defragmentation {
        try requireChangeableFile()
        for type in types { _ = try TypeRegistry.shared.fingerprint(of: type) }
        var defragmenter = Defragmenter(engine, isCancelled: isCancelled, progress: progress)
        return try defragmenter.run(movingReferenced: movingReferenced)
    }

    /// A heap that was opened for reading only may share the mappings of one that was not.
    func requireChangeableFile() throws(HeapError) {
        try requireOpen()
        guard engine.mode == .readWrite, !isReadOnly else {
            throw HeapError.readOnly(path: path)
        }
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
        try requireChangeableFile()
        try engine.reserve(bytes: bytes)
    }

    /// Truncates the unused end of the heap file, including space that ``reserve(bytes:)`` has
    /// reserved.
    ///
    /// Moves the log into the file first. If another process has the heap open, the last process to
    /// close it truncates the file. ``compact()`` frees space in the middle of the file.
    public func shrink() throws(HeapError) {
        try requireChangeableFile()
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
