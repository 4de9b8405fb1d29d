import HoldfastFormat

/// An index of the lines in a range of the log, by page: the contents of a checkpoint and of its
/// summary.
///
/// Holds the ring's mapping, whose records below the target of a checkpoint do not change while the
/// checkpoint lock is held. Built in one pass over the records. Takes 16 bytes per run of lines;
/// when there are many, runs covered by later ones are dropped, so that the size depends on the
/// changed lines and not on the number of commits.
struct LineIndex {
    /// A page and its runs: a range of `runs`, in log order.
    struct Page {
        var number: Int
        var runs: Range<Int>
    }

    private struct Run {
        /// As in the record: first line << 16 | number of lines.
        var word: UInt64
        /// The position of the first line's bytes.
        var position: UInt64

        var firstLine: UInt64 { word >> 16 }
        var count: Int { Int(word & 0xffff) }
        var page: UInt64 { word >> 22 }
        /// The lines of the page that the run changes.
        var mask: UInt64 { LineMask.bits(first: firstLine & 63, count: count) }
    }

    /// 8 MiB of runs.
    static let manyRuns = 1 << 19

    /// The ring with the records. Recovery indexes records of two files before it determines their
    /// final place.
    var ring: RingMapping?
    /// The ring with the records from a position on, if not `ring`.
    var laterRing: (ring: RingMapping, start: UInt64)?
    private var runs: ContiguousArray<Run> = []
    private var pages: ContiguousArray<Page> = []
    /// Beyond this number, runs covered by later ones are dropped; at least `leastRunLimit`.
    private var runLimit: Int
    private let leastRunLimit: Int
    /// The range of the records.
    let start: UInt64
    private(set) var end: UInt64
    /// The previous checksum for the record after `end`, the commit number there, and the heap's
    /// pages.
    private(set) var chain: UInt64
    private(set) var commitNumber: UInt64
    private(set) var heapPages: UInt64
    /// The smallest and the largest number of pages that the heap had after any of the commits.
    private(set) var lowestHeapPages: UInt64
    private(set) var highestHeapPages: UInt64

    var isEmpty: Bool { pages.isEmpty }

    /// An empty index, behind the checkpoint in `header`.
    init(behind header: HeapHeader, manyRuns: Int = Self.manyRuns) {
        leastRunLimit = manyRuns
        runLimit = manyRuns
        start = header.checkpointPosition
        end = start
        chain = header.checkpointChain
        commitNumber = header.commitNumber
        heapPages = header.heapPages
        lowestHeapPages = heapPages
        highestHeapPages = heapPages
    }

    /// Reads the records from the checkpoint in `header` up to `target`, a position between two
    /// records. Nil if one of them is damaged. Pages beyond the heap's end at `target` are left
    /// out, unless `keepsPagesBeyondEnd`.
    init?(
        of ring: RingMapping, from header: HeapHeader, to target: UInt64, epoch: UInt64,
        keepsPagesBeyondEnd: Bool = false, manyRuns: Int = Self.manyRuns
    ) {
        self.init(behind: header, manyRuns: manyRuns)
        self.ring = ring
        while end < target {
            ring.step(.reads, at: end, byteCount: LogRecord.headerBytes)
            guard let record = Self.record(at: end, in: ring), record.previousChecksum == chain,
                record.byteCount <= target - end
            else {
                return nil
            }
            let raw = UnsafeRawBufferPointer(start: ring.address(end), count: Int(record.byteCount))
            ring.step(.reads, at: end, byteCount: raw.count)
            guard record.verifies(raw, epoch: epoch), append(record, raw) else { return nil }
        }
        finish(keepsPagesBeyondEnd: keepsPagesBeyondEnd)
    }

    /// Adds the next record, which is verified; false if its runs do not fit it.
    mutating func append(_ record: LogRecord, _ raw: UnsafeRawBufferPointer) -> Bool {
        let isSound = LogRecord.forEachRun(in: raw, record: record) { firstLine, lines in
            let offset = UInt64(raw.baseAddress!.distance(to: lines.baseAddress!))
            runs.append(
                Run(
                    word: firstLine << 16 | UInt64(lines.count / HeapLayout.lineBytes),
                    position: record.position + offset))
        }
        guard isSound else { return false }
        if runs.count > runLimit { dropCoveredRuns() }
        end += record.span
        chain = record.chain(raw)
        commitNumber = record.commitNumber
        heapPages = record.heapPages
        lowestHeapPages = min(lowestHeapPages, record.lowestHeapPages(raw))
        highestHeapPages = max(highestHeapPages, heapPages)
        return true
    }

    /// Sorts the runs, after the last record.
    mutating func finish(keepsPagesBeyondEnd: Bool = false) {
        sortRuns()
        var first = 0
        while first < runs.count {
            let page = runs[first].page
            var last = first + 1
            while last < runs.count, runs[last].page == page { last += 1 }
            if page < heapPages || keepsPagesBeyondEnd {
                pages.append(Page(number: Int(page), runs: first ..< last))
            }
            first = last
        }
    }

