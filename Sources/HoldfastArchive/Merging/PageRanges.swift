/// A set of pages, as ranges.
struct PageRanges {
    /// In ascending order; they neither overlap nor touch.
    private(set) var ranges: [Range<Int>] = []

    /// O(log ranges), and the ranges behind are moved.
    mutating func insert(_ pages: Range<Int>) {
        guard !pages.isEmpty else { return }
        let first = firstIndex { $0.upperBound >= pages.lowerBound }
        let end = firstIndex { $0.lowerBound > pages.upperBound }
        var whole = pages
        if first < end {
            let lower = min(pages.lowerBound, ranges[first].lowerBound)
            whole = lower ..< max(pages.upperBound, ranges[end - 1].upperBound)
        }
        ranges.replaceSubrange(first ..< end, with: CollectionOfOne(whole))
    }

    /// The most ranges that are held in memory. Checkpoints zero a few at a time.
    static let limit = 1 << 16

    /// Inserts pages that a segment at `path` zeroes; throws if the ranges become too many.
    mutating func insert(_ pages: Range<Int>, from path: String) throws(ArchiveError) {
        insert(pages)
        guard ranges.count <= Self.limit else {
            throw .unusable(path: path, what: "it zeroes too many ranges of pages to be merged")
        }
    }

    mutating func formUnion(_ other: PageRanges) {
        for pages in other.ranges { insert(pages) }
    }

    /// O(log ranges).
    func contains(_ page: Int) -> Bool {
        let index = firstIndex { $0.upperBound > page }
        return index < ranges.count && ranges[index].contains(page)
    }

    /// The first range of which `isBehind` holds; it holds of all that follow.
    private func firstIndex(_ isBehind: (Range<Int>) -> Bool) -> Int {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if isBehind(ranges[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
