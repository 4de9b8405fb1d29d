/// The content of a segment's last frame: what the segment leads to, and how much is in it.
///
///     offset size
///       0     8   checksum of the frame before, the seed of this frame's
///       8     8   checksum of the header
///      16    56   as in the item of the last interval's end
///      72    40   numbers of intervals, commits, runs, lines, zeroed pages
package struct SegmentEnd: Equatable, Sendable {
    package static let byteCount = 112
    /// Bytes of the whole frame.
    package static let frameBytes = SegmentFrame.headerBytes + byteCount

    /// The seed of the frame's checksum: so that the end can be read without what is before it.
    package var previousChecksum: UInt64
    /// So that an end of another segment is found without reading what is between.
    package var headerChecksum: UInt64
    package var state: IntervalEnd
    package var counts: SegmentCounts

    package init(
        previousChecksum: UInt64, headerChecksum: UInt64, state: IntervalEnd, counts: SegmentCounts
    ) {
        self.previousChecksum = previousChecksum
        self.headerChecksum = headerChecksum
        self.state = state
        self.counts = counts
    }

    private mutating func transfer(_ bytes: some FieldTransfer) {
        bytes.field(&previousChecksum, at: 0)
        bytes.field(&headerChecksum, at: 8)
        state.transfer(bytes, at: 16)
        counts.transfer(bytes, at: 16 + IntervalEnd.byteCount)
    }

    /// The whole frame.
    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.frameBytes)
        var end = self
        unsafe bytes.withUnsafeMutableBytes { raw in
            unsafe end.transfer(FieldWriter(raw.baseAddress! + SegmentFrame.headerBytes))
            _ = unsafe SegmentFrame.seal(raw, isEnd: true, seed: previousChecksum)
        }
        return bytes
    }

    /// Reads the last frame by itself; nil if it is none, or is damaged. Whether it belongs to what
    /// is before it is to be checked then.
    package static func decode(frame raw: UnsafeRawBufferPointer) -> SegmentEnd? {
        guard let frame = unsafe SegmentFrame.decode(raw), frame.isEnd, raw.count == frameBytes
        else { return nil }
        var end = SegmentEnd(
            previousChecksum: 0, headerChecksum: 0, state: .blank, counts: SegmentCounts())
        unsafe end.transfer(FieldReader(raw.baseAddress! + SegmentFrame.headerBytes))
        guard unsafe frame.verifies(raw, seed: end.previousChecksum), end.state.isPlausible else {
            return nil
        }
        return end
    }
}

/// How much is in a segment.
package struct SegmentCounts: Equatable, Sendable, BitwiseCopyable {
    package var intervals: UInt64 = 0
    package var commits: UInt64 = 0
    package var runs: UInt64 = 0
    package var lines: UInt64 = 0
    package var zeroedPages: UInt64 = 0

    package init() {}

    mutating func transfer(_ bytes: some FieldTransfer, at offset: Int) {
        bytes.field(&intervals, at: offset)
        bytes.field(&commits, at: offset + 8)
        bytes.field(&runs, at: offset + 16)
        bytes.field(&lines, at: offset + 24)
        bytes.field(&zeroedPages, at: offset + 32)
    }
}
