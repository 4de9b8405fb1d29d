import HoldfastFormat
import HoldfastSystem
import MemoryMapping
import Synchronization

/// How one opening takes part in the sharing of its heap. Owns the opening's file locks, its entry
/// in the reader table, and the shared memory.
///
/// | kind         | locks of the heap file         | reader table | follows                |
/// |--------------|--------------------------------|--------------|------------------------|
/// | solo         | none                           | no           | nothing                |
/// | transient    | transientReader, transientRead | no           | the headers            |
/// | unregistered | unregisteredReader             | no           | the headers            |
/// | locked       | unregisteredReader, presence   | no           | the published position |
/// | registered   | presence                       | yes          | the published position |
///
/// Belongs to the threads inside the latch; `sharedMemory`, `visit` and `fail` are for any thread.
final class Participation: @unchecked Sendable {
    enum Kind {
        /// No file, not opened yet, or closed: follows nothing.
        case solo
        /// Runs one read transaction on a heap at rest without leaving files behind, and registers
        /// before the second; see `TransientRead`.
        case transientReader(TransientRead)
        /// Unknown to other processes; a lock prevents all checkpoints. `headers` are the sequence
        /// numbers of the header's copies, which change when a process starts to write.
        case unregisteredReader(headers: (UInt64, UInt64))
        /// Can map the shared memory for reading only, so it has no entry in the reader table. The
        /// same lock prevents all checkpoints.
        case lockedReader(SharedMemory)
        /// Has an entry in the reader table.
        case registered(SharedMemory, entry: Int)
    }

    /// The kind in the form that transactions use. Reading the enum itself would count references
    /// each time, which took a third of the time of a small transaction. Derived from `kind` in
    /// `become`, and nowhere else.
    struct FastPath {
        /// Unmanaged is safe: `visible` keeps the object as long as the participation lives.
        var shared: Unmanaged<SharedMemory>?
        var entry: Int?
        var isSeated = false
        var isTransient = false
        var isUnregistered = false
    }

    /// The part of `kind` that threads outside the latch may read. The shared memory stays mapped
    /// when the heap is closed, and is set before `visit` is cleared.
    private struct Visible {
        var shared: SharedMemory?
        var visit: TransientRead?
        /// The position that an opening without shared memory had when it was suspended.
        var last: UInt64?
    }

    /// The state of a transient reader's one read transaction.
    enum TransientState {
        case notYet, open, over
    }

    let dataFile: DataFile
    let view: HeapView
    let lifecycle: Lifecycle
    /// Whether the snapshot stays fixed to the moment of opening.
    let isFixed: Bool
    /// Whether the entry may have seats: readers take them if the opening has a pool of images, and
    /// an entry with seats protects nothing without.
    var mayBeSeated = true
    /// What the opening's images used before it was suspended.
    let former: FormerMemory

    private(set) var kind = Kind.solo
    private(set) var fast = FastPath()
    private let visible = Mutex(Visible())
    var transientState = TransientState.notYet
    /// Whether the entry stands for the opening as the holder of locks.
    private var holdsLocks = false

    /// `former`: that of the opening, for a further image.
    init(
        dataFile: DataFile, view: HeapView, lifecycle: Lifecycle,
        former: FormerMemory = FormerMemory()
    ) {
        self.former = former
        self.dataFile = dataFile
        self.view = view
        self.lifecycle = lifecycle
        isFixed = dataFile.mode == .privateCopy || dataFile.options.isSnapshot
    }

    // MARK: The kind

    /// The shared memory, if this opening has it. For threads inside the latch.
    var shared: SharedMemory? {
        switch kind {
        case .lockedReader(let shared), .registered(let shared, _): shared
        case .solo, .transientReader, .unregisteredReader: nil
        }
    }

    /// The shared memory, for any thread; it stays mapped when the heap is closed.
    var sharedMemory: SharedMemory? { visible.withLock { $0.shared } }

    /// The state of a transient reader, as long as this is one. Any thread.
    var visit: TransientRead? { visible.withLock { $0.visit } }

    /// The position that an opening without shared memory had when it was suspended or closed. Any
    /// thread.
    var lastPosition: UInt64? { visible.withLock { $0.last } }

