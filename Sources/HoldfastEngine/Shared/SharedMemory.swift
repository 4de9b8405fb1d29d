import HoldfastFormat
import HoldfastSystem
import MemoryMapping
import Synchronization

/// The file `NAME-shared`, shared by all processes that have a heap open: locks, positions, the
/// reader table, and, once there has been a commit, the ring of the log.
///
/// It is created by the first process that registers (a transient reader does not need it) and
/// removed by the last that closes the heap. It is never synced: after a restart of the machine it
/// is invalid except for the records in its ring, which are self-validating. A process that dies
/// leaves it as it was; every word is changed by one store, in an order in which each intermediate
/// state is valid.
///
/// Safety: all addresses lie in the reservation, which lives as long as the object; words are
/// `Atomic`s that are never initialised or destroyed (the file system fills new files with zeros, a
/// valid `Atomic` of zero). `@unchecked Sendable`: designed for sharing.
final class SharedMemory: @unchecked Sendable {
    /// The words of the header, by offset. Words share a cache line only if they are changed
    /// together.
    enum Word: Int {
        /// Every record below this position is committed. Stored by the holder of the write lock.
        case published = 512
        /// The number of the newest commit. Stored just before `published`, in the same line, by
        /// the holder of the write lock: one too high for a moment, or until the next commit if the
        /// process died there. For display; nothing depends on it.
        case commits = 528
        /// Odd: a thread sleeps until `published` changes; see `ChangeSignal`.
        case sleepers = 520
        /// Every record below this position is in the durable log and synced. Guarded by the sync
        /// lock.
        case durable = 576
        /// The capacity of the durable log's ring, the sequence number of its newest header, and
        /// how far it has been filled. Guarded by the sync lock.
        case durableCapacity = 584
        case logHeaderSequence = 592
        case filled = 600
        /// The required position, which recovery must reach. Guarded by the sync lock.
        case required = 608
        /// Records below this position are durably in the data file, and their space in the ring
        /// may be reused. Guarded by the checkpoint lock.
        case checkpoint = 640
        /// Until when scrubs yield to a thread that waits for the checkpoint lock, by the monotonic
        /// clock; 0: no thread waits.
        case checkpointWanted = 648
        /// Seed of the log's records; 0 until a log is started. Stored last when it is.
        case epoch = 704
        /// The capacity of this file's ring. Changes only under the write lock, the checkpoint lock
        /// and the sync lock together.
        case capacity = 712
        /// Nonzero: a write or sync failed, and the state of the disk is unknown.
        case failed = 768
        /// The newest round of syncs, and the sleepers until a round is done; see `GroupCommit`.
        case syncRound = 832
        case evenRoundSleepers = 840
        case oddRoundSleepers = 848
        /// The total number of sync requests; then, under the sync lock: their number when the last
        /// round began, the number expected when the next may begin, and for how many nanoseconds
        /// that round waits for them.
        case arrivals = 896
        case gathered = 904
        case expected = 912
        case patience = 920
        /// Until when rounds yield to a thread that waits for the sync lock, by the monotonic
        /// clock; 0: no thread waits.
        case wanted = 928
        /// For `isCoherent`. Guarded by the opening lock.
        case probe = 936
        /// The position that the last checkpoint which snapshots of other processes were in the way
        /// of was to reach: they are to be kept up to there. Guarded by the checkpoint lock.
        case keptWanted = 944
    }

    static let headerBytes = LogLayout.ringOffset
    /// The file and the locks of its entries; nil after `clear` only.
    private var parts: (file: any DiskFile, entryLocks: EntryLocks)?
    var file: any DiskFile { parts!.file }
    var entryLocks: EntryLocks { parts!.entryLocks }
    let isWritable: Bool
    private let reservation: AddressReservation
    let base: UnsafeMutableRawPointer
    let writeLock: ProcessLock
    let syncLock: ProcessLock
    private let isLeft = Atomic(false)
    private let ringLock = Mutex<RingMapping?>(nil)

