import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// Durability and room, as the user asks for them and as they fall due: syncs, checkpoints, memory
/// given back, the file's size.
extension HeapEngine {
    /// Makes every commit so far durable: from the return on it survives a power cut. Any thread,
    /// also beside a writer.
    ///
    /// Cost: one write and one sync of the log, shared by all threads and processes that wait at
    /// that moment; nothing if all is durable.
    public func makeDurable() throws(HeapError) {
        guard mode == .readWrite else { return }
        guard !isForked else { throw HeapError.forked(path: path) }
        if hasFailed.load(ordering: .acquiring) { throw failedError }
        guard let shared = sharedFile.withLock({ $0 }), !isClosed else { return }
        let isPending = shared[.epoch] != 0 && shared[.durable] < shared[.published]
        do throws(HeapError) { try requireNoFault(shared) } catch { throw fail(error) }
        guard isPending, let log = try anyLog() else { return }
        do throws(HeapError) {
            try log.makeDurable(below: log.published) { () throws(HeapError) in try requireInPlace()
            }
        } catch {
            switch error {
            case .timedOut, .replaced: throw error
            default: throw fail(error)
            }
        }
    }

    /// The log, joined now if another process has started it. Beside the gate.
    private func anyLog() throws(HeapError) -> RedoLog? {
        if let log = log.withLock({ $0 }) { return log }
        guard gate.lockExclusively(timeout: options.timeout) else {
            throw HeapError.timedOut(path: path, waitingFor: "another thread's transaction")
        }
        defer { gate.unlockExclusively() }
        guard !isClosed else { return nil }
        return try joinedLog()
    }

    /// Throws `replaced` unless the file that is open still has its name: what is committed to
    /// another one is lost with the last who has it open.
    package func requireInPlace() throws(HeapError) {
        guard let file, let mine = try? file.fileIdentity() else { return }
        guard disk.fileIdentity(at: location) == mine else { throw HeapError.replaced(path: path) }
    }

    /// Moves everything that the log holds, below the oldest open view, into the base image,
    /// waiting for open transactions first, and gives back what the heap does not need: memory,
    /// disk blocks behind its end, and, if no other process has it open, room in the log.
    public func checkpoint() throws(HeapError) {
        demandNoOpenTransaction(for: "heap.checkpoint")
        try requireUsable()
        guard mode == .readWrite else { return }
        try lockForWriting()
        defer { unlockAfterWriting() }
        try requireWritable()
        try catchUp()
        try runCheckpoint()
    }

    /// Under the write lock, with no transaction open: trims, writes, gives back memory and file
    /// space.
    func runCheckpoint() throws(HeapError) {
        guard try joinedLog() != nil else { return }
        try trimAllocator()
        let isComplete = try moveLogIntoBase(waits: true)
        // The ring may have become smaller. Unmapping the old one takes a millisecond for each 50
        // MiB, which the next commit should not pay.
        tail = nil
        try requireInPlace()
        if image.privatePageBound > comfortablePages { try dropToNewest() }
        if isComplete { try giveBackSpace() }
    }

    /// What falls due before a transaction. Under the write lock.
    func relieve() throws(HeapError) {
        guard writerLog != nil, let meeting else { return }
        let usedBytes = meeting._withUnsafeGuaranteedRef { $0.usedBytes }
        // Nearly always nothing is due.
        let areManyPrivate = image.privatePageBound > comfortablePages
        guard checkpointDue.isReached(by: usedBytes) || areManyPrivate else { return }
        let privateBytes = image.privatePageBound * HeapLayout.pageBytes
        if let worker {
            worker.wake(mayRefuse: checkpointDue.isEarly(usedBytes) && !areManyPrivate)
            if privateBytes > options.memoryLimit, usedBytes > 0 {
                // Faster than the background could follow: this transaction waits for a checkpoint.
                _ = try moveLogIntoBase(waits: true)
                try dropToNewest()
            }
        } else if usedBytes > options.logLimit
            || privateBytes > options.memoryLimit && usedBytes > 0
        {
            try runCheckpoint()
        }
    }

