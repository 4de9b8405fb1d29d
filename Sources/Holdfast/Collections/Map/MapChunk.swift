import HoldfastEngine

/// The smallest part of a map's table: seven slots after one word of control bytes, padded to whole
/// lines.
///
///     byte 0-6   a tag for each slot: 0 if it is empty, else 0x80 and seven bits of the key's hash
///     byte 7     overflow: how many keys of it stand in a later chunk (255: that many or more)
///     byte 8…    the slots
///
/// The control bytes are compared all at once as one word. The overflow count ends an unsuccessful
/// search at the first chunk that has never passed a key on, and makes tombstones unnecessary (the
/// scheme of Facebook's F14, N. Bronson and X. Shi, "Open-sourcing F14 for faster, more
/// memory-efficient hash tables", 2019).
@usableFromInline
enum MapChunk {
    @usableFromInline static var slots: Int { 7 }
    @usableFromInline static var headerBytes: Int { 8 }

    /// The high bits of the seven tags.
    @usableFromInline static var tagBits: UInt64 { 0x0080_8080_8080_8080 }

    @inlinable @inline(__always)
    static func tag(_ hash: UInt64) -> UInt64 { (hash >> 32) & 0x7f | 0x80 }

    /// Returns a bit (the high bit of its byte) for each slot whose tag equals `tag`, exactly.
    @inlinable @inline(__always)
    static func matches(_ control: UInt64, _ tag: UInt64) -> UInt64 {
        let difference = control ^ (tag &* 0x0101_0101_0101_0101)
        let low: UInt64 = 0x7f7f_7f7f_7f7f_7f7f
        // A byte of the difference is zero if and only if neither its high bit nor any other is
        // set. No carry crosses bytes.
        return ~(((difference & low) &+ low) | difference) & tagBits
    }

    /// Returns a bit for each empty slot. Tags in use have their high bit set.
    @inlinable @inline(__always)
    static func empties(_ control: UInt64) -> UInt64 { ~control & tagBits }

    /// Returns a bit for each slot in use, bits 0 to 6.
    @inlinable @inline(__always)
    static func usedSlots(_ control: UInt64) -> UInt64 {
        // One multiplication moves the seven high bits, each at the end of its byte, next to each
        // other. No two of its products overlap.
        (((control & tagBits) &>> 7) &* 0x0102_0408_1020_4080) &>> 56
    }

    /// Returns the slot of the lowest bit of `matches` or `empties`.
    @inlinable @inline(__always)
    static func slot(_ bits: UInt64) -> Int { bits.trailingZeroBitCount >> 3 }

    @inlinable @inline(__always)
    static func overflow(_ control: UInt64) -> UInt64 { control >> 56 }

    @inlinable @inline(__always)
    static func setting(_ control: UInt64, slot: Int, tag: UInt64) -> UInt64 {
        let shift = UInt64(slot * 8)
        return control & ~(0xff << shift) | tag << shift
    }

    @inlinable @inline(__always)
    static func addingOverflow(_ control: UInt64) -> UInt64 {
        overflow(control) == 255 ? control : control &+ (1 << 56)
    }

    /// A count that has reached 255 is no longer exact, and stays.
    @inlinable @inline(__always)
    static func removingOverflow(_ control: UInt64) -> UInt64 {
        let count = overflow(control)
        return count == 0 || count == 255 ? control : control &- (1 << 56)
    }
}

/// A key and a value side by side, so that finding one fetches the other.
@frozen @usableFromInline
struct MapSlot<Key: BitwiseCopyable, Value: BitwiseCopyable>: BitwiseCopyable {
    @usableFromInline var key: Key
    @usableFromInline var value: Value

    @inlinable @inline(__always)
    init(key: Key, value: Value) {
        self.key = key
        self.value = value
    }

    /// Clears the padding of the key and the value, and between them.
    @inlinable @inline(__always)
    static func clearPadding<K: Persistable, V: Persistable>(
        _ keyType: K.Type, _ valueType: V.Type, at slot: UnsafeMutablePointer<MapSlot>
    ) where K.Stored == Key, V.Stored == Value {
        let form = UnsafeMutableRawPointer(slot)
        let place = MemoryLayout<Key>.size.roundedUp(to: MemoryLayout<Value>.alignment)
        keyType.clearPadding(at: form)
        form.clear(MemoryLayout<Key>.size ..< place)
        valueType.clearPadding(at: form + place)
    }
}

/// A segment: a power of two of chunks, and the unit in which a map grows. One word holds its place
/// and size.
///
///     bits 0-47    offset
///     bits 48-55   local depth: hash bits that all of its keys share
///     bits 56-63   log2 of its chunks
@frozen @usableFromInline
struct MapSegment: BitwiseCopyable {
    @usableFromInline var word: UInt64

    @inlinable @inline(__always)
    init(word: UInt64) { self.word = word }

    @inlinable @inline(__always)
    init(offset: UInt64, localDepth: Int, exponent: Int) {
        word = offset | UInt64(localDepth) << 48 | UInt64(exponent) << 56
    }

    @inlinable @inline(__always)
    var isNull: Bool { word == 0 }
    @inlinable @inline(__always)
    var offset: UInt64 { word & 0xffff_ffff_ffff }
    @inlinable @inline(__always)
    var localDepth: Int { Int(truncatingIfNeeded: (word >> 48) & 0xff) }
    @inlinable @inline(__always)
    var exponent: Int { Int(truncatingIfNeeded: word >> 56) }
    @inlinable @inline(__always)
    var chunks: Int { 1 &<< exponent }
}
