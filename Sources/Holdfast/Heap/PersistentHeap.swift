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

/// How a program reads a heap. See ``PersistentHeap/Options/accessPattern``.
public typealias AccessPattern = HoldfastEngine.AccessPattern

/// A heap of Swift values in a file. What a program stores with ``write(durability:_:)-8aav3`` is
/// there again in the next run.
///
///     let heap = try PersistentHeap.open("inventory.heap")
///     try heap.write { tx in
///         let stock = try tx.map("stock", String.self, Int.self)
///         stock["bolt", default: 0] += 120
///     }
///     try heap.sync()
///
/// **Safety.** A write transaction happens completely or not at all, at whatever instruction the
/// process ends. Once `write` has returned, its changes survive `kill -9`. Once ``sync()`` has
/// returned, they survive a power cut. While the heap is in use, there are two files next to it,
/// `NAME-log` and `NAME-shared`. They belong to the heap and are removed when it is closed.
///
/// **Threads.** A heap can be used from any thread, by many readers and one writer at a time, which
/// do not wait for each other. (Those of a private copy do.)
///
/// **Processes.** Up to 192 openings at a time can use a heap, in any number of processes up to
/// that. One process writes at a time. Readers never wait for a writer, and see the newest commit
/// when their transaction begins. Opening a heap twice in one process shares its mappings. Every
/// wait ends after ``Options/timeout``.
public final class PersistentHeap: Sendable {
    package let engine: HeapEngine
    let options: Options
    private let mode: OpenMode
    private let isClosed = Atomic<Bool>(false)
    let monitor: ChangeMonitor
    let hub: ObserverHub
    /// The calls of tasks that have to wait; see `PersistentHeap+Tasks`.
    let readers = CallQueue(width: 4)
    let writers = CallQueue(width: 1)
    static let blockingCalls = CallQueue(width: 16)

    /// The path that the heap was opened with.
    public let path: String

    /// 128 random bits, in hexadecimal, that identify this heap for its whole life.
    public var identity: String { engine.identity.description }

    /// Warnings about the heap that did not prevent it from being opened.
    ///
    /// An example is a file system that other machines may be using too.
    public var warnings: [String] { engine.warnings }

    init(engine: HeapEngine, path: String, mode: OpenMode, options: Options) {
        self.engine = engine
        self.path = path
        self.mode = mode
        self.options = options
        RootSearch.add(engine)
        monitor = ChangeMonitor(engine: engine)
        hub = ObserverHub(engine: engine, monitor: monitor)
    }

    deinit {
        RootSearch.remove(engine)
        try? close()
    }

    // MARK: Opening

    /// Opens the heap at `path`, creating an empty one if there is none. After a crash the heap is
    /// recovered to its last commit.
    ///
    /// Symbolic links and relative paths are resolved once, here: the log is next to the file
    /// itself. A file with several names (hard links) must be opened by the same name everywhere.
    /// By another name it is refused with ``HeapError/logMissing(path:logPath:)`` while it is in
    /// use.
    ///
    /// If this process already has the heap open, the new object shares its mapping and its
    /// settings.
    ///
    /// - Throws: A ``HeapError`` that describes the problem. The file is then unchanged.
    /// - Complexity: O(1) in the size of the heap.
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

    /// Opens the heap at a file URL. See ``open(_:mode:options:)-(String,_,_)``.
    public static func open(_ url: URL, mode: OpenMode = .readWrite, options: Options = Options())
        throws(HeapError)
        -> PersistentHeap
    {
        guard url.isFileURL else { throw HeapError.notARegularFile(path: url.absoluteString) }
        // The path's bytes exactly as the system has them.
        let path = url.withUnsafeFileSystemRepresentation { $0.map { PathBytes.text(cString: $0) } }
        return try open(path ?? url.path, mode: mode, options: options)
    }

    #if canImport(System)
        /// Opens the heap at a file path. See ``open(_:mode:options:)-(String,_,_)``.
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

    /// Creates an empty heap in memory, for tests and scratch data. It is discarded when it is
    /// closed.
    ///
    /// It can do all that a heap in a file can: `copy(to:)` writes it to a file, and a `snapshot()`
    /// outlives it. `sync()` has nothing to do. The heap takes two file descriptors, and a third
    /// with its first commit; without them, opening or writing throws.
    public static func inMemory(options: Options = Options()) throws(HeapError) -> PersistentHeap {
        try open("(in memory)", mode: .inMemory, options: options)
    }

    /// Opens a heap on any disk, with the engine's own options. For tests.
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

