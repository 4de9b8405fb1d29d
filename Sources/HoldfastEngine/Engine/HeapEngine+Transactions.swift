import CHoldfast
import HoldfastFormat
import HoldfastSystem

/// Beginning and ending transactions.
extension HeapEngine {
    public typealias Context = UnsafeMutablePointer<TransactionContext>

    /// Opens a read transaction: the heap stands still until `endRead`. Waits while another thread
    /// of this process writes; never for another process.
    ///
    /// A read inside a read of the same thread shares its view. A read inside a write of the same
    /// heap traps: it could only see uncommitted changes.
    public func beginRead() throws(HeapError) -> Context {
        let enclosing = Self.innermost
        if let outer = openTransaction(enclosing) {
            Misuse.demand(
                !outer.pointee.isWritable,
                "Holdfast: heap.read was called inside heap.write of the same heap. Use the "
                    + "transaction that is open."
            )
            guard !isForked else { throw HeapError.forked(path: path) }
            return makeContext(isWritable: false, enclosing: enclosing)
        }
        try requireUsable()
        switch gate.enterReading(timeout: options.timeout, isFresh: { isFresh(isFirst: $0) }) {
        case .first, .joined: break
        case .mustPrepare:
            do throws(HeapError) {
                try requireUsable()
                try catchUp()
            } catch {
                closeView()
                gate.unlockExclusively()
                throw error
            }
            openViewIfNew()
            gate.beginReading()
        case .timedOut:
            throw HeapError.timedOut(path: path, waitingFor: "another thread's transaction")
        }
        do throws(HeapError) {
            try requireUsable()
        } catch {
            gate.leaveReading { closeViewUnlessFixed() }
            throw error
        }
        return makeContext(isWritable: false, enclosing: enclosing)
    }

    public func endRead(_ context: Context) {
        let enclosing = context.pointee.enclosing
        endContext(context)
        if openTransaction(enclosing) == nil { gate.leaveReading { closeViewUnlessFixed() } }
    }

    /// Whether all that the open read transaction has seen could be read, and was protected: a fork
    /// leaves the view to the parent.
    public func requireReadable() throws(HeapError) {
        guard !isForked else { throw HeapError.forked(path: path) }
        try requireNoFault()
    }

    @inline(__always)
    private func closeViewUnlessFixed() { if !isFixed { closeView() } }

    /// A guest that has become a member while it caught up has its view opened there already, but
    /// not kept open.
    private func openViewIfNew() {
        // In between nothing protected it; but a checkpoint goes no further than what was
        // published, and this opening is there.
        if !isFixed { openView() }
    }

    /// Opens a write transaction; waits for other threads' transactions and other processes'
    /// writers to end. Runs a checkpoint first if one must be made at once.
    public func beginWrite() throws(HeapError) -> Context {
        let enclosing = Self.innermost
        demandNoOpenTransaction(for: "heap.write")
        try requireWritable()
        try lockForWriting()
        do throws(HeapError) {
            try requireWritable()
            try requireNoFault()
            if mode == .readWrite {
                try catchUp()
                try relieve()
            }
            image.makeUpForRefusal(path: path, file: file)
        } catch {
            unlockAfterWriting()
            throw error
        }
        writeSet.firstUnusedLine = committedPages << (HeapLayout.pageShift - HeapLayout.lineShift)
        return makeContext(isWritable: true, enclosing: enclosing)
    }

