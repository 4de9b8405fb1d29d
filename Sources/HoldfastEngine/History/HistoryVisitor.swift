import HoldfastFormat

/// A receiver of a stretch of a heap's history, in order: intervals between two states of the data
/// file, each with its zeroed pages first, then its commits.
package protocol HistoryVisitor {
    /// The pages become zeros.
    mutating func zero(pages: Range<Int>) throws
    /// The lines that follow are those of a commit. `place` is its end, `heapPages` the number of
    /// pages of the heap after it.
    mutating func beginCommit(_ place: HistoryPlace, heapPages: UInt64) throws
    /// Lines are stored: `lines` holds whole lines, and is valid during the call.
    mutating func run(firstLine: UInt64, _ lines: UnsafeRawBufferPointer) throws
    /// Everything beyond the heap's pages is dropped, and the data file is in the state of a
    /// checkpoint.
    mutating func endInterval(_ end: IntervalEnd) throws
}
