import CHoldfast
import MemoryMapping
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Memory that a thread uses as a stack. Its lowest page is a guard page; the others take physical
/// memory only once they have been touched.
///
/// Safety: belongs to the call that took it, and holds no values when it is released.
@safe struct StackSegment {
    let lowest: UnsafeMutableRawPointer
    let count: Int

    private static let wholeBytes = 64 << 20
    private static let leastBytes = 4 << 20
    /// Bytes of a spare segment that keep their memory.
    private static let warmBytes = 256 << 10

    /// An unused segment of `wholeBytes`. It prevents a recursion that repeatedly enters and leaves
    /// the end of a stack from mapping and unmapping memory each time.
    private static let spare = Atomic<UInt>(0)

    /// Nil if the system has no memory, or the thread has reached its limit.
    static func take() -> StackSegment? {
        let used = holdfast_get_stack_segment_bytes()
        guard used + wholeBytes <= DeepStack.mostBytes else { return nil }
        let address = spare.exchange(0, ordering: .acquiring)
        if let lowest = unsafe UnsafeMutableRawPointer(bitPattern: address) {
            holdfast_set_stack_segment_bytes(used + wholeBytes)
            return unsafe StackSegment(lowest: lowest, count: wholeBytes)
        }
        var bytes = wholeBytes
        while bytes >= leastBytes {
            if let found = map(bytes) {
                holdfast_set_stack_segment_bytes(used + bytes)
                return found
            }
            bytes /= 2
        }
        return nil
    }

    private static func map(_ bytes: Int) -> StackSegment? {
        #if os(Linux)
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        #else
            let flags = MAP_PRIVATE | MAP_ANON
        #endif
        guard let lowest = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0),
            unsafe lowest != MAP_FAILED
        else { return nil }
        guard unsafe mprotect(lowest, SystemPage.size, PROT_NONE) == 0 else {
            unsafe munmap(lowest, bytes)
            return nil
        }
        return unsafe StackSegment(lowest: lowest, count: bytes)
    }

    func release() {
        holdfast_set_stack_segment_bytes(holdfast_get_stack_segment_bytes() - count)
        guard count == Self.wholeBytes else { return _ = unsafe munmap(lowest, count) }
        // The memory that a deep recursion has touched is freed; the rest is reused.
        unsafe madvise(
            lowest + SystemPage.size, count - SystemPage.size - Self.warmBytes,
            MADV_DONTNEED)
        let old = unsafe Self.spare.exchange(
            UInt(bitPattern: lowest), ordering: .acquiringAndReleasing)
        if let old = unsafe UnsafeMutableRawPointer(bitPattern: old) { unsafe munmap(old, count) }
    }
}
