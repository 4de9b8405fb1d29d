import HoldfastFormat
import HoldfastSystem

/// The queue of what checkpoints have written and an archive has not taken yet: `NAME-archive`.
///
/// A checkpoint frees the log. If the heap has an archive, the queue keeps what the archive still
/// needs, so that the log does not have to wait for it. An entry is durable before the header that
/// completes its checkpoint, and counts from that header on: a checkpoint that was interrupted
/// leaves an entry beyond the checkpoint position, which the next one overwrites.
///
/// An archive never prevents the heap's own work. If an entry cannot be written, or exceeds the
/// limit, or was not written because an older program made the checkpoint, the queue has a gap, and
/// the archive begins anew.
///
/// Requires the checkpoint lock or exclusive access, apart from reading entries that count: these
/// do not change until the archive itself removes them.
final class ArchiveQueue {
    let file: any DiskFile
    private(set) var header: ArchiveQueueHeader

    private init(_ file: any DiskFile, _ header: ArchiveQueueHeader) {
        self.file = file
        self.header = header
    }

    deinit { file.close() }

    private static func path(_ dataFile: DataFile) -> String {
        dataFile.location + ArchiveQueueHeader.suffix
    }

    /// The queue of the heap; nil if it has none, or one with a gap.
    static func open(of dataFile: DataFile) -> ArchiveQueue? {
        let path = path(dataFile)
        guard dataFile.disk.exists(path),
            let file = try? dataFile.disk.openBeside(path, .readWrite)
        else { return nil }
        guard let header = try? currentHeader(of: file), header.identity == dataFile.identity,
            !header.hasGap
        else {
            file.close()
            return nil
        }
        return ArchiveQueue(file, header)
    }

    /// Makes an empty queue that continues from `place`, in place of the heap's former one.
    static func start(
        of dataFile: DataFile, at place: HistoryPlace, limit: UInt64
    ) throws(SystemError) -> ArchiveQueue {
        let path = path(dataFile)
        let rights = try dataFile.file?.rights()
        let file = try dataFile.disk.openBeside(path, .createOrKeep(isPrivate: rights != nil))
        do throws(SystemError) {
            if try file.size() == 0 {
                if let rights { file.take(rights) }
            } else if !(try isQueue(file)) {
                throw SystemError.foreignFile(path: path, .otherContents)
            }
            let former = try currentHeader(of: file)
            var header = ArchiveQueueHeader(
                identity: dataFile.identity, limit: limit, start: place)
            header.sequence = (former?.sequence ?? 0) + 1
            let queue = ArchiveQueue(file, header)
            try queue.writeHeader()
            try file.truncate(to: Int(ArchiveQueueHeader.entriesOffset))
            try file.sync()
            try dataFile.disk.syncDirectory(of: path)
            return queue
        } catch {
            file.close()
            throw error
        }
    }

    /// Removes the queue: the heap has no archive any more.
    static func remove(of dataFile: DataFile) throws(SystemError) {
        let path = path(dataFile)
        guard dataFile.disk.exists(path) else { return }
        let file = try dataFile.disk.openBeside(path, .readOnly)
        defer { file.close() }
        guard try isQueue(file) else {
            throw SystemError.foreignFile(path: path, .otherContents)
        }
        try dataFile.disk.remove(path)
    }

    // MARK: The header

    /// Whether the file is a queue, of this heap or of one that had its name before; or a queue
    /// whose beginning a power cut has lost.
    private static func isQueue(_ file: any DiskFile) throws(SystemError) -> Bool {
        try WorkingName.isLeftover(
            file, headersAt: ArchiveQueueHeader.copyOffsets, ArchiveQueueHeader.isHeader)
    }

    private static func currentHeader(of file: any DiskFile) throws(SystemError)
        -> ArchiveQueueHeader?
    {
        var newest: ArchiveQueueHeader?
        for offset in ArchiveQueueHeader.copyOffsets {
            var bytes = [UInt8](repeating: 0, count: ArchiveQueueHeader.byteCount)
            guard try file.read(&bytes, at: offset) == bytes.count,
                let found = bytes.withUnsafeBytes(ArchiveQueueHeader.decode),
                found.sequence > newest?.sequence ?? 0
            else { continue }
            newest = found
        }
        return newest
    }

    private func writeHeader() throws(SystemError) {
        try file.write(
            header.encoded(), at: ArchiveQueueHeader.copyOffsets[Int(header.sequence % 2)])
        try file.sync()
    }

    /// Records that the archive has everything up to `place`, the end of an entry that ends at
    /// `offset`, and returns the space.
    func take(upTo place: HistoryPlace, offset: UInt64) throws(SystemError) {
        // Most runs of an archive that follows closely find nothing new.
        guard place != header.start || offset != header.firstOffset else { return }
        let isEmpty = UInt64(try file.size()) <= offset
        let former = header.firstOffset
        header.sequence += 1
        header.start = place
        header.firstOffset = isEmpty ? ArchiveQueueHeader.entriesOffset : offset
        try writeHeader()
        if isEmpty {
            try file.truncate(to: Int(ArchiveQueueHeader.entriesOffset))
        } else {
            try file.zero(
                at: Int(former), byteCount: Int(offset - former), keepsBlocks: false)
        }
    }

    /// Gives the queue up: from here on something is missing.
    func abandon() {
        header.sequence += 1
        header.hasGap = true
        // If this fails, the next checkpoint finds the gap.
        try? writeHeader()
        try? file.truncate(to: Int(ArchiveQueueHeader.entriesOffset))
    }

    // MARK: Entries

    /// An entry and its offset.
    struct Located {
        let offset: UInt64
        let entry: ArchiveQueueEntry
        var end: UInt64 { offset + entry.byteCount }
    }

    /// The entries that count, given the place of the checkpoint; nil if there is a gap.
    func entries(upTo checkpoint: HistoryPlace) throws(SystemError) -> [Located]? {
        var found: [Located] = []
        var place = header.start
        var offset = header.firstOffset
        let size = UInt64(try file.size())
        var bytes = [UInt8](repeating: 0, count: ArchiveQueueEntry.headerBytes)
        while offset < size {
            guard try file.read(&bytes, at: Int(offset)) == bytes.count,
                let entry = bytes.withUnsafeBytes(ArchiveQueueEntry.decode),
                entry.before == place, entry.after.position <= checkpoint.position,
                entry.byteCount <= size - offset
            else { break }
            found.append(Located(offset: offset, entry: entry))
            place = entry.after
            offset += entry.byteCount
        }
        return place == checkpoint ? found : nil
    }
}
