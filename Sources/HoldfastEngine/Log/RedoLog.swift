import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// The redo log of a heap in use: the ring in the shared file, to which commits are appended, and
/// the durable log beside it.
///
/// Positions never decrease: `checkpoint <= durable <= published`, all multiples of 8, and
/// `published - checkpoint <= capacity`. All of them are words of the shared file; this object only
/// adds the durable file that this process has opened.
///
/// Thread and process safety: `append` belongs to the holder of the write lock, everything that
/// writes the durable file to the holder of the sync lock (taken here), `finishCheckpoint` to the
/// holder of the checkpoint lock, `grow` to the holder of all three. `@unchecked Sendable` for that
/// reason.
final class RedoLog: @unchecked Sendable {
    let shared: SharedMemory
    let identity: HeapIdentity
    let epoch: UInt64
    let durableFile: any DiskFile
    /// Whether nothing is ever durable: the durable log then has a header and no records.
    private let isVolatile: Bool
    /// The timeout for another process's sync lock.
    let timeout: Duration
    let heapPath: String

    /// A summary is built in memory; beyond this many bytes the records are written instead.
    private static let longestSummary = 16 << 20
    /// Pages of the durable log that are read and written together when its ring grows: 1 MiB.
    private static let movedPages = 256

    // MARK: Starting and joining

    /// Creates the durable log and the ring behind the checkpoint in `header`. The heap file's
    /// header must durably name the epoch before `announce` lets any process use it. `isLeft`: the
    /// header already names it, because an earlier starter died before announcing it; the durable
    /// file then exists, complete and empty, and must not be missing for a moment.
    init(
        starting shared: SharedMemory, disk: any Disk, heapPath: String, rights: FileRights?,
        header: HeapHeader, epoch: UInt64, isLeft: Bool, capacity wanted: Int, timeout: Duration
    ) throws(SystemError) {
        self.shared = shared
        self.epoch = epoch
        self.timeout = timeout
        self.heapPath = heapPath
        isVolatile = disk.isVolatile
        identity = header.identity
        let path = heapPath + LogLayout.durableSuffix
        let neighbours = Neighbours(disk: disk, heapPath: heapPath, identity: header.identity)
        let workingPath = neighbours.workingLogPath
        var capacity = wanted
        var sequence: UInt64 = 0
        if isLeft {
            durableFile = try disk.openBeside(path, .readWrite)
            let left = try LogHeader.readInUse(durableFile, epoch: epoch)
            capacity = Int(left.capacity)
            sequence = left.sequence
        } else {
            // Unlinked and not truncated: another heap that once had this name may still be in use
            // and have its log mapped.
            try neighbours.clear(.log)
            // The file gets its name only when it is complete, so that nothing but a log is ever
            // taken for one of this heap's.
            try neighbours.clearWorkingLog()
            do throws(SystemError) {
                durableFile = try disk.open(workingPath, .createNew(isPrivate: true))
            } catch {
                throw error.renamed(to: path)
            }
            if let rights { durableFile.take(rights) }
        }
        var made = workingPath
        do throws(SystemError) {
            let bytes = LogLayout.ringOffset + capacity
            if isVolatile {
                try durableFile.grow(from: 0, to: bytes, reservingBlocks: false)
            } else if !isLeft {
                // Zeros and not only reserved blocks: the first sync of a record in a block that
                // was never written would also have to write the file system's journal.
                try Self.fillWithZeros(durableFile, from: 0, to: bytes)
            }
            let present = try shared.file.size()
            try shared.file.grow(from: present, to: max(present, bytes), reservingBlocks: true)
            shared[.durableCapacity] = UInt64(capacity)
            shared[.logHeaderSequence] = sequence
            shared[.filled] = UInt64(bytes)
            shared[.required] = 0
            try writeHeader(requiredPosition: 0)
            try durableFile.sync()
            if !isLeft {
                do throws(SystemError) {
                    try disk.renameWithoutReplacing(workingPath, to: path)
                } catch {
                    throw error.errno == .fileExists
                        ? SystemError.foreignFile(path: path, .otherContents) : error
                }
                durableFile.wasRenamed(to: path)
                made = path
            }
            try disk.syncDirectory(of: heapPath)
        } catch {
            durableFile.close()
            if !isLeft { try? disk.remove(made) }
            // Errors should not name the working file.
            throw error.path == workingPath
                ? error.renamed(to: path) : error
        }
        shared[.published] = header.checkpointPosition
        shared[.durable] = header.checkpointPosition
        shared[.checkpoint] = header.checkpointPosition
        shared[.capacity] = UInt64(capacity)
    }

    /// Uses the log that another process has started.
    init(
        joining shared: SharedMemory, disk: any Disk, heapPath: String, identity: HeapIdentity,
        isWritable: Bool, timeout: Duration
    ) throws(SystemError) {
        self.shared = shared
        self.identity = identity
        self.timeout = timeout
        self.heapPath = heapPath
        isVolatile = disk.isVolatile
        epoch = shared[.epoch]
        durableFile = try disk.openBeside(
            heapPath + LogLayout.durableSuffix, isWritable ? .readWrite : .readOnly)
    }

