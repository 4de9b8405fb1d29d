import HoldfastSystem

/// Process memory for a closure that was promised space in a heap that has none. Everything written
/// there is lost with the transaction.
@usableFromInline
enum LostRoom {
    /// Calls `body` with space for `count` values, or with none if the process has no memory
    /// either. Nothing there needs to be deinitialised.
    @usableFromInline
    static func use<Value: BitwiseCopyable, R, Failure: Error>(
        _ count: Int, of type: Value.Type,
        _ body: (UnsafeMutableBufferPointer<Value>) throws(Failure) -> R
    ) throws(Failure) -> R {
        let (byteCount, overflows) = count.multipliedReportingOverflow(
            by: MemoryLayout<Value>.stride)
        guard !overflows, let memory = FallibleMemory.allocateZeros(byteCount: byteCount) else {
            return try body(UnsafeMutableBufferPointer(start: nil, count: 0))
        }
        defer { FallibleMemory.free(memory) }
        return try body(
            UnsafeMutableBufferPointer(
                start: memory.bindMemory(to: Value.self, capacity: count), count: count))
    }
}
