import HoldfastSystem
import Synchronization

/// The images of one opening, and which of them the next reader and the next writer use.
///
/// A thread that uses the heap alone reads and writes in the first image, as if there were no
/// other. When a reader meets a writer, or the other way round, it goes on in another image, which
/// catches up from the log as another process would. So
/// - a reader never waits for a writer, nor a writer for a reader;
/// - readers of the same commit share an image, and a reader that stays long keeps neither later
///   readers on its old state nor the writer from its next transaction;
/// - there are at most `EngineOptions.readerImages` images with readers. A reader that finds all of
///   them on older states waits until one is free.
///
/// Two words name the image that the next reader and the next writer try first. Entering it is one
/// compare-and-exchange of its latch. All other decisions are made under the mutex, but never the
/// catching up itself. The words change under the mutex, and neither the first nor the writer's
/// image is closed before the opening ends: a loop that closes images reads the words anew after
/// each, because closing releases the mutex.
///
/// Without an entry in the reader table there is no pool: the image of a private copy, of a
/// snapshot or of a reader that has not registered is the only one, and its latch makes readers and
/// writers wait for each other.
///
/// `@unchecked Sendable`: the mutex guards the plain fields. `slots` has room for every image, and
/// a slot is filled before its number is given to any thread.
final class ImagePool: @unchecked Sendable {
    let first: EngineImage
    let lifecycle: Lifecycle
    let timeout: Duration
    let mostReading: Int
    let events: EventReporter
    /// One more than readers may use, and one for a reader that enters the first image to try while
    /// another thread chooses.
    private let limit: Int
    /// Set at the end of the opening, before there are other threads.
    private(set) var isPooled = false

    private let slots: UnsafeMutablePointer<Unmanaged<EngineImage>?>
    /// The image that the next reader, and the next writer, tries first.
    let reading = Atomic(0)
    let writing = Atomic(0)

    let mutex = ThreadMutex()
    let changed = MonotonicCondition()
    /// Threads that wait for a change, counted before they look a last time.
    private let waiting = Atomic(0)
    private(set) var count = 1
    /// Whether a thread opens an image or truncates the file: both take the opening lock, which
    /// does not tell the threads of a process apart.
    private(set) var isOpening = false
    private(set) var isClosing = false
    /// How often in a row a reader has found the writer's image unused.
    var calmReads = 0
    static let manyCalmReads = 64

    init(_ heap: OpenHeap) {
        first = EngineImage(heap)
        lifecycle = heap.lifecycle
        timeout = heap.dataFile.options.timeout
        mostReading = heap.dataFile.options.readerImages
        events = EventReporter(heap.dataFile.options)
        limit = mostReading + 2
        slots = .allocate(capacity: limit)
        slots.initialize(repeating: nil, count: limit)
        slots[0] = .passRetained(first)
    }

    deinit {
        for index in 0 ..< count { slots[index]?.release() }
        slots.deallocate()
        changed.destroy()
        mutex.destroy()
    }

    /// Allows further images, for an opening that other processes know. Call before the opening is
    /// used.
    func begin() {
        let heap = first.heap
        defer { heap.participation.mayBeSeated = isPooled }
        guard mostReading > 0, heap.dataFile.mode == .readWrite, heap.participation.isRegistered,
            !heap.participation.isFixed
        else { return }
        isPooled = true
        joinPool(first)
    }

    /// After a suspension: the images use the memory that is shared now. Requires exclusive access.
    func beginAgain() throws(HeapError) {
        guard isPooled else { return }
        guard first.heap.participation.isRegistered else {
            throw HeapError.readOnlyFolder(path: lifecycle.path)
        }
        for index in 0 ..< count { joinPool(image(at: index)) }
        shareMemory()
    }

    /// The image of the transaction that the calling thread has open, or the first one.
    var openImage: EngineImage {
        unmanagedOpenImage.takeUnretainedValue()
    }

    private var unmanagedOpenImage: Unmanaged<EngineImage> {
        first.view.openTransaction(HeapView.innermost).map { image(of: $0) } ?? self[0]
    }

    /// Throws unless all that the calling thread's open transaction has read was readable.
    func requireReadable() throws(HeapError) {
        try unmanagedOpenImage.use { (image) throws(HeapError) in try image.requireReadable() }
    }

