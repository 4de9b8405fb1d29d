import HoldfastFormat
import HoldfastSystem

/// The untyped heap as one opening of it sees it. It composes parts that can be used without it,
/// and says in which order they are called, and under which locks.
///
/// Thread safety: transactions pass the latch, which lets in many readers or one writer; the parts
/// belong to the threads behind it, but for what they declare otherwise. Writers also hold the
/// write lock between processes.
///
/// Locks, in the order in which one thread may take them: latch, write lock, `CheckpointLock`, sync
/// lock.
public final class HeapEngine: @unchecked Sendable {
    public typealias Context = UnsafeMutablePointer<TransactionContext>

    let heap: OpenHeap
    let view: HeapView
    let writerLock: WriterLock
    let committer: Committer
    private let readerLock: ReaderLock
    private let maintenance: Maintenance
    private let changes: ChangeWaiter
    /// Only while a heap is built.
    private let builder: BulkBuilder?

    /// Opens the heap at `path`; see `Opener`. Every error leaves the file as it was.
    public init(
        path: String, mode: OpenMode, options: EngineOptions = EngineOptions(),
        disk: any Disk = SystemDisk.shared
    ) throws(HeapError) {
        heap = try OpenHeap(path: path, mode: mode, options: options, disk: disk)
        view = heap.view
        readerLock = ReaderLock(heap)
        writerLock = WriterLock(heap)
        committer = Committer(heap)
        maintenance = Maintenance(
            heap, committer: committer, readerLock: readerLock, writerLock: writerLock)
        changes = ChangeWaiter(heap, readerLock: readerLock)
        builder = mode == .bulkBuild ? try BulkBuilder(dataFile: heap.dataFile, view: view) : nil
        do throws(HeapError) { try open() } catch {
            heap.lifecycle.closed.store(true, ordering: .releasing)
            builder?.end()
            closing.abandonOpening()
            throw error
        }
    }

    private func open() throws(HeapError) {
        if let builder { return try builder.start() }
        try heap.opener.open()
        if options.verifiesPages { try scrub().requireSound(path: path) }
        if options.verifiesDirtyTracking { view.verifyDirtyTracking() }
    }

    /// Begins to build a packed copy of what `source` shows, with room on the disk for `room` bytes
    /// of blocks and what describes them: a full disk is an error here.
    public convenience init(copyOf source: HeapEngine, at path: String, replacing: Bool, room: Int)
        throws(HeapError)
    {
        let disk = source.heap.dataFile.disk
        if !replacing, disk.exists(disk.resolve(path)) {
            throw HeapError.alreadyExists(path: path)
        }
        try self.init(
            path: path, mode: .bulkBuild, options: source.options.ofPackedCopy, disk: disk)
        // Hashed tables keep their order.
        view.hashSeed = source.view.hashSeed
        if replacing { try requireReplaceable() }
        try builder!.extend(toBytes: room + room / 8 + 1 << 20)
    }

    /// Another opening of the same file, on the same disk, whose view stays as it is now.
    public func openSnapshot() throws(HeapError) -> HeapEngine {
        guard !isForked else { throw HeapError.forked(path: path) }
        // The file must still have its name, wherever the program's working folder is now.
        try requireInPlace()
        return try HeapEngine(
            path: location, mode: .readOnly, options: options.ofSnapshot, disk: heap.dataFile.disk)
    }

    /// For an engine that was not closed. Errors are lost.
    deinit { try? close() }

    // MARK: Facts

    /// As the user has named the heap; errors contain it.
    public var path: String { heap.dataFile.path }
    public var mode: OpenMode { heap.dataFile.mode }
    public var identity: HeapIdentity { heap.dataFile.identity }
    public var hashSeed: HeapIdentity { view.hashSeed }
    /// What the user should know though the heap could be opened.
    public var warnings: [String] { heap.dataFile.warnings }
    /// Which file this is, whatever its name.
    public var fileIdentity: FileIdentity? { heap.dataFile.fileIdentity }
    package var options: EngineOptions { heap.dataFile.options }
    package var location: String { heap.dataFile.location }
    /// Who may read and write the heap file; nil for a heap in memory.
    package var fileRights: FileRights? { (try? heap.dataFile.file?.rights()) ?? nil }
    package var isForked: Bool { heap.lifecycle.isForked }
    package func requireInPlace() throws(HeapError) { try heap.dataFile.requireInPlace() }