    var isRegistered: Bool { fast.entry != nil }

    private func become(_ kind: Kind) {
        self.kind = kind
        fast = FastPath()
        var visit: TransientRead?
        var sequence: UInt64?
        var last: UInt64?
        switch kind {
        case .solo: last = view.position
        case .transientReader(let read):
            fast.isTransient = true
            visit = read
        case .unregisteredReader(let headers):
            fast.isUnregistered = true
            sequence = max(headers.0, headers.1)
        case .lockedReader(let shared):
            fast.shared = .passUnretained(shared)
        case .registered(let shared, let entry):
            fast.shared = .passUnretained(shared)
            fast.entry = entry
            fast.isSeated = ReaderTable(shared: shared).isSeated(entry)
        }
        view.observedSequence = sequence
        let shared = shared
        visible.withLock {
            if let shared {
                if let old = $0.shared, old !== shared { former.keep(old) }
                $0.shared = shared
            }
            $0.visit = visit
            $0.last = last
        }
    }

    func becomeTransientReader(_ read: TransientRead) { become(.transientReader(read)) }

    /// Becomes an unregistered reader, which prevents all checkpoints.
    func becomeUnregisteredReader(
        _ file: any DiskFile, givingUpPresence: Bool
    ) throws(HeapError) {
        try dataFile.translating { () throws(SystemError) in try lockOutCheckpoints(file) }
        if givingUpPresence { file.unlock(.presence) }
        readHeadersAgain()
    }

    /// Records that an unregistered reader has caught up with the current header.
    func readHeadersAgain() { become(.unregisteredReader(headers: view.headerSequences)) }

    /// Becomes a locked reader, which follows the commits of others in shared memory that it may
    /// not write.
    func becomeLockedReader(_ file: any DiskFile, _ shared: SharedMemory) throws(SharingError) {
        try askToShare(file)
        try SharingError.passing { () throws(SystemError) in try lockOutCheckpoints(file) }
        try takePresence(file)
        become(.lockedReader(shared))
    }

    /// Takes an entry in the reader table.
    func register(_ file: any DiskFile, _ shared: SharedMemory) throws(SharingError) {
        try askToShare(file)
        let entry = try takeEntry(of: isFixed ? .fixed : .following, shared)
        shared.lock(asOwnerOf: entry)
        holdsLocks = true
        if isFixed { ReaderTable.open(entry, at: shared[.checkpoint], commit: 0, in: shared) }
        become(.registered(shared, entry: entry))
        try takePresence(file)
    }

    /// Takes an entry for a further image of an opening that is registered, and so has the locks.
    /// Requires the opening lock.
    func registerImage(_ shared: SharedMemory) throws(SharingError) {
        become(.registered(shared, entry: try takeEntry(of: .furtherImage, shared)))
    }

    private func takeEntry(of kind: ReaderTable.Kind, _ shared: SharedMemory) throws(SharingError)
        -> Int
    {
        let entry = try SharingError.passing { () throws(SystemError) in
            try ReaderTable(shared: shared).take(
                for: dataFile.options.process.identity, kind,
                wantsSeats: mayBeSeated && dataFile.mode == .readWrite
                    && dataFile.options.readerImages > 0)
        }
        guard let entry else { throw .tooManyProcesses }
        return entry
    }

    /// Throws if another opening keeps this one out, and keeps others out if this one is
    /// exclusive; that one has seen that it is alone. Requires the opening lock.
    private func askToShare(_ file: any DiskFile) throws(SharingError) {
        let options = dataFile.options
        let mayShare = try SharingError.passing { () throws(SystemError) in
            if dataFile.isExclusive {
                return try file.tryLock(.exclusive, exclusive: true)
            }
            // A snapshot of the exclusive opening has its options.
            if options.isExclusive, options.isSnapshot { return true }
            return !(try file.isLockedByOthers(.exclusive))
        }
        guard mayShare else { throw .exclusive }
    }

    private func takePresence(_ file: any DiskFile) throws(SharingError) {
        try SharingError.passing { () throws(SystemError) in
            guard try file.tryLock(.presence, exclusive: false) else {
                throw SystemError(.lock, dataFile.path, .resourceTemporarilyUnavailable)
            }
        }
    }

