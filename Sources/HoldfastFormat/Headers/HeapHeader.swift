/// The header of a heap file: it identifies the heap, and names the log position from which the log
/// has to be replayed onto the file.
///
/// There are two copies, each in a page of its own, with a checksum and a sequence number. The
/// older copy is overwritten, so a torn write leaves the newest one intact. No transaction ever
/// touches these pages.
public struct HeapHeader: Equatable, Sendable {
    /// One sector, so that a disk writes it atomically.
    public static let byteCount = 512
    package static let checksumOffset = 504
    @inlinable
    package static var sequenceOffset: Int { 40 }
    /// As in PNG: a non-ASCII byte, and line endings that a text-mode copy would change.
    private static let magic: UInt64 = 0x1a0a_0d54_5346_4889  // 89 "HFST" 0D 0A 1A
    private static let byteOrderMark: UInt32 = 0x0102_0304

    public var formatVersion = HeapLayout.formatVersion
    /// Empty in the first version.
    public var features = FormatFeatures()
    public var identity: HeapIdentity
    /// Counts header writes; the valid copy with the higher number is the current one.
    public var sequence: UInt64 = 1
    /// The file holds every commit below this log position (bytes since the heap was created).
    public var checkpointPosition: UInt64 = 0
    /// The checksum of the last record below `checkpointPosition`: the first record to replay must
    /// name it.
    public var checkpointChain: UInt64 = 0
    /// The seed of this log's records: new at every start of the log, so that no older record
    /// matches.
    public var logEpoch: UInt64 = 0
    /// Commits since the heap was created, up to the checkpoint.
    public var commitNumber: UInt64 = 0
    /// Pages in use at the checkpoint; the file is never shorter.
    public var heapPages = HeapLayout.initialPages
    /// Whether the log may hold commits that the file lacks: it must then not be missing.
    public var logInUse = false
    /// Whether holes were being punched for free pages; see `HolePunching`.
    public var isPunchingHoles = false
    /// Seeds of the hash functions of this heap's maps; fixed when the heap is created.
    public var hashSeed: HeapIdentity
    /// Seconds since 1970.
    public var creationTime: UInt64 = 0
    public var checkpointTime: UInt64 = 0
    /// The minimum length of the file in bytes; 0 if none was reserved.
    public var reservedBytes: UInt64 = 0
    /// The sum of all checksums of pages, modulo 2^64, at the checkpoint; nil if it is unknown.
    /// With an archive it tells whether a restored heap has the same pages.
    public var pageSum: UInt64?
    /// First pages of the parts of the page map, which also determine the checksum pages behind
    /// them, at the checkpoint. The same words are in the allocator's root for k = 8…39, where they
    /// may already be newer after an interrupted checkpoint.
    public var pageMapParts = [UInt32](repeating: 0, count: Self.partCount)
    package static let partCount = PageMap.partCount - PageMap.firstPartExponent

    /// The identity of the heap whose archive this heap follows, if it has the feature.
    public var followed = HeapIdentity(high: 0, low: 0)

    public init(identity: HeapIdentity, hashSeed: HeapIdentity) {
        self.identity = identity
        self.hashSeed = hashSeed
    }

    /// The result of reading one copy, or both.
    public enum Reading: Equatable {
        case header(HeapHeader)
        case newerFormat(UInt32)
        /// This library cannot read the file without knowing these incompatible features.
        case unknownFeatures(UInt64)
        case foreignByteOrder
        /// It begins like a header, but the checksum or a constant is wrong.
        case damaged
        case notAHeader

        public var isHeader: Bool { if case .header = self { true } else { false } }
    }

    /// Whether the heap follows an archive, and is not changed otherwise.
    public var isFollowing: Bool {
        get { features.readOnlyCompatible & FormatFeatures.following != 0 }
        set {
            if newValue {
                features.readOnlyCompatible |= FormatFeatures.following
                formatVersion = max(formatVersion, HeapLayout.featureVersion)
            } else {
                features.readOnlyCompatible &= ~FormatFeatures.following
                followed = HeapIdentity(high: 0, low: 0)
                if features.isEmpty { formatVersion = HeapLayout.formatVersion }
            }
        }
    }

    // MARK: Bytes

    private var flags: UInt32 {
        get { (logInUse ? 1 : 0) | (isPunchingHoles ? 2 : 0) | (pageSum != nil ? 4 : 0) }
        set {
            logInUse = newValue & 1 != 0
            isPunchingHoles = newValue & 2 != 0
            pageSum = newValue & 4 != 0 ? pageSum ?? 0 : nil
        }
    }

    /// Values that are the same in every header of this version.
    private struct Constants: Equatable {
        var magic = HeapHeader.magic
        var byteOrderMark = HeapHeader.byteOrderMark
        var pageBytes = UInt32(HeapLayout.pageBytes)
        var lineBytes = UInt32(HeapLayout.lineBytes)

