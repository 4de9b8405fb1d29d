/// The header of `NAME-archive`, the queue of what checkpoints have written and an archive has not
/// taken yet. There are two copies, written in turn.
package struct ArchiveQueueHeader: Equatable, Sendable {
    package static let suffix = "-archive"
    package static let byteCount = 128
    private static let checksumOffset = 120
    package static let copyOffsets = [0, 4096]
    /// The offset of the first entry in an empty queue.
    package static let entriesOffset: UInt64 = 8192
    private static let magic: UInt64 = 0x1a0a_0d51_4146_4889  // 89 "HFAQ" 0D 0A 1A
    private static let version: UInt32 = 1

    package var identity: HeapIdentity
    package var sequence: UInt64 = 1
    /// The most bytes of entries; if there would be more, the queue gets a gap.
    package var limit: UInt64
    /// What the archive has taken.
    package var start: HistoryPlace
    /// The offset of the entry that continues from `start`.
    package var firstOffset = Self.entriesOffset
    package var features = FormatFeatures()
    /// Whether something is missing after `start`, so that the archive has to begin anew.
    package var hasGap = false

    package init(identity: HeapIdentity, limit: UInt64, start: HistoryPlace) {
        self.identity = identity
        self.limit = limit
        self.start = start
    }

    private mutating func transfer(_ bytes: some FieldTransfer) {
        bytes.field(&identity.high, at: 16)
        bytes.field(&identity.low, at: 24)
        bytes.field(&sequence, at: 32)
        bytes.field(&limit, at: 40)
        start.transfer(bytes, at: 48)
        bytes.field(&firstOffset, at: 72)
        features.transfer(bytes, at: 80)
        var flags: UInt32 = hasGap ? 1 : 0
        bytes.field(&flags, at: 104)
        hasGap = flags & 1 != 0
    }

    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        var header = self
        unsafe bytes.withUnsafeMutableBytes { raw in
            unsafe Field(at: 0).store(Self.magic, to: raw.baseAddress!)
            unsafe Field(at: 8).store(Self.version, to: raw.baseAddress!)
            unsafe header.transfer(FieldWriter(raw.baseAddress!))
            unsafe SealedHeader.seal(raw, at: Self.checksumOffset)
        }
        return bytes
    }

    /// Whether the bytes begin like a header, whatever follows.
    package static func isHeader(_ raw: UnsafeRawBufferPointer) -> Bool {
        unsafe raw.count >= byteCount && Field<UInt64>(at: 0).load(raw.baseAddress!) == magic
    }

    /// Nil for anything that this library does not understand: the archive then begins anew.
    package static func decode(_ raw: UnsafeRawBufferPointer) -> ArchiveQueueHeader? {
        guard unsafe isHeader(raw), unsafe SealedHeader.isSealed(raw, at: checksumOffset),
            unsafe Field<UInt32>(at: 8).load(raw.baseAddress!) == version
        else { return nil }
        var header = ArchiveQueueHeader(
            identity: HeapIdentity(high: 0, low: 0), limit: 0,
            start: HistoryPlace(position: 0, chain: 0, commitNumber: 0))
        unsafe header.transfer(FieldReader(raw.baseAddress!))
        guard header.features.unknown(forWriting: true) == 0, header.start.isPlausible,
            header.sequence < HeapLayout.maximumCount, header.firstOffset >= entriesOffset,
            header.firstOffset < HeapLayout.maximumCount, header.firstOffset % 8 == 0
        else { return nil }
        return header
    }
}
