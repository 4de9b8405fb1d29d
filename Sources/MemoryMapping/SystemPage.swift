/// The operating system's page: the unit of mapping. 4 KiB on most machines, 16 KiB on Apple
/// silicon; never assumed here.
///
/// Thread safety: any thread may call anything.
public enum SystemPage {
    /// The page size in bytes; a power of two. Queried once, then O(1) without a system call.
    public static let size = SystemCalls.pageSize

    /// `byteCount` rounded up to whole pages; the largest multiple if that would overflow. O(1).
    public static func roundUp(_ byteCount: Int) -> Int { roundUp(byteCount, to: size) }

    /// `byteCount` rounded down to whole pages. O(1).
    public static func roundDown(_ byteCount: Int) -> Int { roundDown(byteCount, to: size) }

    /// `byteCount` rounded up to a multiple of `granule`; the largest multiple if that would
    /// overflow. O(1).
    ///
    /// Saturating is safe for sizes: no system maps or stores that many bytes, so the next call
    /// fails.
    public static func roundUp(_ byteCount: Int, to granule: Int) -> Int {
        demand(byteCount >= 0 && granule > 0, "sizes must not be negative, nor a granule zero")
        let rest = byteCount % granule
        if rest == 0 { return byteCount }
        let (sum, overflow) = byteCount.addingReportingOverflow(granule - rest)
        return overflow ? Int.max - Int.max % granule : sum
    }

    /// The page size is a parameter so that tests can try those of other machines.
    static func roundDown(_ byteCount: Int, to granule: Int) -> Int {
        demand(byteCount >= 0 && granule > 0, "sizes must not be negative, nor a granule zero")
        return byteCount - byteCount % granule
    }
}
