import HoldfastFormat

/// Memory for one frame of a segment.
///
/// Safety: `bytes` is valid as long as the buffer, which is used by one thread at a time.
@safe
final class FrameBuffer {
    let bytes: UnsafeMutableRawBufferPointer

    init() {
        unsafe bytes = UnsafeMutableRawBufferPointer.allocate(
            byteCount: SegmentFrame.headerBytes + SegmentFrame.maximumBytes, alignment: 64)
    }

    deinit { unsafe bytes.deallocate() }

    /// The first bytes, which the caller has made sure to be there.
    func prefix(_ count: Int) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
    }
}
