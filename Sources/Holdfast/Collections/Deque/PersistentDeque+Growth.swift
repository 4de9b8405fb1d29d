import HoldfastEngine
import HoldfastFormat

// The memory of the ring. It grows by half when it is full, and shrinks to half when three quarters
// are unused. Between the two there are at least as many operations as a quarter of the capacity,
// which pay for moving the elements.
extension PersistentDeque {
    /// Blocks begin at a line boundary, so that small elements do not straddle two lines.
    @inlinable @inline(__always)
    static var bufferAlignment: Int {
        Swift.max(HeapLayout.lineBytes, MemoryLayout<Element.Stored>.alignment)
    }

    /// Rings of up to this many slots never shrink, so that a queue that is alternately filled and
    /// emptied does not allocate each time.
    @inlinable @inline(__always)
    static var smallCapacity: Int { Swift.max(8, 2048 / stride) }

    /// Returns the number of slots in the block that is allocated for `minimum` slots. A request
    /// for this number gets a block of the same size.
    @inlinable
    static func fittingCapacity(_ minimum: Int) -> Int {
        HeapAccess.usableBytes(byteCount: minimum * stride, alignment: bufferAlignment) / stride
    }

    /// Reserves capacity for `minimumCapacity` elements in all, so that adding up to that count
    /// moves nothing.
    ///
    /// Removals keep this capacity, until ``removeAll(keepingCapacity:)``.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func reserveCapacity(_ minimumCapacity: Int) {
        var ring = openedRing()
        guard minimumCapacity > 0 else { return }
        if minimumCapacity > ring.capacity {
            grow(by: minimumCapacity - ring.count)
            ring = self.ring
            if minimumCapacity > ring.capacity { return }
        }
        let kept = UInt64(Self.fittingCapacity(minimumCapacity))
        if kept > ring.header.pointee.kept {
            markHeader()
            ring.header.pointee.kept = kept
        }
    }

    /// The ring, with a free slot unless the transaction has exceeded a limit.
    @inlinable @inline(__always)
    func ringWithRoom(_ operation: StaticString = #function) -> Ring {
        let ring = openedRing(operation)
        if ring.count < ring.capacity { return ring }
        grow(by: 1)
        return self.ring
    }

    /// Grows the ring to at least `extra` more elements, in place if the memory after it is free.
    /// Without memory nothing changes.
    @inlinable @inline(never)
    func grow(by extra: Int) {
        requireWritable()
        let old = ring
        let (needed, overflows) = old.count.addingReportingOverflow(extra)
        let wanted = access.grownCapacity(
            old.header.pointee.buffer, of: old.capacity, needed: needed, stride: Self.stride)
        let most = Int(truncatingIfNeeded: HeapLayout.maximumBytes) / Self.stride
        guard !overflows, wanted <= most else {
            return access.refuseAsTooLarge()
        }
        let capacity = Self.fittingCapacity(wanted)
        guard old.capacity > 0,
            access.resizeInPlace(
                old.header.pointee.buffer, from: old.capacity * Self.stride,
                to: capacity * Self.stride, alignment: Self.bufferAlignment)
        else { return move(old, toCapacity: capacity) }
        var head = old.head
        if old.count > old.capacity - old.head {
            // The end of the ring has moved. Either the elements before the old end move to the new
            // one, or the wrapped elements move to where they would be without wrapping, whichever
            // are fewer.
            let tail = old.capacity - old.head
            let wrapped = old.count - tail
            let buffer = old.header.pointee.buffer
            if wrapped <= tail && wrapped <= capacity - old.capacity {
                copy(in: buffer, from: 0, to: old.capacity, count: wrapped)
            } else {
                head = capacity - tail
                copy(in: buffer, from: old.head, to: head, count: tail)
            }
        }
        markHeader()
        old.header.pointee.capacity = UInt64(capacity)
        old.header.pointee.head = UInt64(head)
    }

    /// Moves elements between slots of a block that has just grown. The ranges may overlap.
    @inlinable
    func copy(in buffer: UInt64, from source: Int, to target: Int, count: Int) {
        guard count > 0 else { return }
        let bytes = count * Self.stride
        let place = buffer + UInt64(target * Self.stride)
        access.markFresh(place, bytes)
        access.address(place, bytes).copyMemory(
            from: access.address(buffer + UInt64(source * Self.stride), bytes), byteCount: bytes)
    }

    /// Frees memory if three quarters of it are unused, now that `count` elements are left.
    @inlinable @inline(__always)
    func shrinkIfSparse(_ ring: Ring, count: Int) {
        if ring.capacity > Self.smallCapacity, count <= ring.capacity &>> 2 { shrink() }
    }

    /// Shrinks the ring to twice the count, but not below the reserved capacity.
    @inlinable @inline(never)
    func shrink() {
        let old = ring
        let kept = old.header.pointee.kept
        guard old.capacity > kept else { return }
        if old.count == 0 && kept == 0 {
            markHeader()
            return freeBuffer(old)
        }
        let wanted = Swift.max(old.count * 2, Self.smallCapacity / 2, Int(truncatingIfNeeded: kept))
        let capacity = Self.fittingCapacity(wanted)
        if capacity < old.capacity { move(old, toCapacity: capacity) }
    }

    /// Moves the elements to a new block of `capacity` slots, the first to its first slot. What the
    /// ring does not use is not touched, so that a large reserved ring stays sparse. Without memory
    /// nothing changes.
    @inlinable
    func move(_ old: Ring, toCapacity capacity: Int) {
        guard access.hasRoom(byteCount: capacity * Self.stride) else { return }
        let buffer = access.allocate(
            byteCount: capacity * Self.stride, alignment: Self.bufferAlignment)
        let bytes = old.count * Self.stride
        if bytes > 0 {
            access.markFresh(buffer, bytes)
            let slots = access.address(buffer, bytes)
            let tail = Swift.min(old.count, old.capacity - old.head)
            slots.copyMemory(from: old.slots + old.head, byteCount: tail * Self.stride)
            (slots + tail * Self.stride).copyMemory(
                from: old.slots, byteCount: bytes - tail * Self.stride)
        }
        markHeader()
        freeBuffer(old)
        old.header.pointee.buffer = buffer
        old.header.pointee.capacity = UInt64(capacity)
        old.header.pointee.head = 0
    }

    /// Frees the ring's block. The caller has marked the header dirty.
    @inlinable
    func freeBuffer(_ ring: Ring) {
        guard ring.capacity > 0 else { return }
        access.free(
            ring.header.pointee.buffer, byteCount: ring.capacity * Self.stride,
            alignment: Self.bufferAlignment)
        ring.header.pointee.capacity = 0
        ring.header.pointee.buffer = 0
    }
}
