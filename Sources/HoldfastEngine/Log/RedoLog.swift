import MemoryMapping
import Synchronization

/// The redo log of a heap that is open for writing.
///
/// Positions only go forward: `checkpoint <= durable <= published`, all multiples of 8, and
/// `published - checkpoint <= capacity`. They are atomics in the shared file, where other processes will find them.
/// The ring is mapped twice, end to end, so every record is contiguous in memory wherever it begins.
///
/// Thread safety: `publish` and everything that moves `checkpoint` or the ring belong to the holder of the heap's write lock;
/// `makeDurable` may run beside a writer, and serialises itself; hence `@unchecked Sendable`.
final class RedoLog: @unchecked Sendable {
    let heapPath: String
    let identity: HeapIdentity
    let epoch: UInt64
    private let durableFile: any DiskFile
    private let sharedFile: any DiskFile
    private var reservation: AddressReservation

    private(set) var capacity: Int
    /// Where the next record goes, the checksum of the record before it, and its commit number: the writer's own copies.
    private(set) var published: UInt64
    private(set) var chain: UInt64
    private(set) var commitNumber: UInt64
    private(set) var checkpoint: UInt64
    private var headerSequence: UInt64 = 0

    /// Orders the writes of the durable file: its records, its header, its syncs.
    private let durableLock = Mutex(())
    /// Position below which records have been written to the durable file (not yet synced); guarded by `durableLock`.
    private var written: UInt64
    /// Bytes at the front of the durable file that have been written before, if only with zeros.
    private var filled: Int
    /// Guarded by `durableLock`.
    private var isClosed = false
    /// The same as `published`, for threads that do not hold the write lock.
    let publishedPosition: Atomic<UInt64>

    /// A multiple of every page size in use.
    static let capacityGranule = 64 * 1024
    /// A summary is made in memory; beyond this many bytes the records are written instead.
    private static let longestSummary = 16 << 20

    /// Starts a log behind the checkpoint that `header` tells of: makes both files and makes the durable one durable.
    init(disk: any Disk, heapPath: String, header: HeapHeader, epoch: UInt64, capacity: Int) throws(DiskError) {
        self.heapPath = heapPath
        self.epoch = epoch
        self.capacity = capacity
        identity = header.identity
        published = header.checkpointPosition
        publishedPosition = Atomic(published)
        written = published
        checkpoint = published
        chain = header.checkpointChain
        filled = LogLayout.ringOffset + capacity
        commitNumber = header.commitNumber

        durableFile = try disk.open(heapPath + LogLayout.durableSuffix, .createOrEmpty)
        sharedFile = try disk.open(heapPath + LogLayout.sharedSuffix, .createOrEmpty)
        let bytes = LogLayout.ringOffset + capacity
        // Zeros and not merely reserved blocks: the first sync of a record in a block that was never written would also have
        // to write the file system's own journal.
        try Self.fillWithZeros(durableFile, from: 0, to: bytes)
        try sharedFile.grow(from: 0, to: bytes, reservingBlocks: true)
        reservation = try Self.map(sharedFile, capacity: capacity)
        try writeHeader(requiredPosition: 0)
        try durableFile.sync()
        try disk.syncDirectory(of: heapPath)
        storeSharedHeader()
    }

    /// Closes the files; everything must be in the base image. A `makeDurable` that comes later has nothing left to do.
    func close() {
        durableLock.withLock { _ in
            isClosed = true
            durableFile.close()
            sharedFile.close()
        }
    }

    /// Removes the files of a log that is not needed any more.
    static func removeFiles(disk: any Disk, heapPath: String) throws(DiskError) {
        try disk.remove(heapPath + LogLayout.sharedSuffix)
        try disk.remove(heapPath + LogLayout.durableSuffix)
    }

    // MARK: Appending

    /// Bytes that can be appended before a checkpoint has to make room.
    var room: Int { capacity - usedBytes }

    /// Bytes of records that the base image does not have yet.
    var usedBytes: Int { Int(published - checkpoint) }

    /// Where the next record is to be written, contiguous for `room` bytes.
    var nextRecord: UnsafeMutableRawPointer {
        ring + Int(published % UInt64(capacity))
    }

