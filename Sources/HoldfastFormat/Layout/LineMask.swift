/// A set of lines of a page as 64 bits; the lowest bit is the first line.
@usableFromInline
package enum LineMask {
    /// `count` lines from `first` on, at least one, all of them in the page.
    @inlinable @inline(__always)
    package static func bits(first: UInt64, count: Int) -> UInt64 {
        (count >= HeapLayout.linesPerPage ? ~0 : (1 << UInt64(count)) - 1) << first
    }

    /// Calls `body` with each run of adjacent lines: its first line and the number of lines.
    @inlinable @inline(__always)
    package static func forEachRun(in mask: UInt64, _ body: (_ first: Int, _ count: Int) -> Void) {
        var rest = mask
        while rest != 0 {
            let first = rest.trailingZeroBitCount
            let count = (~(rest >> first)).trailingZeroBitCount
            body(first, count)
            rest = first + count == HeapLayout.linesPerPage ? 0 : rest & (~0 << (first + count))
        }
    }
}
