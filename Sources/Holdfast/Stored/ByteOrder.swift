/// The order of byte sequences that `memcmp` defines.
@usableFromInline
package enum ByteOrder {
    /// Returns the first 15 bytes, zero-padded, most significant first, with the count below them
    /// (0xff for more than 15).
    ///
    /// If two sequences have different heads, the one with the smaller head comes first. If they
    /// have the same head, they are equal, or both are longer than 15 bytes.
    @inlinable @inline(__always)
    static func head(_ bytes: UnsafeRawBufferPointer) -> UInt128 {
        guard let base = bytes.baseAddress else { return 0 }
        let count = bytes.count
        if count > 15 {
            let low = base.loadUnaligned(as: UInt64.self)
            let high = base.loadUnaligned(fromByteOffset: 8, as: UInt64.self) | 0xff << 56
            return head(low, high)
        }
        let length = UInt64(truncatingIfNeeded: count) << 56
        if count < 8 { return head(StableHash.tail(base, count), length) }
        let rest = base.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
        let high = count == 8 ? 0 : rest >> UInt64((16 - count) * 8)
        return head(base.loadUnaligned(as: UInt64.self), high | length)
    }

    /// Returns the head of content that is stored inline.
    @inlinable @inline(__always)
    static func head(inline stored: StoredBytes) -> UInt128 { head(stored.low, stored.high) }

    @inlinable @inline(__always)
    static func head(_ low: UInt64, _ high: UInt64) -> UInt128 {
        UInt128(low.byteSwapped) << 64 | UInt128(high.byteSwapped)
    }

    /// Returns the length of the common prefix.
    @usableFromInline
    package static func commonPrefix(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer)
        -> Int
    {
        let count = min(a.count, b.count)
        guard count > 0, let left = a.baseAddress, let right = b.baseAddress else { return 0 }
        var offset = 0
        while offset + 8 <= count {
            let difference =
                left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                ^ right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if difference != 0 { return offset + difference.trailingZeroBitCount >> 3 }
            offset += 8
        }
        while offset < count,
            left.load(fromByteOffset: offset, as: UInt8.self)
                == right.load(fromByteOffset: offset, as: UInt8.self)
        {
            offset += 1
        }
        return offset
    }

    /// Returns a negative number if `a` comes first, a positive one if `b` does, and zero if they
    /// are equal.
    @usableFromInline
    static func compare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
        let shared = commonPrefix(a, b)
        if shared < a.count && shared < b.count { return a[shared] < b[shared] ? -1 : 1 }
        return a.count == b.count ? 0 : a.count < b.count ? -1 : 1
    }
}
