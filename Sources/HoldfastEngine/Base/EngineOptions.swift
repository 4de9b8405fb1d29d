import HoldfastSystem

/// How a heap is opened.
#if hasAttribute(nonexhaustive)
    @nonexhaustive
#endif
public enum OpenMode: Sendable {
    /// Reads only, and changes nothing on the disk, not even after a crash: the log is applied to
    /// the image in memory.
    case readOnly
    /// Reads and writes; the file is created if it is missing.
    case readWrite
    /// Reads and writes in memory; the file stays unchanged and nothing is kept.
    case privateCopy
    /// No file: an empty heap in memory, gone when it is closed. It reads and writes, on a
    /// `MemoryDisk` of its own.
    case inMemory
    /// A new file that is filled without a log and gets its name when it is complete.
    case bulkBuild
}

/// The engine's options. Sizes are in bytes.
public struct EngineOptions: Sendable {
    /// The log's size from which a checkpoint runs before the next transaction.
    public var logLimit = MemoryShares.usual.log
    /// The size from which private pages are dropped. Once there may be more of them, a checkpoint
    /// runs before the next transaction and drops them.
    public var memoryLimit = MemoryShares.usual.pages
    /// The most bytes of pages and of their old contents that one transaction can change. Beyond
    /// that it is lost, with an error.
    public var transactionLimit = MemoryShares.usual.transaction
    /// The log's initial size; it grows towards `logLimit` with use.
    public var initialLogBytes = 1 << 20
    /// Beyond this size the log grows only if emptying it in the background costs more than its
    /// growth; see `CheckpointPolicy`.
    public var compactLogBytes = 8 << 20
    /// Whether disk blocks are reserved as the file grows, so that a full disk is an error of the
    /// commit that needs them. Otherwise files can be sparse, and a full disk during a checkpoint
    /// makes the heap unusable until it is reopened.
    public var reservesBlocks = true
    /// How the program reads the heap.
    public var accessPattern = AccessPattern.automatic
    /// How long a call waits for other threads and processes before it throws `timedOut`.
    public var timeout: Duration = .seconds(30)
    /// How long a call spins while it waits for another process, before it sleeps in the kernel.
    public var spin: Duration = AdaptiveSpin.usual
    /// Whether a background thread makes checkpoints concurrently with writers. Otherwise a
    /// checkpoint runs before the next transaction that finds one due.
    public var checkpointsInBackground = false
    /// Whether every page of the data file is compared with its checksum on opening. O(heap).
    public var verifiesPages = false
    /// Whether a heap on a network file system may be opened for writing. Safe only if no other
    /// machine has it open.
    public var allowsNetworkFileSystems = false
    /// Whether no other process may have the heap open meanwhile (`readWrite` only). Snapshots of
    /// this process may.
    public var isExclusive = false
    /// The number of images that readers of one opening use at a time at most; 0: readers and the
    /// writer share one image and wait for each other. See `ImagePool`.
    public var readerImages = 4
    /// A snapshot that has held up a checkpoint for longer than this is reported.
    public var longView: Duration = .seconds(60)
    /// Called once for each such snapshot, while locks are held. It must be short and must not use
    /// the heap.
    public var reportsLongView: (@Sendable (OpenView) -> Void)?
    /// A snapshot that is younger does not have its pages kept so that a checkpoint can pass it,
    /// unless the log has reached its limit.
    public var viewPatience: Duration = .seconds(1)
    /// The most bytes of pages that are kept for each byte of log that a snapshot holds up; 0: none
    /// are.
    public var keptBytesPerLogByte = 1
    /// The most bytes of pages that are kept for the snapshots of one heap in this process. Beyond
    /// that, snapshots that nobody reads are ended, if they may.
    public var viewBudget = MemoryShares.usual.views
    /// Called after each event, on the thread that caused it, while locks are held. It must be
    /// short and must not use the heap.
    public var metrics: (@Sendable (HeapEvent) -> Void)?
    /// Whether the opening keeps the snapshot of the moment of opening (`readOnly` only).
    public var isSnapshot = false
    /// Whether such an opening may be ended when nobody reads it; see `viewBudget`.
    public var mayBeEnded = false
    /// The process in which this code runs; tests substitute others.
    public var process: any RunningProcess = SystemProcess.shared
    /// Whether a missing file is created (`readWrite` only).
    public var createsIfMissing = true
    /// Whether to open a heap with a damaged or missing log, or a truncated data file, with the
    /// data that remains (`readOnly` only, and only if no other process has it open). For saving
    /// readable data; the warnings list the omissions.
    public var salvages = false
    /// The permissions of new heap files. Nil: those of the process's umask, or, if a file is
    /// replaced, those of the replaced file.
    public var rightsOfNewFiles: FileRights?
    /// Polled by long-running calls (copying, checking). Once it returns true, they throw
    /// `cancelled`.
    public var isCancelled: (@Sendable () -> Bool)?
    /// The only names that roots may be created with; nil for any.
    public var rootNames: Set<String>?
    /// Tests only: compares the whole image with the marked lines at every commit.
    public var verifiesDirtyTracking = false

    public init() {}
}
