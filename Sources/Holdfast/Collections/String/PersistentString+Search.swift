import HoldfastEngine

// Search compares bytes: a string with a different but canonically equivalent spelling is not
// found. Since both sides are valid UTF-8, a match begins and ends at scalar boundaries.

extension PersistentString {
    /// Returns the range of the first occurrence of `text` at or after `start`, or nil if there is
    /// none. An empty string is found immediately.
    ///
    /// - Complexity: O(*n* · *m*) in the worst case and nearly always O(*n*), where *n* is the
    ///   UTF-8 count and *m* that of `text`.
    public func range(of text: some StringProtocol, from start: Int = 0) -> Range<Int>? {
        var text = String(text)
        return text.withUTF8 { text in
            bytes.withBytes { bytes in
                guard start >= 0, start <= bytes.count else {
                    self.bytes.trap(
                        .rangeOutOfBounds, start, max(start, bytes.count), bytes.count)
                }
                return ByteSearch.first(UnsafeRawBufferPointer(text), in: bytes, from: start)
            }
        }
    }

    /// Returns the ranges of all occurrences of `text`, without overlaps. An empty string has no
    /// occurrences.
    public func ranges(of text: some StringProtocol) -> [Range<Int>] {
        var text = String(text)
        return text.withUTF8 { text in
            bytes.withBytes { bytes in
                var found: [Range<Int>] = []
                guard !text.isEmpty else { return found }
                var start = 0
                while let range = ByteSearch.first(
                    UnsafeRawBufferPointer(text), in: bytes, from: start)
                {
                    found.append(range)
                    start = range.upperBound
                }
                return found
            }
        }
    }

    /// Returns whether `text` occurs in the string. See ``range(of:from:)``.
    public func contains(_ text: some StringProtocol) -> Bool { range(of: text) != nil }

    /// Returns whether the string begins with the bytes of `text`.
    ///
    /// - Complexity: O(*m*), where *m* is the UTF-8 count of `text`.
    public func hasPrefix(_ text: some StringProtocol) -> Bool {
        var text = String(text)
        return text.withUTF8 { text in
            bytes.withBytes { $0.count >= text.count && $0.prefix(text.count).elementsEqual(text) }
        }
    }

    /// Returns whether the string ends with the bytes of `text`.
    ///
    /// - Complexity: O(*m*), where *m* is the UTF-8 count of `text`.
    public func hasSuffix(_ text: some StringProtocol) -> Bool {
        var text = String(text)
        return text.withUTF8 { text in
            bytes.withBytes { $0.count >= text.count && $0.suffix(text.count).elementsEqual(text) }
        }
    }

    /// Replaces all occurrences of `text` by `replacement`.
    ///
    /// - Returns: The number of occurrences.
    /// - Complexity: O(*n* + *m*), where *n* is the UTF-8 count and *m* the number of bytes added.
    @discardableResult
    public func replace(_ text: some StringProtocol, with replacement: some StringProtocol) -> Int {
        let found = ranges(of: text)
        guard let first = found.first, let last = found.last else { return 0 }
        var replacement = String(replacement)
        replacement.withUTF8 { replacement in
            // Everything between the first and the last occurrence at once, so that the bytes after
            // it move once.
            var new = ContiguousArray<UInt8>()
            bytes.withBytes { bytes in
                var kept = first.lowerBound
                for range in found {
                    new.append(contentsOf: bytes[kept ..< range.lowerBound])
                    new.append(contentsOf: replacement)
                    kept = range.upperBound
                }
            }
            new.withUnsafeBufferPointer {
                bytes.replace(first.lowerBound ..< last.upperBound, with: $0)
            }
        }
        return found.count
    }
}

/// Searching bytes.
enum ByteSearch {
    static func first(
        _ needle: UnsafeRawBufferPointer, in bytes: UnsafeRawBufferPointer, from start: Int
    ) -> Range<Int>? {
        guard let head = needle.first else { return start ..< start }
        guard let base = bytes.baseAddress else { return nil }
        var at = start
        while at <= bytes.count - needle.count {
            guard let next = index(of: head, in: bytes, from: at),
                next <= bytes.count - needle.count
            else { return nil }
            let candidate = UnsafeRawBufferPointer(start: base + next, count: needle.count)
            if UTF8Bytes.areEqual(candidate, needle) { return next ..< next + needle.count }
            at = next + 1
        }
        return nil
    }

    /// Returns the position of the first byte with this value at or after `start`. Compares eight
    /// bytes at a time.
    static func index(of byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        let pattern = UInt64(byte) &* 0x0101_0101_0101_0101
        let low: UInt64 = 0x7f7f_7f7f_7f7f_7f7f
        var at = start
        while at + 8 <= bytes.count {
            let difference =
                UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self))
                ^ pattern
            // The high bit of each byte that is zero.
            let zeros = ~(((difference & low) &+ low) | difference | low)
            if zeros != 0 { return at + zeros.trailingZeroBitCount / 8 }
            at += 8
        }
        while at < bytes.count {
            if base.load(fromByteOffset: at, as: UInt8.self) == byte { return at }
            at += 1
        }
        return nil
    }
}
