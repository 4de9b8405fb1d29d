import HoldfastFormat

/// The newest bytes of lines of a range of pages, in memory. If they become too many, the range is
/// made smaller, and what lies behind it is left for another pass.
///
/// Safety: `arena` has room for `limit` lines, and every slot in `lines` is one of them.
@safe
final class LineStore {
    struct Place {
        /// The number of the segment that the line comes from.
        var input: Int
        fileprivate var slot: Int
    }

    /// The pages whose lines are kept; its end comes nearer when there are too many.
    private(set) var pages: Range<Int>
    private let limit: Int
    private let arena: UnsafeMutableRawPointer
    private var lines: [UInt64: Place] = [:]
    private var freeSlots: [Int] = []
    private var usedSlots = 0
    /// No line of a later page has been stored.
    private var lastPage = 0

    /// Keeps at most `limit` lines, more than there are in a page.
    init(pages: Range<Int>, limit: Int) {
        self.pages = pages
        self.limit = max(limit, 2 * HeapLayout.linesPerPage)
        unsafe arena = UnsafeMutableRawPointer.allocate(
            byteCount: self.limit * HeapLayout.lineBytes, alignment: HeapLayout.lineBytes)
    }

    deinit { unsafe arena.deallocate() }

    /// Stores the lines of a run that are in the range, over older ones.
    func store(firstLine: UInt64, _ run: UnsafeRawBufferPointer, input: Int) {
        for index in 0 ..< run.count / HeapLayout.lineBytes {
            let line = firstLine + UInt64(index)
            guard pages.contains(Self.page(of: line)) else { continue }
            let slot: Int
            if let old = lines[line] {
                slot = old.slot
            } else {
                if freeSlots.isEmpty, usedSlots == limit { shorten() }
                guard pages.contains(Self.page(of: line)) else { continue }
                slot = freeSlots.popLast() ?? usedSlots
                if slot == usedSlots { usedSlots += 1 }
            }
            lines[line] = Place(input: input, slot: slot)
            lastPage = max(lastPage, Self.page(of: line))
            unsafe (arena + slot * HeapLayout.lineBytes).copyMemory(
                from: run.baseAddress! + index * HeapLayout.lineBytes,
                byteCount: HeapLayout.lineBytes)
        }
    }

    /// Forgets the lines of pages. O(lines), unless they are behind the last page.
    func remove(_ pages: Range<Int>) {
        guard pages.overlaps(self.pages), pages.lowerBound <= lastPage else { return }
        for (line, place) in lines.filter({ pages.contains(Self.page(of: $0.key)) }) {
            lines[line] = nil
            freeSlots.append(place.slot)
        }
    }

    /// Leaves half of the lines, and at least a page's, for another pass.
    private func shorten() {
        let sorted = sortedLines
        let end = max(Self.page(of: sorted[sorted.count / 2]), pages.lowerBound + 1)
        remove(end ..< pages.upperBound)
        pages = pages.lowerBound ..< end
    }

    var sortedLines: [UInt64] { lines.keys.sorted() }

    func place(of line: UInt64) -> Place { lines[line]! }

    func bytes(at place: Place) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(
            start: arena + place.slot * HeapLayout.lineBytes, count: HeapLayout.lineBytes)
    }

    static func page(of line: UInt64) -> Int { Int(line / UInt64(HeapLayout.linesPerPage)) }
}
