import MemoryMapping
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The file `NAME-shared`, through which all processes that have a heap open meet: locks,
/// positions, the table of views, and, once there has been a commit, the ring of the log.
///
/// It is made by the first process that takes part (a reader of a heap at rest reads once without)
/// and removed by the last that closes it. It is never synced: after a restart of the machine it
/// means nothing but for the records in its ring, which prove themselves. A process that dies
/// leaves it as it was; every word here is changed by one store, in an order in which each state on
/// the way is a valid one.
///
/// Safety: all addresses lie in the reservation, which lives as long as the object; words are
/// `Atomic`s that are never initialised or destroyed (the file system fills new files with zeros, a
/// valid `Atomic` of zero). `@unchecked Sendable`: made to be shared.
final class SharedMemory: @unchecked Sendable {
    /// The words of the header, by their offsets, each in a line that only those share who change
    /// them together.
    enum Word: Int {
        /// Every record below this position is committed. Stored by the holder of the write lock.
        case published = 512
        /// The number of the newest commit. Stored just before `published`, in the same line, by
        /// the holder of the write lock: one too high for a moment, and until the next commit if it
        /// died there. For those who watch; nothing depends on it.
        case commits = 528
        /// Odd: someone sleeps until `published` changes; see `ChangeSignal`.
        case sleepers = 520
        /// Every record below this position is in the durable log and synced. Guarded by the sync
        /// lock.
        case durable = 576
        /// Bytes of the durable log's ring, the sequence of its newest header, and how far it has
        /// been filled; sync lock.
        case durableCapacity = 584
        case logHeaderSequence = 592
        case filled = 600
        /// The position that recovery must reach; sync lock.
        case required = 608
        /// Records below this position are in the base image, durably, and their place in the ring
        /// may be used again. Checkpoint lock.
        case checkpoint = 640
        /// Until when scrubs give way to someone who waits for the checkpoint lock, by the
        /// monotonic clock; 0: nobody.
        case checkpointWanted = 648
        /// Seed of the log's records; 0 as long as no log has been started. Stored last when it is.
        case epoch = 704
        /// Bytes of this file's ring. Changes under the write lock, the checkpoint lock and the
        /// sync lock.
        case capacity = 712
        /// Not zero: a write or sync failed, and what is on the disk is not known.
        case failed = 768
        /// The round of syncs that was begun last, and who sleeps until a round is done; see
        /// `GroupCommit`.
        case syncRound = 832
        case evenRoundSleepers = 840
        case oddRoundSleepers = 848
        /// How many have asked for a sync, ever; then, under the sync lock: how many had when the
        /// last round began, how many will have when the next may begin, and for how many
        /// nanoseconds that waits for them.
        case arrivals = 896
        case gathered = 904
        case expected = 912
        case patience = 920
        /// Until when rounds give way to someone who waits for the sync lock, by the monotonic
        /// clock; 0: nobody.
        case wanted = 928
    }

    static let headerBytes = LogLayout.ringOffset
    /// Stands for an error number: the processes that use the file cannot be told dead or alive
    /// from here.
    static let otherNamespace: Int32 = -4
    let file: any DiskFile
    let isWritable: Bool
    private let reservation: AddressReservation
    let base: UnsafeMutableRawPointer
    let writeLock: ProcessLock
    let syncLock: ProcessLock
    private let ringLock = Mutex<RingMapping?>(nil)