    /// Prevents all checkpoints while the lock is held.
    func lockOutCheckpoints(_ file: any DiskFile) throws(SystemError) {
        guard try file.tryLock(.unregisteredReader, exclusive: false) else {
            throw SystemError(.lock, dataFile.path, .resourceTemporarilyUnavailable)
        }
    }

    /// Releases the entry in the reader table; returns whether that succeeded. The locks are
    /// released with the file.
    @discardableResult
    func leave() -> Bool {
        var hasLeft = true
        if case .registered(let shared, let entry) = kind {
            // Otherwise the entry stays until the process ends, or the last use of the memory.
            hasLeft = !holdsLocks || shared.leaveLocks(timeout: dataFile.options.timeout)
            if hasLeft { ReaderTable(shared: shared).giveUp(entry) }
        }
        become(.solo)
        return hasLeft
    }

    // MARK: Snapshots

    /// Counts the calling thread as a reader, if the entry is seated. Before it opens or shares the
    /// snapshot.
    @inline(__always)
    func takeSeat() -> ReaderSeat? {
        guard fast.isSeated, let shared = fast.shared, let entry = fast.entry else { return nil }
        let seat = shared._withUnsafeGuaranteedRef { ReaderSeats.seatOfThread(of: entry, in: $0) }
        seat.take()
        return seat
    }

    /// Protects this opening's snapshot, at the position that the view has already reached.
    /// `ReaderTable` explains why that suffices.
    @inline(__always)
    func openSnapshot() {
        guard let shared = fast.shared, let entry = fast.entry else { return }
        shared._withUnsafeGuaranteedRef {
            ReaderTable.open(entry, at: view.applied, commit: view.commitNumber, in: $0)
        }
    }

    @inline(__always)
    func closeSnapshot() {
        // A transaction that ends in a forked child is still open in the parent.
        guard let shared = fast.shared, let entry = fast.entry, !lifecycle.isForked else {
            return endTransientRead()
        }
        shared._withUnsafeGuaranteedRef { ReaderTable.close(entry, in: $0) }
    }

    /// Before the view's private pages are dropped: from then on it needs the file's.
    func forgetKeptSnapshot() {
        guard let shared, let entry = fast.entry else { return }
        ReaderTable(shared: shared).forgetKept(entry)
    }

    /// The position to catch up to; nil for an opening without shared memory.
    @inline(__always)
    var catchUpTarget: UInt64? {
        guard let shared = fast.shared else { return nil }
        return shared._withUnsafeGuaranteedRef { $0.loadInOrder(.published) }
    }

    /// For an opening without shared memory: whether it still sees the newest state, according to
    /// the header. For the first reader of a transient opening, also begins its one read
    /// transaction.
    func isCurrentByHeader(isFirst: Bool) -> Bool {
        switch kind {
        case .transientReader: beginTransientRead(isFirst: isFirst)
        case .unregisteredReader(let headers): view.headerSequences == headers
        case .solo, .lockedReader, .registered: true
        }
    }

    // MARK: Failures

    /// Records for every process that the state of the disk is unknown from now on, and returns the
    /// error to throw. Any thread.
    func fail(_ error: SystemError) -> HeapError {
        if error.isOfThisProcessAlone { return dataFile.heapError(error) }
        return fail(
            dataFile.heapError(error),
            reason: error.summary)
    }

    func fail(_ error: HeapError, reason: String? = nil) -> HeapError {
        // A timeout or a lack of memory says nothing about the disk.
        if error.isOfThisProcessAlone { return error }
        lifecycle.recordFailure(reason ?? "\(error)")
        if let shared = sharedMemory, shared.isWritable { shared[.failed] = 1 }
        return error
    }

    /// Throws if a page of the image or of the shared memory's words could not be read. Nothing
    /// read before may then be trusted, and other processes no longer see this opening's locks and
    /// snapshot.
    @inline(__always)
    func requireNoFault() throws(HeapError) {
        try view.requireNoFault()
        guard let shared = fast.shared, shared._withUnsafeGuaranteedRef({ $0.areWordsLost }) else {
            return
        }
        throw HeapError.unreadable(path: dataFile.location + LogLayout.sharedSuffix, offset: 0)
    }
}
