import HoldfastFormat
import HoldfastSystem
import Synchronization

/// Checkpoints: writes the log's lines to the data file while readers and writers of all processes
/// continue.
///
/// Needs neither the latch nor the write lock. Any thread.
final class Checkpointer: @unchecked Sendable {
    private let dataFile: DataFile
    private let participation: Participation
    private let log: JoinedLog
    let lock: CheckpointLock
    let policy: CheckpointPolicy
    private let events: EventReporter
    private let longSnapshots = Mutex(LongSnapshots())
    /// The published position from which on it is worthwhile to have snapshots kept again.
    private let nextKeeping = Atomic<UInt64>(0)

    init(dataFile: DataFile, participation: Participation, log: JoinedLog, policy: CheckpointPolicy)
    {
        self.dataFile = dataFile
        self.participation = participation
        self.log = log
        self.policy = policy
        events = EventReporter(dataFile.options)
        lock = CheckpointLock(dataFile: dataFile, participation: participation)
    }

    /// Writes the log below the oldest open snapshot to the data file and frees its space in the
    /// ring. Returns whether everything published at the beginning was written.
    ///
    /// Pages are assembled from the data file and from log records, neither of which changes
    /// meanwhile. Order (write-ahead rule), each step durable before the next begins:
    ///
    /// 1. the log's records;
    /// 2. the required position: recovery needs all of them;
    /// 3. the pages and their checksums;
    /// 4. the header with the new checkpoint position.
    ///
    /// Only then is the log's space reused. `atRest`: if the whole log was written, the header also
    /// says that the log is no longer needed. `mayRefuse`: only if it is inexpensive; see
    /// `CheckpointPolicy`.
    func moveLogIntoDataFile(waits: Bool, atRest: Bool = false, mayRefuse: Bool = false)
        throws(HeapError) -> Bool
    {
        guard dataFile.mode == .readWrite, let log = log.ifJoined else { return true }
        guard log.usedBytes > 0 else { return true }
        return try lock.holding(waits: waits) { () throws(HeapError) in
            try moveLocked(log, atRest: atRest, mayRefuse: mayRefuse)
        } ?? false
    }

    private func moveLocked(_ log: RedoLog, atRest: Bool, mayRefuse: Bool) throws(HeapError)
        -> Bool
    {
        guard let file = dataFile.file else { return false }
        let shared = log.shared
        let began = events.start
        try participation.lifecycle.requireNotFailed()
        var header = try completeEarlier(log, file)
        // This order matters: a reader that takes its lock after this check sees at least
        // everything published here.
        let published = shared.loadInOrder(.published)
        guard !(try dataFile.hasUnregisteredReaders(file)) else {
            if mayRefuse { policy.refuse() }
            return false
        }
        var target = lowestSnapshot(below: published)
        var publishedLines: LineIndex?
        if !mayRefuse, target < published, isKeepingDue(at: published, behind: target) {
            let all = try lines(of: log, header, upTo: published)
            try keepSnapshots(all, of: log)
            target = lowestSnapshot(below: published)
            if target == published {
                publishedLines = all
                nextKeeping.store(0, ordering: .relaxed)
            } else {
                shared.storeInOrder(published, .keptWanted)
            }
        }
        if mayRefuse {
            // The caller may have asked just before the last checkpoint ended.
            guard policy.isReached(by: Int(published - header.checkpointPosition)) else {
                return false
            }
            if target < published {
                policy.refuse()
                return false
            }
        }
        guard target > header.checkpointPosition else { return target == published }
        let lines =
            if let publishedLines { publishedLines } else {
                try lines(of: log, header, upTo: target)
            }
        if mayRefuse,
            lines.pageCount * HeapLayout.pageBytes > Int(target - header.checkpointPosition)
        {
            policy.refuse()
            return false
        }
        // Checked before `prepareCheckpoint` records that this checkpoint, too, has begun.
        let wasCutShort = shared[.required] > header.checkpointPosition
        if !wasCutShort { try requireSound(lines, header, file) }
        try log.prepareCheckpoint(upTo: target, lines: lines)
        do throws(SystemError) {
            let writer = CheckpointWriter(
                file: file, keepsBlocks: dataFile.options.reservesBlocks, isRepair: wasCutShort)
            var queue = ArchiveQueueWriter(of: dataFile, after: header)
            let written = try writer.write(lines, from: header)
            if queue != nil { lines.forEachRecordBytes { queue?.append($0) } }
            // Before a header declares these pages valid.
            try shared.requireNoFault(lines.ring!)
            try file.sync()
            header.checkpointPosition = target
            header.checkpointChain = lines.chain
            header.commitNumber = lines.commitNumber
            header.heapPages = lines.heapPages
            header.checkpointTime = CalendarClock.seconds
            header.pageMapParts = written.table.parts
            header.pageSum = written.sum
            if atRest, target == published { header.logInUse = false }
            queue?.seal(header, epoch: log.epoch, zeroed: written.zeroed)
            try dataFile.writeNextHeader(&header, file)
        } catch {
            throw participation.fail(error)
        }
        log.finishCheckpoint(at: target)
        events.end(began) { .checkpoint(pages: lines.pageCount, duration: $0) }
        return target == published
    }

