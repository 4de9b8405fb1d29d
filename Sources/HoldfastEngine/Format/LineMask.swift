/// The lines of a page as 64 bits, the first line lowest: what a transaction has touched, what a
/// record holds.
enum LineMask {
    /// `count` lines from `first` on, all of them in the page; 1 or more.
    @inline(__always)
    static func bits(first: UInt64, count: Int) -> UInt64 {
        (count >= HeapLayout.linesPerPage ? ~0 : (1 << UInt64(count)) - 1) << first
    }

    /// Calls `body` with each run of lines that follow each other: its first line and how many
    /// there are.
    @inline(__always)
    static func forEachRun(in mask: UInt64, _ body: (_ first: Int, _ count: Int) -> Void) {
        var rest = mask
        while rest != 0 {
            let first = rest.trailingZeroBitCount
            let count = (~(rest >> first)).trailingZeroBitCount
            body(first, count)
            rest = first + count == HeapLayout.linesPerPage ? 0 : rest & (~0 << (first + count))
        }
    }
}