        mutating func transfer(_ bytes: some FieldTransfer) {
            bytes.field(&magic, at: 0)
            bytes.field(&byteOrderMark, at: 12)
            bytes.field(&pageBytes, at: 16)
            bytes.field(&lineBytes, at: 20)
        }
    }

    private mutating func transfer(_ bytes: some FieldTransfer) {
        bytes.field(&formatVersion, at: 8)
        bytes.field(&identity.high, at: 24)
        bytes.field(&identity.low, at: 32)
        bytes.field(&sequence, at: Self.sequenceOffset)
        bytes.field(&checkpointPosition, at: 48)
        bytes.field(&checkpointChain, at: 56)
        bytes.field(&logEpoch, at: 64)
        bytes.field(&commitNumber, at: 72)
        bytes.field(&heapPages, at: 80)
        bytes.field(&flags, at: 88)
        bytes.field(&hashSeed.high, at: 96)
        bytes.field(&hashSeed.low, at: 104)
        bytes.field(&creationTime, at: 112)
        bytes.field(&checkpointTime, at: 120)
        bytes.field(&reservedBytes, at: 128)
        features.transfer(bytes, at: 136)
        // Counts only with its flag, which programs that do not know it clear.
        var sum = pageSum ?? 0
        bytes.field(&sum, at: 160)
        if pageSum != nil { pageSum = sum }
        bytes.field(&followed.high, at: 168)
        bytes.field(&followed.low, at: 176)
        for index in 0 ..< Self.partCount {
            bytes.field(&pageMapParts[index], at: 256 + index * 4)
        }
    }

    public func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        var header = self
        if !features.isEmpty {
            header.formatVersion = max(formatVersion, HeapLayout.featureVersion)
        }
        unsafe bytes.withUnsafeMutableBytes { raw in
            let writer = unsafe FieldWriter(raw.baseAddress!)
            var constants = Constants()
            constants.transfer(writer)
            header.transfer(writer)
            unsafe SealedHeader.seal(raw, at: Self.checksumOffset)
        }
        return bytes
    }

    /// Reads one copy. The magic number, the byte-order mark, and the places of the version and the
    /// checksum are the same in every version of the format, so that an older program can always
    /// report what it has found.
    public static func decode(_ raw: UnsafeRawBufferPointer) -> Reading {
        guard raw.count >= byteCount else { return .notAHeader }
        let reader = unsafe FieldReader(raw.baseAddress!)
        var constants = Constants()
        constants.transfer(reader)
        guard constants.magic == magic else { return .notAHeader }
        if constants.byteOrderMark == byteOrderMark.byteSwapped { return .foreignByteOrder }
        guard constants.byteOrderMark == byteOrderMark,
            unsafe SealedHeader.isSealed(raw, at: checksumOffset)
        else { return .damaged }
        var header = HeapHeader(
            identity: HeapIdentity(high: 0, low: 0), hashSeed: HeapIdentity(high: 0, low: 0))
        header.transfer(reader)
        guard header.formatVersion <= HeapLayout.featureVersion else {
            return .newerFormat(header.formatVersion)
        }
        if header.formatVersion < HeapLayout.featureVersion { header.features = FormatFeatures() }
        let unknown = header.features.unknown(forWriting: false)
        guard unknown == 0 else { return .unknownFeatures(unknown) }
        return constants == Constants() && header.isPlausible ? .header(header) : .damaged
    }

    /// Whether all numbers lie within the limits of the format. Counters stay below values that a
    /// heap could reach in a thousand years, so that sums of them cannot overflow.
    private var isPlausible: Bool {
        guard formatVersion >= 1, heapPages >= HeapLayout.initialPages,
            heapPages <= HeapLayout.maximumBytes >> HeapLayout.pageShift,
            sequence < HeapLayout.maximumCount, commitNumber < HeapLayout.maximumCount,
            checkpointPosition < HeapLayout.maximumCount, checkpointPosition % 8 == 0,
            reservedBytes <= HeapLayout.maximumBytes,
            reservedBytes % UInt64(HeapLayout.fileGranule) == 0
        else { return false }
        return pageMapParts.indices.allSatisfy { index in
            let part = UInt64(pageMapParts[index])
            // A part lies inside the heap, with its checksums.
            let end = part + PageMap.partPages(index + PageMap.firstPartExponent)
            return part == 0 || (part >= HeapLayout.initialPages && end <= heapPages)
        }
    }

    /// The current header, from the readings of both copies: the newest valid one, or the reading
    /// that best explains why there is none.
    package static func current(_ readings: [Reading]) -> Reading {
        var newest: HeapHeader?
        for case .header(let header) in readings where header.sequence > newest?.sequence ?? 0 {
            newest = header
        }
        // A newer program may have left one copy of its own and one old one; the heap is then the
        // newer program's.
        for reading in readings {
            switch reading {
            case .newerFormat, .unknownFeatures: return reading
            default: break
            }
        }
        if let newest { return .header(newest) }
        if readings.contains(.foreignByteOrder) { return .foreignByteOrder }
        return readings.contains(.damaged) ? .damaged : .notAHeader
    }
}