    /// Gives all private copies back, and takes again what the log still holds.
    private func dropToNewest() throws(HeapError) {
        try startFromBase()
        try catchUp()
        committedPages = pagesInImage
        verifier?.accept(pages: committedPages)
    }

    /// A transaction of the engine's own, so that what the allocator keeps in hand does not stay in
    /// the file. Under the write lock.
    func trimAllocator() throws(HeapError) {
        // The lock is held already, so this goes around `beginWrite`.
        writeSet.firstUnusedLine = committedPages << (HeapLayout.pageShift - HeapLayout.lineShift)
        let context = makeContext(isWritable: true, enclosing: nil)
        Allocator(access: HeapAccess(context: context, epoch: context.pointee.epoch)).trim()
        endContext(context)
        guard !writeSet.isEmpty else { return }
        do throws(HeapError) { try appendToLog() } catch {
            writeSet.undo()
            throw error
        }
    }

    // MARK: The file's size

    /// An eighth more at a time, but never more than a gibibyte of disk in hand.
    private static func roomySize(current: Int, needed: Int) -> Int {
        FileGrowth.nextSize(
            current: current, needed: needed, granule: HeapLayout.fileGranule, maximumStep: 1 << 30)
    }

    /// Under the write lock, or alone.
    func growFile(_ file: any DiskFile, toHold bytes: Int) throws(SystemError) {
        guard bytes > fileBytes else { return }
        // Another process may have grown it. A rest behind the last granule, which a power cut can
        // leave, is no room.
        fileBytes = try file.size()
        fileBytes -= fileBytes % HeapLayout.fileGranule
        guard bytes > fileBytes else { return }
        let target = Self.roomySize(current: fileBytes, needed: bytes)
        do throws(SystemError) {
            try file.grow(from: fileBytes, to: target, reservingBlocks: options.reservesBlocks)
            fileBytes = target
        } catch {
            // The extra space was only in hand for later; the exact need may still fit.
            let exact = SystemPage.roundUp(bytes, to: HeapLayout.fileGranule)
            guard exact < target else { throw error }
            try file.grow(from: fileBytes, to: exact, reservingBlocks: options.reservesBlocks)
            fileBytes = exact
        }
    }

    /// The size that the file should have at rest, or, with slack, the size up to which it is left
    /// as it is.
    private func wantedFileBytes(slack: Bool) -> Int {
        let exact = max(
            SystemPage.roundUp(
                Int(committedPages) * HeapLayout.pageBytes, to: HeapLayout.fileGranule),
            reservedBytes)
        guard slack else { return exact }
        let comfortable = Self.roomySize(current: exact, needed: exact + 1)
        return fileBytes > comfortable ? exact : fileBytes
    }

    /// Cuts the file and the log if nobody else has the heap open: another process's mapping would
    /// end in nothing. Under the write lock, after a complete checkpoint (until its header is
    /// durable, recovery may need the old end).
    private func giveBackSpace() throws(HeapError) {
        guard let file, let log = writerLog else { return }
        let largest = max(
            roundedCapacity(options.logLimit), roundedCapacity(options.initialLogBytes))
        fileBytes = try translating { () throws(SystemError) in try file.size() }
        guard fileBytes > wantedFileBytes(slack: true) || log.capacity > largest else { return }
        try withOpeningLock(file) { () throws(HeapError) in
            let isAlone = try translating { () throws(SystemError) in
                try file.tryLock(.presence, exclusive: true)
            }
            guard isAlone else { return }
            defer { _ = try? file.tryLock(.presence, exclusive: false) }
            try shrinkFile(to: wantedFileBytes(slack: true))
            if log.capacity > largest {
                do throws(HeapError) {
                    try withCheckpointLock(waits: true) { () throws(HeapError) in
                        try log.shrink(to: roundedCapacity(options.logLimit))
                    }
                } catch { throw fail(error) }
            }
        }
    }

