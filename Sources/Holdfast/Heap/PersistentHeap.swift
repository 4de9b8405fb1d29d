import HoldfastEngine
import HoldfastSystem
import MemoryMapping
import Synchronization

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif
#if canImport(System)
    public import System
#endif

/// How a heap is opened.
public typealias OpenMode = HoldfastEngine.OpenMode

/// How a program is going to read a heap; see ``PersistentHeap/Options/accessPattern``.
public typealias AccessPattern = HoldfastEngine.AccessPattern

/// A heap of Swift values in a file: what is put in by ``write(durability:_:)`` is there again in
/// the next run.
///
///     let heap = try PersistentHeap.open("inventory.heap")
///     try heap.write { tx in
///         let stock = try tx.map("stock", String.self, Int.self)
///         stock["bolt", default: 0] += 120
///     }
///     try heap.sync()
///
/// **Safety.** A write transaction happens as a whole or not at all, whatever ends the process and
/// at which instruction. Once `write` has returned, its changes survive `kill -9`; once ``sync()``
/// has returned, they survive a power cut. While the heap is in use, two files lie beside it,
/// `NAME-log` and `NAME-shared`; they belong to it and are removed when it is closed.
///
/// **Threads.** A heap can be used from any thread: many readers or one writer at a time, each
/// waiting for the other. **Processes.** Up to 192 openings of a heap, by any processes, read and
/// write it at once. One writes at a time; readers never wait for a writer in another process, and
/// see the newest commit when their transaction begins. Opening a heap twice in one process shares
/// one mapping. All waiting ends after ``Options/timeout``.
public final class PersistentHeap: Sendable {
    package let engine: HeapEngine
    let options: Options
    private let mode: OpenMode
    private let isClosed = Atomic<Bool>(false)
    let monitor: ChangeMonitor

    /// The path that the heap was opened with.
    public let path: String

    /// 128 random bits, in hexadecimal, that name this heap for life.
    public var identity: String { engine.identity.description }

    /// What is worth knowing though the heap could be opened, such as a file system of which it is
    /// not known whether other machines use it.
    public var warnings: [String] { engine.warnings }

    init(engine: HeapEngine, path: String, mode: OpenMode, options: Options) {
        self.engine = engine
        self.path = path
        self.mode = mode
        self.options = options
        monitor = ChangeMonitor(engine: engine)
    }

    deinit { try? close() }

    // MARK: Opening

    /// Settings of a heap while it is open. None of them is recorded in the file.
    public struct Options: Sendable {
        /// Bytes of log that checkpoints keep the heap below, in the background, from half of it
        /// on. Disk space of up to twice this is used beside the heap, more while a view stays open
        /// for long; recovery after a crash takes time in proportion. 64 MiB unless set.
        public var logLimit = 64 << 20
        /// Bytes of private copies of changed pages that this process holds at most, beside those
        /// of the open transaction; from half of it on they are given back to the system after a
        /// checkpoint. 256 MiB unless set.
        public var memoryLimit = 256 << 20
        /// Whether disk space is reserved as the heap grows, so that a full disk is an error of the
        /// transaction that needs it. Without it heap files can be sparse. True unless set.
        public var reservesDiskSpace = true
        /// Whether a missing file is made. True unless set; other modes than `readWrite` never make
        /// one.
        public var createsIfMissing = true
        /// How the program reads the heap: it decides how much is read from the disk around what is
        /// asked for. Unless set, heaps larger than memory are read page by page, and all others as
        /// the system does it.
        public var accessPattern = AccessPattern.automatic
        /// How long a call waits for other threads and processes before it throws
        /// ``HeapError/timedOut(path:waitingFor:)``. 30 seconds unless set.
        public var timeout: Duration = .seconds(30)
        /// Whether a thread of its own makes checkpoints, beside the transactions. Without it they
        /// run inside transactions that find one due. True unless set.
        public var checkpointsInBackground = true
        /// Whether opening compares every page of the file with its checksum first; takes time in
        /// proportion to the heap. False unless set.
        public var verifiesPages = false
        /// Whether a heap on a network file system may be opened for writing. Right only where no
        /// other machine has it open. False unless set.
        public var allowsNetworkFileSystems = false
        /// Called, once for each such view, when a view that has been open for longer than
        /// ``longView`` holds up a checkpoint: the log grows as long as it stays open. On any
        /// thread, with locks of the heap held: it must be short, and must not use the heap.
        public var reportsLongView: (@Sendable (OpenView) -> Void)?
        /// See ``reportsLongView``. A minute unless set.
        public var longView: Duration = .seconds(60)
        /// What `write` promises when it returns. `.process` unless set.
        public var durability = Durability.process
        /// The names of all roots that the program means to have. If they are set, `write` throws
        /// ``HeapError/undeclaredRoot(path:name:similar:)`` rather than make an empty root of
        /// another name, which is mostly a typing error. Roots that are there already can be asked
        /// for by any name. Nil unless set: then every name that is asked for in `write` is made.
        public var rootNames: Set<String>?

