/// The rules of a segment's items, checked as they are written and again as they are read: whatever
/// the bytes say, who follows the items meets only places, pages and lines that a heap can have.
package struct SegmentOrder: Sendable {
    private let header: SegmentHeader
    /// The place after the last commit.
    private var place: HistoryPlace
    /// The heap's pages after the last commit or interval; nil before the first.
    private var heapPages: UInt64?
    private var hasCommit = false
    private var isInInterval = false
    /// The end of the last interval.
    package private(set) var state: IntervalEnd?
    /// In a sorted segment, the line before which no run may begin.
    private var nextLine: UInt64 = 0
    package private(set) var counts = SegmentCounts()

    package init(_ header: SegmentHeader) {
        self.header = header
        place = header.before
    }

    package mutating func accept(_ item: SegmentItem) throws(SegmentFlaw) {
        switch item {
        case .zeroed(let pages): try accept(zeroed: pages)
        case .commit(let after, let pages): try accept(commit: after, pages)
        case .run(let run): try accept(run)
        case .intervalEnd(let end): try accept(end)
        }
    }

    private mutating func accept(zeroed pages: Range<Int>) throws(SegmentFlaw) {
        guard !hasCommit else { throw SegmentFlaw("pages are zeroed after a commit") }
        guard header.kind == .changes else { throw SegmentFlaw("a base zeroes pages") }
        guard pages.lowerBound >= Int(HeapLayout.headerPages), !pages.isEmpty,
            UInt64(pages.upperBound) <= HeapLayout.maximumBytes >> HeapLayout.pageShift
        else { throw SegmentFlaw("it zeroes pages \(pages), which no heap has") }
        isInInterval = true
        counts.zeroedPages &+= UInt64(pages.count)
    }

    private mutating func accept(commit after: HistoryPlace, _ pages: UInt64) throws(SegmentFlaw) {
        let follows = header.kind == .base || after.isAfter(place)
        guard after.isPlausible, follows else {
            throw SegmentFlaw("commit \(after.commitNumber) does not follow \(place.commitNumber)")
        }
        guard HeapLayout.canHave(pages: pages) else {
            throw SegmentFlaw("no heap has \(pages) pages")
        }
        guard !header.isSorted || counts.commits == 0 else {
            throw SegmentFlaw("it has more than one commit, in a base or a merged segment")
        }
        place = after
        heapPages = pages
        hasCommit = true
        isInInterval = true
        counts.commits += 1
    }

    private mutating func accept(_ run: SegmentRun) throws(SegmentFlaw) {
        guard hasCommit, let heapPages else { throw SegmentFlaw("lines belong to no commit") }
        let first = HeapLayout.headerPages * UInt64(HeapLayout.linesPerPage)
        let end = heapPages * UInt64(HeapLayout.linesPerPage)
        guard (1 ... SegmentRun.longest).contains(run.lines), run.firstLine >= first,
            run.firstLine < end, UInt64(run.lines) <= end - run.firstLine
        else { throw SegmentFlaw("lines from \(run.firstLine) on are not in the heap") }
        if header.isSorted {
            guard run.firstLine >= nextLine else {
                throw SegmentFlaw("line \(run.firstLine) is out of order")
            }
            nextLine = run.endLine
        }
        counts.runs += 1
        counts.lines += UInt64(run.lines)
    }

    private mutating func accept(_ end: IntervalEnd) throws(SegmentFlaw) {
        guard end.isPlausible, end.place == place else {
            throw SegmentFlaw("an interval ends elsewhere than its last commit")
        }
        guard end.heapPages == heapPages ?? end.heapPages else {
            throw SegmentFlaw("the heap has other pages after the interval than after its commit")
        }
        guard header.kind == .changes || hasCommit else {
            throw SegmentFlaw("a base has no state")
        }
        heapPages = end.heapPages
        hasCommit = false
        isInInterval = false
        state = end
        counts.intervals += 1
        guard !header.isSorted || counts.intervals == 1 else {
            throw SegmentFlaw("it has more than one interval, in a base or a merged segment")
        }
    }

    /// Checks that the segment may end here. Returns the state that it leads to.
    package func finished() throws(SegmentFlaw) -> IntervalEnd {
        guard let state, !isInInterval else { throw SegmentFlaw("its last interval has no end") }
        guard counts.commits > 0 else { throw SegmentFlaw("it has no commits") }
        return state
    }
}

/// Why items make no segment: a phrase that begins in the middle of a sentence.
package struct SegmentFlaw: Error, Equatable {
    package let what: String

    package init(_ what: String) { self.what = what }
}
