#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The layout of the two files of the redo log, which lie beside the heap file while it is in use:
///
/// - `NAME-shared`, mapped by every process: a commit is a copy into its ring and one store of the
///   new position. It needs no system call, outlives every process that is killed, and is never
///   synced.
/// - `NAME-log`, written with ordinary writes and synced when a commit is to be durable: what a
///   power cut leaves.
///
/// Both hold the same records at the same place of a ring: position modulo capacity. A position
/// counts bytes since the heap was made and never goes back, so every record names its own position
/// and no older lap can be taken for it.
public enum LogLayout {
    /// The ring begins here in both files; a multiple of 16 KiB pages, so that it can be mapped
    /// anywhere.
    public static let ringOffset = 16 * 1024
    public static let durableSuffix = "-log"
    public static let sharedSuffix = "-shared"
    public static let version: UInt32 = 2

    // NAME-log: two copies of `LogHeader`, written in turn.
    package static let headerOffsets = [0, 4096]

    // NAME-shared: `SharedHeader`, the words of `SharedMemory.Word`, two locks, the table of views.
    static let lockOffset = 1024
    static let viewsOffset = 4096
    static let viewsBytes = ringOffset - viewsOffset
}

/// Names the heap that a log belongs to and the epoch of its records.
public struct LogHeader: Equatable, Sendable {
    package static let byteCount = 128
    package static let checksumOffset = 120
    private static let magic: UInt64 = 0x1a0a_0d47_4c46_4889  // 89 "HFLG" 0D 0A 1A

    public var identity: HeapIdentity
    public var epoch: UInt64
    /// Bytes of the ring.
    public var capacity: UInt64
    /// Recovery must reach this position: a checkpoint had begun to write the lines of every commit
    /// below it into the base image, so a shorter replay would leave a mixture.
    public var requiredPosition: UInt64
    public var sequence: UInt64

    public enum Reading: Equatable {
        case header(LogHeader)
        case newerFormat(UInt32)
        case none
    }

    func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        bytes.withUnsafeMutableBytes { raw in
            raw.storeBytes(of: Self.magic, toByteOffset: 0, as: UInt64.self)
            raw.storeBytes(of: LogLayout.version, toByteOffset: 8, as: UInt32.self)
            raw.storeBytes(of: identity.high, toByteOffset: 16, as: UInt64.self)
            raw.storeBytes(of: identity.low, toByteOffset: 24, as: UInt64.self)
            raw.storeBytes(of: epoch, toByteOffset: 32, as: UInt64.self)
            raw.storeBytes(of: capacity, toByteOffset: 40, as: UInt64.self)
            raw.storeBytes(of: requiredPosition, toByteOffset: 48, as: UInt64.self)
            raw.storeBytes(of: sequence, toByteOffset: 56, as: UInt64.self)
            let checksum = Checksum.of(
                UnsafeRawBufferPointer(rebasing: raw[..<Self.checksumOffset]),
                seed: Checksum.headerSeed)
            raw.storeBytes(of: checksum, toByteOffset: Self.checksumOffset, as: UInt64.self)
        }
        return bytes
    }

    /// Whether a header names the heap, also one that is damaged elsewhere: for those who only ask
    /// whose the file is.
    static func names(_ identity: HeapIdentity, _ raw: UnsafeRawBufferPointer) -> Bool {
        func word(_ offset: Int) -> UInt64 {
            raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
        return raw.count >= byteCount && word(0) == magic
            && HeapIdentity(high: word(16), low: word(24)) == identity
    }

    package static func decode(_ raw: UnsafeRawBufferPointer) -> Reading {
        guard raw.count >= byteCount else { return .none }
        func word(_ offset: Int) -> UInt64 {
            raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
        let checksum = Checksum.of(
            UnsafeRawBufferPointer(rebasing: raw[..<checksumOffset]), seed: Checksum.headerSeed)
        guard word(0) == magic, word(checksumOffset) == checksum else { return .none }
        let version = raw.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
        guard version <= LogLayout.version else { return .newerFormat(version) }
        guard version == LogLayout.version,
            // As in the heap's header: sums of what is read here cannot overflow.
            isCapacity(word(40)), word(48) < HeapLayout.maximumCount,
            word(56) < HeapLayout.maximumCount
        else { return .none }
        return .header(
            LogHeader(
                identity: HeapIdentity(high: word(16), low: word(24)), epoch: word(32),
                capacity: word(40),
                requiredPosition: word(48), sequence: word(56)))
    }

    /// Capacities of rings are multiples of this many bytes.
    static let capacityGranule = 64 * 1024

    /// Whether a ring can have so many bytes.
    static func isCapacity(_ bytes: UInt64) -> Bool {
        bytes > 0 && bytes <= HeapLayout.maximumBytes && bytes % UInt64(capacityGranule) == 0
    }

    /// The newest valid copy in `file`, a log that is in use: of this epoch, and not of more bytes
    /// than the file has. A log is made longer before a header says so.
    static func readInUse(_ file: any DiskFile, epoch: UInt64) throws(DiskError) -> LogHeader {
        guard case .header(let header) = try read(from: file, at: LogLayout.headerOffsets),
            header.epoch == epoch,
            try file.size() - LogLayout.ringOffset >= Int(header.capacity)
        else { throw DiskError(.read, file.path, code: EIO) }
        return header
    }

    /// The newest valid copy in `file`.
    static func read(from file: any DiskFile, at offsets: [Int]) throws(DiskError) -> Reading {
        var found = Reading.none
        for offset in offsets {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 8)
            defer { buffer.deallocate() }
            let count = try file.read(into: buffer, at: offset)
            let reading = decode(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            switch (reading, found) {
            case (.none, _): break
            case (.newerFormat, _): return reading
            case (.header(let new), .header(let old)) where new.sequence <= old.sequence: break
            default: found = reading
            }
        }
        return found
    }
}