    /// Runs `body` as a write transaction. All of its changes are committed, or none if it throws.
    ///
    /// Waits for other writers, in any thread or process, and not for readers. Calling `write` or
    /// `read` of the same heap inside `body` traps. A part of the transaction that can be undone
    /// alone is a ``WriteTransaction/savepoint(_:)-(_)``.
    ///
    /// If the closure meets a limit (no memory, no address space, a size that no heap can have),
    /// its further changes are lost and `write` throws when it returns.
    /// ``WriteTransaction/errorToCome`` reports the error early.
    ///
    /// - Throws: Any error that `body` throws, after all changes have been rolled back; and the
    ///   heap's own errors, among them ``HeapError/diskFull(path:)`` from the commit. After one of
    ///   them the transaction *is* committed: ``HeapError/committedNotDurable(path:because:)``
    ///   means that only making it durable has failed.
    /// - Complexity: Besides the cost of `body`, proportional to the number of 64-byte lines that
    ///   it changed. Makes no system call unless the heap grows or a checkpoint is due.
    @discardableResult
    public func write<R>(
        durability: Durability? = nil, _ body: (borrowing WriteTransaction) throws -> R
    ) throws -> R {
        try writing(durability, body)
    }

    func writing<R>(_ durability: Durability?, _ body: (borrowing WriteTransaction) throws -> R)
        throws -> R
    {
        let result = try WriteTransaction.run(try beginWrite(), of: engine, body)
        if (durability ?? options.durability) == .device {
            // The commit cannot be rolled back. An error that does not say so would make the caller
            // repeat it.
            do throws(HeapError) { try engine.makeDurable() } catch {
                throw HeapError.committedNotDurable(path: path, because: error)
            }
        }
        return result
    }

    @inline(__always)
    func beginWrite() throws(HeapError) -> HeapEngine.Context {
        try requireWritable()
        return try engine.beginWrite()
    }

    /// The same, without waiting; nil if another thread or process has a lock.
    func tryToBeginWrite() throws(HeapError) -> HeapEngine.Context? {
        try requireWritable()
        return try engine.tryToBeginWrite()
    }

    /// Whether the heap was opened for reading only.
    var isReadOnly: Bool { mode == .readOnly }

    private func requireWritable() throws(HeapError) {
        try requireOpen()
        guard !isReadOnly else { throw HeapError.readOnly(path: path) }
    }

    /// Runs `body` as a read transaction, which sees a fixed view of the heap.
    ///
    /// The view is the newest commit of any process; a `read` that begins after a `write` has
    /// returned, on any thread, sees it. Many threads can read at the same time. Neither they nor
    /// writers wait for each other, but a `read` waits while ``Options/readerImages`` older views
    /// are open in this process. A `read` inside a `read` shares its view.
    ///
    /// A private copy has one view at a time, so there readers and writers wait for each other. A
    /// `read` that has waited a tenth of a second for other reads to end shares their view, even if
    /// there are newer commits.
    public func read<R>(_ body: (borrowing ReadTransaction) throws -> R) throws -> R {
        try reading(body)
    }

    func reading<R>(_ body: (borrowing ReadTransaction) throws -> R) throws -> R {
        try requireOpen()
        return try ReadTransaction.run(try engine.beginRead(), of: engine, body)
    }

    package func requireOpen() throws(HeapError) {
        guard !isClosed.load(ordering: .acquiring) else { throw HeapError.closed(path: path) }
    }

    // MARK: Durability

    /// Makes every commit so far survive a power cut. Does nothing if they all do already.
    ///
    /// An error is final for this opening of the heap, because it is unknown which writes reached
    /// the disk. Every later change throws ``HeapError/failed(path:reason:)``. Opening the heap
    /// again finds a commit no older than the last successful `sync`.
    public func sync() throws(HeapError) { try engine.makeDurable() }

    /// Moves the log into the heap file now instead of when it is due, and frees unused space at
    /// the end of the file.
    public func checkpoint() throws(HeapError) {
        try requireOpen()
        try engine.checkpoint()
    }

    /// Closes the heap. Waits for open transactions and makes everything durable.
    ///
    /// The last process to close the heap leaves a single file. Closing again does nothing. Handles
    /// and transactions of this object must not be used after this; other openings of the same heap
    /// in this process continue. A heap that is deallocated without `close` is closed as well, but
    /// errors are then lost.
    public func close() throws(HeapError) {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        // After a fork the heap belongs to the parent, and locks may be held by threads that this
        // process does not have.
        guard !engine.isForked else { return }
        monitor.stop()
        try OpenHeaps.shared.release(engine)
    }

    /// Returns the use of every page. For tests and tools.
    package func audit() throws(HeapError) -> AllocatorAudit { try engine.audit() }
}
