/// The operating system's page: the unit of mapping. 4 KiB on most machines, 16 KiB on Apple silicon; never assumed here.
public enum SystemPage {
    /// Bytes of a page; a power of two.
    public static let size = SystemCalls.pageSize

    /// `byteCount` rounded up to whole pages.
    public static func roundUp(_ byteCount: Int) -> Int { roundUp(byteCount, to: size) }

    /// `byteCount` rounded down to whole pages.
    public static func roundDown(_ byteCount: Int) -> Int { byteCount - byteCount % size }

    /// `byteCount` rounded up to a multiple of `granule`; the largest multiple there is if that would overflow.
    public static func roundUp(_ byteCount: Int, to granule: Int) -> Int {
        precondition(byteCount >= 0 && granule > 0, "MemoryMapping: sizes must not be negative")
        let rest = byteCount % granule
        if rest == 0 { return byteCount }
        let (sum, overflow) = byteCount.addingReportingOverflow(granule - rest)
        return overflow ? Int.max - Int.max % granule : sum
    }
}