    /// Seals the record at `nextRecord` and publishes it: from the store of the position on it is committed.
    func publish(runs: UInt32, byteCount: Int, heapPages: UInt64) {
        let record = LogRecord(
            runs: runs, position: published, byteCount: UInt64(byteCount), span: UInt64(byteCount),
            commitNumber: commitNumber + 1, previousChecksum: chain, durablePosition: durablePosition, heapPages: heapPages)
        chain = record.seal(nextRecord, epoch: epoch)
        commitNumber += 1
        published += UInt64(byteCount)
        store(published, at: LogLayout.publishedOffset)
        publishedPosition.store(published, ordering: .releasing)
    }

    /// The position below which every commit has been synced.
    var durablePosition: UInt64 {
        load(at: LogLayout.durableOffset)
    }

    // MARK: Durability

    /// Makes every commit below `target` durable: one write (two where the ring wraps) and one sync; neither if they are.
    func makeDurable(below target: UInt64) throws(DiskError) {
        try locked { () throws(DiskError) in
            guard !isClosed, durablePosition < target else { return }
            try writeRecords()
            try fillAhead()
            try durableFile.sync()
            store(written, at: LogLayout.durableOffset)
        }
    }

    /// Before a checkpoint writes to the base image: all commits are durable, and recovery knows that it needs all of them.
    ///
    /// `image` holds the last commit's state, of which the pages below `endPage` that changed since the last checkpoint may go
    /// into a summary instead of the records.
    func prepareCheckpoint(of image: HeapImage, endPage: UInt64) throws(DiskError) {
        try locked { () throws(DiskError) in
            // Two syncs, in this order: a header that demands records which the power cut took would make a sound heap
            // look damaged.
            if durablePosition < published {
                if !(try writeSummary(of: image, endPage: endPage)) { try writeRecords() }
                try durableFile.sync()
                store(written, at: LogLayout.durableOffset)
            }
            try writeHeader(requiredPosition: written)
            try durableFile.sync()
        }
    }

    /// Writes a summary of all that has not been written yet; false if the records themselves are not much longer.
    private func writeSummary(of image: HeapImage, endPage: UInt64) throws(DiskError) -> Bool {
        let pending = Int(published - written)
        // The first record that the summary replaces knows the checksum of the one before.
        let next = UnsafeRawBufferPointer(start: ring + Int(written % UInt64(capacity)), count: LogRecord.headerBytes)
        guard let replaced = LogRecord.decodeHeader(next) else { return false }
        guard
            let summary = LogSummary(
                of: image, endPage: endPage, longest: min(pending / 2, Self.longestSummary),
                record: LogRecord(
                    runs: 0, position: written, byteCount: 0, span: UInt64(pending), commitNumber: commitNumber,
                    previousChecksum: replaced.previousChecksum, durablePosition: durablePosition, heapPages: endPage),
                epoch: epoch)
        else { return false }
        try durableFile.writeRing(summary.bytes, at: written, capacity: capacity)
        written = published
        return true
    }

    /// After a checkpoint has made the base image durable: the ring is empty.
    func finishCheckpoint() {
        checkpoint = published
        store(checkpoint, at: LogLayout.checkpointOffset)
    }

    /// Gives the ring another size. It must be empty, and no record may be published before this has returned.
    func resize(to newCapacity: Int) throws(DiskError) {
        Misuse.demand(usedBytes == 0, "Holdfast: the log can only be resized while it is empty")
        guard newCapacity != capacity else { return }
        try locked { () throws(DiskError) in
            let oldBytes = LogLayout.ringOffset + capacity
            let newBytes = LogLayout.ringOffset + newCapacity
            if newBytes > oldBytes {
                try sharedFile.grow(from: oldBytes, to: newBytes, reservingBlocks: true)
                try durableFile.grow(from: oldBytes, to: newBytes, reservingBlocks: true)
            }
            let newReservation = try Self.map(sharedFile, capacity: newCapacity)
            capacity = newCapacity
            filled = min(filled, newBytes)
            reservation = newReservation
            try writeHeader(requiredPosition: 0)
            try durableFile.sync()
            storeSharedHeader()
            if newBytes < oldBytes {
                try sharedFile.truncate(to: newBytes)
                try durableFile.truncate(to: newBytes)
            }
        }
    }

