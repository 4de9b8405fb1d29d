import HoldfastFormat

/// A set of lines of a heap: a bit for each line of a page, or simply all lines.
///
/// Bounded: a set that would have lines of more than `mostPages` pages becomes the set of all
/// lines. Its users only ask whether two sets have a line in common, so that is safe.
public struct LineSet: Sendable {
    /// 64 MiB of a heap. The set itself then takes half a megabyte.
    public static var mostPages: Int { 16_384 }

    private var lines: [UInt64: UInt64] = [:]
    /// Whether the set has all lines.
    public private(set) var isComplete = false

    public init() {}

    public var isEmpty: Bool { !isComplete && lines.isEmpty }

    /// The number of pages that have a line in the set; 0 if all lines are.
    public var pageCount: Int { lines.count }

    /// The pages that have a line in the set; nil if all lines are.
    package var pages: PageSet? {
        guard !isComplete else { return nil }
        var pages = PageSet()
        for page in lines.keys { pages.insert(Int(page)) }
        return pages
    }

    public mutating func insertAll() {
        isComplete = true
        lines = [:]
    }

    /// Inserts the lines of `count` bytes at `offset`.
    public mutating func insert(bytesAt offset: UInt64, count: Int) {
        guard count > 0 else { return }
        let last = (offset &+ UInt64(truncatingIfNeeded: count) &- 1) &>> HeapLayout.lineShift
        insert(offset &>> HeapLayout.lineShift, through: last)
    }

    /// Inserts the lines `first` to `last`.
    public mutating func insert(_ first: UInt64, through last: UInt64) {
        if isComplete { return }
        let shift = HeapLayout.pageShift - HeapLayout.lineShift
        let (firstPage, lastPage) = (first &>> shift, last &>> shift)
        guard lastPage &- firstPage < UInt64(Self.mostPages) else { return insertAll() }
        let place = UInt64(HeapLayout.linesPerPage - 1)
        for page in firstPage ... lastPage {
            var mask = UInt64.max
            if page == firstPage { mask &= UInt64.max << (first & place) }
            if page == lastPage { mask &= UInt64.max >> (place - last & place) }
            lines[page, default: 0] |= mask
        }
        if lines.count > Self.mostPages { insertAll() }
    }

    /// Inserts all lines of another set. O(pages of that one).
    public mutating func formUnion(_ other: LineSet) {
        if isComplete { return }
        if other.isComplete { return insertAll() }
        lines.merge(other.lines) { $0 | $1 }
        if lines.count > Self.mostPages { insertAll() }
    }

    /// Whether a line of `count` bytes at `offset` is in the set. O(pages of the bytes).
    public func intersects(bytesAt offset: UInt64, count: Int) -> Bool {
        guard count > 0 else { return false }
        let last = (offset &+ UInt64(truncatingIfNeeded: count) &- 1) &>> HeapLayout.lineShift
        return first(from: offset &>> HeapLayout.lineShift, through: last) != nil
    }

    /// The first line of the set from `first` to `last`. O(pages from `first` to the result).
    public func first(from first: UInt64, through last: UInt64) -> UInt64? {
        guard first <= last else { return nil }
        if isComplete { return first }
        let shift = HeapLayout.pageShift - HeapLayout.lineShift
        let place = UInt64(HeapLayout.linesPerPage - 1)
        var line = first
        while line <= last, !lines.isEmpty {
            let page = line &>> shift
            let mask = lines[page, default: 0] & (UInt64.max << (line & place))
            if mask != 0 {
                let found = page &<< shift | UInt64(mask.trailingZeroBitCount)
                return found <= last ? found : nil
            }
            line = (page &+ 1) &<< shift
        }
        return nil
    }

    /// Whether a line is in both sets. O(pages of the smaller one).
    public func intersects(_ other: LineSet) -> Bool {
        if isComplete { return !other.isEmpty }
        if other.isComplete { return !isEmpty }
        let (small, large) = lines.count < other.lines.count ? (self, other) : (other, self)
        return small.lines.contains { page, mask in mask & large.lines[page, default: 0] != 0 }
    }
}