    /// Makes the file anew. The caller holds the opening lock and is alone.
    static func create(
        disk: any Disk, heapPath: String, heapFile: any DiskFile, header: HeapHeader,
        processes: any ProcessDirectory
    ) throws(DiskError) -> SharedMemory {
        let path = heapPath + LogLayout.sharedSuffix
        // Whoever still has an older one mapped keeps it whole: it loses its name, not its bytes.
        try Neighbours(disk: disk, heapPath: heapPath, identity: header.identity).clear(.shared)
        let file = try disk.open(path, .createNew(isPrivate: true))
        do throws(DiskError) {
            if let rights = try heapFile.rights() { file.take(rights) }
            try file.grow(from: 0, to: headerBytes, reservingBlocks: true)
            let shared = try SharedMemory(
                file: file, heapFile: heapFile, isWritable: true, isNew: true)
            for word in [Word.published, .durable, .checkpoint] {
                shared[word] = header.checkpointPosition
            }
            shared[.commits] = header.commitNumber
            let header = SharedHeader(identity: header.identity, in: processes)
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

    /// Opens the file that others use; nil if it is not there or not of this heap and this boot of
    /// the machine. Throws `otherNamespace` if those who use it are of other namespaces, or if it
    /// cannot be told of which boot they are.
    static func join(
        disk: any Disk, heapPath: String, heapFile: any DiskFile, identity: HeapIdentity,
        processes: any ProcessDirectory,
        isWritable: Bool
    ) throws(DiskError) -> SharedMemory? {
        let path = heapPath + LogLayout.sharedSuffix
        guard disk.exists(path) else { return nil }
        let file = try disk.openBeside(path, isWritable ? .readWrite : .readOnly)
        do throws(DiskError) {
            guard try file.size() >= headerBytes else {
                file.close()
                return nil
            }
            let shared = try SharedMemory(
                file: file, heapFile: heapFile, isWritable: isWritable, isNew: false)
            let raw = UnsafeRawBufferPointer(start: shared.base, count: SharedHeader.byteCount)
            let mine = SharedHeader(identity: identity, in: processes)
            guard let found = SharedHeader.decode(raw), found.identity == identity,
                found.boot == mine.boot || found.hasUnknownBoot || mine.hasUnknownBoot
            else {
                file.close()
                return nil
            }
            guard found == mine else { throw DiskError(.lock, path, code: otherNamespace) }
            return shared
        } catch {
            file.close()
            throw error
        }
    }

    private init(file: any DiskFile, heapFile: any DiskFile, isWritable: Bool, isNew: Bool)
        throws(DiskError)
    {
        self.file = file
        self.isWritable = isWritable
        do {
            reservation = try AddressReservation(
                preferredBytes: Self.headerBytes, minimumBytes: Self.headerBytes)
        } catch {
            throw DiskError(.map, file.path, code: error.code)
        }
        try file.map(
            into: reservation, at: 0, fileOffset: 0, byteCount: Self.headerBytes,
            kind: isWritable ? .shared : .readOnly)
        reservation.guardAgainstFaults()
        base = reservation.baseAddress
        writeLock = ProcessLock(
            at: base + LogLayout.lockOffset, file: heapFile, lock: .write, isNew: isNew)
        syncLock = ProcessLock(
            at: base + LogLayout.lockOffset + 128, file: heapFile, lock: .sync, isNew: isNew)
    }

    // MARK: Words

    @inline(__always)
    private func atomic(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inline(__always)
    subscript(word: Word) -> UInt64 {
        get { atomic(word.rawValue).pointee.load(ordering: .acquiring) }
        set { atomic(word.rawValue).pointee.store(newValue, ordering: .releasing) }
    }

    /// Bytes of records that the base image does not have yet. Any thread.
    @inline(__always)
    var usedBytes: Int {
        // In this order: a checkpoint never overtakes what is published, so what is loaded later is
        // not the lower one.
        let checkpoint = self[.checkpoint]
        let published = self[.published]
        // Lower only where the page has been lost in between, and reads as zeros.
        return published > checkpoint ? Int(published - checkpoint) : 0
    }

    /// A load or store that takes its place in the one order of all such operations; see
    /// `ReaderTable` for what hangs on it.
    @inline(__always)
    func loadInOrder(_ word: Word) -> UInt64 {
        atomic(word.rawValue).pointee.load(ordering: .sequentiallyConsistent)
    }

    @inline(__always)
    func storeInOrder(_ value: UInt64, _ word: Word) {
        atomic(word.rawValue).pointee.store(value, ordering: .sequentiallyConsistent)
    }

    @inline(__always)
    func loadInOrder(at offset: Int) -> UInt64 {
        atomic(offset).pointee.load(ordering: .sequentiallyConsistent)
    }

    @inline(__always)
    func storeInOrder(_ value: UInt64, at offset: Int) {
        atomic(offset).pointee.store(value, ordering: .sequentiallyConsistent)
    }

    @inline(__always)
    func storeRelaxed(_ value: UInt64, at offset: Int) {
        atomic(offset).pointee.store(value, ordering: .relaxed)
    }

    @inline(__always)
    func storeReleasing(_ value: UInt64, at offset: Int) {
        atomic(offset).pointee.store(value, ordering: .releasing)
    }

    /// Stores `value` if `expected` is still there.
    func replaceInOrder(_ expected: UInt64, by value: UInt64, at offset: Int) {
        _ = atomic(offset).pointee.compareExchange(
            expected: expected, desired: value, ordering: .sequentiallyConsistent)
    }

    /// Adds to a word that counts.
    func addInOrder(_ number: UInt64, _ word: Word) {
        atomic(word.rawValue).pointee.add(number, ordering: .sequentiallyConsistent)
    }

    /// Those who sleep on a word.
    func sleepers(_ word: Word) -> Sleepers {
        Sleepers(at: base + word.rawValue, canAnnounce: isWritable)
    }

    /// Publishes positions, and lets others sleep until the next.
    var signal: ChangeSignal {
        ChangeSignal(at: base + Word.published.rawValue, canAnnounce: isWritable)
    }

    // MARK: The ring

    /// The ring as it is now; mapped anew if it has got another size. The result stays valid as
    /// long as it is held.
    func ring() throws(DiskError) -> RingMapping {
        var failure: DiskError?
        let ring = ringLock.withLock { current -> RingMapping? in
            let capacity = Int(self[.capacity])
            if let current, current.capacity == capacity { return current }
            do throws(DiskError) {
                current = try RingMapping(file: file, capacity: capacity, isWritable: isWritable)
            } catch { failure = error }
            return current
        }
        if let failure { throw failure }
        return ring!
    }

    /// Whether the page with the locks, the words and the views could not be reached: what is read
    /// and stored there since is zeros of this process's own.
    @inline(__always)
    var areWordsLost: Bool { reservation.firstFault != nil }

    /// Whether any byte could not be reached in any mapping of the file.
    var hasFault: Bool {
        reservation.firstFault != nil || ringLock.withLock { $0?.hasFault ?? false }
    }

    /// The same for someone who has used only this mapping of the ring.
    @inline(__always)
    func hasFault(_ ring: RingMapping) -> Bool { reservation.firstFault != nil || ring.hasFault }

    /// Throws if anything that was read by way of this mapping of the ring may have been zeros.
    func requireNoFault(_ ring: RingMapping) throws(DiskError) {
        if hasFault(ring) { throw DiskError(.read, file.path, code: EIO) }
    }

    /// To be called after words have been read and before anything is concluded from them: those of
    /// a page that is gone read as zeros.
    @inline(__always)
    func requireNoFault() throws(HeapError) {
        if areWordsLost { throw HeapError.unreadable(path: file.path, offset: 0) }
    }

    func close() { file.close() }
}

/// What `NAME-shared` begins with: whose it is, since which start of the machine, and in which
/// namespaces the process numbers and start times in it mean something.
struct SharedHeader: Equatable {
    static let byteCount = 64
    private static let checksumOffset = 56
    private static let magic: UInt64 = 0x1a0a_0d48_5346_4889  // 89 "HFSH" 0D 0A 1A

    var identity: HeapIdentity
    var boot: HeapIdentity
    /// See `ProcessDirectory`.
    var namespaces: UInt64

    init(identity: HeapIdentity, boot: HeapIdentity, namespaces: UInt64) {
        self.identity = identity
        self.boot = boot
        self.namespaces = namespaces
    }

    init(identity: HeapIdentity, in processes: any ProcessDirectory) {
        self.init(identity: identity, boot: processes.boot, namespaces: processes.namespaces)
    }

    var hasUnknownBoot: Bool { boot == SystemProcesses.unknownBoot }

    func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        bytes.withUnsafeMutableBytes { raw in
            raw.storeBytes(of: Self.magic, toByteOffset: 0, as: UInt64.self)
            raw.storeBytes(of: LogLayout.version, toByteOffset: 8, as: UInt32.self)
            raw.storeBytes(of: identity.high, toByteOffset: 16, as: UInt64.self)
            raw.storeBytes(of: identity.low, toByteOffset: 24, as: UInt64.self)
            raw.storeBytes(of: boot.high, toByteOffset: 32, as: UInt64.self)
            raw.storeBytes(of: boot.low, toByteOffset: 40, as: UInt64.self)
            raw.storeBytes(of: namespaces, toByteOffset: 48, as: UInt64.self)
            let checksum = Checksum.of(
                UnsafeRawBufferPointer(rebasing: raw[..<Self.checksumOffset]),
                seed: Checksum.headerSeed)
            raw.storeBytes(of: checksum, toByteOffset: Self.checksumOffset, as: UInt64.self)
        }
        return bytes
    }

    /// Whether a header names the heap, also one that is damaged elsewhere: for those who only ask
    /// whose the file is.
    static func names(_ identity: HeapIdentity, _ raw: UnsafeRawBufferPointer) -> Bool {
        func word(_ offset: Int) -> UInt64 {
            raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
        return raw.count >= byteCount && word(0) == magic
            && HeapIdentity(high: word(16), low: word(24)) == identity
    }

    static func decode(_ raw: UnsafeRawBufferPointer) -> SharedHeader? {
        func word(_ offset: Int) -> UInt64 {
            raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
        guard raw.count >= byteCount, word(0) == magic,
            raw.loadUnaligned(fromByteOffset: 8, as: UInt32.self) == LogLayout.version,
            word(checksumOffset)
                == Checksum.of(
                    UnsafeRawBufferPointer(rebasing: raw[..<checksumOffset]),
                    seed: Checksum.headerSeed)
        else { return nil }
        return SharedHeader(
            identity: HeapIdentity(high: word(16), low: word(24)),
            boot: HeapIdentity(high: word(32), low: word(40)),
            namespaces: word(48))
    }
}
