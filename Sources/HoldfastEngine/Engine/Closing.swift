import HoldfastFormat
import HoldfastSystem

/// Ends an opening, or its part in the sharing until the end of a suspension.
struct Closing {
    private let heap: OpenHeap
    private let committer: Committer
    private let writerLock: WriterLock

    /// `image`: the first one of the opening, when there is no other.
    init(_ image: EngineImage) {
        heap = image.heap
        committer = image.committer
        writerLock = image.writerLock
    }

    private var dataFile: DataFile { heap.dataFile }
    private var participation: Participation { heap.participation }

    /// Closes the opening, after the open transactions have ended. Idempotent.
    func close(_ pool: ImagePool, _ builder: BulkBuilder?) throws(HeapError) {
        let lifecycle = heap.lifecycle
        guard !lifecycle.isClosed else { return }
        pool.first.maintenance.stopThread()
        try pool.alone { () throws(HeapError) in
            guard lifecycle.close() else { return }
            // The end of a suspension may have allowed it meanwhile.
            pool.first.maintenance.stopThread()
            builder?.end()
            try leave(heap.detach)
        }
    }

    /// Does everything that a close does to the files and locks, and keeps the open file with its
    /// mapping. Requires exclusive access and that no thread makes checkpoints.
    func suspend() throws(HeapError) {
        heap.lifecycle.suspend()
        var hasLeft = true
        defer { heap.opener.suspendImage() }
        try leave { hasLeft = heap.withdraw() && hasLeft }
        guard hasLeft else {
            throw HeapError.timedOut(path: dataFile.path, waitingFor: "another thread's sync")
        }
    }

    private func leave(_ detach: () -> Void) throws(HeapError) {
        guard try end(detach) else { return }
        // If the heap cannot be put at rest now, the next opening does it.
        try? HeapEngine(
            path: dataFile.location, mode: .readWrite, options: dataFile.options.ofLastReader,
            disk: dataFile.disk
        ).close()
    }

    /// The last process to close the heap makes a checkpoint, writes a header that marks the file
    /// as complete, and removes the log. Other processes make their commits durable. Returns
    /// whether this was the last reader of a log that others wrote and left behind. The caller
    /// holds the latch exclusively.
    private func end(_ detach: () -> Void) throws(HeapError) -> Bool {
        defer { detach() }
        guard let file = dataFile.file, let shared = participation.shared else { return false }
        var leavesLog = false
        try dataFile.withOpeningLock(file) { () throws(HeapError) in
            // Runs on every exit, including errors.
            defer {
                removeOrphans(file, shared)
                detach()
            }
            // The memory is gone with the last who has it open. The name goes at once: no snapshot
            // can be opened any more.
            guard !dataFile.disk.isVolatile else {
                if dataFile.mode == .readWrite { try? dataFile.disk.remove(dataFile.location) }
                return
            }
            guard dataFile.mode == .readWrite else {
                leavesLog = isLastOfLog(file, shared)
                return removeUnusedSharedFile(file, shared)
            }
            try closeWriting(file, shared)
        }
        return leavesLog
    }

    /// Undoes a refused opening: removes the files that it created beside the heap.
    func abandonOpening() { abandon(heap.detach) }

    /// The same for the end of a suspension, which goes on.
    func abandonResumption() { abandon { _ = heap.withdraw() } }

    private func abandon(_ detach: () -> Void) {
        if let file = dataFile.file, let shared = participation.shared {
            try? dataFile.withOpeningLock(file) { () throws(HeapError) in
                removeUnusedSharedFile(file, shared)
            }
        }
        detach()
    }

    /// Whether this reader is the last user of a log that others wrote and left behind. Requires
    /// the opening lock.
    private func isLastOfLog(_ file: any DiskFile, _ shared: SharedMemory) -> Bool {
        guard participation.isRegistered, dataFile.isWritable, !dataFile.options.salvages,
            shared[.epoch] != 0, shared[.failed] == 0
        else {
            return false
        }
        return (try? dataFile.requireInPlace()) != nil
            && (try? file.tryLock(.presence, exclusive: true)) == true
    }

