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

// An array gives memory back as it empties: it shrinks to twice its elements when three quarters of
// its room are free. Between a shrinking and the next growth, or the reverse, lies at least an
// eighth of the room in operations, which pays for moving the elements, should they have to move: a
// large block is cut where it lies.
extension PersistentArray {
    /// Arrays of up to this many elements never shrink by themselves: one that is filled and
    /// emptied by turns shall not allocate each time.
    @inlinable @inline(__always)
    static var smallCapacity: Int { Swift.max(8, 2048 / Swift.max(stride, 1)) }

    /// To be called after every removal.
    @inlinable @inline(__always)
    func shrinkIfSparse(_ header: UnsafeMutablePointer<Header>) {
        let capacity = Int(truncatingIfNeeded: header.pointee.capacity)
        if capacity > Self.smallCapacity, header.pointee.count <= header.pointee.capacity &>> 2 {
            shrink()
        }
    }

    @inlinable @inline(never)
    func shrink() {
        let header = writableHeader
        let count = Int(truncatingIfNeeded: header.pointee.count)
        resize(toHold: Swift.max(count * 2, Self.smallCapacity / 2), header)
    }

    /// Gives the block room for `wanted` elements, which are no fewer than there are, in place
    /// where it can.
    @inlinable
    func resize(toHold wanted: Int, _ header: UnsafeMutablePointer<Header>) {
        let stride = Swift.max(Self.stride, 1)
        let alignment = MemoryLayout<Element.Stored>.alignment
        let old = Int(truncatingIfNeeded: header.pointee.capacity)
        let capacity =
            HeapAccess.usableBytes(byteCount: wanted * stride, alignment: alignment) / stride
        guard capacity != old else { return }
        let count = Int(truncatingIfNeeded: header.pointee.count)
        let buffer: UInt64
        if old == 0 {
            guard access.hasRoom(byteCount: capacity * stride) else { return }
            buffer = access.allocate(byteCount: capacity * stride, alignment: alignment)
        } else {
            let moved = access.reallocateIfRoom(
                header.pointee.buffer, from: old * stride, to: capacity * stride,
                preserving: count * stride, alignment: alignment)
            guard let moved else { return }
            buffer = moved
        }
        access.markDirty(offset, MemoryLayout<Header>.size)
        header.pointee.buffer = buffer
        header.pointee.capacity = UInt64(capacity)
    }
}
