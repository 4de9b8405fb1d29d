import HoldfastSystem

/// Memory of the process for a closure that was promised room in a heap which has none: what it
/// writes there is lost with the transaction.
@usableFromInline
enum LostRoom {
    /// Calls `body` with room for `count` values, or with none where the process has none either.
    /// Nothing there needs to be deinitialised.
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
