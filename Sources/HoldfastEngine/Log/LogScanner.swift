import HoldfastFormat
import HoldfastSystem

/// Reads a log during recovery: the longest unbroken chain of valid records from the checkpoint on.
///
/// Trusts nothing but checksums. A record may come from either of the log's files. After `kill -9`
/// the shared one has all commits. After a power cut the durable one has all synced commits, and
/// the shared one an arbitrary part. A record that fits the chain is right, whichever file it is
/// from.
///
/// Records are read in place, in mappings of the files, so a log takes no additional memory. The
/// time for a record is proportional to the bytes that really exist: its runs are followed before
/// its checksum is computed, and a hole in the file ends them.
struct LogScanner {
    struct Source {
        var file: any DiskFile
        var ring: RingMapping
    }

    /// The address of a source's ring, for reading without counting references for each record.
    ///
    /// Safety: the scanner holds the sources, and so the mappings.
    private struct Bytes {
        let base: UnsafeRawPointer
        let capacity: UInt64

        init(_ ring: RingMapping) {
            base = UnsafeRawPointer(ring.address(0))
            capacity = UInt64(ring.capacity)
        }

        /// Like `RingMapping.address`.
        func address(_ position: UInt64) -> UnsafeRawPointer { base + Int(position % capacity) }
    }

    /// The durable file comes first.
    let sources: [Source]
    private let bytes: [Bytes]
    /// The durable file has no record between `position` and here, because of a hole.
    private var durableHoleEnd: UInt64 = 0
    /// From here on it is worthwhile to query the end of the durable file's next hole.
    private var nextHoleQuestion: UInt64 = 0
    private static let holeQuestionDistance: UInt64 = 64 << 10
    /// The source of all records so far, if none of them was a summary. Their bytes then fill their
    /// places in it.
    private var onlySource: Int?
    let logHeader: LogHeader
    /// The required position of a checkpoint that had begun.
    var requiredPosition: UInt64 { logHeader.requiredPosition }
    let epoch: UInt64
    let start: UInt64
    private(set) var position: UInt64
    private(set) var chain: UInt64
    private(set) var commitNumber: UInt64

    init(sources: [Source], header: HeapHeader, logHeader: LogHeader) {
        self.sources = sources
        bytes = sources.map { Bytes($0.ring) }
        self.logHeader = logHeader
        epoch = header.logEpoch
        start = header.checkpointPosition
        position = header.checkpointPosition
        chain = header.checkpointChain
        commitNumber = header.commitNumber
    }

    /// The next record of the chain, verified, with all of its bytes and the index of its source;
    /// nil at the end of the chain. The bytes are valid as long as the scanner.
    mutating func next() -> (record: LogRecord, bytes: UnsafeRawBufferPointer, source: Int)? {
        for index in bytes.indices where index > 0 || position >= durableHoleEnd {
            guard let (record, raw) = read(from: index, at: position),
                record.previousChecksum == chain,
                record.commitNumber > commitNumber,
                // The records in use never exceed one lap of the ring.
                record.position + record.span - start <= bytes[index].capacity
            else {
                if index == 0, position >= nextHoleQuestion { findHoleEnd() }
                continue
            }
            let isAlike = position == start || onlySource == index
            onlySource = isAlike && !record.isSummary ? index : nil
            position += record.span
            chain = record.chain(raw)
            commitNumber = record.commitNumber
            return (record, raw, index)
        }
        return nil
    }

    /// After a kill the durable file may have nothing of a long log. Reading each record's place
    /// there would make the system allocate a zero page for each page of the log.
    private mutating func findHoleEnd() {
        // Without an answer, everything is read.
        durableHoleEnd = (try? nextData(of: sources[0], from: position)) ?? position
        nextHoleQuestion = max(durableHoleEnd, position + Self.holeQuestionDistance)
    }

    /// Whether the durable file is shorter than its own header says, although it is synced at full
    /// length before the header.
    func isDurableFileCutShort() throws(SystemError) -> Bool {
        try sources[0].file.size() < LogLayout.ringOffset + sources[0].ring.capacity
    }

