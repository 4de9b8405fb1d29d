import MemoryMapping
import Synchronization

/// The untyped heap: a private image of the base file, a redo log, one writer or many readers at a time.
///
/// Thread safety: `begin…` and `commit`/`abort`/`endRead` take and release the reader-writer lock; everything that is not said to be
/// otherwise belongs to the holder of the write lock. `makeDurable` needs neither.
public final class HeapEngine: @unchecked Sendable {
    public let path: String
    public let mode: OpenMode
    let options: EngineOptions
    let disk: any Disk

    let image: HeapImage
    let writeSet: WriteSet
    let lock = ReaderWriterLock()

    // Guarded by the write lock.
    var file: (any DiskFile)?
    var fileBytes = 0
    var header: HeapHeader
    /// Pages in use at the last commit.
    var committedPages: UInt64 = 0
    var verifier: NoteVerifier?
    var isClosed = false

    /// The log, once there has been a commit; a mutex of its own because `makeDurable` does not wait for writers.
    let log = Mutex<RedoLog?>(nil)
    /// The writer's own reference to it.
    var writerLog: RedoLog?
    /// Why nothing more may be written, once something on the way to the disk has failed.
    private let failure = Mutex<String?>(nil)
    /// Whether `failure` is set: one load on every transaction's path instead of a lock.
    let hasFailed = Atomic<Bool>(false)
    /// The write transactions' context: there is only one at a time.
    let writeContext: UnsafeMutablePointer<TransactionContext>

    /// Opens the heap at `path`; see `HeapEngine+Opening`. Every error leaves the file as it was.
    public init(path: String, mode: OpenMode, options: EngineOptions = EngineOptions(), disk: any Disk = SystemDisk.shared)
        throws(HeapError)
    {
        self.path = path
        self.mode = mode
        self.options = options
        self.disk = disk
        do {
            image = try HeapImage()
        } catch {
            throw HeapError.io(operation: "reserve addresses for", path: path, code: error.code)
        }
        writeSet = WriteSet(image: image)
        writeContext = TransactionContextPool.shared.take()
        header = HeapHeader(identity: .random(), hashSeed: .random())
        do throws(HeapError) {
            if mode == .inMemory { try openInMemory() } else { try openFile() }
        } catch {
            file?.close()
            throw error
        }
        if options.verifiesNotes {
            writeSet.keepsImagesOfFreshLines = true
            verifier = NoteVerifier(image: image, pages: committedPages)
        }
    }

    deinit {
        // A heap that is let go without `close` is closed here; whoever needs to know of errors calls `close`.
        try? close()
        TransactionContextPool.shared.giveBack(writeContext)
    }

    /// Pages of the heap as of the image's allocator root.
    var pagesInImage: UInt64 {
        (image.base + Int(AllocatorRoot.endField)).load(as: UInt64.self)
    }

    func requireUsable() throws(HeapError) {
        guard !isClosed else { throw HeapError.closed(path: path) }
    }

    func requireWritable() throws(HeapError) {
        try requireUsable()
        guard mode != .readOnly else { throw HeapError.readOnly(path: path) }
        if hasFailed.load(ordering: .acquiring) { throw failedError }
    }

    /// What every change is answered with after `fail`.
    var failedError: HeapError { HeapError.failed(path: path, reason: failure.withLock { $0 } ?? "unknown") }

    /// Records that the disk's state is unknown from now on, and returns the error to throw.
    func fail(_ error: DiskError) -> HeapError {
        let translated = HeapError(error)
        failure.withLock { if $0 == nil { $0 = "\(error.operation.rawValue) of \(error.path) failed with error \(error.code)" } }
        hasFailed.store(true, ordering: .releasing)
        return translated
    }

    // MARK: Facts

    public var identity: HeapIdentity { header.identity }
    public var hashSeed: HeapIdentity { header.hashSeed }
}
