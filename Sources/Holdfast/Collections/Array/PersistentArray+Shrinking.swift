import HoldfastEngine

// An array frees memory as elements are removed: when three quarters of its capacity are unused, it
// shrinks to twice its count. Between shrinking and the next growth, or the reverse, there are at
// least as many operations as an eighth of the capacity. They pay for moving the elements, if those
// have to move at all: a large block is truncated in place.
extension PersistentArray {
    /// Arrays of up to this many elements never shrink by themselves, so that an array that is
    /// alternately filled and emptied does not allocate each time.
    @inlinable @inline(__always)
    static var smallCapacity: Int { Swift.max(8, 2048 / Swift.max(stride, 1)) }

    /// Called after every removal.
    @inlinable @inline(__always)
    func shrinkIfSparse(_ header: UnsafeMutablePointer<Header>) {
        let capacity = Int(truncatingIfNeeded: header.pointee.capacity)
        if capacity > Self.smallCapacity, header.pointee.count <= header.pointee.capacity &>> 2 {
            shrink()
        }
    }

    @inlinable @inline(never)
    func shrink() {
        let header = openedForChange()
        let count = Int(truncatingIfNeeded: header.pointee.count)
        resize(toHold: Swift.max(count * 2, Self.smallCapacity / 2), header)
    }

    /// Resizes the block to `wanted` elements, which is at least the count, in place if possible.
    @inlinable
    func resize(toHold wanted: Int, _ header: UnsafeMutablePointer<Header>) {
        let stride = Swift.max(Self.stride, 1)
        let alignment = MemoryLayout<Element.Stored>.alignment
        let old = Int(truncatingIfNeeded: header.pointee.capacity)
        let capacity =
            HeapAccess.usableBytes(byteCount: wanted * stride, alignment: alignment) / stride
        guard capacity != old else { return }
        let count = Int(truncatingIfNeeded: header.pointee.count)
        let buffer = access.resizeIfRoom(
            header.pointee.buffer, from: old * stride, to: capacity * stride,
            preserving: count * stride, alignment: alignment)
        guard let buffer else { return }
        access.markDirty(offset, MemoryLayout<Header>.size)
        header.pointee.buffer = buffer
        header.pointee.capacity = UInt64(capacity)
    }
}