    /// From here on, any process may append commits.
    func announce() { shared[.epoch] = epoch }

    /// Closes the durable file; the shared one belongs to the engine.
    func close() { durableFile.close() }

    // MARK: Positions

    var published: UInt64 { shared[.published] }
    var checkpointPosition: UInt64 { shared[.checkpoint] }
    var durablePosition: UInt64 { shared[.durable] }
    var capacity: Int { Int(shared[.capacity]) }
    /// Bytes of records that are not in the data file yet.
    var usedBytes: Int { shared.usedBytes }
    /// Bytes that can be appended before a checkpoint has to make room.
    var room: Int { capacity - usedBytes }

    // MARK: Durability

    /// Called before a checkpoint up to `target` writes to the data file (write-ahead rule): makes
    /// all commits below it durable, and raises the required position.
    ///
    /// `lines` are the lines of all records from the checkpoint to `target`. If they are much
    /// shorter than the records that are not durable yet, a summary of them is written instead.
    func prepareCheckpoint(upTo target: UInt64, lines: LineIndex) throws(HeapError) {
        try withSyncLock { () throws(SystemError) in
            // Two syncs, in this order: if a header required records lost in a power cut, a sound
            // heap would look damaged.
            if durablePosition < target {
                if !isVolatile {
                    if !(try writeSummary(upTo: target, lines: lines)) {
                        try writeRecords(upTo: target)
                    }
                    try durableFile.sync()
                }
                shared[.durable] = target
            }
            try writeHeader(requiredPosition: max(target, shared[.required]))
            try durableFile.sync()
        }
    }

    /// After a checkpoint has made the data file durable: frees the records' space in the ring.
    func finishCheckpoint(at position: UInt64) { shared.storeInOrder(position, .checkpoint) }

    /// Writes a summary of everything below `target` that is not durable yet; false if the records
    /// themselves are not much longer.
    private func writeSummary(upTo target: UInt64, lines: LineIndex) throws(SystemError) -> Bool {
        let start = durablePosition
        let pending = Int(target - start)
        guard
            let summary = LogSummary(
                of: lines, from: start, to: target, longest: min(pending / 2, Self.longestSummary),
                durablePosition: start,
                epoch: epoch)
        else { return false }
        try durableFile.writeRing(summary.bytes, at: start, capacity: Int(shared[.durableCapacity]))
        return true
    }

    /// Copies commits that are not durable yet to the durable file, without syncing it.
    func writeRecords(upTo target: UInt64) throws(SystemError) {
        let capacity = Int(shared[.durableCapacity])
        let ring = try shared.ring()
        var position = durablePosition
        while position < target {
            let start = Int(position % UInt64(capacity))
            let count = min(Int(target - position), capacity - start)
            let offset = LogLayout.ringOffset + start
            ring.step(.reads, at: position, byteCount: count)
            try durableFile.write(
                UnsafeRawBufferPointer(start: ring.address(position), count: count), at: offset)
            position += UInt64(count)
            let filled = Int(shared[.filled])
            if offset <= filled { shared[.filled] = UInt64(max(filled, offset + count)) }
        }
        // Checked before a sync makes it durable and a word says so.
        try shared.requireNoFault(ring)
    }

    /// Fills the place of the next records with zeros: a sync of a block that was never written
    /// would also have to write the file system's journal, which takes several times as long. Only
    /// called when the log is synced, so a log that is rarely synced is not filled needlessly.
    func fillAhead(from position: UInt64) throws(SystemError) {
        let capacity = Int(shared[.durableCapacity])
        let filled = Int(shared[.filled])
        let next = LogLayout.ringOffset + Int(position % UInt64(capacity))
        guard next >= filled, filled < LogLayout.ringOffset + capacity else { return }
        // Not over records that the ring still needs: behind the end of the ring, those at its
        // beginning may be live.
        let free = capacity - Int(position - checkpointPosition)
        let end = min(next + min(free, 1 << 20), LogLayout.ringOffset + capacity)
        guard end > next else { return }
        try Self.fillWithZeros(durableFile, from: next, to: end)
        shared[.filled] = UInt64(end)
    }

    private func writeHeader(requiredPosition: UInt64) throws(SystemError) {
        let sequence = shared[.logHeaderSequence] + 1
        let header = LogHeader(
            identity: identity, epoch: epoch, capacity: shared[.durableCapacity],
            requiredPosition: requiredPosition,
            sequence: sequence)
        try durableFile.write(header.encoded(), at: LogLayout.headerOffsets[Int(sequence % 2)])
        shared[.logHeaderSequence] = sequence
        shared[.required] = requiredPosition
    }

    private static func fillWithZeros(_ file: any DiskFile, from: Int, to: Int) throws(SystemError)
    {
        let zeros = [UInt8](repeating: 0, count: min(to - from, 1 << 20))
        var offset = from
        while offset < to {
            let count = min(zeros.count, to - offset)
            try file.write(count == zeros.count ? zeros : Array(zeros[..<count]), at: offset)
            offset += count
        }
    }