        /// The defaults.
        public init() {}

        var engineOptions: EngineOptions {
            var options = EngineOptions()
            options.logLimit = max(logLimit, 1 << 16)
            options.memoryLimit = max(memoryLimit, 1 << 16)
            options.initialLogBytes = min(options.initialLogBytes, options.logLimit)
            options.reservesBlocks = reservesDiskSpace
            options.createsIfMissing = createsIfMissing
            options.accessPattern = accessPattern
            options.timeout = timeout
            options.checkpointsInBackground = checkpointsInBackground
            options.verifiesPages = verifiesPages
            options.allowsNetworkFileSystems = allowsNetworkFileSystems
            options.reportsLongView = reportsLongView
            options.longView = longView
            options.rootNames = rootNames
            return options
        }
    }

    /// What a write transaction has survived when `write` returns.
    public enum Durability: Sendable {
        /// The end of the process, in any way. Costs no system call.
        case process
        /// A power cut too. Costs a write to the disk, shared with all that wait at that moment.
        case device
    }

    /// Opens the heap at `path`, making an empty one if there is none; after a crash it comes back
    /// as of its last commit.
    ///
    /// Symbolic links and relative paths are followed once, here: the log lies beside the file
    /// itself. A file with several names of its own (hard links) must be opened by the same one
    /// everywhere; by another it is refused with ``HeapError/logMissing(path:logPath:)`` while it
    /// is in use.
    ///
    /// Takes the same time whatever the heap's size. Where this process has the heap open already,
    /// the new object shares its mapping and its settings. Throws a ``HeapError`` that says what is
    /// wrong with the file, which is left as it was.
    public static func open(
        _ path: String, mode: OpenMode = .readWrite, options: Options = Options()
    ) throws(HeapError)
        -> PersistentHeap
    {
        PersistentHeap(
            engine: try OpenHeaps.shared.open(path, mode: mode, options: options.engineOptions),
            path: path, mode: mode,
            options: options)
    }

    /// Opens the heap at a file URL; see ``open(_:mode:options:)-(String,_,_)``.
    public static func open(_ url: URL, mode: OpenMode = .readWrite, options: Options = Options())
        throws(HeapError)
        -> PersistentHeap
    {
        guard url.isFileURL else { throw HeapError.notARegularFile(path: url.absoluteString) }
        // As the system has it, byte for byte.
        let path = url.withUnsafeFileSystemRepresentation { $0.map { PathBytes.text(cString: $0) } }
        return try open(path ?? url.path, mode: mode, options: options)
    }

    #if canImport(System)
        /// Opens the heap at a file path; see ``open(_:mode:options:)-(String,_,_)``.
        public static func open(
            _ path: FilePath, mode: OpenMode = .readWrite, options: Options = Options()
        ) throws(HeapError)
            -> PersistentHeap
        {
            try open(
                path.withPlatformString { PathBytes.text(cString: $0) }, mode: mode,
                options: options)
        }
    #endif

    /// An empty heap in memory, gone when it is closed: for tests and for scratch data.
    public static func inMemory(options: Options = Options()) throws(HeapError) -> PersistentHeap {
        try open("(in memory)", mode: .inMemory, options: options)
    }