    /// Creates the file anew. The caller holds the opening lock and has exclusive access.
    static func create(
        disk: any Disk, heapPath: String, heapFile: any DiskFile, header: HeapHeader,
        process: any RunningProcess
    ) throws(SystemError) -> SharedMemory {
        let path = heapPath + LogLayout.sharedSuffix
        // A process that still has an older file mapped keeps its bytes: the file only loses its
        // name.
        try Neighbours(disk: disk, heapPath: heapPath, identity: header.identity).clear(.shared)
        let file = try disk.open(path, .createNew(isPrivate: true))
        do throws(SystemError) {
            if let rights = try heapFile.rights() { file.take(rights) }
            try file.grow(from: 0, to: headerBytes, reservingBlocks: true)
            let shared = try SharedMemory(file: file, isWritable: true)
            for word in [Word.published, .durable, .checkpoint] {
                shared[word] = header.checkpointPosition
            }
            shared[.commits] = header.commitNumber
            let header = SharedHeader(identity: header.identity, of: process)
            header.encoded().withUnsafeBytes {
                shared.base.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
            }
            return shared
        } catch {
            file.close()
            try? disk.remove(path)
            throw error
        }
    }

    /// Opens the file that others use. Throws `missing` if it does not exist, or belongs to another
    /// heap or another boot of the machine; throws `unknownBoot` if that cannot be compared, and
    /// `otherVersion` if those that use it have another version of this library.
    static func join(
        disk: any Disk, heapPath: String, identity: HeapIdentity, process: any RunningProcess,
        isWritable: Bool
    ) throws(SharingError) -> SharedMemory {
        let path = heapPath + LogLayout.sharedSuffix
        guard disk.exists(path) else { throw .missing }
        let file = try SharingError.passing { () throws(SystemError) in
            try disk.openBeside(path, isWritable ? .readWrite : .readOnly)
        }
        do throws(SharingError) {
            let opened = try SharingError.passing { () throws(SystemError) in
                try file.size() < headerBytes
                    ? nil
                    : try SharedMemory(file: file, isWritable: isWritable)
            }
            guard let shared = opened else { throw .missing }
            let raw = UnsafeRawBufferPointer(start: shared.base, count: SharedHeader.byteCount)
            let mine = SharedHeader(identity: identity, of: process)
            let found: SharedHeader
            switch SharedHeader.decode(raw) {
            case .header(let header), .unknown(let header): found = header
            case .none: throw .missing
            }
            guard found.identity == identity else { throw .missing }
            guard found.hasSameBoot(as: mine) else {
                throw found.hasUnknownBoot || mine.hasUnknownBoot ? .unknownBoot : .missing
            }
            guard found == mine else { throw .otherVersion(found) }
            return shared
        } catch {
            file.close()
            throw error
        }
    }

    private init(file: any DiskFile, isWritable: Bool) throws(SystemError) {
        parts = (file, EntryLocks(file))
        self.isWritable = isWritable
        reservation = try file.mappingErrors { () throws(MappingError) in
            try AddressReservation(
                preferredBytes: Self.headerBytes, minimumBytes: Self.headerBytes)
        }
        try file.map(
            into: reservation, at: 0, fileOffset: 0, byteCount: Self.headerBytes,
            kind: isWritable ? .shared : .readOnly)
        reservation.guardAgainstFaults()
        base = reservation.baseAddress
        writeLock = ProcessLock(at: base + LogLayout.lockOffset)
        syncLock = ProcessLock(at: base + LogLayout.lockOffset + 128)
    }

    // MARK: Words

