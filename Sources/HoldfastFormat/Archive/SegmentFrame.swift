/// The frames of a segment: its items are cut into frames of at most a mebibyte, whole items in
/// each, so that whoever reads has to hold no more, and every byte is verified before it is used.
///
///     offset size
///       0     4   magic: "HFSB" for items, "HFSE" for the end
///       4     4   bytes of the content, a multiple of 8
///       8     8   checksum of bytes 0-7 and then of the content
///      16         content
///
/// The checksum's seed is that of the frame before, for the first one that of the header. So a
/// frame that is lost, repeated, moved, or of another segment is found.
package struct SegmentFrame: Equatable, Sendable {
    package static let headerBytes = 16
    package static let maximumBytes = 1 << 20
    private static let bodyMagic: UInt32 = 0x4253_4648  // "HFSB"
    private static let endMagic: UInt32 = 0x4553_4648  // "HFSE"
    private static let magicField = Field<UInt32>(at: 0)
    private static let byteCountField = Field<UInt32>(at: 4)
    private static let checksumField = Field<UInt64>(at: 8)

    package var isEnd: Bool
    /// Bytes of the content.
    package var byteCount: Int
    package var checksum: UInt64

    /// Writes the header of a frame in front of its content. Returns the checksum.
    package static func seal(
        _ frame: UnsafeMutableRawBufferPointer, isEnd: Bool, seed: UInt64
    ) -> UInt64 {
        let base = frame.baseAddress!
        unsafe magicField.store(isEnd ? endMagic : bodyMagic, to: base)
        unsafe byteCountField.store(UInt32(frame.count - headerBytes), to: base)
        let checksum = unsafe checksum(UnsafeRawBufferPointer(frame), seed: seed)
        unsafe checksumField.store(checksum, to: base)
        return checksum
    }

    /// Reads the header of a frame; nil if it is none, or names a length that no frame has.
    package static func decode(_ raw: UnsafeRawBufferPointer) -> SegmentFrame? {
        guard raw.count >= headerBytes, let base = raw.baseAddress else { return nil }
        let magic = unsafe magicField.load(base)
        let frame = unsafe SegmentFrame(
            isEnd: magic == endMagic, byteCount: Int(byteCountField.load(base)),
            checksum: checksumField.load(base))
        guard magic == bodyMagic || magic == endMagic, frame.byteCount % 8 == 0,
            frame.isEnd
                ? frame.byteCount == SegmentEnd.byteCount
                : frame.byteCount > 0 && frame.byteCount <= maximumBytes
        else { return nil }
        return frame
    }

    /// Whether the checksum of the whole frame in `raw` is right.
    package func verifies(_ raw: UnsafeRawBufferPointer, seed: UInt64) -> Bool {
        unsafe raw.count == Self.headerBytes + byteCount
            && Self.checksum(raw, seed: seed) == checksum
    }

    private static func checksum(_ raw: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        let header = unsafe Checksum.of(UnsafeRawBufferPointer(rebasing: raw[..<8]), seed: seed)
        return unsafe Checksum.of(
            UnsafeRawBufferPointer(rebasing: raw[headerBytes...]), seed: header)
    }
}
