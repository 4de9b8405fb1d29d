import HoldfastEngine
import HoldfastFormat

/// The amount by which a full block of elements grows.
///
/// Half of its size. From 64 MiB on, where a block usually grows in place and spare capacity takes
/// disk space, an eighth; but half of its size if it has to move, because a move copies and logs
/// all of it. So each byte is moved twice at most on average, whatever lies behind the block.
@usableFromInline
enum Growth {
    @inlinable
    static func step(_ capacity: Int, stride: Int) -> Int {
        (isLarge(capacity, stride: stride) ? capacity / 8 : capacity / 2) + 1
    }

    @inlinable @inline(__always)
    static func isLarge(_ capacity: Int, stride: Int) -> Bool {
        capacity >= (64 << 20) / Swift.max(stride, 1)
    }
}

extension HeapAccess {
    /// The number of elements for a full block of `capacity` elements to grow to: `needed` at
    /// least. May be more than any heap has room for.
    @inlinable
    func grownCapacity(_ buffer: UInt64, of capacity: Int, needed: Int, stride: Int) -> Int {
        let wanted = Swift.max(needed, capacity + Growth.step(capacity, stride: stride))
        guard Growth.isLarge(capacity, stride: stride) else { return wanted }
        return roomyCapacity(buffer, of: capacity, wanted: wanted, stride: stride)
    }

    /// `wanted`, or, if the block has to move for it and there is room, half more than it has.
    @usableFromInline @inline(never)
    func roomyCapacity(_ buffer: UInt64, of capacity: Int, wanted: Int, stride: Int) -> Int {
        let stride = Swift.max(stride, 1)
        let roomy = capacity + capacity / 2
        guard wanted < roomy, roomy <= Int(HeapLayout.maximumBytes) / stride,
            !canGrowInPlace(buffer, from: capacity * stride, to: wanted * stride),
            hasSpareRoom(byteCount: roomy * stride)
        else { return wanted }
        return roomy
    }

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
