import CHoldfast

/// Beginning and ending transactions.
extension HeapEngine {
    public typealias Context = UnsafeMutablePointer<TransactionContext>

    /// Opens a read transaction: the heap stands still until `endRead`. Waits while another thread writes.
    ///
    /// A read inside a read of the same thread shares its view. A read inside a write of the same heap traps: it could only
    /// see uncommitted changes.
    public func beginRead() throws(HeapError) -> Context {
        let enclosing = Self.innermost
        if let outer = openTransaction(enclosing) {
            Misuse.demand(
                !outer.pointee.isWritable,
                "Holdfast: heap.read was called inside heap.write of the same heap. Use the transaction that is open.")
        } else {
            lock.lockForReading()
            do throws(HeapError) {
                try requireUsable()
            } catch {
                lock.unlock()
                throw error
            }
        }
        return makeContext(isWritable: false, enclosing: enclosing)
    }

    public func endRead(_ context: Context) {
        let enclosing = context.pointee.enclosing
        endContext(context)
        if openTransaction(enclosing) == nil { lock.unlock() }
    }

    /// Opens a write transaction; waits for other threads' transactions to end. Runs a checkpoint first if one is due.
    public func beginWrite() throws(HeapError) -> Context {
        let enclosing = Self.innermost
        demandNoOpenTransaction(for: "heap.write")
        lock.lockForWriting()
        do throws(HeapError) {
            try requireWritable()
            if isCheckpointDue { try runCheckpoint() }
        } catch {
            lock.unlock()
            throw error
        }
        writeSet.firstUnusedLine = committedPages << (HeapLayout.pageShift - HeapLayout.lineShift)
        return makeContext(isWritable: true, enclosing: enclosing)
    }

    /// Makes the transaction's changes the heap's newest state, all at once, and ends it. On an error nothing has changed.
    public func commit(_ context: Context) throws(HeapError) {
        defer {
            endContext(context)
            lock.unlock()
        }
        guard !writeSet.isEmpty else { return }
        do throws(HeapError) {
            try verifier?.verify(writeSet: writeSet, path: path)
            guard mode == .readWrite else {
                verifier?.accept(pages: pagesInImage)
                writeSet.keepWithoutLog()
                committedPages = pagesInImage
                return
            }
            try appendToLog()
        } catch {
            writeSet.undo()
            throw error
        }
    }

    /// Puts everything back as it was and ends the transaction.
    public func abort(_ context: Context) {
        writeSet.undo()
        endContext(context)
        lock.unlock()
    }

    func appendToLog() throws(HeapError) {
        let newPages = pagesInImage
        do throws(DiskError) {
            // Before the log has the commit: a commit that cannot get its blocks must not be one.
            try growFile(file!, toHold: Int(newPages) * HeapLayout.pageBytes)
        } catch {
            throw HeapError(error)
        }
        let log = try startedLog()
        try makeRoom(in: log, for: writeSet.recordBound)
        let (runs, bytes) = writeSet.writeRuns(to: log.nextRecord, endPage: newPages) { image.markChanged(page: $0) }
        log.publish(runs: runs, byteCount: bytes, heapPages: newPages)
        verifier?.accept(pages: newPages)
        writeSet.reset()
        committedPages = newPages
    }

    /// The log, started if this is the first commit since the heap was opened or last at rest.
    private func startedLog() throws(HeapError) -> RedoLog {
        if let writerLog { return writerLog }
        let log: RedoLog
        let epoch = UInt64.random(in: 1 ... .max)
        do throws(DiskError) {
            log = try RedoLog(
                disk: disk, heapPath: path, header: header, epoch: epoch,
                capacity: max(RedoLog.capacityGranule, roundedCapacity(options.initialLogBytes)))
        } catch {
            // Nothing depends on the log yet; the commit is refused and the heap is as it was.
            try? RedoLog.removeFiles(disk: disk, heapPath: path)
            switch HeapError(error) {
            case .permissionDenied: throw HeapError.readOnlyFolder(path: path)
            case let other: throw other
            }
        }
        header.logEpoch = epoch
        header.logInUse = true
        do throws(DiskError) {
            try writeHeader(file!)
            try file!.sync()
        } catch {
            throw fail(error)
        }
        writerLog = log
        self.log.withLock { $0 = log }
        return log
    }

    /// Makes room for a record of up to `bytes` bytes. A transaction that is larger than the log gets a larger log.
    private func makeRoom(in log: RedoLog, for bytes: Int) throws(HeapError) {
        guard bytes > log.room else { return }
        var failure: HeapError?
        writeSet.withChangesSetAside {
            // The checkpoint writes whole pages, and must not drop them: they hold this transaction's changes too.
            do throws(HeapError) { try checkpoint(endPage: committedPages, mayDropPages: false) } catch { failure = error }
        }
        if let failure { throw failure }
        let wanted = max(bytes, min(log.capacity * 4, options.logLimit))
        if wanted > log.capacity {
            let capacity = log.capacity
            do throws(DiskError) {
                try log.resize(to: roundedCapacity(wanted))
            } catch {
                // Until it has its new capacity the log is as it was: only this commit is refused, if it needs the room.
                guard log.capacity == capacity else { throw fail(error) }
                guard bytes <= capacity else { throw HeapError(error) }
            }
        }
    }

    func roundedCapacity(_ bytes: Int) -> Int {
        (bytes + RedoLog.capacityGranule - 1) / RedoLog.capacityGranule * RedoLog.capacityGranule
    }

    /// Called by the allocator when it moves the heap's end: the memory must be there before it is used.
    func extendImage(toPage page: UInt64, for context: Context) {
        let bytes = Int(page) * HeapLayout.pageBytes
        if bytes > image.byteCount {
            do throws(HeapError) {
                try image.extend(to: bytes, path: path)
            } catch {
                // As with memory in Swift, there is no way to go on, and nothing of this transaction is kept.
                fatalError("\(error)")
            }
        }
        context.pointee.byteCount = UInt64(image.byteCount)
    }

    // MARK: Contexts

    /// Waiting for the write lock while this thread holds the lock would never end.
    func demandNoOpenTransaction(for call: String) {
        Misuse.demand(
            openTransaction(Self.innermost) == nil,
            "Holdfast: \(call) was called inside a transaction of the same heap and thread. Use the transaction that is open, or end it first."
        )
    }

    private static var innermost: Context? {
        holdfast_get_innermost_transaction()?.assumingMemoryBound(to: TransactionContext.self)
    }

    /// The innermost open transaction of this heap on this thread, among `context` and those that enclose it.
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
        let context = isWritable ? writeContext : TransactionContextPool.shared.take()
        context.pointee = TransactionContext(
            base: image.base, byteCount: UInt64(image.byteCount), epoch: TransactionContextPool.nextEpoch(),
            touchedLines: image.touchedLines, isWritable: isWritable, hashSeed: header.hashSeed, engine: .passUnretained(self),
            enclosing: enclosing)
        holdfast_set_innermost_transaction(context)
        return context
    }

    func endContext(_ context: Context) {
        holdfast_set_innermost_transaction(context.pointee.enclosing)
        context.pointee.epoch = 0
        if context != writeContext { TransactionContextPool.shared.giveBack(context) }
    }
}