    // MARK: Snapshots in the way

    /// The openings of the heap in this process.
    var keepersKey: PageKeepers.Key {
        PageKeepers.Key(
            identity: dataFile.identity, process: dataFile.options.process.identity)
    }

    /// Whether to have snapshots kept that are in the way of a checkpoint up to `published`. When
    /// that was of no avail, it is put off until there is more log, because it takes time in
    /// proportion to the log.
    private func isKeepingDue(at published: UInt64, behind lowest: UInt64) -> Bool {
        guard published >= nextKeeping.load(ordering: .relaxed) else { return false }
        let step = max((published - lowest) / 4, UInt64(dataFile.options.logLimit / 8))
        nextKeeping.store(published + step, ordering: .relaxed)
        return true
    }

    /// Has the snapshots of this process kept up to the end of `lines`.
    private func keepSnapshots(_ lines: LineIndex, of log: RedoLog) throws(HeapError) {
        let pages = try dataFile.translating { () throws(SystemError) in
            try PagesOfCheckpoint(lines, of: log)
        }
        PageKeepers.shared.keep(
            pages, for: keepersKey,
            isUrgent: log.usedBytes >= dataFile.options.logLimit,
            budget: dataFile.options.viewBudget)
    }

    /// Has the snapshots of this process kept if a checkpoint of another process has asked for it.
    /// Any thread; does nothing if another one is at it.
    func keepSnapshotsIfAsked() throws(HeapError) {
        guard dataFile.isWritable, let file = dataFile.file, let log = try log.joinForAll()
        else { return }
        let wanted = log.shared.loadInOrder(.keptWanted)
        guard wanted > log.checkpointPosition else { return }
        try lock.holding(waits: false) { () throws(HeapError) in
            let header = try dataFile.readHeader(file)
            guard header.logInUse, header.logEpoch == log.epoch,
                wanted > header.checkpointPosition
            else { return }
            try keepSnapshots(try lines(of: log, header, upTo: wanted), of: log)
        }
    }

    /// Whether a snapshot is older than `position`, even if it is kept. The pages that were in use
    /// then must not become holes.
    func hasSnapshot(before position: UInt64) -> Bool {
        guard let shared = participation.sharedMemory else { return false }
        return ReaderTable(shared: shared).oldest(below: position) < position
    }

    // MARK: Parts

    private func lines(of log: RedoLog, _ header: HeapHeader, upTo target: UInt64)
        throws(HeapError) -> LineIndex
    {
        let ring = try dataFile.translating { () throws(SystemError) in try log.shared.ring() }
        guard let lines = LineIndex(of: ring, from: header, to: target, epoch: log.epoch) else {
            throw participation.fail(
                HeapError.damagedLog(
                    path: dataFile.path, logPath: log.shared.file.path,
                    lastWholeCommit: header.commitNumber))
        }
        return lines
    }

    /// Completes the checkpoint of a process that died, and returns the current header.
    private func completeEarlier(_ log: RedoLog, _ file: any DiskFile) throws(HeapError)
        -> HeapHeader
    {
        var header = try dataFile.readHeader(file)
        if log.checkpointPosition < header.checkpointPosition {
            // That process died after writing the header. Once the header is durable, only the
            // shared positions must be updated.
            do throws(SystemError) { try dataFile.writeNextHeader(&header, file) } catch {
                throw participation.fail(error)
            }
            log.finishCheckpoint(at: header.checkpointPosition)
        }
        if header.isPunchingHoles {
            _ = try punchHoles(file, header)
            header = try dataFile.readHeader(file)
        }
        return header
    }

    /// See `HolePunching`. The caller holds the checkpoint lock, or has exclusive access.
    func punchHoles(_ file: any DiskFile, _ header: HeapHeader) throws(HeapError) -> Int {
        do throws(SystemError) {
            return try HolePunching(dataFile: dataFile).punch(file, header)
        } catch {
            throw participation.fail(error)
        }
    }

    /// Throws for damaged pages. Damage is permanent: it fails this opening, and every later one
    /// finds it again.
    private func requireSound(_ lines: LineIndex, _ header: HeapHeader, _ file: any DiskFile)
        throws(HeapError)
    {
        let damaged = try dataFile.translating { () throws(SystemError) in
            try lines.damagedPages(of: file, header)
        }
        guard damaged.isEmpty else {
            throw participation.fail(HeapError.damagedPages(path: dataFile.path, pages: damaged))
        }
    }

    /// The position up to which no open snapshot prevents a checkpoint. Snapshots that do so for
    /// long are reported.
    private func lowestSnapshot(below published: UInt64) -> UInt64 {
        let options = dataFile.options
        guard let shared = participation.sharedMemory else { return published }
        let table = ReaderTable(shared: shared)
        let lowest = table.lowest(below: published)
        if lowest < published, let report = options.reportsLongView {
            let long = table.all(for: options.process.identity).filter {
                $0.isOpen && $0.age > options.longView
            }
            for view in longSnapshots.withLock({ $0.new(among: long) }) { report(view) }
        }
        return lowest
    }
}
