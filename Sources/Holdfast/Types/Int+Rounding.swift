extension Int {
    /// The next multiple of `multiple`, or the number itself if it is one.
    @inlinable @inline(__always)
    package func roundedUp(to multiple: Int) -> Int {
        (self + multiple - 1) / multiple * multiple
    }
}
