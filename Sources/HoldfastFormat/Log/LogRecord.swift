/// A record of the redo log: a header, then lines of the heap in runs. Usually it is one commit
/// with its dirty lines.
///
///     offset size
///       0     4   magic "HFLR"
///       4     4   number of runs
///       8     8   position of this record
///      16     8   bytes of this record, header included; a multiple of 8
///      24     8   span: the next record's position less this one's; the bytes, except in summaries
///      32     8   number of the commit that this record completes
///      40     8   checksum of the record before (of the checkpoint, for the first)
///      48     8   position below which the log was durable when this record was made
///      56     8   heap's pages after this commit
///      64     8   checksum of bytes 0-63 and then of the runs, seeded with the log's epoch
///      72     …   runs: one word (first line << 16 | lines), then the lines, 64 bytes each
///
/// A *summary*, recognised by a span longer than its bytes, stands for all commits from its
/// position to the end of its span. It holds the lines that they have changed, in their final
/// state. Two words precede the lines: the checksum of the last record that the summary stands for,
/// which the next record names, and the smallest number of pages that the heap had after any of the
/// commits, since a checkpoint clears the pages behind it. A checkpoint writes a summary instead of
/// many unsynced commits if that is shorter. A summary does not record the intermediate states; no
/// sync ever promised them.
///
/// Each record names the checksum of the record before it. So recovery accepts a prefix of the
/// commits: after a lost record it accepts no later one, even if its bytes are intact.
public struct LogRecord: Equatable, Sendable {
    @inlinable
    package static var magic: UInt32 { 0x524c_4648 }
    @inlinable
    public static var headerBytes: Int { 72 }
    @inlinable
    package static var checksumOffset: Int { 64 }
    @inlinable
    static var checksumField: Field<UInt64> { Field(at: checksumOffset) }
    // Of summaries.
    @inlinable
    static var lastChecksumField: Field<UInt64> { Field(at: 72) }
    @inlinable
    static var lowestPagesField: Field<UInt64> { Field(at: 80) }

    public var runs: UInt32
    public var position: UInt64
    public var byteCount: UInt64
    public var span: UInt64
    public var commitNumber: UInt64
    public var previousChecksum: UInt64
    public var durablePosition: UInt64
    public var heapPages: UInt64
    public var checksum: UInt64 = 0

    @inlinable @inline(__always)
    package init(
        runs: UInt32, position: UInt64, byteCount: UInt64, span: UInt64, commitNumber: UInt64,
        previousChecksum: UInt64, durablePosition: UInt64, heapPages: UInt64, checksum: UInt64 = 0
    ) {
        self.runs = runs
        self.position = position
        self.byteCount = byteCount
        self.span = span
        self.commitNumber = commitNumber
        self.previousChecksum = previousChecksum
        self.durablePosition = durablePosition
        self.heapPages = heapPages
        self.checksum = checksum
    }

    // MARK: Summaries

    /// Bytes of the header and the two words of a summary.
    @inlinable
    package static var summaryHeaderBytes: Int { headerBytes + 16 }

    @inlinable
    package var isSummary: Bool { span > byteCount }

    /// The offset of the runs.
    @inlinable
    package var runsOffset: Int { isSummary ? Self.summaryHeaderBytes : Self.headerBytes }

    /// The previous checksum that the next record names, given the bytes of this one.
    @inlinable
    package func chain(_ raw: UnsafeRawBufferPointer) -> UInt64 {
        unsafe isSummary ? Self.lastChecksumField.load(raw.baseAddress!) : checksum
    }

    /// The smallest number of pages that the heap had after any of the commits that this record
    /// stands for, given its bytes.
    @inlinable
    package func lowestHeapPages(_ raw: UnsafeRawBufferPointer) -> UInt64 {
        unsafe isSummary ? min(heapPages, Self.lowestPagesField.load(raw.baseAddress!)) : heapPages
    }

    /// Stores the two words of a summary.
    package static func storeSummary(
        lastChecksum: UInt64, lowestHeapPages: UInt64, in record: UnsafeMutableRawPointer
    ) {
        unsafe lastChecksumField.store(lastChecksum, to: record)
        unsafe lowestPagesField.store(lowestHeapPages, to: record)
    }

    // MARK: Bytes

