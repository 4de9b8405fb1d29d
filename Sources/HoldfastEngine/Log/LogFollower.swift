import HoldfastFormat
import HoldfastSystem
import Synchronization

/// Catches up: brings the image to the newest state, from the log or anew from the data file.
///
/// Belongs to the threads inside the latch.
final class LogFollower {
    private let dataFile: DataFile
    private let view: HeapView
    // Stored here although it is part of `view`: an object reached through another one is retained
    // around each call.
    private let image: HeapImage
    private let participation: Participation
    private let log: JoinedLog
    private let events: EventReporter
    private let reader = LogReader()
    /// Beyond this number, private pages are dropped as soon as that does no harm. Half of the
    /// memory limit, shared by the images of the opening.
    let comfortablePages: Atomic<Int>

    init(dataFile: DataFile, view: HeapView, participation: Participation, log: JoinedLog) {
        self.dataFile = dataFile
        self.view = view
        image = view.image
        self.participation = participation
        self.log = log
        events = EventReporter(dataFile.options)
        comfortablePages = Atomic(dataFile.options.memoryLimit / 2 / HeapLayout.pageBytes)
    }

    /// Divides the memory limit between `images` images. Any thread.
    func shareMemory(among images: Int) {
        comfortablePages.store(
            dataFile.options.memoryLimit / 2 / HeapLayout.pageBytes / images, ordering: .relaxed)
    }

    /// Whether the image is the newest state; for the first of this opening's readers also opens
    /// its snapshot. Requires the latch's mutex.
    @inline(__always)
    func isCurrent(isFirst: Bool) -> Bool {
        if participation.isFixed { return true }
        guard participation.fast.shared != nil else {
            return participation.isCurrentByHeader(isFirst: isFirst)
        }
        if isFirst { participation.openSnapshot() }
        return participation.catchUpTarget == view.applied
            && !(isFirst && participation.isRegistered && isMemoryReliefDue)
    }

    /// Brings the image to the newest state. The caller holds the latch exclusively, and either has
    /// its snapshot open or holds the write lock. Does not move the snapshot: a reader that keeps
    /// it open moves it itself, and a writer has none.
    func catchUp() throws(HeapError) {
        guard participation.fast.shared != nil else { return }
        if isMemoryReliefDue { try startFromDataFile() }
        guard let target = participation.catchUpTarget, view.applied != target else { return }
        try catchUp(to: target)
    }

    private func catchUp(to target: UInt64) throws(HeapError) {
        guard let log = try log.join() else { throw damagedLog(participation.shared) }
        let began = events.start
        let before = view.applied
        try follow(log, to: target)
        try participation.requireNoFault()
        acceptImage()
        events.end(began) { .catchUp(bytes: Int(clamping: view.applied &- before), duration: $0) }
    }

    /// Accepts the current image as the last commit.
    private func acceptImage() {
        view.committedPages = view.pagesInImage
        view.verifier?.accept(pages: view.committedPages)
    }

    /// Applies the records from `applied` to `target` to the image.
    private func follow(_ log: RedoLog, to target: UInt64) throws(HeapError) {
        var ring = try dataFile.translating { () throws(SystemError) in try log.shared.ring() }
        try image.preparePrivateCopies(path: dataFile.path)
        while view.applied < target {
            if let (record, bytes) = reader.record(
                at: view.applied, in: ring, epoch: log.epoch, chain: view.previousChecksum)
            {
                try image.extend(
                    to: Int(record.heapPages) * HeapLayout.pageBytes, path: dataFile.path,
                    file: dataFile.file, mayMove: true)
                guard
                    LogRecord.forEachRun(
                        in: bytes, record: record, { image.apply(firstLine: $0, lines: $1) })
                else { throw damagedLog(log.shared) }
                view.applied += record.span
                view.previousChecksum = record.checksum
                view.commitNumber = record.commitNumber
                continue
            }
            // The words that tell why there is no record are loaded after its bytes.
            atomicMemoryFence(ordering: .acquiring)
            if view.applied < log.checkpointPosition {
                // The ring was recycled while this opening was idle.
                try startFromDataFile()
            } else if ring.capacity != log.capacity {
                ring = try dataFile.translating { () throws(SystemError) in try log.shared.ring() }
            } else if log.shared.hasFault {
                throw HeapError.unreadable(path: log.shared.file.path, offset: 0)
            } else {
                throw damagedLog(log.shared)
            }
        }
    }

    @inline(never)
    private func damagedLog(_ shared: SharedMemory?) -> HeapError {
        HeapError.damagedLog(
            path: dataFile.path,
            logPath: shared?.file.path ?? dataFile.location + LogLayout.sharedSuffix,
            lastWholeCommit: view.commitNumber)
    }

    /// Drops every private page: the image is the data file again, as of its last checkpoint, or a
    /// little ahead if another one is running. The log has everything that it is ahead by, below
    /// the position that the caller catches up to. The caller holds the latch exclusively.
    func startFromDataFile() throws(HeapError) {
        guard let file = dataFile.file else { return }
        let header = try dataFile.readHeader(file)
        participation.forgetKeptSnapshot()
        try image.dropPrivatePages(file, fileBytes: dataFile.byteCount)
        view.adoptCheckpoint(of: header)
        view.committedPages = header.heapPages
        // Free lines may differ: what an earlier transaction left there was not logged.
        view.verifier?.accept(pages: header.heapPages)
    }

    /// Drops all private pages, and applies the rest of the log again.
    func dropToNewest() throws(HeapError) {
        try startFromDataFile()
        try catchUp()
        acceptImage()
    }

    /// Moves a fixed snapshot, which nobody reads, to the newest state. The caller holds the latch
    /// exclusively.
    ///
    /// As with any reader, the entry in the reader table comes before the published position: what
    /// was published before is applied under the snapshot.
    func moveSnapshot() throws(HeapError) {
        participation.openSnapshot()
        if areManyPrivate, isLogShort { try startFromDataFile() }
        try catchUp()
        participation.openSnapshot()
    }

    // MARK: Memory

    /// Whether there are many private pages.
    @inline(__always)
    var areManyPrivate: Bool {
        image.privatePageBound > comfortablePages.load(ordering: .relaxed)
    }

    /// Whether to drop private pages: there are many, and the log, which would be applied again, is
    /// short.
    @inline(__always)
    private var isMemoryReliefDue: Bool { areManyPrivate && isMemoryReliefPossible }

    private var isMemoryReliefPossible: Bool { !participation.isFixed && isLogShort }

    private var isLogShort: Bool {
        guard let shared = participation.shared else { return false }
        // Lines in the log would make their pages private again at once: in the worst case a page
        // for each of the smallest records, 28 times the record's bytes.
        return view.applied >= shared[.checkpoint]
            && shared.usedBytes <= dataFile.options.memoryLimit / 128
    }
}