    private func closeWriting(_ file: any DiskFile, _ shared: SharedMemory) throws(HeapError) {
        try participation.lifecycle.requireNotFailed()
        try dataFile.requireInPlace()
        let isAlone = try dataFile.translating { () throws(SystemError) in
            try file.tryLock(.presence, exclusive: true)
        }
        let isLogStarted = shared[.epoch] != 0
        // The zeros of a lost page must not be mistaken for a log that was never started.
        do throws(HeapError) { try shared.requireNoFault() } catch {
            throw participation.fail(error)
        }
        guard isLogStarted else {
            if isAlone { try removeUnusedLog(file) }
            return
        }
        guard let log = try heap.log.join() else { return }
        guard isAlone else {
            do throws(HeapError) { try log.makeDurable(below: log.published) } catch {
                throw participation.fail(error)
            }
            return
        }
        try writerLock.lockAlone(shared)
        defer { shared.writeLock.unlock() }
        guard shared[.failed] == 0 else {
            throw HeapError.failed(
                path: dataFile.path, reason: "a process that had it open could not write or sync it"
            )
        }
        try putAtRest(log, file)
    }

    /// Moves everything to the data file and removes the log. Requires exclusive access and all
    /// locks.
    private func putAtRest(_ log: RedoLog, _ file: any DiskFile) throws(HeapError) {
        try heap.follower.catchUp()
        try participation.requireNoFault()
        try committer.commitTrim()
        let isComplete = try heap.checkpointer.moveLogIntoDataFile(waits: true, atRest: true)
        // A reader that could not register still has its snapshot, so the log stays, no longer than
        // that reader needs.
        guard isComplete else { return try log.makeDurable(below: log.published) }
        var header: HeapHeader
        do throws(HeapError) { header = try dataFile.readHeader(file) } catch {
            throw participation.fail(SystemError(.read, dataFile.path, .ioError))
        }
        do throws(SystemError) {
            if header.logInUse { try dataFile.endUseOfLog(&header, file) }
            try dataFile.repeatHeader(header, to: file)
        } catch {
            throw participation.fail(error)
        }
        try heap.fileSize.truncateAtRest(file)
        // If another file has taken this one's place, the log there is not ours.
        try dataFile.requireInPlace()
        try dataFile.translating { () throws(SystemError) in try dataFile.neighbours.remove() }
    }

    /// Cleans up when no process has used the log. A process that died while starting it may have
    /// written a header that says the log is in use. That header must be rewritten first: otherwise
    /// the missing log would be an error for every later opening.
    private func removeUnusedLog(_ file: any DiskFile) throws(HeapError) {
        var header = try dataFile.readHeader(file)
        try dataFile.translating { () throws(SystemError) in
            if header.logInUse || dataFile.disk.exists(dataFile.location + LogLayout.durableSuffix)
            {
                try dataFile.endUseOfLog(&header, file)
                try dataFile.repeatHeader(header, to: file)
            }
            try dataFile.neighbours.remove()
        }
    }

    /// A reader that was alone and found no log leaves no files behind.
    private func removeUnusedSharedFile(_ file: any DiskFile, _ shared: SharedMemory) {
        guard participation.isRegistered, shared[.epoch] == 0, dataFile.isWritable,
            // If another heap has taken this one's place, the shared file there is not ours.
            dataFile.disk.fileIdentity(at: shared.file.path) == (try? shared.file.fileIdentity()),
            (try? file.tryLock(.presence, exclusive: true)) == true
        else { return }
        try? dataFile.disk.remove(dataFile.location + LogLayout.sharedSuffix)
    }

    /// If the file has lost all of its names, its last user removes the files beside its last name:
    /// no process can need them any more.
    private func removeOrphans(_ file: any DiskFile, _ shared: SharedMemory) {
        guard participation.isRegistered, dataFile.isWritable,
            (try? file.facts())?.isNamed == false,
            (try? file.tryLock(.presence, exclusive: true)) == true
        else { return }
        let disk = dataFile.disk
        let logPath = dataFile.neighbours.path(.log)
        // Another heap with the same identity, such as a copy of the file, may have the name now,
        // with neighbour files of its own. Those must stay.
        let epoch = shared[.epoch]
        if let log = try? disk.openBeside(logPath, .readOnly) {
            defer { log.close() }
            if case .header(let header) = try? LogHeader.read(
                from: log, at: LogLayout.headerOffsets),
                header.identity == dataFile.identity, header.epoch == epoch, epoch != 0
            {
                try? disk.remove(logPath)
            }
        }
        if let mine = try? shared.file.fileIdentity(),
            disk.fileIdentity(at: shared.file.path) == mine
        {
            try? disk.remove(shared.file.path)
        }
    }
}
