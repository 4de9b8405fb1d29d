import HoldfastEngine
import HoldfastFormat
import HoldfastSystem

/// Writes a segment to a sink: the header, its items in frames, the end.
///
/// Holds one frame in memory. The items must follow `SegmentOrder`; what does not is refused before
/// it is written, and the segment is then of no use. One thread at a time.
package struct SegmentWriter: HistoryVisitor {
    private let sink: any SegmentSink
    private let buffer = FrameBuffer()
    /// Bytes of content in the frame that is being filled.
    private var filled = 0
    private var order: SegmentOrder
    private let headerChecksum: UInt64
    /// Of the last frame written, or of the header.
    private var checksum: UInt64

    /// Writes the header.
    package init(_ header: SegmentHeader, to sink: any SegmentSink) throws(ArchiveError) {
        self.sink = sink
        order = SegmentOrder(header)
        let bytes = header.encoded()
        headerChecksum = unsafe bytes.withUnsafeBytes { unsafe SegmentHeader.checksum($0) }
        checksum = headerChecksum
        try Self.write(bytes, to: sink)
    }

    package mutating func zero(pages: Range<Int>) throws(ArchiveError) {
        try append(.zeroed(pages))
    }

    package mutating func beginCommit(
        _ place: HistoryPlace, heapPages: UInt64
    ) throws(ArchiveError) {
        try append(.commit(place, heapPages: heapPages))
    }

    /// Appends lines of the commit: any number, in as many runs as they need.
    package mutating func run(
        firstLine: UInt64, _ lines: UnsafeRawBufferPointer
    ) throws(ArchiveError) {
        var firstLine = firstLine
        var rest = unsafe lines[...]
        while unsafe rest.count >= HeapLayout.lineBytes {
            if filled + 8 + HeapLayout.lineBytes > SegmentFrame.maximumBytes { try flush() }
            // What still fits in the frame, at most.
            let room = (SegmentFrame.maximumBytes - filled - 8) / HeapLayout.lineBytes
            let count = unsafe min(rest.count / HeapLayout.lineBytes, room)
            let run = SegmentRun(firstLine: firstLine, lines: count)
            try append(.run(run))
            let part = unsafe UnsafeRawBufferPointer(rebasing: rest.prefix(run.byteCount))
            let place = SegmentFrame.headerBytes + filled
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[place...]).copyMemory(
                from: part)
            filled += run.byteCount
            firstLine += UInt64(count)
            unsafe rest = unsafe rest.dropFirst(run.byteCount)
        }
    }

    package mutating func endInterval(_ end: IntervalEnd) throws(ArchiveError) {
        try append(.intervalEnd(end))
    }

    /// Writes the end, after the last interval. The sink is to be synced then.
    package mutating func finish() throws(ArchiveError) -> SegmentEnd {
        let order = order
        let state = try refusing { () throws(SegmentFlaw) in try order.finished() }
        if filled > 0 { try flush() }
        let end = SegmentEnd(
            previousChecksum: checksum, headerChecksum: headerChecksum, state: state,
            counts: order.counts)
        try Self.write(end.encoded(), to: sink)
        return end
    }

    /// Appends an item; of a run, without its lines, for which there is room too.
    private mutating func append(_ item: SegmentItem) throws(ArchiveError) {
        var order = order
        try refusing { () throws(SegmentFlaw) in try order.accept(item) }
        self.order = order
        if filled + item.byteCount > SegmentFrame.maximumBytes { try flush() }
        unsafe item.store(to: buffer.bytes.baseAddress! + SegmentFrame.headerBytes + filled)
        filled += item.byteCount
    }

    private mutating func flush() throws(ArchiveError) {
        let frame = unsafe buffer.prefix(SegmentFrame.headerBytes + filled)
        checksum = unsafe SegmentFrame.seal(frame, isEnd: false, seed: checksum)
        filled = 0
        do throws(SystemError) { unsafe try sink.write(UnsafeRawBufferPointer(frame)) } catch {
            throw .system(error)
        }
    }

    private static func write(
        _ bytes: [UInt8], to sink: any SegmentSink
    ) throws(ArchiveError) {
        var failure: SystemError?
        unsafe bytes.withUnsafeBytes { raw in
            do throws(SystemError) { unsafe try sink.write(raw) } catch { failure = error }
        }
        if let failure { throw .system(failure) }
    }

    private func refusing<R>(_ body: () throws(SegmentFlaw) -> R) throws(ArchiveError) -> R {
        do throws(SegmentFlaw) { return try body() } catch {
            throw .unusable(path: sink.path, what: error.what)
        }
    }
}