    /// Cuts the file to what the heap needs if nobody else has it open. Under the write lock, with
    /// all of the log in the base image.
    func giveBackTail() throws(HeapError) {
        guard let file else { return }
        fileBytes = try translating { () throws(SystemError) in try file.size() }
        guard fileBytes > wantedFileBytes(slack: false), log.withLock({ $0 })?.usedBytes ?? 0 == 0
        else { return }
        try withOpeningLock(file) { () throws(HeapError) in
            guard
                try translating({ () throws(SystemError) in
                    try file.tryLock(.presence, exclusive: true)
                })
            else { return }
            defer { _ = try? file.tryLock(.presence, exclusive: false) }
            try shrinkFile(to: wantedFileBytes(slack: false))
        }
    }

    private func shrinkFile(to bytes: Int) throws(HeapError) {
        guard let file, bytes < fileBytes else { return }
        try image.shrink(to: bytes, path: path)
        do throws(SystemError) { try file.truncate(to: bytes) } catch { throw fail(error) }
        fileBytes = bytes
    }

    // MARK: Closing

    /// Ends the use of the heap. The last process to close it makes a checkpoint, a header that
    /// says the file is whole, and removes the log; others make durable what they have committed.
    /// Waits for open transactions of this process. Closing twice is allowed. After an earlier
    /// failure it only lets go, and throws.
    public func close() throws(HeapError) {
        guard !isForked else {
            // The parent's locks, entry and log are none of the child's business; only its own
            // descriptors are.
            closed.store(true, ordering: .releasing)
            return
        }
        demandNoOpenTransaction(for: "heap.close")
        guard !isClosed else { return }
        worker?.stop()
        guard gate.lockExclusively(timeout: options.timeout) else {
            throw HeapError.timedOut(path: path, waitingFor: "another thread's transaction")
        }
        defer { gate.unlockExclusively() }
        guard !closed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        defer { detach() }
        guard let file, let shared else { return }
        var leavesLog = false
        try withOpeningLock(file) { () throws(HeapError) in
            // In whatever way this ends, it is over.
            defer {
                removeOrphans(file, shared)
                detach()
            }
            guard mode == .readWrite else {
                leavesLog = isLastOfLog(file, shared)
                return try removeUnusedSharedFile(file, shared)
            }
            try closeWriting(file, shared)
        }
        if leavesLog { putAtRest() }
    }

    /// Whether this reader is the last to use a log that others have written and left to it. Under
    /// the opening lock.
    private func isLastOfLog(_ file: any DiskFile, _ shared: SharedFile) -> Bool {
        guard case .member = attachment, isFileWritable, !options.salvages, shared[.epoch] != 0,
            shared[.failed] == 0
        else {
            return false
        }
        return (try? requireInPlace()) != nil
            && (try? file.tryLock(.presence, exclusive: true)) == true
    }

    /// Does what a writer does that closes the heap last: a snapshot or a copy of one's own may
    /// outlive all writers. If it cannot be done at once, the next to open the heap does it.
    private func putAtRest() {
        var options = EngineOptions()
        options.createsIfMissing = false
        options.timeout = .zero
        options.reservesBlocks = self.options.reservesBlocks
        options.allowsNetworkFileSystems = self.options.allowsNetworkFileSystems
        options.processes = self.options.processes
        try? HeapEngine(path: location, mode: .readWrite, options: options, disk: disk).close()
    }

    private func closeWriting(_ file: any DiskFile, _ shared: SharedFile) throws(HeapError) {
        if hasFailed.load(ordering: .acquiring) { throw failedError }
        try requireInPlace()
        let isAlone = try translating { () throws(SystemError) in
            try file.tryLock(.presence, exclusive: true)
        }
        let isLogStarted = shared[.epoch] != 0
        // Zeros of a page that is gone are no log that was never started.
        do throws(HeapError) { try requireNoFault(shared) } catch { throw fail(error) }
        guard isLogStarted else {
            if isAlone { try removeUnusedLog(file) }
            return
        }
        guard let log = try joinedLog() else { return }
        guard isAlone else {
            do throws(HeapError) { try log.makeDurable(below: log.published) } catch {
                throw fail(error)
            }
            return
        }
        // Alone and with the opening lock: nobody can hold the write lock, though a process that
        // died may have.
        try lockWriteLock(shared)
        defer { shared.writeLock.unlock() }
        guard shared[.failed] == 0 else {
            throw HeapError.failed(
                path: path, reason: "a process that had it open could not write or sync it")
        }
        try catchUp()
        try requireNoFault()
        try trimAllocator()
        let isComplete = try moveLogIntoBase(waits: true, atRest: true)
        // A reader that could not register still has its view: the log stays, and is no longer than
        // what it protects.
        guard isComplete else { return try log.makeDurable(below: log.published) }
        do throws(SystemError) {
            var header = try currentHeader(file)
            if header.logInUse { try endUseOfLog(&header, file) }
            try repeatHeader(header, to: file)
        } catch {
            throw fail(error)
        }
        fileBytes = try translating { () throws(SystemError) in try file.size() }
        try shrinkFile(to: wantedFileBytes(slack: false))
        // Another file in this one's place has another log.
        try requireInPlace()
        try translating { () throws(SystemError) in try neighbours.remove() }
    }

