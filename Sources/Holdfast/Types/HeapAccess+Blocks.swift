import HoldfastEngine

extension HeapAccess {
    /// A block's bytes for a stored form of type `Stored`.
    @inlinable @inline(__always)
    package func allocate<Stored: BitwiseCopyable>(for type: Stored.Type) -> UInt64 {
        allocate(byteCount: MemoryLayout<Stored>.size, alignment: MemoryLayout<Stored>.alignment)
    }

    /// A block whose bytes are zeros, noted for the log.
    package func allocateZeros(byteCount: Int, alignment: Int) -> UInt64 {
        let offset = allocate(byteCount: byteCount, alignment: alignment)
        markFresh(offset, byteCount)
        address(offset, byteCount).initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        return offset
    }

    /// Notes bytes that are known by their address.
    @inlinable @inline(__always)
    func markDirty<T>(address: UnsafeMutablePointer<T>, _ count: Int) {
        let offset = UnsafeMutableRawPointer(address) - context.pointee.base
        markDirty(UInt64(truncatingIfNeeded: offset), count)
    }
}
