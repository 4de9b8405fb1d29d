import HoldfastFormat
import HoldfastSystem

/// A whole heap at a checkpoint, with which an archive begins. The snapshot is exactly the data
/// file of that checkpoint, whatever later ones write to it.
///
/// One thread at a time, any thread.
package final class HistoryBase {
    private let snapshot: HeapEngine
    private let header: HeapHeader
    /// The pages that a checkpoint has ever written. All others are zeros.
    private let pages: [Range<Int>]
    private let sum: UInt64

    init(_ snapshot: HeapEngine, _ header: HeapHeader, _ entries: PageEntries) {
        self.snapshot = snapshot
        self.header = header
        pages = entries.pages
        sum = entries.sum
    }

    package var place: HistoryPlace { header.place }
    /// The number of pages that will be passed to the visitor.
    package var pageCount: Int { pages.reduce(0) { $0 + $1.count } }

    /// Passes the heap to the visitor, as one interval of one commit. `progress` is told pages.
    ///
    /// Throws what the visitor throws, and `damagedPages` for pages that do not match their
    /// checksums.
    package func forEach(
        _ visitor: inout some HistoryVisitor, progress: (_ done: Int) throws -> Void
    ) throws {
        try visitor.beginCommit(place, heapPages: header.heapPages)
        try snapshot.readingPages(pages) { first, bytes in
            try visitor.run(firstLine: UInt64(first * HeapLayout.linesPerPage), bytes)
        } progress: {
            try progress($0)
        }
        try visitor.endInterval(
            IntervalEnd(
                place: place, heapPages: header.heapPages, time: header.checkpointTime,
                pageSum: sum))
    }

    /// Lets go of the snapshot.
    package func close() { try? snapshot.close() }
}