    /// For one access, which follows at once.
    @inline(__always)
    private func atomic(
        _ offset: Int, _ effect: Interleaving.Effect
    ) -> UnsafeMutablePointer<Atomic<UInt64>> {
        Interleaving.step(effect, .init(.word, offset))
        return (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inline(__always)
    subscript(word: Word) -> UInt64 {
        get { atomic(word.rawValue, .reads).pointee.load(ordering: .acquiring) }
        set { atomic(word.rawValue, .changes).pointee.store(newValue, ordering: .releasing) }
    }

    /// Bytes of records that are not in the data file yet. Any thread.
    @inline(__always)
    var usedBytes: Int {
        // The order of the loads matters: a checkpoint never goes past the published position, so
        // the one loaded later is not the lower one.
        let checkpoint = self[.checkpoint]
        let published = self[.published]
        // Lower only if the page has been lost in between and reads as zeros.
        return published > checkpoint ? Int(published - checkpoint) : 0
    }

    /// A sequentially consistent load; `ReaderTable` explains what depends on it.
    @inline(__always)
    func loadInOrder(_ word: Word) -> UInt64 {
        atomic(word.rawValue, .reads).pointee.load(ordering: .sequentiallyConsistent)
    }

    @inline(__always)
    func storeInOrder(_ value: UInt64, _ word: Word) {
        atomic(word.rawValue, .changes).pointee.store(value, ordering: .sequentiallyConsistent)
    }

    @inline(__always)
    func loadInOrder(at offset: Int) -> UInt64 {
        atomic(offset, .reads).pointee.load(ordering: .sequentiallyConsistent)
    }

    @inline(__always)
    func storeInOrder(_ value: UInt64, at offset: Int) {
        atomic(offset, .changes).pointee.store(value, ordering: .sequentiallyConsistent)
    }

    @inline(__always)
    func storeRelaxed(_ value: UInt64, at offset: Int) {
        atomic(offset, .changes).pointee.store(value, ordering: .relaxed)
    }

    @inline(__always)
    func storeReleasing(_ value: UInt64, at offset: Int) {
        atomic(offset, .changes).pointee.store(value, ordering: .releasing)
    }

    /// Stores `value` if the word still is `expected`.
    func replaceInOrder(_ expected: UInt64, by value: UInt64, at offset: Int) {
        _ = atomic(offset, .changes).pointee.compareExchange(
            expected: expected, desired: value, ordering: .sequentiallyConsistent)
    }

    /// Adds to a counter.
    func addInOrder(_ number: UInt64, _ word: Word) {
        atomic(word.rawValue, .changes).pointee.add(number, ordering: .sequentiallyConsistent)
    }

    /// The futex word at `word`.
    func sleepers(_ word: Word) -> FutexWord {
        FutexWord(at: base + word.rawValue, canAnnounce: isWritable)
    }

    /// The signal that publishes positions and wakes waiters.
    var signal: ChangeSignal {
        ChangeSignal(at: base + Word.published.rawValue, canAnnounce: isWritable)
    }

    // MARK: Locks

    /// Prepares the locks for the opening that has the entry in the reader table.
    func lock(asOwnerOf entry: Int) {
        let member = ReaderTable(shared: self).member(entry)
        for lock in [writeLock, syncLock] {
            lock.become(member) { [unowned self] in ReaderTable(shared: self).isAlive($0) }
        }
    }

    /// Ends the use of the locks by the opening that has the entry, unless a thread of it keeps the
    /// sync lock for longer than `timeout`; returns whether that succeeded. Syncs do not stop
    /// because the heap is closed, and a lock whose holder has no entry counts as a dead one's.
    func leaveLocks(timeout: Duration) -> Bool {
        isLeft.store(true, ordering: .sequentiallyConsistent)
        let deadline = Deadline(in: timeout)
        while syncLock.isMine {
            if deadline.hasPassed { return false }
            SystemThread.sleep(microseconds: 200)
        }
        return true
    }

    /// Whether the opening has ended, and no thread may use the locks it takes.
    var hasLeftLocks: Bool { isLeft.load(ordering: .sequentiallyConsistent) }

    // MARK: The ring

    /// The current ring, remapped if its capacity has changed. The result stays valid as long as it
    /// is retained.
    func ring() throws(SystemError) -> RingMapping {
        var failure: SystemError?
        let ring = ringLock.withLock { current -> RingMapping? in
            let capacity = Int(self[.capacity])
            if let current, current.capacity == capacity { return current }
            do throws(SystemError) {
                current = try RingMapping(file: file, capacity: capacity, isWritable: isWritable)
            } catch { failure = error }
            return current
        }
        if let failure { throw failure }
        return ring!
    }

    /// Whether the page with the locks, the words and the reader table could not be accessed. Loads
    /// and stores there have since used zeros private to this process.
    @inline(__always)
    var areWordsLost: Bool { reservation.firstFault != nil }

    /// Whether any byte could not be accessed in any mapping of the file.
    var hasFault: Bool {
        reservation.firstFault != nil || ringLock.withLock { $0?.hasFault ?? false }
    }

    /// The same for a caller that has used only this mapping of the ring.
    @inline(__always)
    func hasFault(_ ring: RingMapping) -> Bool { reservation.firstFault != nil || ring.hasFault }

    /// Throws if any byte read through this mapping of the ring may have been a zero of a lost
    /// page.
    func requireNoFault(_ ring: RingMapping) throws(SystemError) {
        if hasFault(ring) { throw SystemError(.read, file.path, .ioError) }
    }

    /// Call after words have been read and before anything is concluded from them: the words of a
    /// lost page read as zeros.
    @inline(__always)
    func requireNoFault() throws(HeapError) {
        if areWordsLost { throw HeapError.unreadable(path: file.path, offset: 0) }
    }

    func close() { file.close() }

    /// Gives everything back but the addresses, when nobody refers to the memory any more except,
    /// perhaps, a thread that was about to look for a seat; see `FormerMemory`.
    func clear() {
        ringLock.withLock { $0 = nil }
        try? reservation.mapAnonymous(byteCount: Self.headerBytes, at: 0)
        parts = nil
    }
}
