import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// Checkpoints: moving the log into the base image, beside readers and writers of all processes.
extension HeapEngine {
    /// Pages that one step of a checkpoint reads, assembles and writes: 1 MiB.
    static let stepPages = 256

    /// Runs `body` while no other thread or process makes a checkpoint or writes a header. Nil if
    /// someone does and `waits` is false.
    @discardableResult
    func withCheckpointLock<R>(waits: Bool, _ body: () throws(HeapError) -> R) throws(HeapError)
        -> R?
    {
        guard let file else { throw HeapError.closed(path: path) }
        var outcome: Result<R?, HeapError> = .success(nil)
        // Scrubs take the lock again and again, and give way to who says that it waits.
        let shared = waits ? sharedFile.withLock { $0 } : nil
        var hasAsked = false
        try askAgain(waitingFor: "a checkpoint by another thread or process", longestPause: 2000) {
            () throws(HeapError) in
            var isDone = false
            let _: Void? = checkpointMutex.withLockIfAvailable { _ in
                do throws(HeapError) {
                    guard
                        try translating({ () throws(SystemError) in
                            try file.tryLock(.checkpoint, exclusive: true)
                        })
                    else {
                        return
                    }
                    defer { file.unlock(.checkpoint) }
                    isDone = true
                    outcome = .success(try body())
                } catch {
                    isDone = true
                    outcome = .failure(error)
                }
            }
            if !isDone, let shared, shared.isWritable {
                hasAsked = true
                shared.storeInOrder(Deadline.now &+ 50_000_000, .checkpointWanted)
            }
            return isDone || !waits
        }
        if hasAsked { shared?.storeInOrder(0, .checkpointWanted) }
        return try outcome.get()
    }

    /// Writes what the log holds below every open view to the base image and frees its place in the
    /// ring. Returns whether all that was published at the beginning has gone.
    ///
    /// Needs neither the gate nor the write lock: pages are made of the base image and of the
    /// records, which do not change any more. Order, each step durable before the next begins: the
    /// log's records; the log's word that recovery needs all of them; the pages and their
    /// checksums; the header that says so. Only then is the log's space used again. `atRest`: the
    /// header also says that the log is not needed any more, if all of it has gone. `mayRefuse`:
    /// only if it costs little; see `CheckpointDue`.
    func moveLogIntoBase(waits: Bool, atRest: Bool = false, mayRefuse: Bool = false)
        throws(HeapError) -> Bool
    {
        guard mode == .readWrite, let log = log.withLock({ $0 }) else { return true }
        guard log.usedBytes > 0 else { return true }
        return try withCheckpointLock(waits: waits) { () throws(HeapError) in
            try checkpointLocked(log, atRest: atRest, mayRefuse: mayRefuse)
        } ?? false
    }

    private func checkpointLocked(_ log: RedoLog, atRest: Bool, mayRefuse: Bool) throws(HeapError)
        -> Bool
    {
        guard let file else { return false }
        let shared = log.shared
        if hasFailed.load(ordering: .acquiring) { throw failedError }
        var header = try readHeader(file)
        if log.checkpointPosition < header.checkpointPosition {
            // A checkpoint's process died after it had written the header: once that is durable,
            // the rest is only to be said.
            do throws(SystemError) { try writeNextHeader(&header, file) } catch {
                throw fail(error)
            }
            log.finishCheckpoint(at: header.checkpointPosition)
        }
        if header.isGivingBack {
            _ = try giveBackFreePages(file)
            header = try readHeader(file)
        }
        // In this order: a reader that takes its lock after this has looked for it finds what was
        // published before, or more.
        let published = shared.loadInOrder(.published)
        guard !(try hasUnregisteredViews(file)) else {
            if mayRefuse { checkpointDue.refuse() }
            return false
        }
        let target = lowestView(below: published)
        if mayRefuse {
            // Whoever asked may have done so just before the last one ended.
            guard checkpointDue.isReached(by: Int(published - header.checkpointPosition)) else {
                return false
            }
            if target < published {
                checkpointDue.refuse()
                return false
            }
        }
        guard target > header.checkpointPosition else { return target == published }
        let ring = try translating { () throws(SystemError) in try shared.ring() }
        guard let lines = LineIndex(of: ring, from: header, to: target, epoch: log.epoch) else {
            throw fail(
                HeapError.damagedLog(
                    path: path, logPath: shared.file.path, lastWholeCommit: header.commitNumber))
        }
        if mayRefuse,
            lines.pageCount * HeapLayout.pageBytes > Int(target - header.checkpointPosition)
        {
            checkpointDue.refuse()
            return false
        }
        // Before `prepareCheckpoint` says that this one has begun too.
        let wasCutShort = shared[.required] > header.checkpointPosition
        if !wasCutShort { try requireSound(lines, header, file) }
        try log.prepareCheckpoint(upTo: target, lines: lines)
        do throws(SystemError) {
            let table = try writePages(of: lines, from: header, mends: wasCutShort, to: file)
            // Before a header says that these pages are right.
            try shared.requireNoFault(ring)
            try file.sync()
            header.checkpointPosition = target
            header.checkpointChain = lines.chain
            header.commitNumber = lines.commitNumber
            header.heapPages = lines.heapPages
            header.checkpointTime = CalendarClock.seconds
            header.pageMapParts = table.parts
            if atRest, target == published { header.logInUse = false }
            try writeNextHeader(&header, file)
        } catch {
            throw fail(error)
        }
        log.finishCheckpoint(at: target)
        return target == published
    }