    @inlinable @inline(__always)
    mutating func transfer(_ bytes: some FieldTransfer) {
        bytes.field(&runs, at: 4)
        bytes.field(&position, at: 8)
        bytes.field(&byteCount, at: 16)
        bytes.field(&span, at: 24)
        bytes.field(&commitNumber, at: 32)
        bytes.field(&previousChecksum, at: 40)
        bytes.field(&durablePosition, at: 48)
        bytes.field(&heapPages, at: 56)
    }

    /// Writes the header in front of a body that is already in place; returns the checksum.
    @inlinable @inline(__always)
    package func seal(_ record: UnsafeMutableRawPointer, epoch: UInt64) -> UInt64 {
        unsafe Field<UInt32>(at: 0).store(Self.magic, to: record)
        var fields = self
        unsafe fields.transfer(FieldWriter(record))
        let checksum = unsafe Self.checksum(
            of: UnsafeRawPointer(record), byteCount: Int(byteCount), epoch: epoch)
        unsafe Self.checksumField.store(checksum, to: record)
        return checksum
    }

    @inlinable @inline(__always)
    static func checksum(of record: UnsafeRawPointer, byteCount: Int, epoch: UInt64)
        -> UInt64
    {
        let header = unsafe Checksum.of(
            UnsafeRawBufferPointer(start: record, count: checksumField.offset), seed: epoch)
        return unsafe Checksum.of(
            UnsafeRawBufferPointer(start: record + headerBytes, count: byteCount - headerBytes),
            seed: header)
    }

    /// Reads only the header: plausible, but not yet verified.
    @inlinable @inline(__always)
    package static func decodeHeader(_ raw: UnsafeRawBufferPointer) -> LogRecord? {
        guard raw.count >= headerBytes, unsafe raw.loadUnaligned(as: UInt32.self) == magic else {
            return nil
        }
        var record = unsafe LogRecord(
            runs: 0, position: 0, byteCount: 0, span: 0, commitNumber: 0, previousChecksum: 0,
            durablePosition: 0, heapPages: 0, checksum: checksumField.load(raw.baseAddress!))
        unsafe record.transfer(FieldReader(raw.baseAddress!))
        guard record.byteCount >= UInt64(headerBytes), record.byteCount % 8 == 0,
            record.span >= record.byteCount,
            record.span % 8 == 0, record.position < HeapLayout.maximumCount,
            record.span < HeapLayout.maximumCount,
            record.commitNumber < HeapLayout.maximumCount,
            record.heapPages >= HeapLayout.initialPages,
            record.heapPages <= HeapLayout.maximumBytes >> HeapLayout.pageShift,
            !record.isSummary || record.byteCount >= UInt64(summaryHeaderBytes)
        else { return nil }
        return record
    }

    /// Whether the checksum of the whole record in `raw` is right.
    @inlinable
    package func verifies(_ raw: UnsafeRawBufferPointer, epoch: UInt64) -> Bool {
        unsafe raw.count == Int(byteCount)
            && Self.checksum(of: raw.baseAddress!, byteCount: raw.count, epoch: epoch) == checksum
    }

    /// Calls `body` with each run's first line and bytes; false if the runs do not fit the record
    /// or the heap, in which case none of them can be trusted.
    @inlinable
    package static func forEachRun(
        in raw: UnsafeRawBufferPointer, record: LogRecord,
        _ body: (_ firstLine: UInt64, _ lines: UnsafeRawBufferPointer) -> Void
    ) -> Bool {
        var offset = record.runsOffset
        // A checkpoint clears the pages behind the lowest end: a summary that names fewer pages
        // than any heap has would clear all of them.
        guard unsafe record.lowestHeapPages(raw) >= HeapLayout.initialPages else { return false }
        let endLine = record.heapPages * UInt64(HeapLayout.linesPerPage)
        for _ in 0 ..< record.runs {
            guard offset + 8 <= raw.count else { return false }
            let word = unsafe raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let firstLine = word >> 16
            let count = Int(word & 0xffff)
            offset += 8
            guard count > 0, offset + count * HeapLayout.lineBytes <= raw.count,
                firstLine >= HeapLayout.headerPages * UInt64(HeapLayout.linesPerPage),
                firstLine + UInt64(count) <= endLine
            else { return false }
            let end = offset + count * HeapLayout.lineBytes
            unsafe body(firstLine, UnsafeRawBufferPointer(rebasing: raw[offset ..< end]))
            offset = end
        }
        return offset == raw.count
    }
}
