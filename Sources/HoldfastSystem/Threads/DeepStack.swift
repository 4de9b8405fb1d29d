import CHoldfast

/// Stack space for recursions over stored data, whose depth depends on the data.
///
/// A recursion passes through `run` at every level. As long as the thread's own stack has room,
/// that costs one comparison. Near its end the call continues on another stack, on the same thread,
/// so that transactions, locks and thread-local values stay the same. A thread with a stack of 512
/// KiB can follow data at least as deep as one of 8 MiB can, and far deeper.
///
/// The total is bounded: beyond `mostBytes` the program traps with a message. Code that follows
/// untrusted data (a check, an export, an import) is bounded earlier, by work lists or a limit on
/// the number of levels.
public enum DeepStack {
    /// Bytes that a level may use until the next one checks again.
    public static let levelBytes = 96 << 10
    /// Bytes for a recursion of foreign code, such as a JSON decoder's 512 levels.
    public static let foreignBytes = 2 << 20
    /// Bytes that the recursions of one thread may use in addition to its own stack.
    package static let mostBytes = 1 << 30

    /// Runs `body` on a stack with at least `bytes` left.
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
        segment.release()
        return try result!.get()
    }

    private static func call(on segment: StackSegment, _ body: () -> Void) {
        withoutActuallyEscaping(body) { body in
            var body = body
            unsafe withUnsafeMutablePointer(to: &body) { body in
                unsafe holdfast_call_on_stack(
                    segment.lowest, segment.count,
                    { unsafe $0!.assumingMemoryBound(to: (() -> Void).self).pointee() }, unsafe body
                )
            }
        }
    }

    private static func tooDeep() -> Never {
        fatalError(
            "Holdfast: values are nested so deep in one another that following them takes more "
                + "than \(mostBytes >> 20) MiB of stack, or more than the system gives. Keep "
                + "chains as references (HeapRef, SharedRef) instead.")
    }
}
