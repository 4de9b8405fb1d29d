/// The header of `NAME-log`: the heap that the log belongs to, and the epoch of its records. There
/// are two copies, written in turn.
public struct LogHeader: Equatable, Sendable {
    package static let byteCount = 128
    package static let checksumOffset = 120
    private static let magic: UInt64 = 0x1a0a_0d47_4c46_4889  // 89 "HFLG" 0D 0A 1A

    public var identity: HeapIdentity
    public var epoch: UInt64
    /// The ring's capacity in bytes.
    public var capacity: UInt64
    /// The required position, which recovery must reach: a checkpoint had begun to write the lines
    /// of every commit below it into the heap file, so a shorter replay would leave a mixture.
    public var requiredPosition: UInt64
    public var sequence: UInt64
    /// Empty in a log of a version before they counted.
    package var features = FormatFeatures()

    package init(
        identity: HeapIdentity, epoch: UInt64, capacity: UInt64, requiredPosition: UInt64,
        sequence: UInt64
    ) {
        self.identity = identity
        self.epoch = epoch
        self.capacity = capacity
        self.requiredPosition = requiredPosition
        self.sequence = sequence
    }

    public enum Reading: Equatable {
        case header(LogHeader)
        case newerFormat(UInt32)
        /// This library cannot read the log without knowing these incompatible features.
        case unknownFeatures(UInt64)
        case none
    }

    // MARK: Bytes

    private static let magicField = Field<UInt64>(at: 0)
    private static let versionField = Field<UInt32>(at: 8)

    private mutating func transfer(_ bytes: some FieldTransfer) {
        bytes.field(&identity.high, at: 16)
        bytes.field(&identity.low, at: 24)
        bytes.field(&epoch, at: 32)
        bytes.field(&capacity, at: 40)
        bytes.field(&requiredPosition, at: 48)
        bytes.field(&sequence, at: 56)
        features.transfer(bytes, at: 64)
    }

    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        var header = self
        unsafe bytes.withUnsafeMutableBytes { raw in
            unsafe Self.magicField.store(Self.magic, to: raw.baseAddress!)
            let version = features.isEmpty ? LogLayout.version : LogLayout.featureVersion
            unsafe Self.versionField.store(version, to: raw.baseAddress!)
            unsafe header.transfer(FieldWriter(raw.baseAddress!))
            unsafe SealedHeader.seal(raw, at: Self.checksumOffset)
        }
        return bytes
    }

    /// The fields of bytes that begin like a header, whatever follows.
    private init?(unverified raw: UnsafeRawBufferPointer) {
        guard raw.count >= Self.byteCount,
            unsafe Self.magicField.load(raw.baseAddress!) == Self.magic
        else { return nil }
        self.init(
            identity: HeapIdentity(high: 0, low: 0), epoch: 0, capacity: 0, requiredPosition: 0,
            sequence: 0)
        unsafe transfer(FieldReader(raw.baseAddress!))
    }

    /// Whether a header names the heap, even if it is damaged elsewhere: enough to identify the
    /// file's owner.
    package static func names(_ identity: HeapIdentity, _ raw: UnsafeRawBufferPointer) -> Bool {
        unsafe LogHeader(unverified: raw)?.identity == identity
    }

    package static func decode(_ raw: UnsafeRawBufferPointer) -> Reading {
        guard var header = unsafe LogHeader(unverified: raw),
            unsafe SealedHeader.isSealed(raw, at: checksumOffset)
        else { return .none }
        let version = unsafe versionField.load(raw.baseAddress!)
        guard version <= LogLayout.featureVersion else { return .newerFormat(version) }
        if version < LogLayout.featureVersion { header.features = FormatFeatures() }
        let unknown = header.features.unknown(forWriting: false)
        guard unknown == 0 else { return .unknownFeatures(unknown) }
        guard version >= LogLayout.version,
            // As in the heap's header: sums of them cannot overflow.
            isCapacity(header.capacity), header.requiredPosition < HeapLayout.maximumCount,
            header.sequence < HeapLayout.maximumCount
        else { return .none }
        return .header(header)
    }

    /// Ring capacities are multiples of this many bytes.
    package static let capacityGranule = 64 * 1024

    /// Whether a ring can have this capacity.
    package static func isCapacity(_ bytes: UInt64) -> Bool {
        bytes > 0 && bytes <= HeapLayout.maximumBytes && bytes % UInt64(capacityGranule) == 0
    }
}
