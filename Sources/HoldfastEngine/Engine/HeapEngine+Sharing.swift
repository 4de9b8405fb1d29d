import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// Following what other processes commit: catching up, and starting over from the base image.
extension HeapEngine {
    // MARK: The view

    /// Protects this opening's view; the position is the one that it has reached already. See
    /// `ViewTable` for why that is enough.
    @inline(__always)
    func openView() {
        guard let meeting, let viewEntry else { return }
        meeting._withUnsafeGuaranteedRef {
            ViewTable.open(viewEntry, at: applied, commit: commitNumber, in: $0)
        }
    }

    @inline(__always)
    func closeView() {
        // The end of a transaction in a forked child is not that of the parent's.
        guard let meeting, let viewEntry, !isForked else { return endVisitorsRead() }
        meeting._withUnsafeGuaranteedRef { ViewTable.close(viewEntry, in: $0) }
    }

    /// Whether the image is the newest state; for the first of this opening's readers also opens
    /// its view. Under the gate's mutex.
    @inline(__always)
    func isFresh(isFirst: Bool) -> Bool {
        if isFixed { return true }
        guard let meeting else {
            return isVisitor ? isVisitorFresh(isFirst: isFirst) : isGuestFresh
        }
        if isFirst { openView() }
        return meeting._withUnsafeGuaranteedRef { $0.loadInOrder(.published) } == applied
            && !(isFirst && viewEntry != nil && isMemoryReliefDue)
    }

    /// Whether nobody has written since an opening without a shared file has looked.
    private var isGuestFresh: Bool {
        if case .guest(let headers) = attachment { headerSequences == headers } else { true }
    }

    /// Brings the image to the newest state. The caller is alone behind the gate, and the view is
    /// open, or it holds the write lock. The view stays where it is: who keeps it open moves it,
    /// and a writer has none.
    func catchUp() throws(HeapError) {
        if isVisitor { return try register() }
        if isGuest { return try attachAgain() }
        guard let meeting else { return }
        if isMemoryReliefDue { try startFromBase() }
        let target = meeting._withUnsafeGuaranteedRef { $0.loadInOrder(.published) }
        guard applied != target else { return }
        try catchUp(to: target)
    }

    private func catchUp(to target: UInt64) throws(HeapError) {
        guard let shared else { return }
        guard let log = try joinedLog() else {
            throw HeapError.damagedLog(
                path: path, logPath: shared.file.path, lastWholeCommit: commitNumber)
        }
        try followLog(log, to: target)
        try requireNoFault()
        committedPages = pagesInImage
        verifier?.accept(pages: committedPages)
    }

    /// Lays the records from `applied` to `target` over the image.
    private func followLog(_ log: RedoLog, to target: UInt64) throws(HeapError) {
        var ring = try translating { () throws(SystemError) in try log.shared.ring() }
        try image.preparePrivateCopies(path: path)
        while applied < target {
            if let (record, bytes) = reader.record(
                at: applied, in: ring, epoch: log.epoch, chain: chain)
            {
                try image.extend(
                    to: Int(record.heapPages) * HeapLayout.pageBytes, path: path, file: file,
                    mayMove: true)
                guard
                    LogRecord.forEachRun(
                        in: bytes, record: record, { image.apply(firstLine: $0, lines: $1) })
                else {
                    throw HeapError.damagedLog(
                        path: path, logPath: log.shared.file.path, lastWholeCommit: commitNumber)
                }
                applied += record.span
                chain = record.checksum
                commitNumber = record.commitNumber
            } else if applied < log.checkpointPosition {
                // This opening slept through a recycling of the ring.
                try startFromBase()
            } else if ring.capacity != log.capacity {
                ring = try translating { () throws(SystemError) in try log.shared.ring() }
            } else if log.shared.hasFault {
                throw HeapError.unreadable(path: log.shared.file.path, offset: 0)
            } else {
                throw HeapError.damagedLog(
                    path: path, logPath: log.shared.file.path, lastWholeCommit: commitNumber)
            }
        }
    }

    /// Drops every private page: the image is the base again, as of its last checkpoint, or a
    /// little ahead where another one is under way; what it is ahead by stands in the log below the
    /// position to which the caller catches up. The caller is alone behind the gate.
    func startFromBase() throws(HeapError) {
        guard let file else { return }
        let header = try readHeader(file)
        try image.dropPrivatePages(file, fileBytes: fileBytes)
        take(header)
        committedPages = header.heapPages
    }

    /// Private copies are given back once there are many, provided that the log is short: what it
    /// holds is laid over the base again.
    @inline(__always)
    var isMemoryReliefDue: Bool {
        image.privatePageBound > comfortablePages && isMemoryReliefPossible
    }

    private var isMemoryReliefPossible: Bool {
        guard mode != .privateCopy, !isFixed, let shared else { return false }
        // What the log holds would be private again at once, in the worst case a page for each
        // smallest record, 28 times its bytes.
        return applied >= shared[.checkpoint] && shared.usedBytes <= options.memoryLimit / 128
    }

    // MARK: The log

    /// The log that someone has started; nil if nobody has.
    func joinedLog() throws(HeapError) -> RedoLog? {
        if let writerLog { return writerLog }
        guard let shared, shared[.epoch] != 0 else { return nil }
        let log = try translating { () throws(SystemError) in
            try RedoLog(
                joining: shared, disk: disk, heapPath: location, identity: identity,
                isWritable: mode == .readWrite,
                timeout: options.timeout)
        }
        writerLog = log
        self.log.withLock { $0 = log }
        return log
    }

    /// A guest has noticed that the heap is in use now, or has been: it takes part, or reads what
    /// there is now.
    private func attachAgain() throws(HeapError) {
        guard let file else { return }
        try withOpeningLock(file) { () throws(HeapError) in
            var header = try readHeader(file)
            let isAlone: Bool
            do throws(SystemError) {
                isAlone =
                    isFileWritable
                    ? try file.tryLock(.presence, exclusive: true)
                    : !(try file.isLockedByOthers(.presence))
            } catch { throw heapError(error) }
            guard isAlone else {
                try join(file, header)
                if case .member = attachment { file.unlock(.unregisteredReader) }
                return
            }
            try image.dropPrivatePages(file, fileBytes: fileBytes)
            if header.logInUse { header = try recover(file, header) }
            take(header)
            committedPages = pagesInImage
            file.unlock(.presence)
            attachment = .guest(headers: headerSequences)
        }
    }

    /// The openings of this heap by all processes, as far as they are registered.
    public func openViews() -> [OpenView] {
        if isClosed { return [] }
        try? takePart(timeout: .zero)
        if let shared = sharedFile.withLock({ $0 }) {
            return ViewTable(shared: shared).all(directory: options.processes)
        }
        // A visitor that cannot register just now is not in the table, but others may be.
        return isVisiting
            ? peek { ViewTable(shared: $0).all(directory: options.processes) } ?? [] : []
    }
}
