import HoldfastEngine

/// The 16-byte stored form of strings and byte sequences.
///
/// Up to 15 bytes of content are stored inline. Longer content has a block of its own, and these 16
/// bytes hold its offset and length.
///
///     inline   bytes 0-14 content, byte 15 count (0…15)
///     block    bytes 0-7 offset, bytes 8-14 count, byte 15 = 0xFF
@frozen
public struct StoredBytes: BitwiseCopyable, Sendable {
    /// Bytes 0 to 7.
    public var low: UInt64
    /// Bytes 8 to 15.
    public var high: UInt64

    @inlinable
    init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    /// Creates an empty sequence.
    @inlinable
    public init() { self.init(low: 0, high: 0) }

    /// Whether the content is stored inline.
    @inlinable @inline(__always)
    public var isInline: Bool { high >> 56 != 0xff }

    /// The number of bytes of content. A damaged form may hold any number; `withBytes` checks it
    /// against the heap.
    @inlinable @inline(__always)
    public var count: Int {
        isInline
            ? min(Int(truncatingIfNeeded: high >> 56), 15)
            : Int(truncatingIfNeeded: high & 0x00ff_ffff_ffff_ffff)
    }

    /// Stores up to 15 bytes inline. Nil for more. Equal words mean equal bytes.
    @inlinable @inline(__always)
    init?(inPlace bytes: UnsafeRawBufferPointer) {
        let count = bytes.count
        guard count <= 15 else { return nil }
        self.init(low: 0, high: UInt64(truncatingIfNeeded: count) &<< 56)
        guard let base = bytes.baseAddress else { return }
        func word(_ offset: Int) -> UInt64 {
            base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
        func half(_ offset: Int) -> UInt64 {
            UInt64(base.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
        // Overlapping reads, so that none goes beyond the end. Bytes that are read twice are
        // shifted out or overlap with themselves.
        if count >= 8 {
            low = word(0)
            if count > 8 {
                high |= word(count &- 8) &>> UInt64(truncatingIfNeeded: (16 &- count) &* 8)
            }
        } else if count >= 4 {
            low = half(0) | half(count &- 4) &<< UInt64(truncatingIfNeeded: (count &- 4) &* 8)
        } else {
            for offset in 0 ..< count {
                low |=
                    UInt64(base.load(fromByteOffset: offset, as: UInt8.self))
                    &<< UInt64(truncatingIfNeeded: offset &* 8)
            }
        }
    }

    /// Copies `bytes` into the heap.
    @inlinable
    public init(_ bytes: UnsafeRawBufferPointer, in access: HeapAccess) {
        if let short = StoredBytes(inPlace: bytes) {
            self = short
        } else {
            self.init()
            // In a transaction that has exceeded a limit, the empty sequence takes the place of
            // these bytes.
            guard access.hasRoom(byteCount: bytes.count) else { return }
            let offset = access.allocate(byteCount: bytes.count, alignment: 1)
            access.markFresh(offset, bytes.count)
            access.address(offset, bytes.count).copyMemory(
                from: bytes.baseAddress!, byteCount: bytes.count)
            low = offset
            high = UInt64(bytes.count) | 0xff << 56
        }
    }

    /// Calls `body` with the content, without copying it.
    @inlinable @inline(__always)
    public func withBytes<R, Failure: Error>(
        _ access: HeapAccess, _ body: (UnsafeRawBufferPointer) throws(Failure) -> R
    ) throws(Failure) -> R {
        if isInline {
            var words = (low, high)
            let count = count
            // A pointer to a local variable instead of `withUnsafeBytes`, which cannot throw typed
            // errors everywhere. It does not escape.
            return try withUnsafePointer(to: &words) { (pointer) throws(Failure) -> R in
                try body(UnsafeRawBufferPointer(start: UnsafeRawPointer(pointer), count: count))
            }
        }
        let address = access.address(low, count)
        if _slowPath(count > ReadAhead.noteworthy) { access.willRead(low, count) }
        return try body(UnsafeRawBufferPointer(start: address, count: count))
    }

    /// Frees the block, if there is one.
    @inlinable
    public func free(in access: HeapAccess) {
        if !isInline { access.free(low, byteCount: count, alignment: 1) }
    }

    /// Verifies the 16 bytes at `place` and the block that they lead to. Text must also be valid
    /// UTF-8.
    package static func verify(
        at place: UInt64, isText: Bool, in verification: inout some BlockVerifier
    ) {
        let stored = verification.load(place, as: StoredBytes.self)
        let kind = isText ? "a string" : "a sequence of bytes"
        if stored.isInline {
            guard stored.high >> 56 <= 15 else {
                return verification.report(
                    "\(kind) has an inline length of \(stored.high >> 56) bytes")
            }
        } else {
            guard
                verification.claim(
                    stored.low, byteCount: stored.count, alignment: 1,
                    "\(kind) of \(stored.count) bytes")
            else {
                return
            }
        }
        guard isText else { return }
        if !stored.withBytes(verification.access, { UTF8Bytes.areValid($0) }) {
            verification.report("a string is not valid UTF-8")
        }
    }
}

extension StoredBytes {
    static func move(at place: UInt64, by mover: BlockMover) {
        let stored = mover.target.load(place, as: StoredBytes.self)
        // The first word leads to the block.
        if !stored.isInline {
            _ = mover.moveBlock(at: place, byteCount: stored.count, alignment: 1)
        }
    }
}

extension Persistable where Stored == StoredBytes {
    /// Moves the block, if there is one.
    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        StoredBytes.move(at: place, by: mover)
    }
}