    /// Copies what is published and not yet in the durable file into it.
    private func writeRecords() throws(DiskError) {
        let target = load(at: LogLayout.publishedOffset)
        while written < target {
            let start = Int(written % UInt64(capacity))
            let count = min(Int(target - written), capacity - start)
            let offset = LogLayout.ringOffset + start
            try durableFile.write(UnsafeRawBufferPointer(start: ring + start, count: count), at: offset)
            written += UInt64(count)
            if offset <= filled { filled = max(filled, offset + count) }
        }
    }

    /// Keeps the place of the next records filled: a sync of a block that was never written would also have to write the file system's
    /// journal, which takes several times as long. A log that is not synced often is not filled in vain.
    private func fillAhead() throws(DiskError) {
        let next = LogLayout.ringOffset + Int(written % UInt64(capacity))
        guard next >= filled, filled < LogLayout.ringOffset + capacity else { return }
        // Not over what the ring still holds: behind the end of the ring, the records before its beginning may be live.
        let free = capacity - Int(written - load(at: LogLayout.checkpointOffset))
        let end = min(next + min(free, 1 << 20), LogLayout.ringOffset + capacity)
        guard end > next else { return }
        try Self.fillWithZeros(durableFile, from: next, to: end)
        filled = end
    }

    private func writeHeader(requiredPosition: UInt64) throws(DiskError) {
        headerSequence += 1
        let header = LogHeader(
            identity: identity, epoch: epoch, capacity: UInt64(capacity), requiredPosition: requiredPosition,
            sequence: headerSequence)
        try durableFile.write(header.encoded(), at: LogLayout.headerOffsets[Int(headerSequence % 2)])
    }

    private static func fillWithZeros(_ file: any DiskFile, from: Int, to: Int) throws(DiskError) {
        let zeros = [UInt8](repeating: 0, count: min(to - from, 1 << 20))
        var offset = from
        while offset < to {
            let count = min(zeros.count, to - offset)
            try file.write(count == zeros.count ? zeros : Array(zeros[..<count]), at: offset)
            offset += count
        }
    }

    private func locked(_ body: () throws(DiskError) -> Void) throws(DiskError) {
        var failure: DiskError?
        durableLock.withLock { _ in
            do throws(DiskError) { try body() } catch { failure = error }
        }
        if let failure { throw failure }
    }

    // MARK: The shared file in memory

    private var ring: UnsafeMutableRawPointer { reservation.baseAddress + LogLayout.ringOffset }

    private static func map(_ file: any DiskFile, capacity: Int) throws(DiskError) -> AddressReservation {
        let bytes = LogLayout.ringOffset + capacity
        let reservation: AddressReservation
        do {
            reservation = try AddressReservation(preferredBytes: bytes + capacity, minimumBytes: bytes + capacity)
        } catch {
            throw DiskError(.map, file.path, code: error.code)
        }
        try file.map(into: reservation, at: 0, fileOffset: 0, byteCount: bytes, kind: .shared)
        try file.map(
            into: reservation, at: bytes, fileOffset: LogLayout.ringOffset, byteCount: capacity, kind: .shared)
        return reservation
    }

    // The atomics of the shared file. Its memory is zero-filled by the file system, which is a valid `Atomic` of zero; it is
    // never initialised or destroyed here.

    private func load(at offset: Int) -> UInt64 {
        (reservation.baseAddress + offset).assumingMemoryBound(to: Atomic<UInt64>.self).pointee.load(ordering: .acquiring)
    }

    private func store(_ value: UInt64, at offset: Int) {
        (reservation.baseAddress + offset).assumingMemoryBound(to: Atomic<UInt64>.self).pointee
            .store(value, ordering: .releasing)
    }

    private func storeSharedHeader() {
        let header = LogHeader(
            identity: identity, epoch: epoch, capacity: UInt64(capacity), requiredPosition: 0, sequence: headerSequence)
        header.encoded().withUnsafeBytes { raw in
            (reservation.baseAddress + LogLayout.sharedHeaderOffset).copyMemory(
                from: raw.baseAddress!, byteCount: raw.count)
        }
        store(published, at: LogLayout.publishedOffset)
        store(checkpoint, at: LogLayout.checkpointOffset)
        store(max(durablePosition, checkpoint), at: LogLayout.durableOffset)
        store(load(at: LogLayout.generationOffset) + 1, at: LogLayout.generationOffset)
    }
}