    /// Whether another opening in this process, for `other`, may use this engine too.
    public func canBeShared(for other: OpenMode) -> Bool {
        heap.lifecycle.isSound && (mode == other || mode == .readWrite)
    }

    // MARK: Reading

    /// Opens a read transaction: the heap stands still until `endRead`. Waits while another thread
    /// of this process writes; never for another process. A read inside a read of the same thread
    /// shares its view; a read inside a write traps, since it could only see uncommitted changes.
    public func beginRead() throws(HeapError) -> Context {
        let enclosing = HeapView.innermost
        if let outer = view.openTransaction(enclosing) {
            Misuse.demand(
                !outer.pointee.isWritable,
                "Holdfast: heap.read was called inside heap.write of the same heap. Use the "
                    + "transaction that is open.")
            guard !isForked else { throw HeapError.forked(path: path) }
        } else {
            try readerLock.enter()
        }
        return view.makeContext(isWritable: false, enclosing: enclosing)
    }

    public func endRead(_ context: Context) {
        let enclosing = context.pointee.enclosing
        view.endContext(context)
        if view.openTransaction(enclosing) == nil { readerLock.leave() }
    }

    /// Throws unless all that the open transaction has seen could be read, and was protected.
    public func requireReadable() throws(HeapError) {
        guard !isForked else { throw HeapError.forked(path: path) }
        try heap.participation.requireNoFault()
    }

    private func reading<R>(_ body: () throws(HeapError) -> R) throws(HeapError) -> R {
        let context = try beginRead()
        defer { endRead(context) }
        return try body()
    }

    /// Counts; see `HeapStatistics`. Waits as a read does.
    public func statistics() throws(HeapError) -> HeapStatistics {
        try reading { () throws(HeapError) in try Census(heap).figures() }
    }

    /// The account of the heap as this process sees it.
    public func audit() throws(HeapError) -> AllocatorAudit {
        try reading { () throws(HeapError) in AllocatorAudit(view.bytes) }
    }

    /// See `PageUse`. The caller has a read transaction open.
    public func pageUses(_ pages: [Int]) -> [PageUse] { PageUse.uses(of: pages, in: view) }

    /// Writes the view of a snapshot (`EngineOptions.isSnapshot`) to a new heap file; see
    /// `HeapCopier`.
    public func writeCopy(
        to destination: String, replacing: Bool = false,
        progress: ((_ done: Int, _ of: Int) -> Void)? = nil
    ) throws(HeapError) {
        try reading { () throws(HeapError) in
            try HeapCopier(dataFile: heap.dataFile, view: view)
                .copy(to: destination, replacing: replacing, progress: progress)
        }
    }

    /// Finds any bit that has changed in the file since it was written; see `Scrubber`.
    public func scrub(progress: ((_ done: Int, _ of: Int) -> Void)? = nil) throws(HeapError)
        -> PageReport
    {
        try heap.lifecycle.requireUsable()
        guard mode != .inMemory else { return PageReport() }
        return try Scrubber(heap).run(looking: reading, progress: progress)
    }

    // MARK: Writing

    /// Opens a write transaction; waits for other threads' transactions and other processes'
    /// writers. Runs a checkpoint first if one must be made at once.
    public func beginWrite() throws(HeapError) -> Context {
        let enclosing = HeapView.innermost
        view.demandNoOpenTransaction(for: "heap.write")
        try heap.lifecycle.requireWritable()
        try writerLock.lock()
        do throws(HeapError) {
            try heap.lifecycle.requireWritable()
            try heap.participation.requireNoFault()
            if mode == .readWrite {
                try heap.follower.catchUp()
                try maintenance.runDue()
            }
            view.image.makeUpForRefusal(path: path, file: heap.dataFile.file)
        } catch {
            writerLock.unlock()
            throw error
        }
        view.markUnusedLines()
        return view.makeContext(isWritable: true, enclosing: enclosing)
    }

