import CHoldfast
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Room for recursions that follow stored data, whose depth is the data's and not the program's.
///
/// A recursion passes through `run` at every level. As long as the thread's own stack has room,
/// that is a comparison; near its end the call goes on with another stack, on the same thread, so
/// that transactions, locks and thread-local values stay what they are. A thread of 512 KiB can
/// thus follow data as deep as one of 8 MiB can, and far deeper.
///
/// What a recursion may take in all is bounded: beyond `mostBytes` the program ends with a
/// sentence. What follows data that may be anybody's (a check, an export, an import) is bounded
/// before that, by lists of its own or a limit of levels, and never gets there.
public enum DeepStack {
    /// What a level may take until the next one asks again.
    public static let levelBytes = 96 << 10
    /// What a recursion of other people's code may take, such as a JSON decoder's 512 levels.
    public static let foreignBytes = 2 << 20
    /// What the recursions of one thread may take beside its own stack.
    static let mostBytes = 1 << 30

    /// Runs `body` where the stack has at least `bytes` left.
    @inlinable
    public static func run<R, Failure: Error>(
        needing bytes: Int = levelBytes, _ body: () throws(Failure) -> R
    ) throws(Failure) -> R {
        if hasRoom(bytes) { return try body() }
        return try runElsewhere(body)
    }

    @usableFromInline
    static func hasRoom(_ bytes: Int) -> Bool { holdfast_stack_left() >= bytes }

    @usableFromInline @inline(never)
    static func runElsewhere<R, Failure: Error>(
        _ body: () throws(Failure) -> R
    ) throws(Failure) -> R {
        guard let segment = StackSegment.take() else { tooDeep() }
        var result: Result<R, Failure>?
        call(on: segment) { result = Result(catching: body) }
        segment.giveBack()
        return try result!.get()
    }

    private static func call(on segment: StackSegment, _ body: () -> Void) {
        withoutActuallyEscaping(body) { body in
            var body = body
            withUnsafeMutablePointer(to: &body) { body in
                holdfast_call_on_stack(
                    segment.lowest, segment.count,
                    { $0!.assumingMemoryBound(to: (() -> Void).self).pointee() }, body)
            }
        }
    }

    private static func tooDeep() -> Never {
        fatalError(
            "Holdfast: values are nested so deep in one another that following them takes more "
                + "than \(mostBytes >> 20) MiB of stack, or more than the system gives. Keep "
                + "chains as references (Ref, Shared) instead.")
    }
}

/// Memory that a thread uses as a stack: its lowest page cannot be touched, and the others take
/// real memory only once they have been.
///
/// Safety: belongs to the call that has taken it, and holds nothing when it is given back.
private struct StackSegment {
    let lowest: UnsafeMutableRawPointer
    let count: Int

    private static let wholeBytes = 64 << 20
    private static let leastBytes = 4 << 20
    /// What of a spare segment keeps its memory.
    private static let warmBytes = 256 << 10

    /// A segment of `wholeBytes` that nobody uses, so that a recursion that comes and goes at the
    /// end of a stack does not map and unmap.
    private static let spare = Atomic<UInt>(0)

    /// Nil if the system has none, or the thread has as many as it may.
    static func take() -> StackSegment? {
        let used = holdfast_get_stack_segment_bytes()
        guard used + wholeBytes <= DeepStack.mostBytes else { return nil }
        let address = spare.exchange(0, ordering: .acquiring)
        if let lowest = UnsafeMutableRawPointer(bitPattern: address) {
            holdfast_set_stack_segment_bytes(used + wholeBytes)
            return StackSegment(lowest: lowest, count: wholeBytes)
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
        guard let lowest = mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0),
            lowest != MAP_FAILED
        else { return nil }
        guard mprotect(lowest, HeapLayout.pageBytes, PROT_NONE) == 0 else {
            munmap(lowest, bytes)
            return nil
        }
        return StackSegment(lowest: lowest, count: bytes)
    }

    func giveBack() {
        holdfast_set_stack_segment_bytes(holdfast_get_stack_segment_bytes() - count)
        guard count == Self.wholeBytes else { return _ = munmap(lowest, count) }
        // What a deep recursion has touched is given back; the rest serves the next one.
        madvise(
            lowest + HeapLayout.pageBytes, count - HeapLayout.pageBytes - Self.warmBytes,
            MADV_DONTNEED)
        let old = Self.spare.exchange(UInt(bitPattern: lowest), ordering: .acquiringAndReleasing)
        if let old = UnsafeMutableRawPointer(bitPattern: old) { munmap(old, count) }
    }
}