    /// The numbers of the open images.
    var openImages: [Int] {
        mutex.withLock { (0 ..< count).filter { image(at: $0).state != .closed } }
    }

    /// The images, for a thread that may not wait; none if another thread chooses among them.
    var imagesIfFree: [EngineImage] {
        guard mutex.tryToLock() else { return [] }
        defer { mutex.unlock() }
        return (0 ..< count).map { image(at: $0) }
    }

    /// Leaves an image that was entered to keep pages for it.
    func leave(_ image: EngineImage) {
        image.readerLock.leave(nil)
        if isPooled { wakeWaiting() }
    }

    private func joinPool(_ image: EngineImage) {
        image.readerLock.shared = first.heap.participation.sharedMemory.map { .passUnretained($0) }
        image.heap.fileSize.withoutOtherImages = {
            [unowned self, unowned image] (body) throws(HeapError) in
            try withoutOthers(than: image, body)
        }
    }

    func image(at index: Int) -> EngineImage {
        slots[index].unsafelyUnwrapped.takeUnretainedValue()
    }

    /// For transactions, which must not count references: all threads would write the same count.
    @inline(__always)
    subscript(index: Int) -> Unmanaged<EngineImage> { slots[index].unsafelyUnwrapped }

    /// The image of an open transaction.
    @inline(__always)
    func image(of context: HeapView.Context) -> Unmanaged<EngineImage> {
        self[context.pointee.view._withUnsafeGuaranteedRef { $0.index }]
    }

    var timedOut: HeapError {
        HeapError.timedOut(path: lifecycle.path, waitingFor: "another thread's transaction")
    }

    // MARK: Opening and closing images

    /// A closed image, made if there is none; nil at the limit. Under the mutex.
    func closedImage() -> EngineImage? {
        for index in 0 ..< count where image(at: index).state == .closed { return image(at: index) }
        guard count < limit else { return nil }
        let image = EngineImage(index: count, of: first)
        slots[count] = .passRetained(image)
        joinPool(image)
        count += 1
        return image
    }

    /// Opens a closed image, which stays locked, and calls `body`. False if the system or the
    /// reader table has no room for it: the caller waits as if at the limit. Under the mutex, which
    /// is released meanwhile.
    func open(
        _ image: EngineImage, _ body: () throws(HeapError) -> Void
    ) throws(HeapError) -> Bool {
        guard let file = first.heap.dataFile.file,
            let shared = first.heap.participation.sharedMemory
        else { throw HeapError.closed(path: lifecycle.path) }
        isOpening = true
        defer { isOpening = false }
        image.state = .changing
        image.latch.reinstate()
        image.isUnused.store(false, ordering: .relaxed)
        shareMemory()
        do throws(HeapError) {
            try unlocked(image) { () throws(HeapError) in
                try image.heap.opener.openImage(file, shared)
                try body()
            }
            first.maintenance.thread?.tidy { [unowned self] in tidy() }
            return true
        } catch {
            _ = image.latch.tryToLockExclusively()
            close(image)
            shareMemory()
            switch error {
            case .tooManyProcesses, .outOfMemory, .tooLarge: return false
            default: throw error
            }
        }
    }

    /// Runs `body` without the mutex, while `image` is marked as changing.
    func unlocked(
        _ image: EngineImage, _ body: () throws(HeapError) -> Void
    ) throws(HeapError) {
        mutex.unlock()
        defer {
            mutex.lock()
            image.state = .open
            changed.broadcast()
        }
        try body()
    }

    private func shareMemory() {
        let open = openCount
        for index in 0 ..< count { image(at: index).heap.follower.shareMemory(among: open) }
    }

    /// Closes the images that nobody uses and that neither readers nor the writer try first.
    func closeIdleImages() {
        guard isPooled else { return }
        mutex.lock()
        defer { mutex.unlock() }
        closeIdle { $0 == reading.load(ordering: .relaxed) }
    }

    /// Closes the images that no reader has used since the last call; called once a second while
    /// there are several. Returns whether there still are.
    func tidy() -> Bool {
        mutex.lock()
        defer { mutex.unlock() }
        closeIdle { !image(at: $0).isUnused.exchange(true, ordering: .relaxed) }
        return openCount > 1
    }