    /// Sorts the runs by page. Within a page they keep the log's order. A run lies within one page
    /// (`DirtyTracker.writeRuns`). A counting sort, O(runs) like reading them, unless there are
    /// many more pages than runs.
    private mutating func sortRuns() {
        guard let last = runs.lazy.map(\.page).max() else { return }
        guard last < UInt64(runs.count * 16 + 4096) else {
            runs.sort {
                $0.page != $1.page ? $0.page < $1.page : $0.position < $1.position
            }
            return
        }
        var places = ContiguousArray<UInt32>(repeating: 0, count: Int(last) + 2)
        for run in runs { places[Int(run.page) + 1] += 1 }
        for page in 1 ..< places.count { places[page] += places[page - 1] }
        runs = ContiguousArray(unsafeUninitializedCapacity: runs.count) { sorted, count in
            for run in runs {
                let page = Int(run.page)
                sorted.initializeElement(at: Int(places[page]), to: run)
                places[page] += 1
            }
            count = runs.count
        }
    }

    /// Drops the runs whose lines are all changed again later. The index's results do not depend on
    /// them, except for the places of former checksum pages: runs that name those are kept.
    private mutating func dropCoveredRuns() {
        sortRuns()
        var first = runs.count
        var page = UInt64.max
        var covered: UInt64 = 0
        for index in runs.indices.reversed() {
            let run = runs[index]
            if run.page != page {
                page = run.page
                covered = 0
            }
            guard run.mask & ~covered != 0 || Self.namesChecksumPages(run) else { continue }
            covered |= run.mask
            first -= 1
            runs[first] = run
        }
        runs.removeFirst(first)
        runLimit = max(leastRunLimit, runs.count * 2)
    }

    private static func namesChecksumPages(_ run: Run) -> Bool {
        let lines = PageChecksums.partLines
        return run.firstLine < lines.upperBound
            && run.firstLine + UInt64(run.count) > lines.lowerBound
    }

    /// Calls `body` with the bytes of all records, in order. Only for records of one ring.
    func forEachRecordBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        guard let ring, laterRing == nil else { return }
        var position = start
        while position < end {
            let count = min(
                Int(end - position), ring.capacity - Int(position % UInt64(ring.capacity)))
            ring.step(.reads, at: position, byteCount: count)
            body(UnsafeRawBufferPointer(start: ring.address(position), count: count))
            position += UInt64(count)
        }
    }

    private func ring(at position: UInt64) -> RingMapping? {
        if let laterRing, position >= laterRing.start { return laterRing.ring }
        return ring
    }

    func record(at position: UInt64) -> LogRecord? {
        ring(at: position).flatMap { Self.record(at: position, in: $0) }
    }

    /// Takes the ring, which a loop over records then retains once.
    @inline(__always)
    private static func record(at position: UInt64, in ring: RingMapping) -> LogRecord? {
        let raw = UnsafeRawBufferPointer(
            start: ring.address(position), count: LogRecord.headerBytes)
        guard let record = LogRecord.decodeHeader(raw), record.position == position,
            record.byteCount <= UInt64(ring.capacity),
            !record.isSummary
        else { return nil }
        return record
    }

    /// Calls `body` with the pages in ascending order.
    func forEachPage(_ body: (Page) -> Void) { for page in pages { body(page) } }

    var pageCount: Int { pages.count }
    var runCount: Int { runs.count }

    subscript(index: Int) -> Page { pages[index] }

    /// The index in `pages` of the page with this number, or of the first behind it.
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
            mask |= runs[index].mask
        }
        return mask
    }

    /// Writes the newest version of each of the page's lines over its bytes at `address`.
    /// Backwards, so that a line that changed a thousand times is read only once.
    func lay(_ page: Page, over address: UnsafeMutableRawPointer) {
        var laid: UInt64 = 0
        for index in page.runs.reversed() {
            let run = runs[index]
            let first = run.firstLine & 63
            let missing = run.mask & ~laid
            guard missing != 0 else { continue }
            laid |= missing
            let source = ring(at: run.position)!.address(run.position)
            ring(at: run.position)!.step(
                .reads, at: run.position, byteCount: run.count * HeapLayout.lineBytes)
            LineMask.forEachRun(in: missing) { line, count in
                (address + line * HeapLayout.lineBytes).copyMemory(
                    from: source + (line - Int(first)) * HeapLayout.lineBytes,
                    byteCount: count * HeapLayout.lineBytes)
            }
            if laid == .max { return }
        }
    }

    /// The checksum pages after any of the log's commits. An interrupted checkpoint may have begun
    /// to use them.
    func formerChecksumPages() -> Set<Range<Int>> {
        var places: Set<Range<Int>> = []
        let root = Int(HeapLayout.allocatorRootPage)
        let index = firstIndex(ofPageFrom: root)
        guard index < pages.count, pages[index].number == root else { return [] }
        for runIndex in pages[index].runs {
            let run = runs[runIndex]
            let start = Int(run.firstLine & 63) * HeapLayout.lineBytes
            let lines = UnsafeRawBufferPointer(
                start: ring(at: run.position)!.address(run.position),
                count: run.count * HeapLayout.lineBytes)
            PageChecksums.collectPages(ofRootBytes: lines, from: start, into: &places)
        }
        return places
    }
}
