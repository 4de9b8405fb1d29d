import HoldfastFormat
import MemoryMapping

/// Stores an interval of another heap's history in the open write transaction of a heap that
/// follows it.
package struct HistoryApplication: HistoryVisitor {
    private let view: HeapView
    /// The pages of the heap before.
    private let oldPages: Int
    /// Set at the interval's end.
    private(set) var end: IntervalEnd?

    init(_ view: HeapView) {
        self.view = view
        oldPages = Int(view.pagesInImage)
    }

    package mutating func zero(pages: Range<Int>) throws {
        // Pages beyond the end are made of zeros.
        for page in pages.clamped(to: Int(HeapLayout.headerPages) ..< oldPages) {
            let line = UInt64(page * HeapLayout.linesPerPage)
            view.dirty.markDirty(
                firstLine: line, lastLine: line + UInt64(HeapLayout.linesPerPage) - 1)
            (view.image.base + page * HeapLayout.pageBytes).initializeMemory(
                as: UInt8.self, repeating: 0, count: HeapLayout.pageBytes)
        }
        try requireRoom()
    }

    package mutating func beginCommit(_ place: HistoryPlace, heapPages: UInt64) {}

    package mutating func run(firstLine: UInt64, _ lines: UnsafeRawBufferPointer) throws {
        let start = Int(firstLine) * HeapLayout.lineBytes
        let end = start + lines.count
        if end > view.image.byteCount {
            guard view.tryToExtend(toBytes: SystemPage.roundUp(end)) else {
                return try requireRoom()
            }
        }
        view.dirty.markDirty(
            firstLine: firstLine,
            lastLine: firstLine + UInt64(lines.count / HeapLayout.lineBytes) - 1)
        (view.image.base + start).copyMemory(from: lines.baseAddress!, byteCount: lines.count)
        try requireRoom()
    }

    package mutating func endInterval(_ end: IntervalEnd) throws {
        guard view.pagesInImage == end.heapPages else {
            throw HeapError.contradictingRoot(
                path: view.path, root: view.pagesInImage, known: end.heapPages)
        }
        self.end = end
        let line = AllocatorRoot.offset / UInt64(HeapLayout.lineBytes)
        view.dirty.markDirty(firstLine: line, lastLine: line)
        FollowedState(at: end.place, ownCommit: view.commitNumber + 1).store(to: view.image.base)
    }

    private func requireRoom() throws(HeapError) {
        if let error = view.errorToCome { throw error }
    }
}
