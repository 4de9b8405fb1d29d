#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

// Work on many bytes by the C library: element by element it takes most of a test's time in a debug build.

extension UnsafeRawBufferPointer {
    /// Whether every byte is `byte`; true if there are none.
    public func isAll(_ byte: UInt8) -> Bool {
        guard let base = baseAddress, count > 0 else { return true }
        // Each byte is the same as the one behind it, and the first is right.
        return self[0] == byte && memcmp(base, base + 1, count - 1) == 0
    }
}

extension [UInt8] {
    mutating func appendZeros(_ count: Int) {
        guard count > 0 else { return }
        append(contentsOf: [UInt8](repeating: 0, count: count))
    }

    mutating func clear(_ range: Range<Int>) {
        withUnsafeMutableBytes { _ = memset($0.baseAddress! + range.lowerBound, 0, range.count) }
    }

    func isSame(as other: [UInt8]) -> Bool {
        count == other.count
            && withUnsafeBytes { mine in
                other.withUnsafeBytes { mine.count == 0 || memcmp(mine.baseAddress!, $0.baseAddress!, mine.count) == 0 }
            }
    }
}
