import HoldfastFormat

/// Lays segments over a target, one after the other, and compares the states that they lead to with
/// those that the heap had.
struct SegmentReplay {
    /// How many bytes are read between two reports.
    private static let reportedBytes = 1 << 20

    var target: any RestorationTarget
    /// The state after the last interval; nil before the base.
    private(set) var state: IntervalEnd?
    /// The sum of the page checksums at `state`, if it was asked for.
    private(set) var sum: UInt64?
    /// States whose sum was compared.
    var compared = 0
    /// Called with the bytes that have been read since it was called last.
    var report: (Int) throws -> Void

    init(_ target: any RestorationTarget, report: @escaping (Int) throws -> Void) {
        self.target = target
        self.report = report
    }

    /// Lays all of a segment. `wantsSum` asks for the sum at its end even if it is to be compared
    /// with none.
    mutating func lay(_ reader: inout SegmentReader, wantsSum: Bool = false) throws {
        try lay(&reader, wantsSum: wantsSum, end: nil)
    }

    /// Lays a segment up to the end of `end`, or of all of it.
    private mutating func lay(
        _ reader: inout SegmentReader, wantsSum: Bool, end last: UInt64?
    ) throws {
        var reported = 0
        while let item = try reader.next() {
            switch item {
            case .zeroed(let pages): try target.zero(pages: pages)
            case .commit: break
            case .run(let run): unsafe try target.lay(firstLine: run.firstLine, reader.lines)
            case .intervalEnd(let end):
                try settle(end, wantsSum, of: reader.path)
                if end.place.commitNumber == last { return }
            }
            if reader.byteCount - reported >= Self.reportedBytes {
                try report(reader.byteCount - reported)
                reported = reader.byteCount
            }
        }
        try report(reader.byteCount - reported)
    }

    private mutating func settle(_ end: IntervalEnd, _ wantsSum: Bool, of path: String) throws {
        sum = try target.settle(
            at: end.place, heapPages: end.heapPages, wantsSum: wantsSum || end.pageSum != nil)
        if let sum, let known = end.pageSum {
            guard sum == known else {
                throw ArchiveError.differentState(path: path, commit: end.place.commitNumber)
            }
            compared += 1
        }
        state = end
    }

    /// Lays the commits of a segment up to `target`. `open` is called twice.
    ///
    /// Whole intervals are laid as they are. Of the last one, which holds the target, only the
    /// first commits are. Its zeroed ranges are not used: they begin at the smallest end of the
    /// heap after any of its commits, which may come after the target and cut off pages that the
    /// target still has. Instead the pages are zeroed from the smallest end after any of the laid
    /// commits on, before these. That is what a checkpoint does that goes as far as the target and
    /// no further, so the file is one that the origin could have had: pages that have become part
    /// of the heap again read as zeros, except for lines that were stored before they were cut off,
    /// which then lie in free space. The origin's ranges may also name pages of checksums that have
    /// moved, or holes that were punched; these pages are written anew by the target, or are free.
    mutating func lay(
        upTo target: UInt64, _ open: () throws -> SegmentReader
    ) throws {
        let part = try PartialInterval(upTo: target, of: try open())
        var reader = try open()
        if let lastWhole = part.lastWhole {
            try lay(&reader, wantsSum: false, end: lastWhole)
        }
        guard let last = part.last else { return }
        let oldPages = state?.heapPages ?? 0
        if part.smallestEnd < oldPages {
            try self.target.zero(pages: Int(part.smallestEnd) ..< Int(oldPages))
        }
        while let item = try reader.next() {
            if case .commit(let place, _) = item, place.commitNumber > target { break }
            if case .run(let run) = item {
                unsafe try self.target.lay(firstLine: run.firstLine, reader.lines)
            }
        }
        _ = try self.target.settle(
            at: last.place, heapPages: last.heapPages, wantsSum: false)
        state = IntervalEnd(
            place: last.place, heapPages: last.heapPages, time: state?.time ?? 0, pageSum: nil)
    }
}

/// The interval of a segment in which a commit lies, up to that commit.
private struct PartialInterval {
    /// The last commit of the last interval that ends at or before the target.
    var lastWhole: UInt64?
    /// The last commit up to the target, if it is not the end of a whole interval.
    var last: (place: HistoryPlace, heapPages: UInt64)?
    /// The smallest end of the heap, in pages, after any commit of the interval up to the target.
    var smallestEnd = UInt64.max

    init(upTo target: UInt64, of reader: SegmentReader) throws(ArchiveError) {
        var reader = reader
        while let item = try reader.next() {
            switch item {
            case .commit(let place, let heapPages):
                if place.commitNumber > target { return }
                last = (place, heapPages)
                smallestEnd = min(smallestEnd, heapPages)
            case .intervalEnd(let end):
                lastWhole = end.place.commitNumber
                last = nil
                smallestEnd = .max
            case .zeroed, .run: break
            }
        }
    }
}