    /// Throws if a part of a file could not be read and was taken for zeros.
    func requireNoFault() throws(SystemError) {
        for source in sources where source.ring.hasFault {
            throw SystemError(.read, source.file.path, .ioError)
        }
    }

    /// Whether a later record proves that the log was durable beyond the end of the chain. The
    /// chain's end is then not a torn tail but damage, and replaying only up to there would lose
    /// acknowledged commits.
    func findsDurableRecordBeyondEnd() throws(SystemError) -> Bool {
        for source in sources.indices where try findsDurableRecordBeyondEnd(in: source) {
            return true
        }
        return false
    }

    private func findsDurableRecordBeyondEnd(in index: Int) throws(SystemError) -> Bool {
        let pieceBytes: UInt64 = 1 << 20
        let source = sources[index]
        // One lap of the ring, without the records that were already read and verified there.
        let end = (onlySource == index ? start : position) + UInt64(source.ring.capacity)
        // Limits the work for a hostile log with very many long records inside each other.
        var budget = source.ring.capacity &* 4
        var at = position
        while at < end {
            // Holes contain no records, and may be very large.
            at = min(try nextData(of: source, from: at), end)
            let pieceEnd = min(at + pieceBytes, end)
            // The ring is mapped twice in succession, so a piece is contiguous wherever it begins.
            let piece = UnsafeRawPointer(source.ring.address(at))
            // Records begin at multiples of 8. Not a loop over a sequence: this one looks at every
            // word of a log, also in unoptimised builds.
            var offset = -8
            let byteCount = Int(pieceEnd - at)
            while offset + 8 < byteCount {
                offset += 8
                guard piece.load(fromByteOffset: offset, as: UInt32.self) == LogRecord.magic
                else { continue }
                let place = at + UInt64(offset)
                guard place > position, let claimed = header(in: index, at: place),
                    claimed.durablePosition > position
                else { continue }
                budget -= Int(claimed.byteCount)
                if budget < 0 || read(from: index, at: place) != nil { return true }
            }
            at = pieceEnd
        }
        return false
    }

    /// The first position from `position` on that is not in a hole of the file, or up to seven
    /// bytes before it.
    private func nextData(of source: Source, from position: UInt64) throws(SystemError) -> UInt64 {
        let capacity = UInt64(source.ring.capacity)
        let start = position % capacity
        guard let data = try source.file.nextData(from: LogLayout.ringOffset + Int(start)) else {
            return position + (capacity - start)
        }
        let found = UInt64(max(data - LogLayout.ringOffset, Int(start))) & ~7
        return position + (min(max(found, start), capacity) - start)
    }

    private func header(in source: Int, at position: UInt64) -> LogRecord? {
        let bytes = bytes[source]
        return Self.header(bytes.address(position), at: position, capacity: bytes.capacity)
    }

    @inline(__always)
    private static func header(_ start: UnsafeRawPointer, at position: UInt64, capacity: UInt64)
        -> LogRecord?
    {
        let raw = UnsafeRawBufferPointer(start: start, count: LogRecord.headerBytes)
        guard let record = LogRecord.decodeHeader(raw), record.position == position,
            record.byteCount <= capacity
        else { return nil }
        return record
    }

    /// A valid record that names `position` as its own, in this epoch.
    private func read(from source: Int, at position: UInt64) -> (
        LogRecord, UnsafeRawBufferPointer
    )? {
        let capacity = bytes[source].capacity
        let start = bytes[source].address(position)
        guard let record = Self.header(start, at: position, capacity: capacity) else { return nil }
        let raw = UnsafeRawBufferPointer(start: start, count: Int(record.byteCount))
        guard LogRecord.forEachRun(in: raw, record: record, { _, _ in }),
            record.verifies(raw, epoch: epoch)
        else { return nil }
        return (record, raw)
    }
}
