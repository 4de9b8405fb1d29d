import HoldfastEngine

extension HeapAccess {
    /// Allocates a block for a stored form of type `Stored`.
    @inlinable @inline(__always)
    package func allocate<Stored: BitwiseCopyable>(for type: Stored.Type) -> UInt64 {
        allocate(byteCount: MemoryLayout<Stored>.size, alignment: MemoryLayout<Stored>.alignment)
    }

    /// Allocates a block of zero bytes and marks its lines dirty.
    package func allocateZeros(byteCount: Int, alignment: Int) -> UInt64 {
        let offset = allocate(byteCount: byteCount, alignment: alignment)
        markFresh(offset, byteCount)
        address(offset, byteCount).initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        return offset
    }

    /// Marks the lines of `count` values at this address dirty.
    @inlinable @inline(__always)
    func markDirty<T>(address: UnsafeMutablePointer<T>, _ count: Int) {
        let offset = UnsafeMutableRawPointer(address) - context.pointee.base
        markDirty(UInt64(truncatingIfNeeded: offset), count)
    }
}
