import HoldfastEngine
import HoldfastFormat

/// The hash functions of the file format.
///
/// Both fold 64x64-bit products like wyhash (Wang Yi, "wyhash and wyrand", public domain,
/// 2019-2022), with the heap's 128 random bits as the secret.
public enum StableHash {
    /// Multiplies to 128 bits and folds the halves.
    @inlinable @inline(__always)
    static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }

    @usableFromInline static let first: UInt64 = 0xa076_1d64_78bd_642f
    @usableFromInline static let second: UInt64 = 0xe703_7ed1_a0b4_28db

    /// Returns the hash of one word.
    @inlinable @inline(__always)
    public static func hash(_ word: UInt64, seed: HeapIdentity) -> UInt64 {
        fold(fold(word ^ seed.high, 0xa076_1d64_78bd_642f ^ seed.low), 0xe703_7ed1_a0b4_28db)
    }

    /// Returns the hash of bytes: 16 at a time, the rest zero-padded, the count mixed in last.
    @inlinable
    public static func hash(_ bytes: UnsafeRawBufferPointer, seed: HeapIdentity) -> UInt64 {
        // An empty sequence has the same hash with and without an address.
        guard var at = bytes.baseAddress else {
            return fold(fold(seed.low, seed.high), 0xe703_7ed1_a0b4_28db)
        }
        var state = seed.high
        var rest = bytes.count
        while rest >= 16 {
            state = fold(
                at.loadUnaligned(as: UInt64.self) ^ seed.low,
                at.loadUnaligned(fromByteOffset: 8, as: UInt64.self) ^ state)
            at += 16
            rest -= 16
        }
        var a: UInt64 = 0
        var b: UInt64 = 0
        if rest >= 8 {
            a = at.loadUnaligned(as: UInt64.self)
            b = tail(at + 8, rest - 8)
        } else {
            a = tail(at, rest)
        }
        state = fold(a ^ seed.low, b ^ state)
        return fold(state ^ UInt64(bytes.count), 0xe703_7ed1_a0b4_28db)
    }

    /// Returns up to seven bytes as a little-endian word.
    @inlinable @inline(__always)
    static func tail(_ at: UnsafeRawPointer, _ count: Int) -> UInt64 {
        if count >= 4 {
            let low = UInt64(at.loadUnaligned(as: UInt32.self))
            let high = UInt64(at.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
            return low | high << UInt64((count - 4) * 8)
        }
        var word: UInt64 = 0
        for index in 0 ..< count {
            word |= UInt64(at.load(fromByteOffset: index, as: UInt8.self)) << UInt64(index * 8)
        }
        return word
    }
}