    /// The words about the durable file are stored after the file is changed, so a process that
    /// died in between has left older ones. It may also have left a header that is only in the page
    /// cache. That header is made durable first, because it is relied upon from here on: a record
    /// at its place in a larger ring may overwrite one of the smaller ring.
    func readBackHeader() throws(SystemError) {
        try durableFile.sync()
        let header = try LogHeader.readInUse(durableFile, epoch: epoch)
        shared[.durableCapacity] = header.capacity
        shared[.logHeaderSequence] = header.sequence
        shared[.required] = header.requiredPosition
    }

    // MARK: The size of the ring

    /// Multiplies the ring's capacity, keeping its records. The caller holds the write lock and the
    /// checkpoint lock.
    ///
    /// A multiple, because no record's new place is then another's old one: a record either stays
    /// in place or moves to the added part. So both layouts are valid until the one word that
    /// selects between them is stored. Until then, an error leaves the log unchanged.
    func grow(toHold bytes: Int) throws(HeapError) {
        let old = capacity
        // A process that died between extending the two files has left the durable one larger; it
        // is never the smaller one.
        let step = max(old, Int(shared[.durableCapacity]))
        let new = step * ((bytes + step - 1) / step)
        guard new > old else { return }
        let oldRing: RingMapping
        let newRing: RingMapping
        do throws(SystemError) {
            let durableBytes = try durableFile.size()
            try durableFile.grow(
                from: durableBytes, to: max(durableBytes, LogLayout.ringOffset + new),
                reservingBlocks: true)
            let sharedBytes = try shared.file.size()
            try shared.file.grow(
                from: sharedBytes, to: max(sharedBytes, LogLayout.ringOffset + new),
                reservingBlocks: true)
            oldRing = try shared.ring()
            newRing = try RingMapping(file: shared.file, capacity: new, isWritable: true)
        } catch {
            throw HeapError(error)
        }
        // Under the sync lock to the end: a thread that makes commits durable reads them at their
        // places in this ring.
        try withSyncLock { () throws(SystemError) in
            try moveDurable(to: new)
            Self.forEachMoved(from: checkpointPosition, to: published, old: old, new: new) {
                position, count in
                oldRing.step(.reads, at: position, byteCount: count)
                newRing.step(.changes, at: position, byteCount: count)
                newRing.address(position).copyMemory(
                    from: oldRing.address(position), byteCount: count)
            }
            shared.storeInOrder(UInt64(new), .capacity)
        }
    }

    /// Copies the durable file's own bytes: where a checkpoint has written a summary, they differ
    /// from those of the shared ring.
    private func moveDurable(to new: Int) throws(SystemError) {
        let old = Int(shared[.durableCapacity])
        guard new > old else { return }
        var failure: SystemError?
        let buffer = PageBuffer(pages: Self.movedPages)
        Self.forEachMoved(from: checkpointPosition, to: durablePosition, old: old, new: new) {
            position, count in
            var done = 0
            while done < count, failure == nil {
                let piece = UnsafeMutableRawBufferPointer(
                    rebasing: buffer.bytes[..<min(count - done, buffer.bytes.count)])
                let place = position + UInt64(done)
                do throws(SystemError) {
                    try durableFile.readOrZeros(
                        into: piece, at: LogLayout.ringOffset + Int(place % UInt64(old)))
                    try durableFile.write(
                        UnsafeRawBufferPointer(piece),
                        at: LogLayout.ringOffset + Int(place % UInt64(new)))
                } catch { failure = error }
                done += piece.count
            }
        }
        if let failure { throw failure }
        try durableFile.sync()
        shared[.durableCapacity] = UInt64(new)
        try writeHeader(requiredPosition: shared[.required])
        try durableFile.sync()
    }

    /// Shrinks the ring. It must be empty, no other process may use the heap, and the caller holds
    /// the write lock and the checkpoint lock.
    func shrink(to new: Int) throws(HeapError) {
        guard usedBytes == 0, new < capacity, new % RingMapping.granule == 0 else { return }
        shared.storeInOrder(UInt64(new), .capacity)
        try withSyncLock { () throws(SystemError) in
            shared[.durableCapacity] = UInt64(new)
            shared[.filled] = min(shared[.filled], UInt64(LogLayout.ringOffset + new))
            try writeHeader(requiredPosition: shared[.required])
            try durableFile.sync()
            try durableFile.truncate(to: LogLayout.ringOffset + new)
            _ = try shared.ring()
            try shared.file.truncate(to: LogLayout.ringOffset + new)
        }
    }

    /// Calls `body` with the pieces of [start, end) whose place changes, each contiguous in both
    /// rings.
    private static func forEachMoved(
        from start: UInt64, to end: UInt64, old: Int, new: Int, _ body: (UInt64, Int) -> Void
    ) {
        var position = start
        while position < end {
            let count = min(Int(end - position), old - Int(position % UInt64(old)))
            if position % UInt64(new) != position % UInt64(old) { body(position, count) }
            position += UInt64(count)
        }
    }
}
