import HoldfastEngine

/// The stored form of strings and byte sequences: 16 bytes. Up to 15 bytes of content lie inside; longer content lies in a
/// block of its own, and these 16 bytes hold where and how long.
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

    /// No bytes.
    @inlinable
    public init() { self.init(low: 0, high: 0) }

    /// Whether the content lies in these 16 bytes.
    @inlinable @inline(__always)
    public var isInline: Bool { high >> 56 != 0xff }

    /// Bytes of content. A damaged form may claim anything; `withBytes` checks it against the heap.
    @inlinable @inline(__always)
    public var count: Int {
        isInline ? min(Int(truncatingIfNeeded: high >> 56), 15) : Int(truncatingIfNeeded: high & 0x00ff_ffff_ffff_ffff)
    }

    /// Copies `bytes` into the heap.
    @inlinable
    public init(_ bytes: UnsafeRawBufferPointer, in access: HeapAccess) {
        self.init()
        guard bytes.count > 0 else { return }
        if bytes.count <= 15 {
            withUnsafeMutableBytes(of: &self) { $0.copyMemory(from: bytes) }
            high |= UInt64(bytes.count) << 56
        } else {
            let offset = access.allocate(byteCount: bytes.count, alignment: 1)
            access.noteFresh(offset, bytes.count)
            access.address(offset, bytes.count).copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
            low = offset
            high = UInt64(bytes.count) | 0xff << 56
        }
    }

    /// Calls `body` with the content, in place.
    @inlinable @inline(__always)
    public func withBytes<R, Failure: Error>(
        _ access: HeapAccess, _ body: (UnsafeRawBufferPointer) throws(Failure) -> R
    ) throws(Failure) -> R {
        if isInline {
            var words = (low, high)
            let count = count
            // A pointer to a local instead of `withUnsafeBytes`, which cannot throw typed errors everywhere; it does not leave.
            return try withUnsafePointer(to: &words) { (pointer) throws(Failure) -> R in
                try body(UnsafeRawBufferPointer(start: UnsafeRawPointer(pointer), count: count))
            }
        }
        return try body(UnsafeRawBufferPointer(start: access.address(low, count), count: count))
    }

    /// Frees the block, if there is one.
    @inlinable
    public func free(in access: HeapAccess) {
        if !isInline { access.free(low, byteCount: count, alignment: 1) }
    }

    /// Verifies the 16 bytes at `place` and the block that they lead to; text must also be UTF-8.
    static func verify(at place: UInt64, isText: Bool, in verification: inout Verification) {
        let stored = verification.load(place, as: StoredBytes.self)
        let kind = isText ? "a string" : "a sequence of bytes"
        if stored.isInline {
            guard stored.high >> 56 <= 15 else {
                return verification.report("\(kind) claims to have \(stored.high >> 56) bytes in place")
            }
        } else {
            guard verification.claim(stored.low, byteCount: stored.count, alignment: 1, "\(kind) of \(stored.count) bytes") else {
                return
            }
        }
        guard isText else { return }
        if !stored.withBytes(verification.access, { UTF8Bytes.areValid($0) }) {
            verification.report("a string is not valid UTF-8")
        }
    }
}
