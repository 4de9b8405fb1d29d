/// The header of `NAME-shared`: the heap and the boot of the machine that it belongs to.
package struct SharedHeader: Equatable, Sendable {
    package static let byteCount = 64
    private static let checksumOffset = 56
    private static let magic: UInt64 = 0x1a0a_0d48_5346_4889  // 89 "HFSH" 0D 0A 1A
    private static let magicField = Field<UInt64>(at: 0)
    private static let versionField = Field<UInt32>(at: 8)

    package var identity: HeapIdentity
    /// Identifies a boot of the machine; both 0 if unknown.
    package var bootHigh: UInt64
    package var bootLow: UInt64
    /// The layout of the words, locks and tables that the processes share.
    package var version = LogLayout.sharedVersion
    /// As ``FormatFeatures/incompatible``: all that have the file open write it, so there are no
    /// others. Zero in a version before they counted.
    package var features: UInt64 = 0

    package init(identity: HeapIdentity, bootHigh: UInt64, bootLow: UInt64) {
        self.identity = identity
        self.bootHigh = bootHigh
        self.bootLow = bootLow
    }

    package var hasUnknownBoot: Bool { bootHigh == 0 && bootLow == 0 }

    package func hasSameBoot(as other: SharedHeader) -> Bool {
        bootHigh == other.bootHigh && bootLow == other.bootLow
    }

    private mutating func transfer(_ bytes: some FieldTransfer) {
        bytes.field(&identity.high, at: 16)
        bytes.field(&identity.low, at: 24)
        bytes.field(&bootHigh, at: 32)
        bytes.field(&bootLow, at: 40)
        bytes.field(&features, at: 48)
    }

    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        var header = self
        unsafe bytes.withUnsafeMutableBytes { raw in
            unsafe Self.magicField.store(Self.magic, to: raw.baseAddress!)
            let version = features == 0 ? version : LogLayout.sharedFeatureVersion
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
        self.init(identity: HeapIdentity(high: 0, low: 0), bootHigh: 0, bootLow: 0)
        version = unsafe Self.versionField.load(raw.baseAddress!)
        unsafe transfer(FieldReader(raw.baseAddress!))
        if version < LogLayout.sharedFeatureVersion { features = 0 }
    }

    /// Whether a header names the heap, even if it is damaged elsewhere: enough to identify the
    /// file's owner.
    package static func names(_ identity: HeapIdentity, _ raw: UnsafeRawBufferPointer) -> Bool {
        unsafe SharedHeader(unverified: raw)?.identity == identity
    }

    /// The result of reading the header. Identity and boot have the same place in all versions.
    package enum Reading: Equatable {
        /// Of this version, or of an earlier one whose records are the same: recovery reads both.
        case header(SharedHeader)
        /// This library does not know the version, or not all features.
        case unknown(SharedHeader)
        case none
    }

    package static func decode(_ raw: UnsafeRawBufferPointer) -> Reading {
        guard let header = unsafe SharedHeader(unverified: raw),
            unsafe SealedHeader.isSealed(raw, at: checksumOffset)
        else { return .none }
        let features = FormatFeatures(incompatible: header.features)
        let isKnown =
            header.version <= LogLayout.sharedFeatureVersion
            && features.unknown(forWriting: true) == 0
        guard isKnown else { return .unknown(header) }
        return LogLayout.readableSharedVersions.contains(header.version) ? .header(header) : .none
    }
}
