import HoldfastFormat

/// Where in the ring the lines of a stretch of log are, by page: what a checkpoint writes, and what
/// its summary says.
///
/// Holds the ring's mapping, whose records below the target of a checkpoint do not change while the
/// checkpoint lock is held. Made in one pass over the records, 24 bytes for each run of lines,
/// sorted once. Recovery makes one of records that it finds in two files, and uses it once they are
/// all in one.
struct LineIndex {
    /// A page and its runs: a stretch of `runs`, in the order of the log.
    struct Page {
        var number: Int
        var runs: Range<Int>
    }

    private struct Run {
        var firstLine: UInt64
        var position: UInt64
        var count: UInt32
    }

    /// Where the records are to be read. An index that was made of records of several files has
    /// none until they are all in one.
    var ring: RingMapping?
    private var runs: ContiguousArray<Run> = []
    private var pages: ContiguousArray<Page> = []
    /// The records from here to there.
    let start: UInt64
    private(set) var end: UInt64
    /// What the record after `end` names as its predecessor, the commit there, and the heap's
    /// pages.
    private(set) var chain: UInt64
    private(set) var commitNumber: UInt64
    private(set) var heapPages: UInt64
    /// The fewest and the most pages that the heap had after any of the commits.
    private(set) var lowestHeapPages: UInt64
    private(set) var highestHeapPages: UInt64

    var isEmpty: Bool { pages.isEmpty }

    /// An index of no records yet, behind the checkpoint that `header` tells of.
    init(behind header: HeapHeader) {
        start = header.checkpointPosition
        end = start
        chain = header.checkpointChain
        commitNumber = header.commitNumber
        heapPages = header.heapPages
        lowestHeapPages = heapPages
        highestHeapPages = heapPages
    }

    /// Reads the records from the checkpoint in `header` up to `target`, a position between two.
    /// Nil if one of them is not as it was written. Pages that were not part of the heap any more
    /// at `target` are left out, unless `keepsPagesBeyondEnd`.
    init?(
        of ring: RingMapping, from header: HeapHeader, to target: UInt64, epoch: UInt64,
        keepsPagesBeyondEnd: Bool = false
    ) {
        self.init(behind: header)
        self.ring = ring
        while end < target {
            guard let record = record(at: end), record.previousChecksum == chain,
                record.byteCount <= target - end
            else {
                return nil
            }
            let raw = UnsafeRawBufferPointer(start: ring.address(end), count: Int(record.byteCount))
            guard record.verifies(raw, epoch: epoch), append(record, raw) else { return nil }
        }
        finish(keepsPagesBeyondEnd: keepsPagesBeyondEnd)
    }

    /// Takes in the record that follows, which is verified; false if its runs do not fit it.
    mutating func append(_ record: LogRecord, _ raw: UnsafeRawBufferPointer) -> Bool {
        let isSound = LogRecord.forEachRun(in: raw, record: record) { firstLine, lines in
            let offset = UInt64(raw.baseAddress!.distance(to: lines.baseAddress!))
            runs.append(
                Run(
                    firstLine: firstLine, position: record.position + offset,
                    count: UInt32(lines.count / HeapLayout.lineBytes)))
        }
        guard isSound else { return false }
        end += record.span
        chain = record.chain(raw)
        commitNumber = record.commitNumber
        heapPages = record.heapPages
        lowestHeapPages = min(lowestHeapPages, record.lowestHeapPages(raw))
        highestHeapPages = max(highestHeapPages, heapPages)
        return true
    }

    /// After the last record: orders the runs.
    mutating func finish(keepsPagesBeyondEnd: Bool = false) {
        sortRuns()
        var first = 0
        while first < runs.count {
            let page = runs[first].firstLine >> 6
            var last = first + 1
            while last < runs.count, runs[last].firstLine >> 6 == page { last += 1 }
            if page < heapPages || keepsPagesBeyondEnd {
                pages.append(Page(number: Int(page), runs: first ..< last))
            }
            first = last
        }
    }

