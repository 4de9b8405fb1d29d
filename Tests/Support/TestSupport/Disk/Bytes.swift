extension [UInt8] {
    /// `==` with the C library: element by element it takes most of a test's time in a debug build.
    public func isSame(as other: [UInt8]) -> Bool {
        withUnsafeBytes { mine in other.withUnsafeBytes { mine.isSame(as: $0) } }
    }
}
