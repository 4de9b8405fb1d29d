#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension [UInt8] {
    /// `==` with the C library: element by element it takes most of a test's time in a debug build.
    func isSame(as other: [UInt8]) -> Bool {
        count == other.count
            && withUnsafeBytes { mine in
                other.withUnsafeBytes {
                    mine.isEmpty || memcmp(mine.baseAddress!, $0.baseAddress!, mine.count) == 0
                }
            }
    }
}
