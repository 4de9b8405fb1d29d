import HoldfastEngine
import HoldfastFormat
import HoldfastSystem

/// Makes one interval of several segments that continue each other: a merged segment, or a base if
/// the first one is a base.
///
/// A page's content after all of them is what was stored in it last, since it was last made zeros:
/// by a zeroed range, or because it was beyond the heap's end after an interval. So the merged
/// interval first zeroes each page that any input has made zeros, and then stores the lines that
/// have come since.
///
/// Bases and merged segments are read page by page, side by side, each with one frame in memory.
/// The segments of level 0 are not sorted: their lines are collected in memory, and if there are
/// too many, in several passes, each of which reads these segments again. O(bytes of the inputs ·
/// passes).
struct SegmentMerge {
    /// Bytes of lines that are held in memory.
    static let memoryBytes = 64 << 20

    /// What is merged: sorted segments alone, and those of level 0 that follow each other together.
    private let inputs: [[ArchivedSegment]]
    private let folder: ArchiveFolder
    private let memoryBytes: Int
    /// Called with the bytes that were read, as they are read first.
    private let report: (Int) throws -> Void

    init(
        _ segments: [ArchivedSegment], of folder: ArchiveFolder,
        memoryBytes: Int = Self.memoryBytes, report: @escaping (Int) throws -> Void
    ) {
        var inputs: [[ArchivedSegment]] = []
        for segment in segments {
            if let last = inputs.last, !last[0].header.isSorted, !segment.header.isSorted {
                inputs[inputs.count - 1].append(segment)
            } else {
                inputs.append([segment])
            }
        }
        self.inputs = inputs
        self.folder = folder
        self.memoryBytes = memoryBytes
        self.report = report
    }

    private func isSorted(_ input: Int) -> Bool { inputs[input][0].header.isSorted }

    private var isBase: Bool { inputs[0][0].isBase }
    /// What the inputs lead to.
    private var state: IntervalEnd { inputs.last!.last!.end.state }

    /// The header of the merged segment.
    func header(level: UInt32) -> SegmentHeader {
        var header = inputs[0][0].header
        header.features = FormatFeatures()
        header.level = isBase ? 0 : level
        return header
    }

    func write(to output: SegmentAppender) throws {
        var sorted: [Int: SortedPages] = [:]
        for input in inputs.indices where isSorted(input) {
            sorted[input] = try SortedPages(
                try inputs[input][0].open(on: folder.disk), report: report)
        }
        let end = Int(state.heapPages)
        var first = Int(HeapLayout.headerPages)
        var wiped: [PageRanges]?
        repeat {
            let (store, found) = try collect(first ..< end, isFirst: wiped == nil)
            if wiped == nil {
                let all = inputs.indices.map { sorted[$0]?.wiped ?? found[$0] ?? PageRanges() }
                wiped = all
                try begin(output, all)
            }
            try writePages(of: store, &sorted, wiped!, to: output)
            first = store.pages.upperBound
        } while first < end
        // To the end, so that all of it is verified.
        for input in sorted.keys {
            while sorted[input]!.page != nil { unsafe try sorted[input]!.take { _, _ in } }
        }
        try output.endInterval(state)
    }

    /// Writes what comes before the lines.
    private func begin(_ output: SegmentAppender, _ wiped: [PageRanges]) throws(ArchiveError) {
        if !isBase {
            var all = PageRanges()
            for ranges in wiped { all.formUnion(ranges) }
            let heap = Int(HeapLayout.headerPages) ..< Int(state.heapPages)
            for pages in all.ranges {
                let inside = pages.clamped(to: heap)
                if !inside.isEmpty { try output.zero(pages: inside) }
            }
        }
        try output.beginCommit(state.place, heapPages: state.heapPages)
    }

    /// Collects the lines of the segments that are not sorted, of as many of the pages as there is
    /// memory for, and the pages that each of them makes zeros.
    private func collect(
        _ pages: Range<Int>, isFirst: Bool
    ) throws -> (LineStore, [Int: PageRanges]) {
        let unsorted = inputs.indices.filter { !isSorted($0) }
        let store = LineStore(
            pages: pages, limit: unsorted.isEmpty ? 0 : memoryBytes / HeapLayout.lineBytes)
        var wiped: [Int: PageRanges] = [:]
        for input in unsorted {
            var collector = LineCollector(store: store, input: input)
            for segment in inputs[input] {
                collector.path = segment.path
                var reader = try segment.open(on: folder.disk)
                try reader.read(into: &collector)
                try report(isFirst ? reader.byteCount : 0)
            }
            wiped[input] = collector.wiped
        }
        return (store, wiped)
    }

    private func writePages(
        of store: LineStore, _ sorted: inout [Int: SortedPages], _ wiped: [PageRanges],
        to output: SegmentAppender
    ) throws {
        let page = MergedPage()
        let lines = store.sortedLines
        var next = 0
        // For each line of a page, the last sorted input that has stored it.
        var newest = [Int](repeating: -1, count: HeapLayout.linesPerPage)
        while true {
            var number = Int.max
            if next < lines.count { number = LineStore.page(of: lines[next]) }
            for pages in sorted.values { number = min(number, pages.page ?? .max) }
            guard store.pages.contains(number) else { return }
            page.clear(number)
            // The last input that has made zeros of the page: lines of older ones are gone.
            let oldest = wiped.lastIndex { $0.contains(number) } ?? 0
            for line in newest.indices { newest[line] = -1 }
            for input in inputs.indices where sorted[input]?.page == number {
                unsafe try sorted[input]!.take { first, lines in
                    guard input >= oldest else { return }
                    unsafe page.store(first, lines)
                    for line in first ..< first + lines.count / HeapLayout.lineBytes {
                        newest[line] = input
                    }
                }
            }
            while next < lines.count, LineStore.page(of: lines[next]) == number {
                let line = Int(lines[next] % UInt64(HeapLayout.linesPerPage))
                let place = store.place(of: lines[next])
                if place.input >= oldest, place.input > newest[line] {
                    unsafe page.store(line, store.bytes(at: place))
                }
                next += 1
            }
            // Also a page of zeros: one that was written has a checksum, and one that was not has
            // none.
            if page.mask != 0 { try page.write(to: output) }
        }
    }
}

/// Takes the lines of segments that are not sorted.
private struct LineCollector: HistoryVisitor {
    let store: LineStore
    let input: Int
    /// Of the segment that is read.
    var path = ""
    /// The pages that it makes zeros.
    var wiped = PageRanges()

    mutating func zero(pages: Range<Int>) throws {
        try wiped.insert(pages, from: path)
        store.remove(pages)
    }

    mutating func beginCommit(_ place: HistoryPlace, heapPages: UInt64) {}

    mutating func run(firstLine: UInt64, _ lines: UnsafeRawBufferPointer) {
        unsafe store.store(firstLine: firstLine, lines, input: input)
    }

    mutating func endInterval(_ end: IntervalEnd) throws {
        try zero(pages: Int(end.heapPages) ..< MergedPage.end)
    }
}
