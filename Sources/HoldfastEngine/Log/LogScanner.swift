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

    /// Where a source's ring is, to be read without counting references for each record.
    ///
    /// Safety: the scanner holds the sources, and so the mappings.
    private struct Bytes {
        let base: UnsafeRawPointer
        let capacity: UInt64

        init(_ ring: RingMapping) {
            base = UnsafeRawPointer(ring.address(0))
            capacity = UInt64(ring.capacity)
        }

        /// As `RingMapping.address`.
        func address(_ position: UInt64) -> UnsafeRawPointer { base + Int(position % capacity) }
    }

    /// The durable file first.
    let sources: [Source]
    private let bytes: [Bytes]
    /// No record of the durable file begins between `position` and here: a hole is there.
    private var durableHoleEnd: UInt64 = 0
    /// From here on it is worth asking where the durable file's next hole ends.
    private var nextHoleQuestion: UInt64 = 0
    private static let holeQuestionDistance: UInt64 = 64 << 10
    /// The source of all records so far, if none of them was a summary: then their bytes fill their
    /// place in it.
    private var onlySource: Int?
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
        bytes = sources.map { Bytes($0.ring) }
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
        for index in bytes.indices where index > 0 || position >= durableHoleEnd {
            guard let (record, raw) = read(from: index, at: position),
                record.previousChecksum == chain,
                record.commitNumber > commitNumber,
                // What is in use never goes once around the ring.
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

    /// After a kill the durable file may have nothing of a long log. Looking at each record's place
    /// there would make the system fill pages with zeros, one for each page of the log.
    private mutating func findHoleEnd() {
        // Without an answer all of it is looked at.
        durableHoleEnd = (try? nextData(of: sources[0], from: position)) ?? position
        nextHoleQuestion = max(durableHoleEnd, position + Self.holeQuestionDistance)
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
        for source in sources.indices where try findsDurableRecordBeyondEnd(in: source) {
            return true
        }
        return false
    }

    private func findsDurableRecordBeyondEnd(in index: Int) throws(SystemError) -> Bool {
        let pieceBytes: UInt64 = 1 << 20
        let source = sources[index]
        // One lap of the ring, without the place of what has been read there and verified.
        let end = (onlySource == index ? start : position) + UInt64(source.ring.capacity)
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

    /// A record that is whole and says of itself that it belongs at `position` of this epoch.
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
