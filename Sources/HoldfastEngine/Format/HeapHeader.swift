#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The header of a heap file: what it is, and from which log position on the log has to be replayed
/// over it.
///
/// There are two copies, each in a page of its own, with a checksum and a sequence number. A
/// checkpoint writes the copy that is not the newest, so a torn write leaves the newest one whole.
/// No transaction ever touches these pages.
public struct HeapHeader: Equatable, Sendable {
    /// One sector, so that a disk writes it whole or not at all.
    public static let byteCount = 512
    package static let checksumOffset = 504
    static let sequenceOffset = 40
    /// As in PNG: a byte that is not ASCII, and line ends that a text-mode copy would change.
    private static let magic: UInt64 = 0x1a0a_0d54_5346_4889  // 89 "HFST" 0D 0A 1A
    private static let byteOrderMark: UInt32 = 0x0102_0304

    public var formatVersion = HeapLayout.formatVersion
    public var identity: HeapIdentity
    /// Counts header writes; the valid copy with the higher number is the current one.
    public var sequence: UInt64 = 1
    /// The base image holds every commit below this log position (bytes since the heap was made).
    public var checkpointPosition: UInt64 = 0
    /// The checksum of the last record below `checkpointPosition`: the first record to replay must
    /// name it.
    public var checkpointChain: UInt64 = 0
    /// The seed of this log's records; new at every start of the log, so that no older record can
    /// be taken for one of it.
    public var logEpoch: UInt64 = 0
    /// Commits since the heap was made, up to the checkpoint.
    public var commitNumber: UInt64 = 0
    /// Pages in use at the checkpoint; the file is never shorter.
    public var heapPages = HeapLayout.initialPages
    /// Whether the log may hold commits that the base image lacks: then it must not be missing.
    public var logInUse = false
    /// Whether free pages were being given back to the file system; see `giveBackFreePages`.
    public var isGivingBack = false
    /// Seeds of the hash functions of this heap's maps; fixed when the heap is made.
    public var hashSeed: HeapIdentity
    /// Seconds since 1970.
    public var creationTime: UInt64 = 0
    public var checkpointTime: UInt64 = 0
    /// The length, in bytes, that the file keeps at least even if the heap needs less; 0 if none
    /// was asked for.
    public var reservedBytes: UInt64 = 0
    /// First pages of the parts of the page map, hence of the checksums behind them, at the
    /// checkpoint: the same words as in the allocator's root for k = 8…39, which may already be
    /// newer where a checkpoint was cut short.
    public var pageMapParts = [UInt32](repeating: 0, count: Self.partCount)
    static let partCount = PageMap.partCount - PageMap.firstPartExponent
    private static let partsOffset = 256

    public init(identity: HeapIdentity, hashSeed: HeapIdentity) {
        self.identity = identity
        self.hashSeed = hashSeed
    }

    /// The header of a heap that is made now.
    static func made(identity: HeapIdentity, hashSeed: HeapIdentity) -> HeapHeader {
        var header = HeapHeader(identity: identity, hashSeed: hashSeed)
        header.creationTime = now
        header.checkpointTime = header.creationTime
        return header
    }

    /// Seconds since 1970.
    static var now: UInt64 { UInt64(max(0, time(nil))) }

    /// What was found where a header should be.
    public enum Reading: Equatable {
        case header(HeapHeader)
        case newerFormat(UInt32)
        case foreignByteOrder
        /// It begins like a header, but the checksum or a fixed number is wrong.
        case damaged
        case notAHeader
    }