    /// Whether anyone reads whose view is not in the table.
    func hasUnregisteredViews(_ file: any DiskFile) throws(HeapError) -> Bool {
        try translating { () throws(SystemError) in
            if try file.isLockedByOthers(.unregisteredReader) { return true }
            return try file.isLockedByOthers(.visitorsRead)
        }
    }

    /// Before anything is written: no damage may get a new checksum. What is found is final for
    /// this opening, and every later one finds it again.
    func requireSound(_ lines: LineIndex, _ header: HeapHeader, _ file: any DiskFile)
        throws(HeapError)
    {
        let damaged = try translating { () throws(SystemError) in
            var verifier = BaseVerifier(file: file, header: header)
            return try verifier.damaged(
                among: (0 ..< lines.pageCount).lazy.map { lines[$0].number })
        }
        guard damaged.isEmpty else {
            throw fail(HeapError.damagedPages(path: path, pages: damaged))
        }
    }

    /// The position up to which no open view stands in the way. A view that does so for long is
    /// reported.
    private func lowestView(below published: UInt64) -> UInt64 {
        guard let shared = sharedFile.withLock({ $0 }) else { return published }
        let views = ViewTable(shared: shared)
        let lowest = views.lowest(below: published, directory: options.processes)
        if lowest < published, let report = options.reportsLongView {
            let long = views.all(directory: options.processes).filter {
                $0.isOpen && $0.age > options.longView
            }
            for view in longViews.withLock({ $0.new(among: long) }) { report(view) }
        }
        return lowest
    }

    /// Writes every page that `lines` changes, in steps of bounded size.
    func writePages(
        of lines: LineIndex, from header: HeapHeader, mends: Bool, to file: any DiskFile
    ) throws(SystemError) -> PageChecksums {
        let buffer = PageBuffer(pages: Self.stepPages)
        let table = try checksumTable(of: lines, in: file, buffer)
        var writer = BaseWriter(
            file: file, old: PageChecksums(parts: header.pageMapParts), new: table, mends: mends,
            keepsBlocks: options.reservesBlocks)
        try writer.prepare(
            oldEnd: Int(header.heapPages), lowestEnd: Int(lines.lowestHeapPages),
            highestEnd: mends
                ? try file.size() / HeapLayout.pageBytes : Int(lines.highestHeapPages),
            former: mends ? lines.formerChecksumPages() : [])
        var index = 0
        while index < lines.pageCount {
            let first = lines[index].number
            let count = writer.stretch(from: index, of: lines.pageCount, limit: Self.stepPages) {
                lines[$0].number
            }
            guard count > 0 else {
                index += 1
                continue
            }
            let bytes = UnsafeMutableRawBufferPointer(
                rebasing: buffer.bytes[..<(count * HeapLayout.pageBytes)])
            try file.readOrZeros(into: bytes, at: first * HeapLayout.pageBytes)
            for number in 0 ..< count {
                lines.lay(
                    lines[index + number], over: bytes.baseAddress! + number * HeapLayout.pageBytes)
            }
            try writer.write(firstPage: first, UnsafeRawBufferPointer(bytes))
            index += count
        }
        try writer.finish()
        return table
    }

    /// Where the checksums are after `lines`.
    private func checksumTable(of lines: LineIndex, in file: any DiskFile, _ buffer: PageBuffer)
        throws(SystemError)
        -> PageChecksums
    {
        let page = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<HeapLayout.pageBytes])
        try file.readOrZeros(into: page, at: Int(AllocatorRoot.offset))
        let root = Int(HeapLayout.allocatorRootPage)
        let index = lines.firstIndex(ofPageFrom: root)
        if index < lines.pageCount, lines[index].number == root {
            lines.lay(lines[index], over: page.baseAddress!)
        }
        return PageChecksums(root: UnsafeRawBufferPointer(page))
    }

    /// Writes the header with the next sequence number over the older copy; durable on return.
    ///
    /// Also for a header that another has written and that is unchanged: its writer may have died
    /// or failed before it was durable. Then it is only in the page cache, perhaps counted as
    /// written there, and the disk has the one before. That must not be so once anything depends on
    /// what it says: once a log that it names is used, or one that it does not name is removed.
    func writeNextHeader(_ header: inout HeapHeader, _ file: any DiskFile) throws(SystemError) {
        header.sequence += 1
        try writeHeader(header, to: file)
        try file.sync()
    }

    /// Writes the header over its older copy.
    func writeHeader(_ header: HeapHeader, to file: any DiskFile) throws(SystemError) {
        try file.write(header.encoded(), at: Int(header.sequence % 2) * HeapLayout.pageBytes)
    }

    /// Writes the current header over the other copy too, so that a heap at rest opens with either.
    /// Without a sync: until it is durable, the newer copy counts, as ever.
    func repeatHeader(_ header: HeapHeader, to file: any DiskFile) throws(SystemError) {
        try file.write(header.encoded(), at: Int((header.sequence + 1) % 2) * HeapLayout.pageBytes)
    }
}

/// Which long views have been reported already, as far as they are still open.
struct LongViews {
    private struct View: Hashable {
        var processNumber: Int32
        var start: UInt64
    }

    private var reported: Set<View> = []

    /// Those that have not been reported yet.
    mutating func new(among views: [OpenView]) -> [OpenView] {
        let before = reported
        reported = Set(views.map { View(processNumber: $0.processNumber, start: $0.start) })
        return views.filter {
            !before.contains(View(processNumber: $0.processNumber, start: $0.start))
        }
    }
}