    /// Passes the gate, alone, and takes the write lock between processes. A writer needs no entry
    /// in the table of views: no checkpoint goes further than what is published, which cannot move
    /// while the lock is held.
    func lockForWriting() throws(HeapError) {
        guard gate.lockExclusively(timeout: options.timeout) else {
            throw HeapError.timedOut(path: path, waitingFor: "another thread's transaction")
        }
        guard mode == .readWrite else { return }
        do throws(HeapError) {
            guard let meeting else { throw HeapError.readOnlyFolder(path: path) }
            let (locked, hasFailed, isLost) = meeting._withUnsafeGuaranteedRef { shared in
                let locked = shared.writeLock.result(
                    timeout: options.timeout, spinning: options.spin)
                return (locked, shared[.failed] != 0, shared.areWordsLost)
            }
            // Then the lock is one that nobody else sees.
            if isLost {
                throw HeapError.unreadable(path: location + LogLayout.sharedSuffix, offset: 0)
            }
            let outcome: LockOutcome
            do throws(SystemError) { outcome = try locked.get() } catch {
                throw writeLockError(error)
            }
            // A writer that died has published its commit or nothing: there is nothing to undo.
            if outcome == .timedOut {
                throw HeapError.timedOut(path: path, waitingFor: "another process's transaction")
            }
            guard !hasFailed else {
                meeting._withUnsafeGuaranteedRef { $0.writeLock.unlock() }
                throw fail(
                    HeapError.failed(
                        path: path, reason: "a process that has it open could not write or sync it")
                )
            }
        } catch {
            gate.unlockExclusively()
            throw error
        }
    }

    /// The write lock's holder has this thread's number: it is this thread, or, where the
    /// namespaces of the processes are not known, one of another namespace.
    private func writeLockError(_ error: SystemError) -> HeapError {
        guard error.errno == .deadlock else { return heapError(error) }
        Misuse.demand(
            options.processes.namespaces == 0 && !isInsideAnotherOpening,
            "Holdfast: a transaction of a heap was begun inside one that the same thread has open "
                + "through another opening "
                + "of the same file. Use the transaction that is open, or end it first.")
        return HeapError.otherNamespace(path: path)
    }

    /// Whether this thread has a write transaction open through another opening of the same file.
    private var isInsideAnotherOpening: Bool {
        let file = try? shared?.file.fileIdentity()
        var candidate = Self.innermost
        while let context = candidate {
            let other = context.pointee.engine._withUnsafeGuaranteedRef {
                try? $0.shared?.file.fileIdentity()
            }
            if context.pointee.isWritable, other == file { return true }
            candidate = context.pointee.enclosing
        }
        return false
    }

    func unlockAfterWriting() {
        if mode == .readWrite { meeting?._withUnsafeGuaranteedRef { $0.writeLock.unlock() } }
        gate.unlockExclusively()
    }

    /// Makes the transaction's changes the heap's newest state, all at once, and ends it. On an
    /// error nothing has changed.
    public func commit(_ context: Context) throws(HeapError) {
        defer {
            endContext(context)
            unlockAfterWriting()
        }
        if shortage != nil || writeSet.isIncomplete { throw takeBackInShortage() }
        if mode == .bulkBuild { return try requireBuildable() }
        guard !writeSet.isEmpty else { return }
        do throws(HeapError) {
            // Begun before a fork, and the lock is the parent's: two processes would append at the
            // same place.
            guard !isForked else { throw HeapError.forked(path: path) }
            try requireNoFault()
            try verifier?.verify(writeSet: writeSet, path: path)
            guard mode == .readWrite else {
                verifier?.accept(pages: pagesInImage)
                writeSet.keepWithoutLog()
                committedPages = pagesInImage
                // Positions of a log that is not there: they only need to differ.
                applied += 8
                commitNumber += 1
                localSignal.publish(applied)
                return
            }
            try appendToLog()
        } catch {
            takeBack()
            throw error
        }
    }

    /// Puts everything back as it was and ends the transaction.
    public func abort(_ context: Context) {
        takeBack()
        endContext(context)
        unlockAfterWriting()
    }

    /// The same, because the transaction's closure has thrown `error`; returns what there is to
    /// throw. A limit that was met before is the reason for what else Holdfast has found wrong, but
    /// not for an error of the program's own.
    package func abort(_ context: Context, because error: any Error) -> any Error {
        let reason = error is HeapError ? errorToCome : nil
        abort(context)
        return reason ?? error
    }

