import HoldfastSystem
import Synchronization

/// One image of an opening, with the parts that keep it current and write through it.
///
/// An opening has one image, and further ones while readers and a writer use it at the same time:
/// each follows the log as another process would. `ImagePool` hands them out.
final class EngineImage: @unchecked Sendable {
    /// What a further image is doing. Guarded by the pool's mutex.
    enum State {
        /// Has no mapping and no entry in the reader table. Its latch is held exclusively.
        case closed
        /// A thread opens it, or catches up for a reader.
        case changing
        case open
        /// A thread unmaps it.
        case closing
    }

    let heap: OpenHeap
    // Stored here although they are parts of `heap`: reaching them through another one costs a
    // counted reference for each transaction.
    private let lifecycle: Lifecycle
    private let participation: Participation
    private let follower: LogFollower
    private let isLogged: Bool
    let latch: ReaderWriterLatch
    let view: HeapView
    let readerLock: ReaderLock
    let writerLock: WriterLock
    let committer: Committer
    let maintenance: Maintenance
    var state = State.open
    /// Whether a reader brings the image up to date. Any thread; only for decisions that may be
    /// wrong.
    let isCatchingUp = Atomic(false)

    /// The first image of an opening.
    convenience init(_ heap: OpenHeap) {
        let options = heap.dataFile.options
        let runsThread = heap.dataFile.mode == .readWrite && options.checkpointsInBackground
        self.init(heap, runsThread ? CheckpointThread(heap.checkpointer) : nil)
    }

    /// A further image, closed.
    convenience init(index: Int, of first: EngineImage) {
        self.init(OpenHeap(image: index, of: first.heap), first.maintenance.thread)
        _ = latch.tryToLockExclusively()
        state = .closed
    }

    private init(_ heap: OpenHeap, _ thread: CheckpointThread?) {
        self.heap = heap
        lifecycle = heap.lifecycle
        participation = heap.participation
        follower = heap.follower
        isLogged = heap.dataFile.mode == .readWrite
        latch = heap.latch
        view = heap.view
        readerLock = ReaderLock(heap)
        writerLock = WriterLock(heap)
        committer = Committer(heap)
        maintenance = Maintenance(heap, committer: committer, thread: thread)
    }

    var index: Int { view.index }

    /// Whether no reader has used the image since the pool last asked; see `ImagePool.tidy`.
    let isUnused = Atomic(false)

    /// Enters the image as a reader if that needs no waiting; see `ReaderLock.tryToEnter`.
    @inline(__always)
    func tryToRead(_ seat: inout ReaderSeat?) -> ReaderWriterLatch.Admission? {
        use()
        return readerLock.tryToEnter(&seat)
    }

    /// Enters the image without its latch, if it is only read and is the newest state.
    @inline(__always)
    func tryToReadThroughBias() -> ReaderSeat? {
        use()
        return readerLock.tryToEnterThroughBias()
    }

    @inline(__always)
    private func use() {
        if isUnused.load(ordering: .relaxed) { isUnused.store(false, ordering: .relaxed) }
    }

    /// Exclusive access, if there are no readers.
    func tryToLockExclusively() -> Bool {
        readerLock.endBias()
        return latch.tryToLockExclusively()
    }

    @inline(__always)
    func requireReadable() throws(HeapError) { try participation.requireNoFault() }

    /// Makes the image ready for a write transaction, under the write lock: catches up, and runs a
    /// checkpoint if one is urgent.
    @inline(__always)
    func prepareForWriting() throws(HeapError) {
        try lifecycle.requireWritable()
        try participation.requireNoFault()
        if isLogged {
            try follower.catchUp()
            try maintenance.runDue()
        }
        view.image.makeUpForRefusal(path: view.path, file: heap.dataFile.file)
    }

    /// Ends the bias to readers; returns whether there still are any.
    func hasReaders() -> Bool {
        readerLock.endBias()
        return latch.hasReaders
    }

    /// Whether another thread makes the image current, or will. Requires the pool's mutex.
    var isChanging: Bool { state == .changing || isCatchingUp.load(ordering: .relaxed) }

    /// Spins briefly while a reader brings the image up to date, which mostly takes less time than
    /// going to sleep; false if that takes longer or does not happen.
    var catchesUpSoon: Bool {
        guard isCatchingUp.load(ordering: .relaxed) else { return false }
        for _ in 0 ..< 200 {
            AdaptiveSpin.pause()
            if !isCatchingUp.load(ordering: .relaxed) { return true }
        }
        return false
    }
}

extension Unmanaged<EngineImage> {
    /// Runs `body` with the image, which its pool keeps, without counting references.
    @inline(__always)
    func use<R>(_ body: (EngineImage) throws(HeapError) -> R) throws(HeapError) -> R {
        let result = _withUnsafeGuaranteedRef { image -> Result<R, HeapError> in
            do throws(HeapError) { return .success(try body(image)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
