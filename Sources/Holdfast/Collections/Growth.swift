import HoldfastEngine

/// By how much a block of elements grows that has become too small.
@usableFromInline
enum Growth {
    /// Half of what it has; from 64 MiB on, where a block mostly grows in place and room to spare
    /// is room on the disk, an eighth.
    @inlinable
    static func step(_ capacity: Int, stride: Int) -> Int {
        (capacity >= (64 << 20) / Swift.max(stride, 1) ? capacity / 8 : capacity / 2) + 1
    }
}

extension HeapAccess {
    /// The first block of a buffer, if it has none yet, or another with the first `preserved` bytes
    /// of it, in place where the heap has room behind it; nil if there is no room at all.
    @inlinable
    func resizeIfRoom(
        _ buffer: UInt64, from oldBytes: Int, to newBytes: Int, preserving preserved: Int,
        alignment: Int
    ) -> UInt64? {
        guard oldBytes == 0 else {
            return reallocateIfRoom(
                buffer, from: oldBytes, to: newBytes, preserving: preserved, alignment: alignment)
        }
        guard hasRoom(byteCount: newBytes) else { return nil }
        return allocate(byteCount: newBytes, alignment: alignment)
    }
}