    /// For tests: any disk, and the engine's own options.
    package static func open(
        _ path: String, mode: OpenMode = .readWrite, engineOptions: EngineOptions,
        disk: any Disk = SystemDisk.shared
    ) throws(HeapError) -> PersistentHeap {
        PersistentHeap(
            engine: try HeapEngine(path: path, mode: mode, options: engineOptions, disk: disk),
            path: path, mode: mode,
            options: Options())
    }

    // MARK: Transactions

    /// Runs `body` as a write transaction: all of its changes, or, if it throws, none.
    ///
    /// What `body` throws is thrown on after everything has been put back; so are the heap's own
    /// errors, among them ``HeapError/diskFull(path:)`` from the commit. So is a limit that the
    /// closure meets (no memory, no addresses, a size that no heap has): what it does from then on
    /// is lost, and ``WriteTransaction/errorToCome`` tells. One error is no failure of the
    /// transaction: ``HeapError/committedNotDurable(path:because:)`` says that it *was* committed
    /// and only could not be made durable. Waits for other threads' transactions
    /// and other processes' writers. Calling `write` or `read` of the same heap inside traps. Cost
    /// beside `body`'s own: in proportion to the lines of 64 bytes that it changed; no system call,
    /// unless the heap grows or a checkpoint is due.
    public func write<R>(
        durability: Durability? = nil, _ body: (borrowing WriteTransaction) throws -> R
    ) throws -> R {
        try writing(durability, body)
    }

    func writing<R>(_ durability: Durability?, _ body: (borrowing WriteTransaction) throws -> R)
        throws -> R
    {
        try requireOpen()
        guard mode != .readOnly else { throw HeapError.readOnly(path: path) }
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
        if (durability ?? options.durability) == .device {
            // The commit cannot be taken back: an error that does not say so would have it made
            // twice.
            do throws(HeapError) { try engine.makeDurable() } catch {
                throw HeapError.committedNotDurable(path: path, because: error)
            }
        }
        return result
    }

    /// Runs `body` as a read transaction: the heap stands still until it returns.
    ///
    /// The view is the newest commit of any process. Many threads can read at once; writers of this
    /// process wait. A `read` inside a `read` shares its view, and so does one that others of this
    /// process have kept waiting for a tenth of a second.
    public func read<R>(_ body: (borrowing ReadTransaction) throws -> R) throws -> R {
        try reading(body)
    }

    func reading<R>(_ body: (borrowing ReadTransaction) throws -> R) throws -> R {
        try requireOpen()
        let context = try engine.beginRead()
        defer { engine.endRead(context) }
        let result = try body(
            ReadTransaction(access: HeapAccess(context: context, epoch: context.pointee.epoch)))
        // A page that could not be read was shown as zeros: what has been made of it is not the
        // heap's.
        try engine.requireReadable()
        return result
    }

    package func requireOpen() throws(HeapError) {
        guard !isClosed.load(ordering: .acquiring) else { throw HeapError.closed(path: path) }
    }

    // MARK: Durability

    /// Makes every commit so far survive a power cut. Does nothing if they all do already.
    ///
    /// An error is final for this opening of the heap: what reached the disk is not known, every
    /// later change is refused with ``HeapError/failed(path:reason:)``, and opening again finds a
    /// commit no older than the last successful `sync`.
    public func sync() throws(HeapError) { try engine.makeDurable() }

    /// Moves the log into the heap file now instead of when it is due, and gives back free space at
    /// the file's end.
    public func checkpoint() throws(HeapError) {
        try requireOpen()
        try engine.checkpoint()
    }

    /// Closes the heap: waits for open transactions and makes everything durable. The last process
    /// to close it leaves one file. Closing again does nothing.
    ///
    /// Handles and transactions of this object must not be used any more; other openings of the
    /// same heap in this process go on. A heap that is let go without `close` is closed as well,
    /// but errors are then lost.
    public func close() throws(HeapError) {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        // After a fork all of it is the parent's, and locks may be held by threads that this
        // process does not have.
        guard !engine.isForked else { return }
        monitor.stop()
        try OpenHeaps.shared.release(engine)
    }

    /// The account of every page, for tests and tools.
    package func audit() throws(HeapError) -> AllocatorAudit { try engine.audit() }
}
