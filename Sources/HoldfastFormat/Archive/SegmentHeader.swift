/// The header of a segment: the heap, and the place of its history at which the segment begins.
///
///     offset size
///       0     8   magic 89 "HFSG" 0D 0A 1A
///       8     4   version of segments: 1, or 2 if any feature is set
///      12     4   reserved
///      16    16   the heap's identity
///      32    16   seeds of the heap's hash functions
///      48    24   features
///      72     8   when the heap was created, in seconds since 1970
///      80     4   kind: 1 base, 2 changes
///      84     4   level; 0 for a base
///      88    24   the place before: position, chain, number of the commit; zeros for a base
///     112     8   reserved
///     120     8   checksum of bytes 0-119, seed as in the heap's header
package struct SegmentHeader: Equatable, Sendable {
    package static let byteCount = 128
    private static let checksumOffset = 120
    private static let magic: UInt64 = 0x1a0a_0d47_5346_4889  // 89 "HFSG" 0D 0A 1A
    private static let magicField = Field<UInt64>(at: 0)
    private static let versionField = Field<UInt32>(at: 8)
    private static let checksumField = Field<UInt64>(at: checksumOffset)
    /// The version of segments without features, and the one from which the feature words count,
    /// the newest that this library knows.
    package static let version: UInt32 = 1
    package static let featureVersion: UInt32 = 2
    /// A merged segment is one level above what it was made of, eight times as much: no archive
    /// has more levels.
    package static let maximumLevel: UInt32 = 20

    package enum Kind: UInt32, Sendable {
        /// Whole pages of a heap at one place: an interval from nothing.
        case base = 1
        /// Checkpoint intervals, one after the other.
        case changes = 2
    }

    package var identity: HeapIdentity
    package var hashSeed: HeapIdentity
    package var features = FormatFeatures()
    /// Seconds since 1970.
    package var heapCreationTime: UInt64
    package var kind: Kind
    package var level: UInt32
    package var before: HistoryPlace

    package init(
        identity: HeapIdentity, hashSeed: HeapIdentity, heapCreationTime: UInt64, kind: Kind,
        level: UInt32 = 0, before: HistoryPlace
    ) {
        self.identity = identity
        self.hashSeed = hashSeed
        self.heapCreationTime = heapCreationTime
        self.kind = kind
        self.level = level
        self.before = before
    }

    /// Whether the runs come in the order of their lines, in one commit of one interval.
    package var isSorted: Bool { kind == .base || level > 0 }

    package enum Reading: Equatable {
        case header(SegmentHeader)
        case newerFormat(UInt32)
        /// This library cannot read the segment without knowing these incompatible features.
        case unknownFeatures(UInt64)
        /// It begins like a header, but the checksum or a number is wrong.
        case damaged
        case notAHeader
    }

    // MARK: Bytes

    private mutating func transfer(_ bytes: some FieldTransfer, kind: inout UInt32) {
        bytes.field(&identity.high, at: 16)
        bytes.field(&identity.low, at: 24)
        bytes.field(&hashSeed.high, at: 32)
        bytes.field(&hashSeed.low, at: 40)
        features.transfer(bytes, at: 48)
        bytes.field(&heapCreationTime, at: 72)
        bytes.field(&kind, at: 80)
        bytes.field(&level, at: 84)
        before.transfer(bytes, at: 88)
    }

    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        var header = self
        var kind = kind.rawValue
        unsafe bytes.withUnsafeMutableBytes { raw in
            unsafe Self.magicField.store(Self.magic, to: raw.baseAddress!)
            let version = features.isEmpty ? Self.version : Self.featureVersion
            unsafe Self.versionField.store(version, to: raw.baseAddress!)
            unsafe header.transfer(FieldWriter(raw.baseAddress!), kind: &kind)
            unsafe SealedHeader.seal(raw, at: Self.checksumOffset)
        }
        return bytes
    }

    /// The checksum in the encoded header: the seed of the first frame.
    package static func checksum(_ raw: UnsafeRawBufferPointer) -> UInt64 {
        unsafe checksumField.load(raw.baseAddress!)
    }

    /// Whether the bytes begin like a segment, even if it is damaged elsewhere.
    package static func begins(_ raw: UnsafeRawBufferPointer) -> Bool {
        unsafe raw.count >= 8 && magicField.load(raw.baseAddress!) == magic
    }

    /// Whether a segment that was being written when the power was cut may begin like this: its
    /// header may not have reached the disk.
    package static func mayBegin(_ raw: UnsafeRawBufferPointer) -> Bool {
        unsafe begins(raw) || !raw.prefix(byteCount).contains { $0 != 0 }
    }

    package static func decode(_ raw: UnsafeRawBufferPointer) -> Reading {
        guard unsafe begins(raw) else { return .notAHeader }
        guard raw.count >= byteCount, unsafe SealedHeader.isSealed(raw, at: checksumOffset) else {
            return .damaged
        }
        var header = SegmentHeader(
            identity: HeapIdentity(high: 0, low: 0), hashSeed: HeapIdentity(high: 0, low: 0),
            heapCreationTime: 0, kind: .base, before: .nothing)
        var number: UInt32 = 0
        let version = unsafe versionField.load(raw.baseAddress!)
        unsafe header.transfer(FieldReader(raw.baseAddress!), kind: &number)
        guard version <= featureVersion else { return .newerFormat(version) }
        if version < featureVersion { header.features = FormatFeatures() }
        let unknown = header.features.unknown(forWriting: false)
        guard unknown == 0 else { return .unknownFeatures(unknown) }
        guard version >= Self.version, let kind = Kind(rawValue: number) else { return .damaged }
        header.kind = kind
        let isPlausible =
            kind == .base
            ? header.before == .nothing && header.level == 0
            : header.before.isPlausible && header.level <= maximumLevel
        return isPlausible ? .header(header) : .damaged
    }
}
