import HoldfastFormat

/// A page that is put together from lines of several segments.
///
/// Safety: `bytes` is one page, as long as the object lives.
@safe
final class MergedPage {
    /// No heap has this page.
    static let end = Int(HeapLayout.maximumBytes >> HeapLayout.pageShift)

    private let bytes = UnsafeMutableRawBufferPointer.allocate(
        byteCount: HeapLayout.pageBytes, alignment: HeapLayout.lineBytes)
    /// The lines that are there.
    private(set) var mask: UInt64 = 0
    private(set) var number = 0

    deinit { unsafe bytes.deallocate() }

    /// Begins another page, without lines.
    func clear(_ number: Int) {
        self.number = number
        mask = 0
        _ = unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// Stores lines from line `first` of the page on, all of them in the page.
    func store(_ first: Int, _ lines: UnsafeRawBufferPointer) {
        guard unsafe !lines.isEmpty else { return }
        let place = unsafe UnsafeMutableRawBufferPointer(
            rebasing: bytes[(first * HeapLayout.lineBytes)...])
        unsafe place.copyMemory(from: lines)
        mask |= LineMask.bits(first: UInt64(first), count: lines.count / HeapLayout.lineBytes)
    }

    func has(_ line: Int) -> Bool { mask & 1 << UInt64(line) != 0 }

    /// Writes the lines as runs.
    func write(to output: SegmentAppender) throws(ArchiveError) {
        var runs: [Range<Int>] = []
        LineMask.forEachRun(in: mask) { runs.append($0 ..< $0 + $1) }
        for run in runs {
            let start = run.lowerBound * HeapLayout.lineBytes
            let place = start ..< start + run.count * HeapLayout.lineBytes
            let first = UInt64(number * HeapLayout.linesPerPage + run.lowerBound)
            unsafe try output.run(
                firstLine: first, UnsafeRawBufferPointer(rebasing: bytes[place]))
        }
    }
}
