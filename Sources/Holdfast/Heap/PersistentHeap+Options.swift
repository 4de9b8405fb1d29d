import HoldfastEngine

extension PersistentHeap {
    /// Settings of a heap while it is open. None of them is recorded in the file.
    public struct Options: Sendable {
        /// The size in bytes that checkpoints keep the log below.
        ///
        /// Background checkpoints begin when the log reaches half of it. The log uses up to twice
        /// as much disk space, and more while a view stays open for long. Recovery after a crash
        /// takes time proportional to the log's size. The default is ``usualLogLimit``.
        public var logLimit: Int
        /// The maximum number of bytes of private copies of changed pages in this process, not
        /// counting the open transaction's.
        ///
        /// From half of it on, the pages are returned to the system after a checkpoint. The default
        /// is ``usualMemoryLimit``.
        public var memoryLimit: Int
        /// The maximum number of mappings that the readers of this process use at a time.
        ///
        /// Readers and writers that meet use different mappings of the file, each with private
        /// copies of the pages changed since the last checkpoint; all of them together stay within
        /// ``memoryLimit``. Readers of the same commit share one. A reader that finds all of them
        /// in use with older commits waits until one is free. If 0, readers and writers share one
        /// mapping and wait for each other. The default is 4; the maximum is 64.
        public var readerImages: Int
        /// Whether disk space is reserved as the heap grows, so that a full disk is an error of the
        /// transaction that needs the space.
        ///
        /// If false, heap files can be sparse. The default is true.
        public var reservesDiskSpace: Bool
        /// Whether a missing file is created.
        ///
        /// Only the mode `readWrite` creates files. The default is true.
        public var createsIfMissing: Bool
        /// How the program reads the heap. This determines how far the system reads ahead.
        ///
        /// By default, heaps larger than memory are read page by page, and all others with the
        /// system's own read-ahead.
        public var accessPattern: AccessPattern
        /// How long a call waits for other threads and processes before it throws
        /// ``HeapError/timedOut(path:waitingFor:)``.
        ///
        /// The default is 30 seconds.
        public var timeout: Duration
        /// Whether checkpoints run on a thread of their own.
        ///
        /// If false, they run inside transactions that find one due. The default is true.
        public var checkpointsInBackground: Bool
        /// Whether opening the heap first compares every page of the file with its checksum.
        ///
        /// This takes time proportional to the size of the heap. The default is false.
        public var verifiesPages: Bool
        /// Whether a heap on a network file system may be opened for writing.
        ///
        /// Set this only if no other machine has the heap open. The default is false.
        public var allowsNetworkFileSystems: Bool
        /// Whether no other process may have the heap open at the same time.
        ///
        /// Opening it then throws ``HeapError/busy(path:)`` if it is open elsewhere, and so does
        /// every other opening as long as this one exists; snapshots of this heap are possible. A
        /// lock of the file enforces that. For the mode `readWrite`; others ignore it. It allows
        /// network file systems, as far as their locks reach other machines. The default is false.
        public var isExclusive: Bool
        /// A closure that is called when a view has been open for longer than ``longView`` and
        /// holds up a checkpoint. The log grows meanwhile.
        ///
        /// It is called once for each such view, on any thread, with locks of the heap held. It
        /// must be short and must not use the heap.
        public var reportsLongView: (@Sendable (OpenView) -> Void)?
        /// The age at which a view is reported to ``reportsLongView``. The default is one minute.
        public var longView: Duration
        /// The most bytes of memory in which this process keeps pages for open views of the heap.
        ///
        /// A view that is older than a second, or that the log has reached its limit for, no longer
        /// holds the log where that takes less memory: its process keeps a copy of each page that
        /// changes, once. Views of ``PersistentHeap/snapshot()`` are kept for transactions of every
        /// process, others for those of this process. Beyond the budget, snapshots that nobody is
        /// reading are ended, the oldest first, and reading them throws
        /// ``HeapError/viewEnded(path:)``; views that are being read hold the log. The default is
        /// ``usualViewBudget``. See ``HeapStatistics/keptBytes``.
        public var viewBudget: Int
        /// A closure that is told what the heap has done, and how long it took: commits, syncs,
        /// checkpoints, catching up with other transactions, and waiting for them. For counters and
        /// histograms of a running program; see ``HeapEvent``.
        ///
        /// It is called on the thread that has done it, with locks of the heap held. It must be
        /// short and must not use the heap. Without it, the default, no clock is read.
        public var metrics: (@Sendable (HeapEvent) -> Void)?
        /// What `write` guarantees when it returns. The default is `.process`.
        public var durability: Durability
        /// The names of all roots that the program declares.
        ///
        /// If they are set, `write` throws ``HeapError/undeclaredRoot(path:name:similar:)`` instead
        /// of creating an empty root with another name, which is usually a typing error. Existing
        /// roots can be requested by any name. The default is nil: `write` creates a root for every
        /// name that is requested.
        public var rootNames: Set<String>?

