import HoldfastEngine

/// String keys are ordered by the scalars of their normal form (`KeyNormalForm`), so that `é` as
/// one scalar and `é` as two have the same place. If the bytes already decide the order, as they
/// nearly always do, nothing is normalised.
///
/// Swift's `<` is meant to define the same order, but with some combining marks it does not: in
/// Swift 6.3, `"\u{915}"` comes before `"\u{915}\u{93c}"` but not before `"\u{958}"`, which equals
/// it. A tree needs a consistent order.
extension String: PersistableOrderedKey {
    /// The key's UTF-8, and its first bytes as a number.
    @frozen
    public struct OrderedProbe {
        @usableFromInline let bytes: UnsafeRawBufferPointer
        @usableFromInline let head: UInt128
        @usableFromInline let isASCII: Bool

        @inlinable
        init(bytes: UnsafeRawBufferPointer, isASCII: Bool) {
            self.bytes = bytes
            self.isASCII = isASCII
            head = ByteOrder.head(bytes)
        }
    }

    @inlinable @inline(__always)
    public static func orderedProbe(_ probe: Probe) -> OrderedProbe {
        OrderedProbe(bytes: probe.bytes, isASCII: probe.isASCII)
    }

    @inlinable @inline(__always)
    public static func isStored(
        _ stored: StoredBytes, before probe: OrderedProbe, in access: HeapAccess
    ) -> Bool {
        if probe.isASCII && isInlineASCII(stored) {
            return ByteOrder.head(inline: stored) < probe.head
        }
        return compare(stored, probe, in: access) < 0
    }

    @inlinable @inline(__always)
    public static func isProbe(
        _ probe: OrderedProbe, before stored: StoredBytes, in access: HeapAccess
    ) -> Bool {
        if probe.isASCII && isInlineASCII(stored) {
            return probe.head < ByteOrder.head(inline: stored)
        }
        return compare(stored, probe, in: access) > 0
    }

    /// The count's byte, at most 15, has no high bit either; the marker of content in a block has.
    @inlinable @inline(__always)
    static func isInlineASCII(_ stored: StoredBytes) -> Bool {
        (stored.low | stored.high) & 0x8080_8080_8080_8080 == 0
    }

    @usableFromInline @inline(never)
    static func compare(_ stored: StoredBytes, _ probe: OrderedProbe, in access: HeapAccess) -> Int
    {
        stored.withBytes(access) { UTF8Order.compare($0, probe.bytes) }
    }

    @inlinable @inline(__always)
    public static var isAlwaysPlain: Bool { false }

    @inlinable @inline(__always)
    public static func isPlain(_ stored: StoredBytes) -> Bool { isInlineASCII(stored) }

    @inlinable @inline(__always)
    public static func isPlain(probe: OrderedProbe) -> Bool { probe.isASCII }

    @inlinable @inline(__always)
    public static func isProbe(_ probe: OrderedProbe, beforePlain stored: StoredBytes) -> Bool {
        probe.head < ByteOrder.head(inline: stored)
    }

    @inlinable @inline(__always)
    public static var greatest: StoredBytes { StoredBytes(low: .max, high: .max) }

    public static func separator(_ left: StoredBytes, _ right: StoredBytes, in access: HeapAccess)
        -> StoredBytes
    {
        left.withBytes(access) { left in
            right.withBytes(access) { right in
                let shared = ByteOrder.commonPrefix(left, right)
                // Up to the first scalar that differs, if it is ASCII and unaffected by
                // normalisation in both strings.
                guard shared < right.count, right[shared] < 0x80,
                    UTF8Order.isFinal(right, at: shared),
                    UTF8Order.isFinal(left, at: shared),
                    left.count == shared || left[shared] < right[shared]
                else { return StoredBytes(right, in: access) }
                return StoredBytes(UnsafeRawBufferPointer(rebasing: right[...shared]), in: access)
            }
        }
    }
}

/// The order of UTF-8 strings by the scalars of their normal forms.
enum UTF8Order {
    /// Returns a negative number if `a` comes first, a positive one if `b` does, and zero if they
    /// are canonically equal.
    ///
    /// The bytes decide if the first differing scalars are final in both strings: the prefixes
    /// before them have the same normal form, and they begin the rest of it unchanged. UTF-8 orders
    /// scalars by their numbers.
    static func compare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
        let shared = ByteOrder.commonPrefix(a, b)
        if shared == a.count && shared == b.count { return 0 }
        let start = scalarStart(shared < a.count ? a : b, shared)
        guard isFinal(a, at: start), isFinal(b, at: start) else { return compareNormalised(a, b) }
        if shared == a.count { return -1 }
        if shared == b.count { return 1 }
        return a[shared] < b[shared] ? -1 : 1
    }

    /// Returns whether the normal form of `text` begins with that of `prefix`.
    static func begins(_ text: UnsafeRawBufferPointer, with prefix: UnsafeRawBufferPointer) -> Bool
    {
        let shared = ByteOrder.commonPrefix(text, prefix)
        if shared == prefix.count {
            if shared == text.count || standsAlone(text[shared]) { return true }
        } else {
            let start = scalarStart(prefix, shared)
            if isFinal(text, at: start) && isFinal(prefix, at: start) { return false }
        }
        return KeyNormalForm.of(text).utf8.starts(with: KeyNormalForm.of(prefix).utf8)
    }

    /// Returns the first byte of the scalar that byte `offset` belongs to.
    private static func scalarStart(_ text: UnsafeRawBufferPointer, _ offset: Int) -> Int {
        var start = offset
        while start > 0 && text[start] & 0xc0 == 0x80 { start -= 1 }
        return start
    }

    /// Returns whether the scalar at `offset` combines with neither the scalar before it nor the
    /// one after it. The end counts as such a scalar.
    static func isFinal(_ text: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        guard offset < text.count else { return true }
        let lead = text[offset]
        guard standsAlone(lead) else { return false }
        let next = offset + (lead < 0x80 ? 1 : lead < 0xe0 ? 2 : 3)
        return next >= text.count || standsAlone(text[next])
    }

    /// Returns whether every scalar that begins with this byte is its own normal form and not a
    /// combining mark: U+0000 to U+02FF, U+0400 to U+047F, and U+4000 to U+9FFF (NFC_Quick_Check is
    /// Yes and Canonical_Combining_Class 0 for each of them, see UAX #15).
    private static func standsAlone(_ lead: UInt8) -> Bool {
        lead < 0x80 || (0xc2 ... 0xcb).contains(lead) || lead == 0xd0 || lead == 0xd1
            || (0xe4 ... 0xe9).contains(lead)
    }

    @inline(never)
    private static func compareNormalised(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer)
        -> Int
    {
        let left = KeyNormalForm.of(a).utf8
        let right = KeyNormalForm.of(b).utf8
        return left.lexicographicallyPrecedes(right)
            ? -1 : right.lexicographicallyPrecedes(left) ? 1 : 0
    }
}