    /// Orders the runs by page and, within a page, by time, in which they are already: a run lies
    /// within one page (`DirtyTracker.writeRuns`). Counts the runs of each page, where there are
    /// not many more pages than runs: then it takes O(runs), as reading them did.
    private mutating func sortRuns() {
        guard let last = runs.lazy.map({ $0.firstLine >> 6 }).max() else { return }
        guard last < UInt64(runs.count * 16 + 4096) else {
            runs.sort {
                let left = $0.firstLine >> 6
                let right = $1.firstLine >> 6
                return left != right ? left < right : $0.position < $1.position
            }
            return
        }
        var places = ContiguousArray<UInt32>(repeating: 0, count: Int(last) + 2)
        for run in runs { places[Int(run.firstLine >> 6) + 1] += 1 }
        for page in 1 ..< places.count { places[page] += places[page - 1] }
        runs = ContiguousArray(unsafeUninitializedCapacity: runs.count) { sorted, count in
            for run in runs {
                let page = Int(run.firstLine >> 6)
                sorted.initializeElement(at: Int(places[page]), to: run)
                places[page] += 1
            }
            count = runs.count
        }
    }

    func record(at position: UInt64) -> LogRecord? {
        guard let ring else { return nil }
        let raw = UnsafeRawBufferPointer(
            start: ring.address(position), count: LogRecord.headerBytes)
        guard let record = LogRecord.decodeHeader(raw), record.position == position,
            record.byteCount <= UInt64(ring.capacity),
            !record.isSummary
        else { return nil }
        return record
    }

    /// The pages in ascending order.
    func forEachPage(_ body: (Page) -> Void) { for page in pages { body(page) } }

    var pageCount: Int { pages.count }

    subscript(index: Int) -> Page { pages[index] }

    /// Pages and the place of the one with this number, or of the first behind it.
    func firstIndex(ofPageFrom number: Int) -> Int {
        var low = 0
        var high = pages.count
        while low < high {
            let middle = (low + high) / 2
            if pages[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// A bit for each line of the page that records from `position` on have changed.
    func mask(of page: Page, from position: UInt64 = 0) -> UInt64 {
        var mask: UInt64 = 0
        for index in page.runs where runs[index].position >= position {
            let run = runs[index]
            mask |= LineMask.bits(first: run.firstLine & 63, count: Int(run.count))
        }
        return mask
    }

    /// Lays the newest of each of the page's lines over its bytes at `address`. Backwards, so that
    /// of a line that changed a thousand times only one is read.
    func lay(_ page: Page, over address: UnsafeMutableRawPointer) {
        var laid: UInt64 = 0
        for index in page.runs.reversed() {
            let run = runs[index]
            let first = run.firstLine & 63
            let missing = LineMask.bits(first: first, count: Int(run.count)) & ~laid
            laid |= missing
            let source = ring!.address(run.position)
            LineMask.forEachRun(in: missing) { line, count in
                (address + line * HeapLayout.lineBytes).copyMemory(
                    from: source + (line - Int(first)) * HeapLayout.lineBytes,
                    byteCount: count * HeapLayout.lineBytes)
            }
            if laid == .max { return }
        }
    }

    /// Where any of the log's commits had pages of checksums. A checkpoint that was cut short may
    /// have begun to use them.
    func formerChecksumPages() -> Set<Range<Int>> {
        var places: Set<Range<Int>> = []
        let root = Int(HeapLayout.allocatorRootPage)
        let index = firstIndex(ofPageFrom: root)
        guard index < pages.count, pages[index].number == root else { return [] }
        for runIndex in pages[index].runs {
            let run = runs[runIndex]
            let start = Int(run.firstLine & 63) * HeapLayout.lineBytes
            let lines = UnsafeRawBufferPointer(
                start: ring!.address(run.position), count: Int(run.count) * HeapLayout.lineBytes)
            PageChecksums.collectPages(ofRootBytes: lines, from: start, into: &places)
        }
        return places
    }
}