    /// Closes the images that are not in use, except the writer's and those that are to be kept.
    /// The first image is not closed: its entry in the reader table stands for the opening, also as
    /// the holder of locks, and the end of the opening needs it. It becomes the writer's instead.
    /// Under the mutex, which is released meanwhile.
    private func closeIdle(keeping isKept: (_ index: Int) -> Bool) {
        for index in 0 ..< count {
            let image = image(at: index)
            // At the end of the opening, a thread may be about to wait for the image's latch.
            guard !isClosing, image.state == .open, index != writing.load(ordering: .relaxed),
                !isKept(index), image.tryToLockExclusively()
            else { continue }
            guard image !== first else {
                giveWriterFirst()
                continue
            }
            if reading.load(ordering: .relaxed) == index {
                reading.store(writing.load(ordering: .relaxed), ordering: .releasing)
            }
            close(image)
        }
        shareMemory()
    }

    private var openCount: Int { (0 ..< count).count { image(at: $0).state != .closed } }

    /// Closes a locked image. Under the mutex, which is released meanwhile: unmapping takes time in
    /// proportion to the private pages.
    private func close(_ image: EngineImage) {
        image.state = .closing
        image.latch.retire()
        mutex.unlock()
        image.heap.opener.closeImage()
        image.heap.log.forget()
        mutex.lock()
        image.state = .closed
        changed.broadcast()
    }

    /// Runs `body` while `image`, which the caller has locked, is the only open one; not at all if
    /// another is in use.
    private func withoutOthers(
        than image: EngineImage, _ body: () throws(HeapError) -> Void
    ) throws(HeapError) {
        mutex.lock()
        guard !isOpening else { return mutex.unlock() }
        reading.store(image.index, ordering: .releasing)
        closeIdle { $0 == image.index }
        let isOnly = (0 ..< count).allSatisfy {
            $0 == image.index || self.image(at: $0).state == .closed
        }
        // A thread may have begun to open one while another was closed.
        guard isOnly, !isOpening else { return mutex.unlock() }
        isOpening = true
        mutex.unlock()
        defer {
            mutex.lock()
            isOpening = false
            changed.broadcast()
            mutex.unlock()
        }
        try body()
    }

    /// Runs `body` with exclusive access to the first image, when no thread uses any other: for the
    /// end of the opening, and of a suspension. Waits for open transactions.
    func alone<R>(_ body: () throws(HeapError) -> R) throws(HeapError) -> R {
        let deadline = Deadline(in: timeout)
        mutex.lock()
        while isClosing {
            guard changed.wait(mutex, until: deadline) else {
                mutex.unlock()
                throw timedOut
            }
        }
        isClosing = true
        var locked: [EngineImage] = []
        defer {
            isClosing = false
            for image in locked where image.state == .open { image.latch.unlockExclusively() }
            changed.broadcast()
            mutex.unlock()
        }
        for index in 0 ..< count {
            let image = image(at: index)
            while image.state == .changing || image.state == .closing {
                guard changed.wait(mutex, until: deadline) else { throw timedOut }
            }
            guard image.state == .open else { continue }
            mutex.unlock()
            let isLocked = image.readerLock.lockExclusively(until: deadline)
            mutex.lock()
            guard isLocked else { throw timedOut }
            locked.append(image)
        }
        for image in locked where image !== first { close(image) }
        reading.store(0, ordering: .releasing)
        writing.store(0, ordering: .releasing)
        mutex.unlock()
        defer { mutex.lock() }
        return try body()
    }

    // MARK: Waiting

    /// Runs `body` under the mutex, as a thread that waits for changes until `deadline` in it.
    func whileWaiting<R>(_ body: (_ deadline: Deadline) throws(HeapError) -> R) throws(HeapError)
        -> R
    {
        let deadline = Deadline(in: timeout)
        mutex.lock()
        waiting.add(1, ordering: .sequentiallyConsistent)
        defer {
            waiting.subtract(1, ordering: .sequentiallyConsistent)
            mutex.unlock()
        }
        return try body(deadline)
    }

    /// Wakes the threads that wait for a change, after the calling thread has released an image.
    @inline(__always)
    func wakeWaiting() {
        // Sequentially consistent with the waiting thread, which counts itself before it looks.
        if waiting.load(ordering: .sequentiallyConsistent) > 0 { wakeAll() }
    }

    @inline(never)
    private func wakeAll() {
        // In a forked child, a thread that does not exist there may hold the mutex.
        guard !lifecycle.isForked else { return }
        mutex.withLock { changed.broadcast() }
    }
}