        /// Creates options with the defaults for everything that is not given.
        public init(
            logLimit: Int = Options.usualLogLimit,
            memoryLimit: Int = Options.usualMemoryLimit,
            readerImages: Int = 4,
            reservesDiskSpace: Bool = true,
            createsIfMissing: Bool = true,
            accessPattern: AccessPattern = .automatic,
            timeout: Duration = .seconds(30),
            checkpointsInBackground: Bool = true,
            verifiesPages: Bool = false,
            allowsNetworkFileSystems: Bool = false,
            isExclusive: Bool = false,
            reportsLongView: (@Sendable (OpenView) -> Void)? = nil,
            longView: Duration = .seconds(60),
            viewBudget: Int = Options.usualViewBudget,
            metrics: (@Sendable (HeapEvent) -> Void)? = nil,
            durability: Durability = .process,
            rootNames: Set<String>? = nil
        ) {
            self.logLimit = logLimit
            self.memoryLimit = memoryLimit
            self.readerImages = readerImages
            self.reservesDiskSpace = reservesDiskSpace
            self.createsIfMissing = createsIfMissing
            self.accessPattern = accessPattern
            self.timeout = timeout
            self.checkpointsInBackground = checkpointsInBackground
            self.verifiesPages = verifiesPages
            self.allowsNetworkFileSystems = allowsNetworkFileSystems
            self.isExclusive = isExclusive
            self.reportsLongView = reportsLongView
            self.longView = longView
            self.viewBudget = viewBudget
            self.metrics = metrics
            self.durability = durability
            self.rootNames = rootNames
        }

        /// 64 MiB, or a sixteenth of the memory that the process can have, if that is less: of the
        /// machine's, or of its control group's limit.
        public static var usualLogLimit: Int { MemoryShares.usual.log }
        /// 256 MiB, or an eighth of the memory that the process can have, if that is less: of the
        /// machine's, or of its control group's limit.
        public static var usualMemoryLimit: Int { MemoryShares.usual.pages }

        /// 1 GiB, or a quarter of the memory that the process can have, if that is less.
        public static var usualViewBudget: Int { MemoryShares.usual.views }

        var engineOptions: EngineOptions {
            var options = EngineOptions()
            options.logLimit = max(logLimit, 1 << 16)
            options.memoryLimit = max(memoryLimit, 1 << 16)
            options.readerImages = readerImages
            options.initialLogBytes = min(options.initialLogBytes, options.logLimit)
            options.reservesBlocks = reservesDiskSpace
            options.createsIfMissing = createsIfMissing
            options.accessPattern = accessPattern
            options.timeout = timeout
            options.checkpointsInBackground = checkpointsInBackground
            options.verifiesPages = verifiesPages
            options.allowsNetworkFileSystems = allowsNetworkFileSystems
            options.isExclusive = isExclusive
            options.reportsLongView = reportsLongView
            options.longView = longView
            options.viewBudget = viewBudget
            options.metrics = metrics
            options.rootNames = rootNames
            return options
        }
    }

    /// The failures that a write transaction survives once `write` has returned.
    #if hasAttribute(nonexhaustive)
        @nonexhaustive
    #endif
    public enum Durability: Sendable {
        /// The end of the process, for any reason. Costs no system call.
        case process
        /// A power cut as well. Costs a write to the disk, shared by all threads and processes that
        /// wait at that moment.
        case device
    }
}
