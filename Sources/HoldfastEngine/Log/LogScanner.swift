import HoldfastFormat
import HoldfastSystem

/// Reads a log back at recovery: the longest unbroken chain of whole records from the checkpoint
/// on.
///
/// Trusts nothing but checksums. A record may come from either of the log's files: after `kill -9`
/// the shared one has everything that was committed; after a power cut the durable one has what was
/// synced, and the shared one whatever the kernel happened to write. A record that fits the chain
/// is the right one wherever it was found.
///
/// Records are read where they lie, in mappings of the files, so a log takes no memory of its own,
/// and a record takes time in proportion to the bytes that are really there: its runs are followed
/// before its checksum is made, and a hole in the file ends them.
struct LogScanner {
    struct Source {
        var file: any DiskFile
        var ring: RingMapping
    }

    /// The durable file first.
    let sources: [Source]
    let logHeader: LogHeader
    /// What a checkpoint that had begun needs recovery to reach.
    var requiredPosition: UInt64 { logHeader.requiredPosition }
    let epoch: UInt64
    let start: UInt64
    private(set) var position: UInt64
    private(set) var chain: UInt64
    private(set) var commitNumber: UInt64

    init(sources: [Source], header: HeapHeader, logHeader: LogHeader) {
        self.sources = sources
        self.logHeader = logHeader
        epoch = header.logEpoch
        start = header.checkpointPosition
        position = header.checkpointPosition
        chain = header.checkpointChain
        commitNumber = header.commitNumber
    }

    /// The next record of the chain, verified, with all of its bytes and the index of its source;
    /// nil where the chain ends. The bytes are valid as long as the scanner.
    mutating func next() -> (record: LogRecord, bytes: UnsafeRawBufferPointer, source: Int)? {
        for (index, source) in sources.enumerated() {
            guard let (record, bytes) = read(from: source, at: position),
                record.previousChecksum == chain,
                record.commitNumber > commitNumber,
                // What is in use never goes once around the ring.
                record.position + record.span - start <= UInt64(source.ring.capacity)
            else { continue }
            position += record.span
            chain = record.chain(bytes)
            commitNumber = record.commitNumber
            return (record, bytes, index)
        }
        return nil
    }

    /// Whether the durable file is shorter than its own header says: that is synced before a header
    /// is.
    func isDurableFileCutShort() throws(SystemError) -> Bool {
        try sources[0].file.size() < LogLayout.ringOffset + sources[0].ring.capacity
    }

    /// Throws if a part of a file could not be read: it was taken for zeros.
    func requireNoFault() throws(SystemError) {
        for source in sources where source.ring.hasFault {
            throw SystemError(.read, source.file.path, .ioError)
        }
    }

    /// Whether a later record proves that the log was durable beyond the end of the chain: then it
    /// is not a torn tail that ends the chain, but damage, and replaying only up to there would
    /// lose commits that were promised.
    func findsDurableRecordBeyondEnd() throws(SystemError) -> Bool {
        for source in sources where try findsDurableRecordBeyondEnd(in: source) { return true }
        return false
    }

    private func findsDurableRecordBeyondEnd(in source: Source) throws(SystemError) -> Bool {
        let pieceBytes: UInt64 = 1 << 20
        let end = position + UInt64(source.ring.capacity)
        // A log made to be slow could hold very many long records inside each other.
        var budget = source.ring.capacity &* 4
        var at = position
        while at < end {
            // Holes hold no records; a file may have very large ones.
            at = min(try nextData(of: source, from: at), end)
            let pieceEnd = min(at + pieceBytes, end)
            // The ring is mapped twice, so a piece lies in one place wherever it begins.
            let piece = UnsafeRawPointer(source.ring.address(at))
            // Records begin at multiples of 8.
            for offset in stride(from: 0, to: Int(pieceEnd - at), by: 8)
            where piece.load(fromByteOffset: offset, as: UInt32.self) == LogRecord.magic {
                let place = at + UInt64(offset)
                guard place > position, let claimed = header(in: source, at: place),
                    claimed.durablePosition > position
                else { continue }
                budget -= Int(claimed.byteCount)
                if budget < 0 || read(from: source, at: place) != nil { return true }
            }
            at = pieceEnd
        }
        return false
    }

    /// The first position from `position` on whose bytes are not in a hole of the file; up to seven
    /// less.
    private func nextData(of source: Source, from position: UInt64) throws(SystemError) -> UInt64 {
        let capacity = UInt64(source.ring.capacity)
        let start = position % capacity
        guard let data = try source.file.nextData(from: LogLayout.ringOffset + Int(start)) else {
            return position + (capacity - start)
        }
        let found = UInt64(max(data - LogLayout.ringOffset, Int(start))) & ~7
        return position + (min(max(found, start), capacity) - start)
    }

    private func header(in source: Source, at position: UInt64) -> LogRecord? {
        let raw = UnsafeRawBufferPointer(
            start: source.ring.address(position), count: LogRecord.headerBytes)
        guard let record = LogRecord.decodeHeader(raw), record.position == position,
            record.byteCount <= UInt64(source.ring.capacity)
        else { return nil }
        return record
    }

    /// A record that is whole and says of itself that it belongs at `position` of this epoch.
    private func read(from source: Source, at position: UInt64) -> (
        LogRecord, UnsafeRawBufferPointer
    )? {
        guard let record = header(in: source, at: position) else { return nil }
        let bytes = UnsafeRawBufferPointer(
            start: source.ring.address(position), count: Int(record.byteCount))
        guard LogRecord.forEachRun(in: bytes, record: record, { _, _ in }),
            record.verifies(bytes, epoch: epoch)
        else { return nil }
        return (record, bytes)
    }
}
