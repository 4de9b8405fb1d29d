import HoldfastFormat
import HoldfastSystem
import Synchronization

/// This opening's view of the heap: its private image, the log position of the image, and the
/// changes of the open write transaction.
///
/// Belongs to the threads inside the latch, except `spareContexts`, which any reader may take.
@usableFromInline
final class HeapView: @unchecked Sendable {
    /// The path as given by the user, for error messages.
    let path: String
    /// The only names that roots may be created with; nil for any.
    let declaredRoots: Set<String>?
    /// Common to the views of one opening. Only compared, never dereferenced.
    let opening: UnsafeRawPointer
    /// The number of this view among those of its opening.
    let index: Int
    let image: HeapImage
    let dirty: DirtyTracker
    /// Random, chosen when the heap was created. All zeros until the file has been read.
    var hashSeed: HeapIdentity

    /// The log position of the image.
    var applied: UInt64 = 0
    /// The checksum of the last record below `applied`.
    var previousChecksum: UInt64 = 0
    /// The number of the commit at `applied`.
    var commitNumber: UInt64 = 0
    /// Pages in use at the last commit.
    var committedPages: UInt64 = 0
    /// For an opening that cannot see positions move: the newest sequence number of the header,
    /// used in place of a position.
    var observedSequence: UInt64?
    /// Set by a recovery that may not rewrite the file, after an interrupted checkpoint: the first
    /// page from which, and the pages in which, that checkpoint may have left zeros or checksums.
    var tornPages: (end: Int, pages: Set<Range<Int>>)?
    var verifier: DirtyTrackingVerifier?

    /// The limit that the open write transaction has met.
    var shortage: Shortage? {
        didSet {
            let isLost = shortage != nil
            writeContext.pointee.isLost = isLost
            savepoints.forEach { $0.pointee.isLost = isLost }
            if oldValue == nil, shortage != nil { image.enterTail() }
        }
    }
    /// Set for a heap that is being built: extends the file together with the image.
    var growBuild: ((_ bytes: Int) throws(HeapError) -> Void)?
    /// Why the build cannot be finished, after a failure.
    var buildFailure: HeapError?

    /// The context of write transactions; only one is open at a time.
    let writeContext: UnsafeMutablePointer<TransactionContext>
    /// The contexts of the open write transaction's savepoints.
    var savepoints = SavepointContexts()
    let spareContexts = SpareContexts()

    /// `lifecycle` and `index`: of the opening, and the number of this view in it.
    init(
        path: String, mode: OpenMode, declaredRoots: Set<String>?, lifecycle: Lifecycle,
        index: Int = 0
    ) {
        self.path = path
        self.declaredRoots = declaredRoots
        opening = UnsafeRawPointer(Unmanaged.passUnretained(lifecycle).toOpaque())
        self.index = index
        image = HeapImage(isReadOnly: mode == .readOnly)
        dirty = DirtyTracker(image: image)
        writeContext = TransactionContextPool.shared.take()
        // Otherwise the seed is read from the file before it is used.
        hashSeed = mode == .bulkBuild ? .random() : HeapIdentity(high: 0, low: 0)
    }

    deinit {
        savepoints.giveBackAll()
        TransactionContextPool.shared.giveBack(writeContext)
    }

    // MARK: Position

    /// The position of the snapshot, to compare with the newest.
    var position: UInt64 { observedSequence ?? applied }

    /// Adopts the position of the data file, or of the result of a recovery.
    func adoptCheckpoint(of header: HeapHeader) {
        applied = header.checkpointPosition
        previousChecksum = header.checkpointChain
        commitNumber = header.commitNumber
    }

    /// Unmaps the image. The next opening starts afresh.
    func forgetImage() {
        image.release()
        verifier = nil
        applied = 0
        previousChecksum = 0
        commitNumber = 0
        committedPages = 0
    }

    // MARK: Contents

    /// The heap's pages according to the allocator root in the image.
    var pagesInImage: UInt64 {
        (image.base + Int(AllocatorRoot.endField)).load(as: UInt64.self)
    }

    /// Whether the heap follows an archive.
    var isFollowing: Bool { FollowedState.isThere(in: image.base) }

    /// The allocator's root page.
    var rootBytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: image.base + Int(AllocatorRoot.offset), count: HeapLayout.pageBytes)
    }

    /// The number of readable pages, whatever the root page says.
    var readablePages: UInt64 {
        min(pagesInImage, UInt64(image.byteCount / HeapLayout.pageBytes))
    }

    /// The whole image.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: image.base, count: image.byteCount)
    }

    /// From now on, compares the image with the dirty lines at every commit.
    func verifyDirtyTracking(_ findFreePages: @escaping DirtyTrackingVerifier.FreePageFinder) {
        dirty.keepsImagesOfFreshLines = true
        verifier = DirtyTrackingVerifier(
            image: image, pages: committedPages, findFreePages: findFreePages)
    }

    /// Throws if a page could not be read. Its bytes were zeros, so nothing may be concluded from
    /// them.
    @inline(__always)
    func requireNoFault() throws(HeapError) {
        if let offset = image.fault {
            throw HeapError.unreadable(path: path, offset: UInt64(offset))
        }
    }

    /// Throws the reason why the build of this heap cannot be finished, if there is one.
    func requireBuildable() throws(HeapError) {
        if let buildFailure { throw buildFailure }
        try requireNoFault()
    }

    /// `pages`: the heap's pages according to the header or the log's last record, if known.
    func requireAllocatorRoot(pages: UInt64? = nil) throws(HeapError) {
        guard image.byteCount >= Int(HeapLayout.initialPages) * HeapLayout.pageBytes else {
            throw HeapError.damaged(path: path, what: "it is too short for a heap")
        }
        let magic = (image.base + Int(AllocatorRoot.offset)).load(as: UInt64.self)
        guard magic == AllocatorRoot.magic, pagesInImage >= HeapLayout.initialPages,
            pagesInImage <= UInt64(image.byteCount / HeapLayout.pageBytes)
        else { throw HeapError.damaged(path: path, what: "the allocator's root page is invalid") }
        if let pages, pages != pagesInImage {
            throw .contradictingRoot(path: path, root: pagesInImage, known: pages)
        }
    }

    /// Sequence numbers of the two header copies in the mapping at `headers`; they change whenever
    /// a process writes a header.
    static func headerSequences(at headers: UnsafeRawPointer) -> (UInt64, UInt64) {
        func sequence(_ copy: Int) -> UInt64 {
            Interleaving.step(.reads, .init(.page, copy))
            return (headers + copy * HeapLayout.pageBytes + HeapHeader.sequenceOffset)
                .load(as: UInt64.self)
        }
        return (sequence(0), sequence(1))
    }

    var headerSequences: (UInt64, UInt64) { Self.headerSequences(at: image.base) }
}