    func appendToLog() throws(HeapError) {
        let newPages = pagesInImage
        if Int(newPages) * HeapLayout.pageBytes > fileBytes {
            do throws(SystemError) {
                // Before the log has the commit: a commit that cannot get its blocks must not be
                // one.
                try growFile(file!, toHold: Int(newPages) * HeapLayout.pageBytes)
            } catch {
                throw heapError(error)
            }
        }
        var tail = try logTail()
        let bound = writeSet.recordBound
        if !tail.hasRoom(for: bound) {
            try makeRoom(in: try startedLog(), for: bound)
            tail = try logTail()
        }
        let start = tail.address(applied)
        let (runs, bytes) = writeSet.writeRuns(to: start, endPage: newPages)
        let record = LogRecord(
            runs: runs, position: applied, byteCount: UInt64(bytes), span: UInt64(bytes),
            commitNumber: commitNumber + 1,
            previousChecksum: chain, durablePosition: tail.durablePosition, heapPages: newPages)
        chain = record.seal(start, epoch: tail.epoch)
        commitNumber += 1
        applied += UInt64(bytes)
        // A ring that has lost its file takes stores into memory that nobody else will ever see.
        guard !tail.hasFault else { throw fail(HeapError.unreadable(path: tail.path, offset: 0)) }
        tail.publish(applied, commits: commitNumber)
        verifier?.accept(pages: newPages)
        writeSet.reset()
        committedPages = newPages
    }

    /// Where the next record goes. Under the write lock.
    @inline(__always)
    private func logTail() throws(HeapError) -> LogTail {
        if let tail, tail.isCurrent { return tail }
        return try findLogTail()
    }

    @inline(never)
    private func findLogTail() throws(HeapError) -> LogTail {
        let log = try startedLog()
        let ring = try translating { () throws(SystemError) in try log.shared.ring() }
        let found = LogTail(of: log, in: ring)
        checkpointDue.ringIs(ring.capacity)
        tailRing = ring
        tail = found
        return found
    }

    /// The log, started if this is the first commit since anyone opened the heap. Under the write
    /// lock.
    private func startedLog() throws(HeapError) -> RedoLog {
        if let log = try joinedLog() { return log }
        guard let shared, let file else { throw HeapError.closed(path: path) }
        return try withCheckpointLock(waits: true) { () throws(HeapError) in
            var header = try readHeader(file)
            // A starter that died here has left a log that nobody has used, and a header that names
            // it.
            let isLeft = header.logInUse
            let log: RedoLog
            do throws(SystemError) {
                if isLeft || disk.exists(location + LogLayout.durableSuffix) {
                    try writeNextHeader(&header, file)
                }
                log = try RedoLog(
                    starting: shared, disk: disk, heapPath: location, rights: try file.rights(),
                    header: header,
                    epoch: isLeft ? header.logEpoch : UInt64.random(in: 1 ... .max), isLeft: isLeft,
                    capacity: max(
                        RedoLog.capacityGranule, roundedCapacity(options.initialLogBytes)),
                    timeout: options.timeout)
            } catch {
                // Nothing depends on the log yet; the commit is refused and the heap is as it was.
                switch heapError(error) {
                case .permissionDenied: throw HeapError.readOnlyFolder(path: path)
                case let other: throw other
                }
            }
            if !isLeft {
                header.logEpoch = log.epoch
                header.logInUse = true
                do throws(SystemError) {
                    try writeNextHeader(&header, file)
                } catch {
                    throw fail(error)
                }
            }
            log.announce()
            writerLog = log
            self.log.withLock { $0 = log }
            return log
        }!
    }

