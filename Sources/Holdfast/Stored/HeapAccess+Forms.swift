import HoldfastEngine

extension HeapAccess {
    /// Writes a stored form, with zeros as its padding.
    @inlinable @inline(__always)
    func store<Value: Persistable>(
        _ stored: Value.Stored, of type: Value.Type, at place: UInt64
    ) {
        let form = writableAddress(place, MemoryLayout<Value.Stored>.size)
        form.storeBytes(of: stored, as: Value.Stored.self)
        type.clearPadding(at: form)
    }
}

extension UnsafeMutableRawPointer {
    /// Writes zeros to a range of bytes after this one.
    @inlinable @inline(__always)
    func clear(_ range: Range<Int>) {
        (self + range.lowerBound).initializeMemory(
            as: UInt8.self, repeating: 0, count: range.count)
    }
}
