import HoldfastFormat
import HoldfastSystem

/// One opening of an untyped heap. It composes parts that also work without it, and determines the
/// order of calls to them and the locks around those calls.
///
/// Thread safety: transactions enter an image through its latch, which admits many readers or one
/// writer; `ImagePool` chooses the image. An image's parts belong to the threads that hold its
/// latch, unless they declare otherwise. Writers also hold the write lock between processes.
///
/// Lock order: latch, the pool's mutex, write lock, `CheckpointLock`, sync lock.
public final class HeapEngine: @unchecked Sendable {
    public typealias Context = UnsafeMutablePointer<TransactionContext>

    let heap: OpenHeap
    let view: HeapView
    let pool: ImagePool
    let changes: ChangeWaiter
    private let builder: BulkBuilder?
    let keeper: PageKeeper
    /// The snapshots that are closed when this opening is closed or suspended.
    public let dependents = DependentSnapshots()

    /// Opens the heap at `path`; see `Opener`. On an error, the file is unchanged.
    public init(
        path: String, mode: OpenMode, options: EngineOptions = EngineOptions(),
        disk: any Disk = SystemDisk.shared
    ) throws(HeapError) {
        heap = try OpenHeap(path: path, mode: mode, options: options, disk: disk)
        view = heap.view
        pool = ImagePool(heap)
        keeper = PageKeeper(pool)
        changes = ChangeWaiter(heap, readerLock: pool.first.readerLock)
        builder = mode == .bulkBuild ? try BulkBuilder(dataFile: heap.dataFile, view: view) : nil
        do throws(HeapError) { try open() } catch {
            heap.lifecycle.close()
            keeper.end()
            builder?.end()
            Closing(pool.first).abandonOpening()
            throw error
        }
    }

    private func open() throws(HeapError) {
        if let builder { return try builder.start() }
        try heap.opener.open()
        pool.begin()
        keeper.begin()
        if options.verifiesPages { try scrub().requireSound(path: path) }
        if options.verifiesDirtyTracking { view.verifyDirtyTracking(PageWalk.freePages) }
    }

    /// Begins to build a packed copy of the snapshot of `source`, and reserves disk space for
    /// `room` bytes of blocks and their metadata: a full disk is an error here.
    public convenience init(copyOf source: HeapEngine, at path: String, replacing: Bool, room: Int)
        throws(HeapError)
    {
        let disk = source.heap.dataFile.disk.diskOfCopies
        if !replacing, disk.exists(disk.resolve(path)) {
            throw HeapError.alreadyExists(path: path)
        }
        try self.init(
            path: path, mode: .bulkBuild, options: source.options.ofPackedCopy, disk: disk)
        // The same seed keeps the order of hash tables.
        view.hashSeed = source.view.hashSeed
        if replacing { try requireReplaceable() }
        try builder!.extend(toBytes: room + room / 8 + 1 << 20)
    }

    deinit { try? close() }

    // MARK: Facts

    /// The path as given by the user, for error messages.
    public var path: String { heap.dataFile.path }
    public var mode: OpenMode { heap.dataFile.mode }
    public var identity: HeapIdentity { heap.dataFile.identity }
    public var hashSeed: HeapIdentity { view.hashSeed }
    /// Problems that did not prevent opening the heap.
    public var warnings: [String] { heap.dataFile.warnings }
    public var fileIdentity: FileIdentity? { heap.dataFile.fileIdentity }
    package var options: EngineOptions { heap.dataFile.options }
    package var location: String { heap.dataFile.location }
    package var fileRights: FileRights? { (try? heap.dataFile.file?.rights()) ?? nil }
    package var isForked: Bool { heap.lifecycle.isForked }
    /// Throws `sameFile` if this path leads to the heap's own file.
    package func requireOther(_ path: String) throws(HeapError) {
        let disk = heap.dataFile.disk.diskOfCopies
        guard let mine = fileIdentity, disk.fileIdentity(at: disk.resolve(path)) == mine else {
            return
        }
        throw HeapError.sameFile(path: path)
    }
    package func requireInPlace() throws(HeapError) { try heap.dataFile.requireInPlace() }