    /// Makes the changes the heap's newest state, all at once. On an error nothing has changed.
    public func commit(_ context: Context) throws(HeapError) {
        defer {
            view.endContext(context)
            writerLock.unlock()
        }
        try committer.commit()
    }

    /// Undoes the transaction and ends it.
    public func abort(_ context: Context) {
        committer.undo()
        view.endContext(context)
        writerLock.unlock()
    }

    /// The same, after the closure has thrown `error`; returns the error to throw: that of a limit
    /// that was met before is the reason for later errors of Holdfast's own.
    package func abort(_ context: Context, because error: any Error) -> any Error {
        let reason = error is HeapError ? view.errorToCome : nil
        abort(context)
        return reason ?? error
    }

    // MARK: Maintenance

    /// Makes every commit so far durable. Any thread. One write and one sync of the log, shared by
    /// all threads and processes that wait at that moment; nothing if all is durable.
    public func makeDurable() throws(HeapError) { try maintenance.makeDurable() }

    /// Moves the log into the data file, below the oldest open view, and gives back memory, disk
    /// blocks behind the heap's end, and, if no other process has it open, room in the log.
    public func checkpoint() throws(HeapError) { try maintenance.checkpoint() }

    /// A checkpoint, and holes in the file where pages are free. Returns the bytes of those.
    @discardableResult
    public func compact() throws(HeapError) -> Int { try maintenance.compact() }

    /// Makes the file at least `bytes` long, and keeps it so; see `FileSize`.
    public func reserve(bytes: Int) throws(HeapError) { try maintenance.reserve(bytes: bytes) }

    /// Gives up what `reserve` has asked for, and cuts off what the heap does not need.
    public func shrink() throws(HeapError) { try maintenance.shrink() }

    // MARK: Changes

    /// The newest position that any process has committed. Any thread.
    public var newestPosition: UInt64 { changes.newestPosition }

    /// Waits for another newest position than `position`; returns it. See `ChangeWaiter`.
    public func waitForPosition(
        otherThan position: UInt64, timeout: Duration, isCancelled: () -> Bool = { false }
    ) throws(HeapError) -> UInt64 {
        try changes.wait(otherThan: position, timeout: timeout, isCancelled: isCancelled)
    }

    /// Wakes all waiting threads, in every process, to look again whether there is reason to wait.
    public func wakeWaiters() { changes.wakeAll() }

    public func openViews() -> [OpenView] { changes.openViews }

    // MARK: Building and closing

    /// Throws `busy` where `finishBuild(replacing: true)` would not get to replace the file.
    package func requireReplaceable() throws(HeapError) {
        guard let builder else { throw HeapError.closed(path: path) }
        try builder.requireReplaceable()
    }

    /// Gives the heap its name; see `BulkBuilder`.
    public func finishBuild(replacing: Bool, continuing source: HeapEngine? = nil) throws(HeapError)
    {
        guard let builder else { throw HeapError.closed(path: path) }
        try heap.lifecycle.requireWritable()
        try builder.finish(replacing: replacing, continuing: source?.view)
    }

    private var closing: Closing {
        Closing(heap: heap, committer: committer, writerLock: writerLock)
    }

    /// Waits for open transactions of this process; see `Closing`. May be called again.
    public func close() throws(HeapError) {
        let lifecycle = heap.lifecycle
        // The parent's locks, entry and log are not the child's; only its own descriptors are.
        guard !isForked else { return lifecycle.closed.store(true, ordering: .releasing) }
        view.demandNoOpenTransaction(for: "heap.close")
        guard !lifecycle.isClosed else { return }
        maintenance.stopThread()
        try readerLock.alone { () throws(HeapError) in
            guard !lifecycle.closed.exchange(true, ordering: .acquiringAndReleasing) else { return }
            builder?.end()
            guard try closing.close() else { return }
            // If the heap cannot be put at rest at once, the next to open it does it.
            try? HeapEngine(
                path: location, mode: .readWrite, options: options.ofLastReader,
                disk: heap.dataFile.disk
            ).close()
        }
    }
}
