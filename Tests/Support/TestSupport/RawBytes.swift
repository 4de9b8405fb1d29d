#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

extension UnsafeRawBufferPointer {
    /// Whether all bytes are `value`.
    ///
    /// `memcmp` with itself shifted by one finds it: tests run unoptimised, and a loop over the
    /// bytes of large blocks would take most of their time.
    public func isFilled(with value: UInt8) -> Bool {
        guard let base = baseAddress, count > 0 else { return true }
        return self[0] == value && memcmp(base, base + 1, count - 1) == 0
    }

    /// Whether both have the same bytes; like `elementsEqual`, for the same reason.
    public func isSame(as other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        guard let base = baseAddress, let otherBase = other.baseAddress else { return true }
        return memcmp(base, otherBase, count) == 0
    }
}
