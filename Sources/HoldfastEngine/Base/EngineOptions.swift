import HoldfastSystem

/// How a heap is opened.
public enum OpenMode: Sendable {
    /// Reads only; changes nothing on the disk, not even after a crash: what the log holds is laid
    /// over the image in memory.
    case readOnly
    /// Reads and writes; the file is made if it is missing.
    case readWrite
    /// Reads and writes in memory; the file stays as it is and nothing is kept.
    case privateCopy
    /// No file at all: an empty heap in memory, gone when it is closed.
    case inMemory
    /// A new file that is filled without a log and gets its name when it is whole.
    case bulkBuild
}

/// Numbers that a user of the engine can set; all in bytes.
public struct EngineOptions: Sendable {
    /// A checkpoint runs before the next transaction once this much is in the log.
    public var logLimit = 64 << 20
    /// Private copies of pages are given back at the next checkpoint, which runs before the next
    /// transaction, once there may be more than this much of them.
    public var memoryLimit = 256 << 20
    /// The log's first size; it grows towards `logLimit` with use.
    public var initialLogBytes = 1 << 20
    /// Beyond this size the log only grows if emptying it in the background costs more than its
    /// growth; see `CheckpointPolicy`.
    public var compactLogBytes = 8 << 20
    /// Whether disk blocks are reserved as the file grows, so that a full disk is an error of the
    /// commit that needs them. Without, files can be sparse, and a full disk at a checkpoint makes
    /// the heap unusable until it is opened again.
    public var reservesBlocks = true
    /// How the program reads the heap.
    public var accessPattern = AccessPattern.automatic
    /// How long a call waits for other threads and processes before it throws `timedOut`.
    public var timeout: Duration = .seconds(30)
    /// How long a call looks whether another process is done before it sleeps in the kernel.
    public var spin: Duration = AdaptiveSpin.usual
    /// Whether a thread of its own moves the log into the base image beside the writers. Without, a
    /// checkpoint runs before the next transaction that finds one due.
    public var checkpointsInBackground = false
    /// Whether every page of the base image is compared with its checksum before the heap is used.
    /// O(heap).
    public var verifiesPages = false
    /// Whether a heap on a network file system may be opened for writing: right only where no other
    /// machine has it open.
    public var allowsNetworkFileSystems = false
    /// A view that has held up a checkpoint for longer is reported.
    public var longView: Duration = .seconds(60)
    /// Called once for each such view, with locks held: it must be short, and must not use the
    /// heap.
    public var reportsLongView: (@Sendable (OpenView) -> Void)?
    /// Whether the view of the moment of opening stays for good (`readOnly` only): a snapshot.
    public var isSnapshot = false
    /// Who runs on this machine; tests have their own.
    public var processes: any ProcessDirectory = SystemProcesses.shared
    /// Whether a missing file is made (`readWrite` only).
    public var createsIfMissing = true
    /// Whether a heap with a damaged or missing log, or one that was cut short, is opened all the
    /// same, with what is left of it (`readOnly` only, and only where nobody else has it open): for
    /// saving what can be read. What was left out is said in the warnings.
    public var salvages = false
    /// Who may read and write heap files that are made. Nil: whom the process's mask lets, or, if a
    /// file is replaced, those who might read and write that.
    public var rightsOfNewFiles: FileRights?
    /// Asked now and then by what takes long (copying, checking); once it is true, that ends with
    /// `cancelled`.
    public var isCancelled: (@Sendable () -> Bool)?
    /// The only names that roots may be made with; nil for any.
    public var rootNames: Set<String>?
    /// Tests only: compares the whole image against the logged changes at every commit.
    public var verifiesDirtyTracking = false

    public init() {}
}
