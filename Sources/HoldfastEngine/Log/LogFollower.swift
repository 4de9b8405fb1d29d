import HoldfastFormat
import HoldfastSystem

/// Brings the view to the newest state: by the log, or from the data file again.
///
/// Belongs to the threads inside the latch.
final class LogFollower {
    private let dataFile: DataFile
    private let view: HeapView
    // Beside `view`, although it is a part of it: an object that is reached through another one is
    // retained around each call.
    private let image: HeapImage
    private let participation: Participation
    private let log: JoinedLog
    private let reader = LogReader()
    /// Private copies of more pages than this are given back as soon as it can be done without
    /// harm.
    let comfortablePages: Int

    init(dataFile: DataFile, view: HeapView, participation: Participation, log: JoinedLog) {
        self.dataFile = dataFile
        self.view = view
        image = view.image
        self.participation = participation
        self.log = log
        comfortablePages = dataFile.options.memoryLimit / 2 / HeapLayout.pageBytes
    }

    /// Whether the image is the newest state; for the first of this opening's readers also opens
    /// its snapshot. Under the latch's mutex.
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

    /// Brings the image to the newest state. The caller is alone behind the latch, and the snapshot
    /// is open, or it holds the write lock. The snapshot stays where it is: a reader that keeps it
    /// open moves it, and a writer has none.
    func catchUp() throws(HeapError) {
        guard participation.fast.shared != nil else { return }
        if isMemoryReliefDue { try startFromDataFile() }
        guard let target = participation.catchUpTarget, view.applied != target else { return }
        try catchUp(to: target)
    }

    private func catchUp(to target: UInt64) throws(HeapError) {
        guard let log = try log.join() else { throw damagedLog(participation.shared) }
        try follow(log, to: target)
        try participation.requireNoFault()
        acceptImage()
    }

    /// The image as it is now is the last commit.
    private func acceptImage() {
        view.committedPages = view.pagesInImage
        view.verifier?.accept(pages: view.committedPages)
    }

    /// Lays the records from `applied` to `target` over the image.
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
            } else if view.applied < log.checkpointPosition {
                // This opening slept through a recycling of the ring.
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
    /// little ahead where another one is under way. The log has everything that it is ahead by,
    /// below the position to which the caller catches up. The caller is alone behind the latch.
    func startFromDataFile() throws(HeapError) {
        guard let file = dataFile.file else { return }
        let header = try dataFile.readHeader(file)
        try image.dropPrivatePages(file, fileBytes: dataFile.byteCount)
        view.adoptCheckpoint(of: header)
        view.committedPages = header.heapPages
    }

    /// Gives all private copies back, and takes again what the log still holds.
    func dropToNewest() throws(HeapError) {
        try startFromDataFile()
        try catchUp()
        acceptImage()
    }

    // MARK: Memory

    /// Whether there are many private copies.
    @inline(__always)
    var areManyPrivate: Bool { image.privatePageBound > comfortablePages }

    /// Private copies are given back once there are many, provided that the log is short: what it
    /// holds is laid over the data file again.
    @inline(__always)
    private var isMemoryReliefDue: Bool { areManyPrivate && isMemoryReliefPossible }

    private var isMemoryReliefPossible: Bool {
        guard !participation.isFixed, let shared = participation.shared else { return false }
        // What the log holds would be private again at once, in the worst case a page for each
        // smallest record, 28 times its bytes.
        return view.applied >= shared[.checkpoint]
            && shared.usedBytes <= dataFile.options.memoryLimit / 128
    }
}