    public func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        bytes.withUnsafeMutableBytes { raw in
            raw.storeBytes(of: Self.magic, toByteOffset: 0, as: UInt64.self)
            raw.storeBytes(of: formatVersion, toByteOffset: 8, as: UInt32.self)
            raw.storeBytes(of: Self.byteOrderMark, toByteOffset: 12, as: UInt32.self)
            raw.storeBytes(of: UInt32(HeapLayout.pageBytes), toByteOffset: 16, as: UInt32.self)
            raw.storeBytes(of: UInt32(HeapLayout.lineBytes), toByteOffset: 20, as: UInt32.self)
            raw.storeBytes(of: identity.high, toByteOffset: 24, as: UInt64.self)
            raw.storeBytes(of: identity.low, toByteOffset: 32, as: UInt64.self)
            raw.storeBytes(of: sequence, toByteOffset: Self.sequenceOffset, as: UInt64.self)
            raw.storeBytes(of: checkpointPosition, toByteOffset: 48, as: UInt64.self)
            raw.storeBytes(of: checkpointChain, toByteOffset: 56, as: UInt64.self)
            raw.storeBytes(of: logEpoch, toByteOffset: 64, as: UInt64.self)
            raw.storeBytes(of: commitNumber, toByteOffset: 72, as: UInt64.self)
            raw.storeBytes(of: heapPages, toByteOffset: 80, as: UInt64.self)
            raw.storeBytes(
                of: (logInUse ? 1 : 0) | (isGivingBack ? 2 : 0), toByteOffset: 88, as: UInt32.self)
            raw.storeBytes(of: hashSeed.high, toByteOffset: 96, as: UInt64.self)
            raw.storeBytes(of: hashSeed.low, toByteOffset: 104, as: UInt64.self)
            raw.storeBytes(of: creationTime, toByteOffset: 112, as: UInt64.self)
            raw.storeBytes(of: checkpointTime, toByteOffset: 120, as: UInt64.self)
            raw.storeBytes(of: reservedBytes, toByteOffset: 128, as: UInt64.self)
            for (index, part) in pageMapParts.enumerated() {
                raw.storeBytes(
                    of: part, toByteOffset: Self.partsOffset + index * 4, as: UInt32.self)
            }
            let checksum = Checksum.of(
                UnsafeRawBufferPointer(rebasing: raw[..<Self.checksumOffset]),
                seed: Checksum.headerSeed)
            raw.storeBytes(of: checksum, toByteOffset: Self.checksumOffset, as: UInt64.self)
        }
        return bytes
    }

    /// Reads one copy. The magic number, the byte-order mark, the version's place and the
    /// checksum's place and extent are the same in every version of the format, so that an older
    /// program can always say what it has found.
    public static func decode(_ raw: UnsafeRawBufferPointer) -> Reading {
        guard raw.count >= byteCount,
            raw.loadUnaligned(fromByteOffset: 0, as: UInt64.self).littleEndian == magic
        else {
            return .notAHeader
        }
        let mark = raw.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
        if mark == byteOrderMark.byteSwapped { return .foreignByteOrder }
        let checksum = Checksum.of(
            UnsafeRawBufferPointer(rebasing: raw[..<checksumOffset]), seed: Checksum.headerSeed)
        guard mark == byteOrderMark,
            checksum == raw.loadUnaligned(fromByteOffset: checksumOffset, as: UInt64.self)
        else { return .damaged }

        func word(_ offset: Int) -> UInt64 {
            raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
        func half(_ offset: Int) -> UInt32 {
            raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        }
        let version = half(8)
        guard version <= HeapLayout.formatVersion else { return .newerFormat(version) }
        guard version >= 1, half(16) == HeapLayout.pageBytes, half(20) == HeapLayout.lineBytes,
            word(80) >= HeapLayout.initialPages,
            word(80) <= HeapLayout.maximumBytes >> HeapLayout.pageShift,
            // What no heap comes near in a thousand years, so that sums of what is read here cannot
            // overflow.
            word(sequenceOffset) < HeapLayout.maximumCount, word(72) < HeapLayout.maximumCount,
            word(48) < HeapLayout.maximumCount, word(48) % 8 == 0,
            word(128) <= HeapLayout.maximumBytes, word(128) % UInt64(HeapLayout.fileGranule) == 0
        else { return .damaged }

        var header = HeapHeader(
            identity: HeapIdentity(high: word(24), low: word(32)),
            hashSeed: HeapIdentity(high: word(96), low: word(104)))
        header.formatVersion = version
        header.sequence = word(sequenceOffset)
        header.checkpointPosition = word(48)
        header.checkpointChain = word(56)
        header.logEpoch = word(64)
        header.commitNumber = word(72)
        header.heapPages = word(80)
        header.logInUse = half(88) & 1 != 0
        header.isGivingBack = half(88) & 2 != 0
        header.creationTime = word(112)
        header.checkpointTime = word(120)
        header.reservedBytes = word(128)
        for index in 0 ..< partCount {
            let part = half(partsOffset + index * 4)
            // A part lies inside the heap with its checksums.
            let end = UInt64(part) + PageMap.partPages(index + PageMap.firstPartExponent)
            guard part == 0 || (UInt64(part) >= HeapLayout.initialPages && end <= header.heapPages)
            else { return .damaged }
            header.pageMapParts[index] = part
        }
        return .header(header)
    }

    /// The current header out of the readings of both copies: the newest valid one, or what best
    /// explains why there is none.
    static func current(_ readings: [Reading]) -> Reading {
        var newest: HeapHeader?
        for case .header(let header) in readings where header.sequence > newest?.sequence ?? 0 {
            newest = header
        }
        // A newer program may have left one copy of its own and one old one: then the heap is the
        // newer program's.
        for reading in readings {
            if case .newerFormat = reading { return reading }
        }
        if let newest { return .header(newest) }
        if readings.contains(.foreignByteOrder) { return .foreignByteOrder }
        return readings.contains(.damaged) ? .damaged : .notAHeader
    }
}
