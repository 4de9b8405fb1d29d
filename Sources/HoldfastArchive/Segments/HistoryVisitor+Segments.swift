import HoldfastEngine
import HoldfastFormat

extension HistoryVisitor {
    /// Takes one item; `lines` are those of a run.
    package mutating func take(_ item: SegmentItem, _ lines: UnsafeRawBufferPointer) throws {
        switch item {
        case .zeroed(let pages): try zero(pages: pages)
        case .commit(let place, let pages): try beginCommit(place, heapPages: pages)
        case .run(let run): unsafe try self.run(firstLine: run.firstLine, lines)
        case .intervalEnd(let end): try endInterval(end)
        }
    }
}

extension SegmentReader {
    /// Reads the rest of the segment. Returns its end, once all of it has been verified.
    @discardableResult
    package mutating func read(into visitor: inout some HistoryVisitor) throws -> SegmentEnd {
        while let item = try next() { unsafe try visitor.take(item, lines) }
        return end!
    }
}
