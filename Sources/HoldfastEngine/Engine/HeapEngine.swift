import HoldfastFormat
import HoldfastSystem
import MemoryMapping
import Synchronization

/// The untyped heap as one opening of it sees it: a private image of the base file, and the log
/// that it shares with all others.
///
/// Thread safety: `begin…` and `commit`/`abort`/`endRead` pass the gate, which lets in many readers
/// or one writer; everything that is not said to be otherwise belongs to whoever is alone behind
/// it. Writers also hold the write lock between processes.
///
/// Locks, in the order in which one thread may take them: gate, write lock, `checkpointMutex` and
/// checkpoint lock, sync lock.
public final class HeapEngine: @unchecked Sendable {
    /// As the user has named the heap; what messages say.
    public let path: String
    /// Where the file is, from the root and without links, as of the opening. The log lies beside
    /// it whatever name the heap was opened by, and a change of the working folder does not matter.
    /// Whoever visits does without until something is to be looked for there.
    package var location: String { place.withLock { $0 } ?? locate() }
    let place: Mutex<String?>
    public let mode: OpenMode
    package let options: EngineOptions
    let disk: any Disk

    let image: HeapImage
    let writeSet: WriteSet
    let gate = TransactionGate()
    private let generation = ForkGuard.generation

    // Set while the heap is opened, and not changed until it is closed.
    var file: (any DiskFile)?
    var isFileWritable = true
    /// Which file it is, if that was asked before.
    var knownIdentity: FileIdentity?
    public internal(set) var identity: HeapIdentity
    public var hashSeed: HeapIdentity { seed }
    // Not public: what can be changed in this module only is read without a check for overlapping
    // accesses.
    var seed: HeapIdentity
    /// What the user should know though the heap could be opened.
    public internal(set) var warnings: [String] = []

    /// Only while a heap is built.
    var builder: HeapFileBuilder?
    /// Why the build cannot be finished, once something has failed.
    var buildFailure: HeapError?

    // Behind the gate.
    var fileBytes = 0
    /// The length below which the file is not cut, as the header last said.
    var reservedBytes = 0
    /// The image is the heap as of this position of the log: the checksum of the last record below
    /// it, and the commit.
    var applied: UInt64 = 0
    var chain: UInt64 = 0
    var commitNumber: UInt64 = 0
    /// For an opening that has laid the log over its image and may not mend the file, where a
    /// checkpoint was cut short in the middle of writing it: from which page on, and in which
    /// pages, that may have left zeros or checksums.
    var uncertain: (end: Int, pages: Set<Range<Int>>)?
    /// Pages in use at the last commit.
    var committedPages: UInt64 = 0
    var verifier: NoteVerifier?
    /// What the open transaction could not have.
    var shortage: Shortage? {
        didSet {
            writeContext.pointee.isLost = shortage != nil
            if oldValue == nil, shortage != nil { image.enterTail() }
        }
    }
    let reader = LogReader()
    /// How this opening takes part; see `Attachment`.
    var attachment = Attachment.alone {
        didSet {
            if let shared { sharedFile.withLock { $0 = shared } }
            meeting = shared.map { .passUnretained($0) }
            if case .guest = attachment { isGuest = true } else { isGuest = false }
            if case .visitor(let current) = attachment {
                isVisitor = true
                visit.withLock { $0 = current }
            } else if isVisitor {
                isVisitor = false
                visit.withLock { $0 = nil }
            }
            if case .member(_, _, let entry) = attachment {
                viewEntry = entry
            } else {
                viewEntry = nil
            }
        }
    }
    /// The attachment as every transaction looks at it: looking into the enum itself would count
    /// references each time, and all of those together were a third of the cost of a small
    /// transaction. `sharedFile` keeps what this leads to for as long as the engine lives.
    private(set) var meeting: Unmanaged<SharedFile>?
    private(set) var isGuest = false
    private(set) var isVisitor = false
    var visitorsRead = VisitorsRead.notYet
    /// The visit for those who do not pass the gate, as long as it lasts. `sharedFile` is set
    /// before this is taken away.
    let visit = Mutex<Visit?>(nil)
    /// This opening's entry in the table of views, if it is a member.
    private(set) var viewEntry: Int?
    /// The shared file for those who do not pass the gate; it stays mapped when the heap is closed.
    let sharedFile = Mutex<SharedFile?>(nil)
    let closed = Atomic<Bool>(false)