    /// Makes room for a record of up to `bytes` bytes: a small ring grows up to the limit, a full
    /// one is emptied by a checkpoint, and one that a transaction or an open view has no room in
    /// grows beyond. Under the write lock.
    private func makeRoom(in log: RedoLog, for bytes: Int) throws(HeapError) {
        guard bytes > log.room else { return }
        let limit = roundedCapacity(options.logLimit)
        if log.capacity < limit {
            do throws(HeapError) {
                // A checkpoint that is under way reads its records where they lie now, so this
                // waits for it.
                try withCheckpointLock(waits: true) { () throws(HeapError) in
                    try log.grow(
                        toHold: max(
                            log.usedBytes + bytes, checkpointDue.nextCapacity(after: log.capacity)))
                }
            } catch {
                switch error {
                case .failed, .timedOut: throw error
                // Without the room a checkpoint may still do; whether the growth has failed or the
                // disk is told apart below.
                default: break
                }
            }
            if bytes <= log.room { return }
        }
        _ = try moveLogIntoBase(waits: true)
        if bytes > log.room {
            try withCheckpointLock(waits: true) { () throws(HeapError) in
                try log.grow(toHold: log.usedBytes + bytes)
            }
        }
    }

    func roundedCapacity(_ bytes: Int) -> Int {
        (bytes + RedoLog.capacityGranule - 1) / RedoLog.capacityGranule * RedoLog.capacityGranule
    }

    /// Called by the allocator when it moves the heap's end: the memory must be there before it is
    /// used.
    func extendImage(toPage page: UInt64, for context: Context) {
        let bytes = Int(page) * HeapLayout.pageBytes
        if bytes > image.byteCount, !tryToExtend(toBytes: bytes) {
            extendInShortage(toBytes: bytes)
        }
        showExtent(in: context)
    }

    /// Tells the open transaction how far the image reaches now.
    func showExtent(in context: Context) {
        context.pointee.byteCount = UInt64(image.byteCount)
        context.pointee.touchedLines = image.touchedLines
    }

    // MARK: Contexts

    /// Whether this thread has a transaction of this heap open.
    var hasOpenTransaction: Bool { openTransaction(Self.innermost) != nil }

    /// Waiting for the write lock while this thread holds the lock would never end.
    func demandNoOpenTransaction(for call: String) {
        Misuse.demand(
            !hasOpenTransaction,
            "Holdfast: \(call) was called inside a transaction of the same heap and thread. Use "
                + "the transaction that is open, or end it first."
        )
    }

    private static var innermost: Context? {
        holdfast_get_innermost_transaction()?.assumingMemoryBound(to: TransactionContext.self)
    }

    /// The innermost open transaction of this heap on this thread, among `context` and those that
    /// enclose it.
    private func openTransaction(_ context: Context?) -> Context? {
        var candidate = context
        let me = Unmanaged.passUnretained(self).toOpaque()
        while let context = candidate {
            if context.pointee.engine.toOpaque() == me { return context }
            candidate = context.pointee.enclosing
        }
        return nil
    }

    func makeContext(isWritable: Bool, enclosing: Context?) -> Context {
        let context = isWritable ? writeContext : takeReadContext()
        context.pointee.base = image.base
        context.pointee.byteCount = UInt64(image.byteCount)
        context.pointee.touchedLines = image.touchedLines
        context.pointee.isWritable = isWritable
        context.pointee.isLost = false
        context.pointee.hashSeed = seed
        context.pointee.engine = .passUnretained(self)
        context.pointee.enclosing = enclosing
        context.pointee.epoch = context.pointee.epochs.next()
        holdfast_set_innermost_transaction(context)
        return context
    }

    func endContext(_ context: Context) {
        holdfast_set_innermost_transaction(context.pointee.enclosing)
        context.pointee.epoch = 0
        if context != writeContext { giveBackReadContext(context) }
    }

    private func takeReadContext() -> Context {
        Context(bitPattern: spareContext.exchange(0, ordering: .acquiring))
            ?? TransactionContextPool.shared.take()
    }

    private func giveBackReadContext(_ context: Context) {
        let isKept = spareContext.compareExchange(
            expected: 0, desired: UInt(bitPattern: context), ordering: .releasing
        ).exchanged
        if !isKept { TransactionContextPool.shared.giveBack(context) }
    }
}