    /// Whether another opening in this process, for `other` and perhaps without other processes,
    /// may use this engine too.
    public func canBeShared(for other: OpenMode, isExclusive: Bool) -> Bool {
        heap.lifecycle.isSound && (mode == other || mode == .readWrite)
            && (heap.dataFile.isExclusive || other != .readWrite || !isExclusive)
    }

    // MARK: Reading

    /// Opens a read transaction: its snapshot stays fixed until `endRead`. Never waits for a
    /// writer, unless the opening has one image only; see `ImagePool`. A nested read shares the
    /// snapshot; a read inside a write traps, because it could only see uncommitted changes.
    public func beginRead() throws(HeapError) -> Context {
        let enclosing = HeapView.innermost
        if let outer = view.openTransaction(enclosing) {
            guard !outer.pointee.isWritable else {
                Misuse.trap(
                    "heap.read was called inside heap.write of the same heap",
                    in: MisuseScene("heap.read", heap: path), "Use the transaction that is open.")
            }
            guard !isForked else { throw HeapError.forked(path: path) }
            return ReaderPlace(pool.image(of: outer), nil).makeContext(nestedIn: outer)
        }
        return try awake { () throws(HeapError) in
            try pool.enterReading().makeContext(enclosing: enclosing)
        }
    }

    /// The same for a thread without open transactions; nil if the opening is suspended.
    public func beginReadUnlessSuspended() throws(HeapError) -> Context? {
        try unlessSuspended { () throws(HeapError) in
            try pool.enterReading().makeContext(enclosing: HeapView.innermost)
        }
    }

    /// The same, if that needs no waiting; nil otherwise. For a thread without open transactions.
    public func tryToBeginRead() throws(HeapError) -> Context? {
        try unlessSuspended { () throws(HeapError) in
            try pool.tryToEnterReading()?.makeContext(enclosing: HeapView.innermost)
        }
    }

    public func endRead(_ context: Context) { pool.endReading(context) }

    /// Throws unless all that the open transaction has read was readable and under its snapshot.
    public func requireReadable() throws(HeapError) {
        guard !isForked else { throw HeapError.forked(path: path) }
        try pool.requireReadable()
    }

    private func reading<R>(_ body: (OpenHeap) throws(HeapError) -> R) throws(HeapError) -> R {
        let context = try beginRead()
        defer { endRead(context) }
        return try body(pool.openImage.heap)
    }

    /// Counts contents and space; see `HeapStatistics`. Waits like a read.
    public func statistics() throws(HeapError) -> HeapStatistics {
        try reading { (heap) throws(HeapError) in try Census(heap).figures() }
    }

    /// An audit of the heap as this process sees it.
    public func audit() throws(HeapError) -> AllocatorAudit {
        try reading { (heap) throws(HeapError) in AllocatorAudit(heap.view.bytes) }
    }

    /// See `PageUse`. The caller has a read transaction open.
    public func pageUses(_ pages: [Int]) -> [PageUse] {
        PageUse.uses(of: pages, in: pool.openImage.view)
    }

    /// Writes the state of a snapshot (`EngineOptions.isSnapshot`) to a new heap file; see
    /// `HeapCopier`. Throws `damagedPages` if a page does not match its checksum.
    public func writeCopy(
        to destination: String, replacing: Bool = false,
        progress: ((_ done: Int, _ of: Int) -> Void)? = nil
    ) throws(HeapError) {
        try reading { (heap) throws(HeapError) in
            let pages = CopiedPages(heap, for: destination)
            try pages.requireSoundPageMap()
            try HeapCopier(
                dataFile: heap.dataFile, view: heap.view, requireSound: pages.requireSound
            )
            .copy(to: destination, replacing: replacing, progress: progress)
        }
    }