    /// The log, once anyone has started it; a mutex of its own because `makeDurable` and
    /// checkpoints do not pass the gate.
    let log = Mutex<RedoLog?>(nil)
    /// The writer's own reference to it.
    var writerLog: RedoLog? { didSet { tail = nil } }
    /// What commits need of the log, as it was found last, and what keeps that mapped.
    var tail: LogTail? { didSet { if tail == nil { tailRing = nil } } }
    var tailRing: RingMapping?
    let checkpointMutex = Mutex(())
    var worker: CheckpointWorker?
    let checkpointDue: CheckpointDue
    /// Private copies of more pages than this are given back as soon as it can be done without
    /// harm.
    let comfortablePages: Int
    let longViews = Mutex(LongViews())
    /// Why nothing more may be written, once something on the way to the disk has failed.
    private let failure = Mutex<String?>(nil)
    /// Whether `failure` is set: one load on every transaction's path instead of a lock.
    let hasFailed = Atomic<Bool>(false)
    /// What the commits of a heap without a log go by.
    let localSignal: ChangeSignal
    private let localWords: UnsafeMutableRawPointer
    /// The write transactions' context: there is only one at a time.
    let writeContext: UnsafeMutablePointer<TransactionContext>
    /// The context of a read that has ended, for the next: reads by turns need not ask the pool. 0:
    /// none.
    let spareContext = Atomic<UInt>(0)

    /// How an opening takes part in the life of its heap.
    enum Attachment {
        /// No file, or one that this opening can only read and nobody else had in use: it follows
        /// nothing. `headers` are the sequence numbers of the header's copies, which change when
        /// someone starts to write.
        case alone
        case guest(headers: [UInt64])
        /// Reads a heap at rest once, and registers before it reads again; see
        /// `HeapEngine+Visiting`.
        case visitor(Visit)
        /// Registered in the table of views.
        case member(SharedFile, ViewTable, entry: Int)
        /// May read the shared file but not write it, so its views are protected by a lock that
        /// stops all checkpoints.
        case observer(SharedFile)
    }

    /// Opens the heap at `path`; see `HeapEngine+Opening`. Every error leaves the file as it was.
    public init(
        path: String, mode: OpenMode, options: EngineOptions = EngineOptions(),
        disk: any Disk = SystemDisk.shared
    )
        throws(HeapError)
    {
        self.path = path
        place = Mutex(try Self.place(of: path, mode: mode, disk: disk))
        self.mode = mode
        let options = options.inRange
        self.options = options
        checkpointDue = CheckpointDue(options)
        comfortablePages = options.memoryLimit / 2 / HeapLayout.pageBytes
        self.disk = disk
        image = HeapImage(isReadOnly: mode == .readOnly)
        writeSet = WriteSet(image: image)
        writeContext = TransactionContextPool.shared.take()
        localWords = .allocate(byteCount: 16, alignment: 16)
        localWords.initializeMemory(as: UInt8.self, repeating: 0, count: 16)
        localSignal = ChangeSignal(at: localWords, canAnnounce: true)
        // A heap in a file has its own, which are read before anything is done with these.
        let isNew = mode == .inMemory || mode == .bulkBuild
        identity = isNew ? .random() : HeapIdentity(high: 0, low: 0)
        seed = isNew ? .random() : HeapIdentity(high: 0, low: 0)
        adviseImage()
        do throws(HeapError) {
            switch mode {
            case .inMemory: try openInMemory()
            case .bulkBuild: try openForBuilding()
            case .readOnly, .readWrite, .privateCopy: try openFile()
            }
            if options.verifiesPages, mode != .bulkBuild { try requireSoundPages() }
        } catch {
            closed.store(true, ordering: .releasing)
            // What was made beside the heap before it was refused goes again.
            if let file, let shared {
                try? withOpeningLock(file) { () throws(HeapError) in
                    try removeUnusedSharedFile(file, shared)
                }
            }
            detach()
            throw error
        }
        if options.verifiesNotes, mode != .bulkBuild {
            writeSet.keepsImagesOfFreshLines = true
            verifier = NoteVerifier(image: image, pages: committedPages)
        }
        if mode == .readWrite, options.checkpointsInBackground {
            worker = CheckpointWorker(for: self)
        }
    }

