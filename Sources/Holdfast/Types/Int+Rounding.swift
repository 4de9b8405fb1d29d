extension Int {
    /// Returns the number rounded up to a multiple of `multiple`.
    @inlinable @inline(__always)
    package func roundedUp(to multiple: Int) -> Int {
        (self + multiple - 1) / multiple * multiple
    }
}
