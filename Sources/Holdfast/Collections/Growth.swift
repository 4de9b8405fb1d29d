import HoldfastEngine

/// The amount by which a full block of elements grows.
@usableFromInline
enum Growth {
    /// Half of its size. From 64 MiB on, where a block usually grows in place and spare capacity
    /// takes disk space, an eighth.
    @inlinable
    static func step(_ capacity: Int, stride: Int) -> Int {
        (capacity >= (64 << 20) / Swift.max(stride, 1) ? capacity / 8 : capacity / 2) + 1
    }
}

extension HeapAccess {
    /// Returns a block of `newBytes` for a buffer, with the first `preserved` bytes of the old
    /// block, or nil if the heap has no room for it.
    ///
    /// A buffer without a block (`oldBytes` is 0) gets its first one. A block grows or shrinks in
    /// place where the allocator can do so.
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