    /// Where the file is; nil if that can be asked later. Throws, before anything is made, where
    /// there can be no heap, or no files beside it for a mode that needs them.
    private static func place(of path: String, mode: OpenMode, disk: any Disk) throws(HeapError)
        -> String?
    {
        guard mode != .inMemory else { return path }
        if let objection = PathObjection(toText: path) { throw HeapError(objection, path: path) }
        if mode == .readWrite { try requirePages(ofBytes: SystemPage.size, path: path) }
        if mode == .readOnly, disk.tellsPaths { return nil }
        let place = disk.resolve(path)
        if mode == .readWrite || mode == .bulkBuild,
            let objection = disk.objection(to: place, suffixBytes: Neighbours.longestSuffixBytes)
        {
            throw HeapError(objection, path: path)
        }
        return place
    }

    /// The log's ring is mapped twice, end to end, which only whole pages can be: systems whose
    /// pages are larger than the offset of the ring can read heaps, and not write to them. The size
    /// is a parameter for tests.
    static func requirePages(ofBytes bytes: Int, path: String) throws(HeapError) {
        guard LogLayout.ringOffset % bytes != 0 else { return }
        throw HeapError.unsupportedPages(path: path, bytes: bytes, limit: LogLayout.ringOffset)
    }

    /// Who may read and write the heap file; nil for a heap in memory.
    package var fileRights: FileRights? { (try? file?.rights()) ?? nil }

    deinit {
        // A heap that is let go without `close` is closed here; whoever needs to know of errors
        // calls `close`.
        try? close()
        TransactionContextPool.shared.giveBack(writeContext)
        if let spare = Context(bitPattern: spareContext.load(ordering: .acquiring)) {
            TransactionContextPool.shared.giveBack(spare)
        }
        localWords.deallocate()
    }

    /// Another opening of the same file, on the same disk, whose view stays as it is now.
    public func openSnapshot() throws(HeapError) -> HeapEngine {
        guard !isForked else { throw HeapError.forked(path: path) }
        // What lies at the path must still be this heap, and by the same name, wherever the
        // program's working folder is now.
        try requireInPlace()
        var options = options
        options.isSnapshot = true
        options.verifiesPages = false
        options.verifiesNotes = false
        return try HeapEngine(path: location, mode: .readOnly, options: options, disk: disk)
    }

    /// Pages of the heap as of the image's allocator root.
    var pagesInImage: UInt64 {
        (image.base + Int(AllocatorRoot.endField)).load(as: UInt64.self)
    }

    var isClosed: Bool { closed.load(ordering: .acquiring) }
    package var isForked: Bool { generation != ForkGuard.current }

    @inline(__always)
    func requireUsable() throws(HeapError) {
        guard generation == ForkGuard.current else { throw HeapError.forked(path: path) }
        guard !isClosed else { throw HeapError.closed(path: path) }
    }

    @inline(__always)
    func requireWritable() throws(HeapError) {
        try requireUsable()
        guard mode != .readOnly else { throw HeapError.readOnly(path: path) }
        if hasFailed.load(ordering: .acquiring) { throw failedError }
    }

