import HoldfastEngine
import HoldfastFormat

/// Strings are stored as UTF-8, up to 15 bytes inline. Reading one creates a Swift `String`; a
/// ``PersistentString`` reads in place.
extension String: Persistable, PersistableValue {
    public typealias Stored = StoredBytes

    @inlinable @inline(__always)
    public static func load(_ stored: StoredBytes, from access: HeapAccess) -> String {
        SmallText.string(stored) ?? SmallText.decoded(stored, access)
    }

    @inlinable
    public static func store(_ value: String, in access: HeapAccess) -> StoredBytes {
        var value = value
        return value.withUTF8 { StoredBytes(UnsafeRawBufferPointer($0), in: access) }
    }

    @inlinable
    public static func destroy(_ stored: StoredBytes, in access: HeapAccess) {
        stored.free(in: access)
    }

    @inlinable
    public static var ownsMemory: Bool { true }

    public static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        StoredBytes.verify(at: offset, isText: true, in: &verification)
    }

    public static func describe() throws(HeapError) -> TypeDescription { TypeDescription("String") }
}

/// String keys compare by canonical equivalence, so that `é` as one scalar and `é` as two are the
/// same key: as Swift's `==` does, but for scalars that are newer than `KeyNormalForm`. ASCII takes
/// a fast path; other strings are hashed in that normal form.
extension String: PersistableKey {
    /// The key's UTF-8, and whether all of it is ASCII.
    @frozen
    public struct Probe {
        @usableFromInline let bytes: UnsafeRawBufferPointer
        @usableFromInline let isASCII: Bool

        @inlinable
        init(bytes: UnsafeRawBufferPointer) {
            self.bytes = bytes
            isASCII = UTF8Bytes.areASCII(bytes)
        }
    }

    @inlinable
    public static func withProbe<R, Failure: Error>(
        _ key: String, _ body: (Probe) throws(Failure) -> R
    ) throws(Failure) -> R {
        var key = key
        var result: Result<R, Failure>?
        key.withUTF8 { utf8 in
            do throws(Failure) {
                result = .success(try body(Probe(bytes: UnsafeRawBufferPointer(utf8))))
            } catch {
                result = .failure(error)
            }
        }
        return try result!.get()
    }

    @inlinable
    public static func hash(_ probe: Probe, seed: HeapIdentity) -> UInt64 {
        probe.isASCII
            ? StableHash.hash(probe.bytes, seed: seed)
            : UTF8Bytes.canonicalHash(probe.bytes, seed: seed)
    }

    @inlinable
    public static func hash(stored: StoredBytes, seed: HeapIdentity, from access: HeapAccess)
        -> UInt64
    {
        stored.withBytes(access) { hash(Probe(bytes: $0), seed: seed) }
    }

    @inlinable
    public static func matches(_ stored: StoredBytes, _ probe: Probe, in access: HeapAccess) -> Bool
    {
        stored.withBytes(access) { bytes in
            if bytes.count == probe.bytes.count && UTF8Bytes.areEqual(bytes, probe.bytes) {
                return true
            }
            // Different bytes can still be the same string, even if one of them is ASCII: the
            // normal form of the Kelvin sign U+212A is the letter K.
            return probe.isASCII && UTF8Bytes.areASCII(bytes)
                ? false : UTF8Bytes.areCanonicallyEqual(bytes, probe.bytes)
        }
    }
}

/// Loads and stores short strings without a buffer, which would take ten times as long.
///
/// Swift keeps up to 15 bytes of UTF-8 inside a `String`, in the order of `StoredBytes`. Only the
/// last byte differs: it is 0xE0 plus the count if all bytes are ASCII. Nothing guarantees that, so
/// the code tests the empty string; the compiler evaluates the test. If the layout is different,
/// strings go through the buffer.
@usableFromInline
enum SmallText {
    @inlinable @inline(__always)
    static var isKnown: Bool {
        guard MemoryLayout<String>.size == 16 else { return false }
        let empty = unsafeBitCast(String(), to: StoredBytes.self)
        return empty.low == 0 && empty.high == 0xe0 << 56
    }

    /// Returns the string if it is ASCII and stored inline. Bytes after the content of a damaged
    /// form are cleared, because Swift's own strings have zeros there.
    @inlinable @inline(__always)
    static func string(_ stored: StoredBytes) -> String? {
        let count = stored.high &>> 56
        guard isKnown, count <= 15,
            (stored.low | stored.high & 0x00ff_ffff_ffff_ffff) & 0x8080_8080_8080_8080 == 0
        else {
            return nil
        }
        let bits = count &* 8
        let low = stored.low & (count >= 8 ? ~0 : (1 &<< bits) &- 1)
        let high = stored.high & (count > 8 ? (1 &<< (bits &- 64)) &- 1 : 0)
        var words = StoredBytes(low: low, high: high | (0xe0 | count) &<< 56)
        // Moved and not copied, because copying would count a reference to nothing.
        return withUnsafeMutableBytes(of: &words) {
            $0.bindMemory(to: String.self).baseAddress!.move()
        }
    }

    @inlinable @inline(never)
    static func decoded(_ stored: StoredBytes, _ access: HeapAccess) -> String {
        stored.withBytes(access) { String(decoding: $0, as: UTF8.self) }
    }
}

/// Operations on the bytes of UTF-8 strings.
@usableFromInline
enum UTF8Bytes {
    @inlinable
    static func areASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        var offset = 0
        var seen: UInt64 = 0
        while offset + 8 <= bytes.count {
            seen |= base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            offset += 8
        }
        while offset < bytes.count {
            seen |= UInt64(base.load(fromByteOffset: offset, as: UInt8.self))
            offset += 1
        }
        return seen & 0x8080_8080_8080_8080 == 0
    }

    /// Returns whether two sequences of the same length hold the same bytes.
    @inlinable
    static func areEqual(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        guard let left = a.baseAddress, let right = b.baseAddress else { return true }
        var offset = 0
        while offset + 8 <= a.count {
            if left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                != right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            {
                return false
            }
            offset += 8
        }
        while offset < a.count {
            if left.load(fromByteOffset: offset, as: UInt8.self)
                != right.load(fromByteOffset: offset, as: UInt8.self)
            {
                return false
            }
            offset += 1
        }
        return true
    }

    static func areValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        areASCII(bytes)
            || bytes.withMemoryRebound(to: UInt8.self) {
                String(validating: $0, as: UTF8.self) != nil
            }
    }

    @usableFromInline @inline(never)
    static func canonicalHash(_ bytes: UnsafeRawBufferPointer, seed: HeapIdentity) -> UInt64 {
        var normal = KeyNormalForm.of(bytes)
        return normal.withUTF8 { StableHash.hash(UnsafeRawBufferPointer($0), seed: seed) }
    }

    @usableFromInline @inline(never)
    static func areCanonicallyEqual(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer)
        -> Bool
    {
        UTF8Order.compare(a, b) == 0
    }
}
