import HoldfastEngine
import HoldfastSystem

/// One opening of a heap by a process, and its view.
public typealias OpenView = HoldfastEngine.OpenView

/// Looking after a heap as a whole: checking, copying, compacting, building.
extension PersistentHeap {
    /// Every opening of this heap, by this and other processes, that is registered, with its view.
    /// Any thread. A reader that nobody shares the heap with registers with its second read
    /// transaction, or when it is asked this.
    public func views() throws(HeapError) -> [OpenView] {
        try requireOpen()
        return engine.openViews()
    }

    /// A view of the heap as it is now that stays so for as long as it is kept, while all
    /// processes, this one too, go on reading and writing.
    ///
    /// It has a mapping of its own. As long as it is open the log keeps everything that is
    /// committed, so it is for minutes and not for days; see ``Options/reportsLongView``.
    public func snapshot() throws(HeapError) -> HeapSnapshot {
        try requireOpen()
        return HeapSnapshot(engine: try makeSnapshotEngine())
    }

    package func makeSnapshotEngine() throws(HeapError) -> HeapEngine {
        guard engine.mode != .inMemory, engine.mode != .privateCopy else {
            throw HeapError.noFile(path: path)
        }
        return try engine.openSnapshot()
    }

    /// Writes the heap as it is now to a new file: one commit, whole and at rest, while readers and
    /// writers go on. It is a heap of its own, with another identity. Free pages are left out;
    /// where what lives would take far less than the pages that it is spread over, it is packed.
    ///
    /// The file appears at `path` when it is complete and durable, or not at all. Throws
    /// ``HeapError/alreadyExists(path:)`` rather than replace a file, unless `replacing`, and
    /// ``HeapError/busy(path:)`` if the file that is to be replaced is a heap that is open
    /// anywhere. O(heap); `progress` is told pages.
    public func copy(
        to path: String, replacing: Bool = false,
        progress: ((_ done: Int, _ of: Int) -> Void)? = nil
    ) throws(HeapError) {
        try requireOpen()
        let snapshot = try makeSnapshotEngine()
        defer { try? snapshot.close() }
        let packer = Packer(
            snapshot: snapshot, path: path, replacing: replacing, progress: progress)
        if try packer.copy() { return }
        try snapshot.writeCopy(to: path, replacing: replacing, progress: progress)
    }

    /// Makes the file take less of the disk: moves the log into it, gives the blocks of free pages
    /// back to the file system, and cuts the free end off if no other process has the heap open.
    /// Returns the bytes of free pages given back.
    ///
    /// Nothing moves inside the heap, and other processes go on; writers wait meanwhile. A view
    /// that another process keeps open, and that is older than the last commit, stands in the way:
    /// then nothing is given back.
    @discardableResult
    public func compact() throws(HeapError) -> Int {
        try requireOpen()
        guard engine.mode == .readWrite else { throw HeapError.readOnly(path: path) }
        return try engine.compact()
    }

    /// Makes the heap file at least `bytes` long, with room on the disk for all of it, and keeps it
    /// so from now on, also when the heap is closed: what is committed later then needs no more of
    /// the disk until the heap has grown so far. ``shrink()`` takes it back. Durable on return.
    ///
    /// Other processes go on; writers wait meanwhile. O(1), or as the file system takes to reserve.
    /// Throws ``HeapError/diskFull(path:)``, ``HeapError/fileTooLarge(path:)`` and
    /// ``HeapError/tooLarge(path:limitBytes:)``, with the file as it was.
    public func reserve(bytes: Int) throws(HeapError) {
        try requireOpen()
        guard engine.mode == .readWrite else { throw HeapError.readOnly(path: path) }
        try engine.reserve(bytes: bytes)
    }

    /// Cuts off what the heap does not need at its file's end, and what ``reserve(bytes:)`` has
    /// asked for; moves the log into the file first. Where another process has the heap open, the
    /// last one to close it cuts the file. ``compact()`` gives back what is free in the middle.
    public func shrink() throws(HeapError) {
        try requireOpen()
        guard engine.mode == .readWrite else { throw HeapError.readOnly(path: path) }
        try engine.shrink()
    }

    /// Makes a new heap at `path` and fills it with `body`, without a log: the fast way to build a
    /// large heap. It appears at `path` when it is complete and durable, or, if `body` throws or
    /// the process ends, not at all.
    ///
    ///     try PersistentHeap.build("words.heap") { tx in
    ///         let words = try tx.map("words", String.self, Int.self)
    ///         …
    ///     }
    ///
    /// Throws ``HeapError/alreadyExists(path:)`` rather than replace a file, unless `replacing`;
    /// and ``HeapError/busy(path:)`` while someone else builds at the same path, or has the heap
    /// that is to be replaced open.
    public static func build<R>(
        _ path: String, replacing: Bool = false, options: Options = Options(),
        _ body: (borrowing WriteTransaction) throws -> R
    ) throws -> R {
        try build(path, replacing: replacing, engineOptions: options.engineOptions, body)
    }

    /// The same with the engine's own options.
    package static func build<R>(
        _ path: String, replacing: Bool = false, engineOptions: EngineOptions,
        _ body: (borrowing WriteTransaction) throws -> R
    ) throws -> R {
        if !replacing, SystemDisk.shared.exists(path) { throw HeapError.alreadyExists(path: path) }
        let engine = try HeapEngine(path: path, mode: .bulkBuild, options: engineOptions)
        defer { try? engine.close() }
        if replacing { try engine.requireReplaceable() }
        let context = try engine.beginWrite()
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        let result: R
        do {
            result = try body(WriteTransaction(access: access))
        } catch {
            access.forgetNewCollections()
            throw engine.abort(context, because: error)
        }
        access.freeNewCollections()
        try engine.commit(context)
        try engine.finishBuild(replacing: replacing)
        return result
    }
}

/// A fixed view of a heap; see ``PersistentHeap/snapshot()``. Closed when it is let go. Any thread
/// may read.
public final class HeapSnapshot: Sendable {
    private let engine: HeapEngine

    init(engine: HeapEngine) { self.engine = engine }

    deinit { try? engine.close() }

    /// Runs `body` with the view.
    public func read<R>(_ body: (borrowing ReadTransaction) throws -> R) throws -> R {
        try reading(body)
    }

    func reading<R>(_ body: (borrowing ReadTransaction) throws -> R) throws -> R {
        let context = try engine.beginRead()
        defer { engine.endRead(context) }
        let result = try body(
            ReadTransaction(access: HeapAccess(context: context, epoch: context.pointee.epoch)))
        try engine.requireReadable()
        return result
    }

    /// Lets the view go: the log may be recycled. Waits for reads. Later reads throw
    /// ``HeapError/closed(path:)``.
    public func close() throws(HeapError) { try engine.close() }
}
