/// An entry of the archive's queue: what one checkpoint, or one punching of holes, has done to the
/// data file. First the pages in `zeroed` became zeros, then the lines of the records were stored,
/// and everything beyond the heap's pages was dropped.
///
/// The entry's header is followed by the records, as in the log, and by the zeroed ranges of pages,
/// two words each: the first page and the number of pages.
package struct ArchiveQueueEntry: Equatable, Sendable {
    package static let headerBytes = 128
    package static let rangeBytes = 16
    private static let checksumOffset = 120
    private static let magic: UInt64 = 0x5254_4e45_5145_4648  // "HFEQENTR"
    /// The seed of `payloadChecksum`.
    package static let payloadSeed: UInt64 = 0x7175_6575_6564_2121

    package var before: HistoryPlace
    package var after: HistoryPlace
    /// The heap's pages after it.
    package var heapPages: UInt64
    /// When it was made, in seconds since 1970.
    package var time: UInt64
    /// The sum of the checksums of pages after it; see `HeapHeader.pageSum`.
    package var pageSum: UInt64?
    /// The seed of the records' checksums.
    package var epoch: UInt64
    package var recordBytes: UInt64
    package var zeroedRanges: UInt64
    package var payloadChecksum: UInt64

    package init(
        before: HistoryPlace, after: HistoryPlace, heapPages: UInt64, time: UInt64,
        pageSum: UInt64?, epoch: UInt64, recordBytes: UInt64, zeroedRanges: UInt64,
        payloadChecksum: UInt64
    ) {
        self.before = before
        self.after = after
        self.heapPages = heapPages
        self.time = time
        self.pageSum = pageSum
        self.epoch = epoch
        self.recordBytes = recordBytes
        self.zeroedRanges = zeroedRanges
        self.payloadChecksum = payloadChecksum
    }

    /// Whether it has no commits: holes were punched, or it was found empty.
    package var isOfHoles: Bool { before == after }

    package var payloadBytes: UInt64 { recordBytes + zeroedRanges * UInt64(Self.rangeBytes) }
    /// A multiple of 8.
    package var byteCount: UInt64 { UInt64(Self.headerBytes) + payloadBytes }

    private mutating func transfer(_ bytes: some FieldTransfer) {
        before.transfer(bytes, at: 8)
        after.transfer(bytes, at: 32)
        bytes.field(&heapPages, at: 56)
        bytes.field(&time, at: 64)
        var sum = pageSum ?? 0
        var isSumKnown: UInt64 = pageSum != nil ? 1 : 0
        bytes.field(&sum, at: 72)
        bytes.field(&isSumKnown, at: 80)
        pageSum = isSumKnown & 1 != 0 ? sum : nil
        bytes.field(&epoch, at: 88)
        bytes.field(&recordBytes, at: 96)
        bytes.field(&zeroedRanges, at: 104)
        bytes.field(&payloadChecksum, at: 112)
    }

    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.headerBytes)
        var entry = self
        unsafe bytes.withUnsafeMutableBytes { raw in
            unsafe Field(at: 0).store(Self.magic, to: raw.baseAddress!)
            unsafe entry.transfer(FieldWriter(raw.baseAddress!))
            unsafe SealedHeader.seal(raw, at: Self.checksumOffset)
        }
        return bytes
    }

    /// Nil if the bytes are no whole entry's header.
    package static func decode(_ raw: UnsafeRawBufferPointer) -> ArchiveQueueEntry? {
        guard raw.count >= headerBytes,
            unsafe Field<UInt64>(at: 0).load(raw.baseAddress!) == magic,
            unsafe SealedHeader.isSealed(raw, at: checksumOffset)
        else { return nil }
        let nowhere = HistoryPlace(position: 0, chain: 0, commitNumber: 0)
        var entry = ArchiveQueueEntry(
            before: nowhere, after: nowhere, heapPages: 0, time: 0, pageSum: nil, epoch: 0,
            recordBytes: 0, zeroedRanges: 0, payloadChecksum: 0)
        unsafe entry.transfer(FieldReader(raw.baseAddress!))
        let mostPages = HeapLayout.maximumBytes >> HeapLayout.pageShift
        guard entry.before.isPlausible, entry.after.isPlausible,
            entry.before.position <= entry.after.position,
            entry.heapPages >= HeapLayout.initialPages, entry.heapPages <= mostPages,
            entry.recordBytes < HeapLayout.maximumCount, entry.recordBytes % 8 == 0,
            entry.zeroedRanges <= mostPages
        else { return nil }
        return entry
    }
}