    /// Throws `damagedPages` unless all pages of a snapshot that are not free match their
    /// checksums. For a copy that reads them in another order.
    package func requireSoundForCopy() throws(HeapError) {
        try reading { (heap) throws(HeapError) in
            try CopiedPages(heap, for: path).requireAllSound()
        }
    }

    /// Finds every bit of the file that has changed since it was written; see `Scrubber`.
    public func scrub(progress: ((_ done: Int, _ of: Int) -> Void)? = nil) throws(HeapError)
        -> PageReport
    {
        try awake { () throws(HeapError) in try heap.lifecycle.requireUsable() }
        return try Scrubber.run(heap, looking: reading, progress: progress)
    }

    /// Compares these pages with their checksums, or all if there is no set. Reads only them, and
    /// the checksums.
    package func scrub(only pages: PageSet?) throws(HeapError) -> PageReport {
        try awake { () throws(HeapError) in try heap.lifecycle.requireUsable() }
        return try Scrubber.run(heap, only: pages?.ranges, looking: reading, progress: nil)
    }

    // MARK: Writing

    /// Opens a write transaction; waits for other threads' and other processes' writers, and never
    /// for a reader, unless the opening has one image only. First runs a checkpoint if one is
    /// urgent.
    public func beginWrite() throws(HeapError) -> Context {
        view.demandNoOpenTransaction(for: "heap.write")
        return try awake { () throws(HeapError) in
            try heap.lifecycle.requireWritable()
            return try changeable(try pool.beginWriting(in: try pool.lockForWriting()))
        }
    }

    /// The same, if that needs no waiting for other threads and processes; nil otherwise.
    public func tryToBeginWrite() throws(HeapError) -> Context? {
        view.demandNoOpenTransaction(for: "heap.write")
        return try unlessSuspended { () throws(HeapError) in
            try heap.lifecycle.requireWritable()
            guard let image = try pool.tryToLockForWriting() else { return nil }
            return try changeable(try pool.beginWriting(in: image))
        }
    }

    /// Ends the transaction with an error if the heap follows an archive.
    @inline(__always)
    private func changeable(_ context: Context) throws(HeapError) -> Context {
        guard FollowedState.isThere(in: context.pointee.base) else { return context }
        abort(context)
        throw HeapError.following(path: path)
    }

    /// Commits atomically. On an error, nothing has changed.
    public func commit(_ context: Context) throws(HeapError) {
        defer { pool.endWriting(context) }
        try pool.image(of: context).use { (image) throws(HeapError) in
            try image.committer.commit()
        }
    }

    /// Rolls the transaction back and ends it.
    public func abort(_ context: Context) {
        pool.image(of: context)._withUnsafeGuaranteedRef { $0.committer.undo() }
        pool.endWriting(context)
    }

    /// Rolls back after the closure has thrown `error`; returns the error to throw. A limit that
    /// the transaction has met is the cause of later errors of Holdfast's own, and replaces them.
    package func abort(_ context: Context, because error: any Error) -> any Error {
        let reason =
            error is HeapError
            ? context.pointee.view._withUnsafeGuaranteedRef { $0.errorToCome } : nil
        abort(context)
        return reason ?? error
    }

    // MARK: Building and closing

    /// Throws `busy` if `finishBuild(replacing: true)` would not be able to replace the file.
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

    /// Waits for open transactions of this process; see `Closing`. Idempotent.
    public func close() throws(HeapError) {
        // The locks, reader table entry and log belong to the parent process; only the descriptors
        // belong to the child.
        guard !isForked else { return _ = heap.lifecycle.close() }
        view.demandNoOpenTransaction(for: "heap.close")
        dependents.closeAll()
        defer { if heap.lifecycle.isClosed { keeper.end() } }
        try Closing(pool.first).close(pool, builder)
    }
}
