/// A record of the redo log: a header, then lines of the heap in runs. Usually it is one commit
/// with the lines that it touched.
///
///     offset size
///       0     4   magic "HFLR"
///       4     4   number of runs
///       8     8   position of this record
///      16     8   bytes of this record, header included; a multiple of 8
///      24     8   span: the next record's position less this one's: the bytes, but see below
///      32     8   number of the commit that this record completes
///      40     8   checksum of the record before; of the checkpoint, for the first
///      48     8   position below which the log was durable when this record was made
///      56     8   heap's pages after this commit
///      64     8   checksum of bytes 0-63 and then of the runs, seeded with the log's epoch
///      72     …   runs: one word (first line << 16 | lines), then the lines, 64 bytes each
///
/// A *summary*, known by a span longer than its bytes, stands for all commits from its position up
/// to its span's end at once: it holds the lines that they have changed, as the last of them left
/// them, and before them two words: the checksum of the last record that it stands for, which the
/// next one names, and the fewest pages that the heap had after any of them, since a checkpoint
/// clears what lay behind. A checkpoint writes one instead of many commits that nobody has asked to
/// be durable, where that is shorter. Its lines do not say what the state between was, which nobody
/// could have been promised.
///
/// The chain makes what recovery accepts a prefix of what was committed: after a lost record
/// nothing of the future that hung on it can be accepted, even if its bytes are still there and
/// whole.
public struct LogRecord: Equatable {
    static let magic: UInt32 = 0x524c_4648
    public static let headerBytes = 72
    static let checksumOffset = 64
    static let maximumRunLines = 0xffff

    public var runs: UInt32
    public var position: UInt64
    public var byteCount: UInt64
    public var span: UInt64
    public var commitNumber: UInt64
    public var previousChecksum: UInt64
    public var durablePosition: UInt64
    public var heapPages: UInt64
    public var checksum: UInt64 = 0

    var isSummary: Bool { span > byteCount }

    /// Where the runs begin.
    var runsOffset: Int { isSummary ? Self.headerBytes + 16 : Self.headerBytes }

    /// What the record after this one names as its predecessor, given this one's bytes.
    package func chain(_ raw: UnsafeRawBufferPointer) -> UInt64 {
        isSummary ? raw.loadUnaligned(fromByteOffset: Self.headerBytes, as: UInt64.self) : checksum
    }

    /// The fewest pages that the heap had after any of the commits that this record stands for,
    /// given its bytes.
    func lowestHeapPages(_ raw: UnsafeRawBufferPointer) -> UInt64 {
        isSummary
            ? min(
                heapPages, raw.loadUnaligned(fromByteOffset: Self.headerBytes + 8, as: UInt64.self))
            : heapPages
    }

    /// Writes the header before a body that is already in place; returns the checksum.
    package func seal(_ record: UnsafeMutableRawPointer, epoch: UInt64) -> UInt64 {
        record.storeBytes(of: Self.magic, toByteOffset: 0, as: UInt32.self)
        record.storeBytes(of: runs, toByteOffset: 4, as: UInt32.self)
        record.storeBytes(of: position, toByteOffset: 8, as: UInt64.self)
        record.storeBytes(of: byteCount, toByteOffset: 16, as: UInt64.self)
        record.storeBytes(of: span, toByteOffset: 24, as: UInt64.self)
        record.storeBytes(of: commitNumber, toByteOffset: 32, as: UInt64.self)
        record.storeBytes(of: previousChecksum, toByteOffset: 40, as: UInt64.self)
        record.storeBytes(of: durablePosition, toByteOffset: 48, as: UInt64.self)
        record.storeBytes(of: heapPages, toByteOffset: 56, as: UInt64.self)
        let checksum = Self.checksum(
            of: UnsafeRawPointer(record), byteCount: Int(byteCount), epoch: epoch)
        record.storeBytes(of: checksum, toByteOffset: Self.checksumOffset, as: UInt64.self)
        return checksum
    }

    private static func checksum(of record: UnsafeRawPointer, byteCount: Int, epoch: UInt64)
        -> UInt64
    {
        let header = Checksum.of(
            UnsafeRawBufferPointer(start: record, count: checksumOffset), seed: epoch)
        return Checksum.of(
            UnsafeRawBufferPointer(start: record + headerBytes, count: byteCount - headerBytes),
            seed: header)
    }

    /// Reads a header alone: plausible, but not yet verified.
    package static func decodeHeader(_ raw: UnsafeRawBufferPointer) -> LogRecord? {
        guard raw.count >= headerBytes, raw.loadUnaligned(as: UInt32.self) == magic else {
            return nil
        }
        func word(_ offset: Int) -> UInt64 {
            raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
        let record = LogRecord(
            runs: raw.loadUnaligned(fromByteOffset: 4, as: UInt32.self), position: word(8),
            byteCount: word(16), span: word(24),
            commitNumber: word(32), previousChecksum: word(40), durablePosition: word(48),
            heapPages: word(56),
            checksum: word(checksumOffset))
        guard record.byteCount >= UInt64(headerBytes), record.byteCount % 8 == 0,
            record.span >= record.byteCount,
            record.span % 8 == 0, record.position < HeapLayout.maximumCount,
            record.span < HeapLayout.maximumCount,
            record.commitNumber < HeapLayout.maximumCount,
            record.heapPages >= HeapLayout.initialPages,
            record.heapPages <= HeapLayout.maximumBytes >> HeapLayout.pageShift,
            !record.isSummary || record.byteCount >= UInt64(headerBytes + 16)
        else { return nil }
        return record
    }

    /// Whether the whole record in `raw` carries its own checksum.
    func verifies(_ raw: UnsafeRawBufferPointer, epoch: UInt64) -> Bool {
        raw.count == Int(byteCount)
            && Self.checksum(of: raw.baseAddress!, byteCount: raw.count, epoch: epoch) == checksum
    }

    /// Calls `body` with each run's first line and bytes; false if the runs do not fit the record
    /// or the heap, in which case none of them is to be trusted.
    static func forEachRun(
        in raw: UnsafeRawBufferPointer, record: LogRecord,
        _ body: (_ firstLine: UInt64, _ lines: UnsafeRawBufferPointer) -> Void
    ) -> Bool {
        var offset = record.runsOffset
        // A checkpoint clears what lay behind the lowest end: a summary that speaks of less than
        // any heap has would have all of it cleared.
        guard record.lowestHeapPages(raw) >= HeapLayout.initialPages else { return false }
        let endLine = record.heapPages * UInt64(HeapLayout.linesPerPage)
        for _ in 0 ..< record.runs {
            guard offset + 8 <= raw.count else { return false }
            let word = raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let firstLine = word >> 16
            let count = Int(word & 0xffff)
            offset += 8
            guard count > 0, offset + count * HeapLayout.lineBytes <= raw.count,
                firstLine >= HeapLayout.headerPages * UInt64(HeapLayout.linesPerPage),
                firstLine + UInt64(count) <= endLine
            else { return false }
            let end = offset + count * HeapLayout.lineBytes
            body(firstLine, UnsafeRawBufferPointer(rebasing: raw[offset ..< end]))
            offset = end
        }
        return offset == raw.count
    }
}
