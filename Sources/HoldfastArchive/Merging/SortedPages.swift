import HoldfastFormat

/// A base or a merged segment, read page by page in the order of its lines. Holds one frame.
struct SortedPages {
    private var reader: SegmentReader
    /// What it makes of older pages: zeros.
    private(set) var wiped = PageRanges()
    /// The next page with lines; nil at the end.
    private(set) var page: Int?
    /// What has not been taken of the current run, as lines of the reader.
    private var rest: (firstLine: UInt64, offset: Int)?
    /// Called with the bytes that were read.
    private let report: (Int) throws -> Void

    init(_ reader: SegmentReader, report: @escaping (Int) throws -> Void) throws {
        self.reader = reader
        self.report = report
        try advance()
    }

    /// Goes on to the next run.
    private mutating func advance() throws {
        rest = nil
        page = nil
        while true {
            let before = reader.byteCount
            let item = try reader.next()
            if reader.byteCount > before { try report(reader.byteCount - before) }
            switch item {
            case .zeroed(let pages): try wiped.insert(pages, from: reader.path)
            case .commit(_, let heapPages): wiped.insert(Int(heapPages) ..< MergedPage.end)
            case .run(let run):
                rest = (run.firstLine, 0)
                page = LineStore.page(of: run.firstLine)
                return
            case .intervalEnd: break
            case nil: return
            }
        }
    }

    /// Calls `body` with the runs of the current page, then goes on to the next one.
    mutating func take(
        _ body: (_ first: Int, _ lines: UnsafeRawBufferPointer) -> Void
    ) throws {
        let taken = page
        while page == taken, let (firstLine, offset) = rest {
            let first = Int(firstLine % UInt64(HeapLayout.linesPerPage))
            let left = unsafe reader.lines.count - offset
            let count = min(left, (HeapLayout.linesPerPage - first) * HeapLayout.lineBytes)
            unsafe body(
                first, UnsafeRawBufferPointer(rebasing: reader.lines[offset ..< offset + count]))
            if count < left {
                let next = firstLine + UInt64(count / HeapLayout.lineBytes)
                rest = (next, offset + count)
                page = LineStore.page(of: next)
            } else {
                try advance()
            }
        }
    }
}