    /// Nobody has used the log. But a process that died while it started it may have said in the
    /// header that it is in use, and then that must be taken back first: a log that is missed is an
    /// error for whoever opens the heap.
    private func removeUnusedLog(_ file: any DiskFile) throws(HeapError) {
        var header = try readHeader(file)
        do throws(SystemError) {
            if header.logInUse || disk.exists(location + LogLayout.durableSuffix) {
                try endUseOfLog(&header, file)
                try repeatHeader(header, to: file)
            }
            try neighbours.remove()
        } catch {
            throw heapError(error)
        }
    }

    /// A header, durable, that says the file is whole without its log.
    private func endUseOfLog(_ header: inout HeapHeader, _ file: any DiskFile) throws(SystemError) {
        header.logInUse = false
        try writeNextHeader(&header, file)
    }

    private func lockWriteLock(_ shared: SharedFile) throws(HeapError) {
        let outcome = try translating { () throws(SystemError) in
            try shared.writeLock.lock(timeout: options.timeout, spinning: options.spin)
        }
        if outcome == .timedOut {
            throw HeapError.timedOut(path: path, waitingFor: "another process's transaction")
        }
    }

    private func currentHeader(_ file: any DiskFile) throws(SystemError) -> HeapHeader {
        do throws(HeapError) { return try readHeader(file) } catch {
            throw SystemError(.read, path, .ioError)
        }
    }

    /// A reader that was the only one, and found no log, leaves nothing behind.
    func removeUnusedSharedFile(_ file: any DiskFile, _ shared: SharedFile) throws(HeapError) {
        guard case .member = attachment, shared[.epoch] == 0, isFileWritable,
            // Another heap in this one's place has a shared file of its own.
            disk.fileIdentity(at: shared.file.path) == (try? shared.file.fileIdentity()),
            (try? file.tryLock(.presence, exclusive: true)) == true
        else { return }
        try? disk.remove(location + LogLayout.sharedSuffix)
    }

    /// The last to use a file that has lost all of its names takes along what lies beside its last
    /// one: nobody can need that any more.
    private func removeOrphans(_ file: any DiskFile, _ shared: SharedFile) {
        guard case .member = attachment, isFileWritable, (try? file.facts())?.isNamed == false,
            (try? file.tryLock(.presence, exclusive: true)) == true
        else { return }
        // Another heap with the same identity, such as a copy of the file, may have the name now,
        // and files of its own: those are not these.
        let epoch = shared[.epoch]
        if let log = try? disk.openBeside(neighbours.path(.log), .readOnly) {
            defer { log.close() }
            if case .header(let header) = try? LogHeader.read(
                from: log, at: LogLayout.headerOffsets),
                header.identity == identity, header.epoch == epoch, epoch != 0
            {
                try? disk.remove(neighbours.path(.log))
            }
        }
        if let mine = try? shared.file.fileIdentity(),
            disk.fileIdentity(at: shared.file.path) == mine
        {
            try? disk.remove(shared.file.path)
        }
    }

    /// Lets go of everything that others could notice.
    func detach() {
        if case .member(_, let views, let entry) = attachment { views.giveUp(entry) }
        attachment = .alone
        builder?.end()
        file?.close()
        writerLog = nil
        log.withLock { $0 = nil }
    }
}
