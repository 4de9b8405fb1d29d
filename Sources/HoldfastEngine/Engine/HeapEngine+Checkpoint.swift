import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Durability: syncing the log, moving its contents into the base image, closing.
extension HeapEngine {
    /// Makes every commit so far durable: from the return on it survives a power cut. Any thread, also beside a writer.
    ///
    /// Cost: one write and one sync of the log, shared by all threads that wait at that moment; nothing if all is durable.
    public func makeDurable() throws(HeapError) {
        guard mode == .readWrite else { return }
        if hasFailed.load(ordering: .acquiring) { throw failedError }
        guard let log = log.withLock({ $0 }) else { return }
        do throws(DiskError) {
            try log.makeDurable(below: log.publishedPosition.load(ordering: .acquiring))
        } catch {
            throw fail(error)
        }
    }

    var isCheckpointDue: Bool {
        guard let log = writerLog else { return false }
        return log.usedBytes > options.logLimit
            || image.privatePageBound * HeapLayout.pageBytes > options.memoryLimit && log.usedBytes > 0
    }

    /// Moves everything that the log holds into the base image, waiting for open transactions first.
    public func checkpoint() throws(HeapError) {
        demandNoOpenTransaction(for: "heap.checkpoint")
        lock.lockForWriting()
        defer { lock.unlock() }
        guard mode == .readWrite else { return }
        try requireWritable()
        try runCheckpoint()
    }

    /// Under the write lock, with no transaction open: trims, writes, gives back memory and file space.
    func runCheckpoint() throws(HeapError) {
        guard writerLog != nil else { return }
        try trimAllocator()
        try checkpoint(endPage: committedPages, mayDropPages: true)
        try shrinkFile(to: wantedFileBytes(slack: true))
        if let log = writerLog, log.capacity > max(roundedCapacity(options.logLimit), roundedCapacity(options.initialLogBytes)) {
            do throws(DiskError) { try log.resize(to: roundedCapacity(options.logLimit)) } catch { throw fail(error) }
        }
    }

    /// A transaction of the engine's own, so that what the allocator keeps in hand does not stay in the file.
    private func trimAllocator() throws(HeapError) {
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

    /// Writes every changed page below `endPage` to the base image and empties the log. The image must hold exactly the last
    /// commit.
    ///
    /// Order, each step durable before the next begins: the log's records; the log's word that recovery needs all of them;
    /// the pages; the header that says so. Only then is the log's space used again.
    func checkpoint(endPage: UInt64, mayDropPages: Bool) throws(HeapError) {
        guard let log = writerLog, let file, log.usedBytes > 0 else { return }
        do throws(DiskError) {
            try log.prepareCheckpoint(of: image, endPage: endPage)
            try writeChangedPages(file, endPage: endPage)
            try file.sync()
            header.checkpointPosition = log.published
            header.checkpointChain = log.chain
            header.commitNumber = log.commitNumber
            header.heapPages = endPage
            header.checkpointTime = UInt64(max(0, time(nil)))
            try writeHeader(file)
            try file.sync()
        } catch {
            throw fail(error)
        }
        log.finishCheckpoint()
        image.clearChanged()
        if mayDropPages, image.privatePageBound * HeapLayout.pageBytes > options.memoryLimit / 2 {
            try image.dropPrivatePages(file, fileBytes: fileBytes)
        }
    }

    func writeChangedPages(_ file: any DiskFile, endPage: UInt64) throws(DiskError) {
        try image.forEachChangedRun(endPage: Int(endPage), limit: 256) { (first, count) throws(DiskError) in
            try file.write(
                UnsafeRawBufferPointer(
                    start: image.base + first * HeapLayout.pageBytes, count: count * HeapLayout.pageBytes),
                at: first * HeapLayout.pageBytes)
        }
    }

    /// Writes the header over its older copy.
    func writeHeader(_ file: any DiskFile) throws(DiskError) {
        header.sequence += 1
        header.heapPages = max(header.heapPages, HeapLayout.initialPages)
        try file.write(header.encoded(), at: Int(header.sequence % 2) * HeapLayout.pageBytes)
    }

    /// Writes the current header over the other copy too, so that a heap at rest opens with either. Without a sync: until it is
    /// durable, the newer copy counts, as ever.
    func repeatHeader(_ file: any DiskFile) throws(DiskError) {
        try file.write(header.encoded(), at: Int((header.sequence + 1) % 2) * HeapLayout.pageBytes)
    }

    // MARK: The file's size

    /// An eighth more at a time, but never more than a gibibyte of disk in hand.
    private static func roomySize(current: Int, needed: Int) -> Int {
        FileGrowth.nextSize(current: current, needed: needed, granule: HeapLayout.fileGranule, maximumStep: 1 << 30)
    }

    func growFile(_ file: any DiskFile, toHold bytes: Int) throws(DiskError) {
        guard bytes > fileBytes else { return }
        let target = Self.roomySize(current: fileBytes, needed: bytes)
        do throws(DiskError) {
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

    /// The size that the file should have at rest, or, with slack, the size up to which it is left as it is.
    private func wantedFileBytes(slack: Bool) -> Int {
        let exact = SystemPage.roundUp(Int(committedPages) * HeapLayout.pageBytes, to: HeapLayout.fileGranule)
        guard slack else { return exact }
        let comfortable = Self.roomySize(current: exact, needed: exact + 1)
        return fileBytes > comfortable ? exact : fileBytes
    }

    /// Gives trailing free space back. Only after a checkpoint: until its header is durable, recovery may need the old end.
    private func shrinkFile(to bytes: Int) throws(HeapError) {
        guard let file, bytes < fileBytes else { return }
        try image.shrink(to: bytes, path: path)
        do throws(DiskError) { try file.truncate(to: bytes) } catch { throw fail(error) }
        fileBytes = bytes
    }

    // MARK: Closing

    /// Ends the use of the heap: a checkpoint, a header that says the file is whole, and no log beside it any more.
    /// Waits for open transactions. Closing twice is allowed. After an earlier failure it only lets go, and throws.
    public func close() throws(HeapError) {
        demandNoOpenTransaction(for: "heap.close")
        lock.lockForWriting()
        defer { lock.unlock() }
        guard !isClosed else { return }
        isClosed = true
        defer {
            file?.close()
            file = nil
            writerLog?.close()
            writerLog = nil
            log.withLock { $0 = nil }
        }
        guard mode == .readWrite else { return }
        if hasFailed.load(ordering: .acquiring) { throw failedError }
        guard let log = writerLog, let file else { return }
        try trimAllocator()
        // The checkpoint's own header already says that the log is not needed; without one to make, the header is written alone.
        let isLogEmpty = log.usedBytes == 0
        header.logInUse = false
        try checkpoint(endPage: committedPages, mayDropPages: false)
        do throws(DiskError) {
            if isLogEmpty {
                try writeHeader(file)
                try file.sync()
            }
            try repeatHeader(file)
        } catch {
            throw fail(error)
        }
        try shrinkFile(to: wantedFileBytes(slack: false))
        do throws(DiskError) { try RedoLog.removeFiles(disk: disk, heapPath: path) } catch { throw HeapError(error) }
    }
}