    /// Nothing that was read while a page could not be read is to be believed; nor, where that is
    /// the shared file's page of locks and positions, that anybody else knows of this opening's
    /// locks and view.
    @inline(__always)
    func requireNoFault() throws(HeapError) {
        if let offset = image.fault {
            throw HeapError.unreadable(path: path, offset: UInt64(offset))
        }
        guard let meeting, meeting._withUnsafeGuaranteedRef({ $0.areWordsLost }) else { return }
        throw HeapError.unreadable(path: location + LogLayout.sharedSuffix, offset: 0)
    }

    /// To be called after words of the shared file have been read and before anything is made of
    /// them: those of a page that is gone read as zeros.
    @inline(__always)
    func requireNoFault(_ shared: SharedFile) throws(HeapError) {
        if shared.areWordsLost { throw HeapError.unreadable(path: shared.file.path, offset: 0) }
    }

    /// What every change is answered with after `fail`.
    var failedError: HeapError {
        HeapError.failed(path: path, reason: failure.withLock { $0 } ?? "unknown")
    }

    /// Records that the disk's state is unknown from now on, for every process, and returns the
    /// error to throw.
    func fail(_ error: SystemError) -> HeapError {
        if error.isOfThisProcessAlone { return heapError(error) }
        return fail(
            heapError(error),
            reason: error.summary)
    }

    func fail(_ error: HeapError, reason: String? = nil) -> HeapError {
        // A lock that was not to be had in time, or memory that was not, says nothing about the
        // disk.
        if error.isOfThisProcessAlone { return error }
        failure.withLock { if $0 == nil { $0 = reason ?? "\(error)" } }
        hasFailed.store(true, ordering: .releasing)
        if let shared = sharedFile.withLock({ $0 }), shared.isWritable { shared[.failed] = 1 }
        return error
    }

    /// The shared file, if this opening has one. Behind the gate; others ask `sharedFile`.
    var shared: SharedFile? {
        switch attachment {
        case .member(let shared, _, _), .observer(let shared): shared
        case .alone, .guest, .visitor: nil
        }
    }

    /// Whether this opening's view stays where it was at the opening.
    var isFixed: Bool { mode == .privateCopy || options.isSnapshot }

    /// Which file this is, whatever its name.
    public var fileIdentity: FileIdentity? {
        mode == .readWrite || mode == .readOnly ? knownIdentity ?? (try? file?.fileIdentity()) : nil
    }

    /// Whether another opening in this process, for `mode`, may use this engine too.
    public func canBeShared(for mode: OpenMode) -> Bool {
        !isClosed && !isForked && !hasFailed.load(ordering: .acquiring)
            && (self.mode == mode || self.mode == .readWrite)
    }

    /// Asks until `isOver` says so, at growing intervals of up to `longestPause` microseconds: for
    /// what nobody wakes a waiter after. Throws `timedOut` or `cancelled`.
    func askAgain(
        waitingFor what: String, longestPause: UInt32 = 5000, _ isOver: () throws(HeapError) -> Bool
    ) throws(HeapError) {
        let deadline = Deadline(in: options.timeout)
        var pause: UInt32 = 50
        while !(try isOver()) {
            guard !deadline.hasPassed else {
                throw HeapError.timedOut(path: path, waitingFor: what)
            }
            if options.isCancelled?() == true { throw HeapError.cancelled(path: path) }
            SystemThread.sleep(microseconds: pause)
            pause = min(pause * 2, longestPause)
        }
    }

    /// Runs calls to the disk and turns what they throw into the user's error.
    func translating<R>(_ body: () throws(SystemError) -> R) throws(HeapError) -> R {
        do throws(SystemError) { return try body() } catch { throw heapError(error) }
    }

    /// The user's error, which names the heap as the user does.
    func heapError(_ error: SystemError) -> HeapError {
        HeapError(
            error.path == location ? error.renamed(to: path) : error)
    }
}
