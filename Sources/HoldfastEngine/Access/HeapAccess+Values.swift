/// Loading and storing single values at heap offsets.
extension HeapAccess {
    @inlinable @inline(__always)
    public func load<T: BitwiseCopyable>(_ offset: UInt64, as type: T.Type = T.self) -> T {
        address(offset, MemoryLayout<T>.size).loadUnaligned(as: T.self)
    }

    /// Stores `value` and marks its lines dirty.
    @inlinable @inline(__always)
    public func store<T: BitwiseCopyable>(_ value: T, at offset: UInt64) {
        writableAddress(offset, MemoryLayout<T>.size).storeBytes(of: value, as: T.self)
    }
}

extension HeapAccess {
    /// The log position of the transaction's snapshot. Every commit changes it.
    public var position: UInt64 {
        context.pointee.reads?._withUnsafeGuaranteedRef { $0.reads.lines.insertAll() }
        return context.pointee.view._withUnsafeGuaranteedRef { $0.position }
    }

    /// The only names that roots may be created with; nil for any.
    public var declaredRoots: Set<String>? {
        context.pointee.view._withUnsafeGuaranteedRef { $0.declaredRoots }
    }

    /// If the transaction belongs to the build of a new heap that has failed, throws the cause.
    package func requireBuildable() throws(HeapError) {
        try context.pointee.view.takeUnretainedValue().requireBuildable()
    }

    /// The path of the heap, for error messages.
    public var heapPath: String {
        context.pointee.view._withUnsafeGuaranteedRef { $0.path }
    }
}
