import CHoldfast

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Polling for a short time before sleeping in the kernel.
///
/// Sleeping and waking up costs both sides a system call, and the sleeper tens of microseconds. A
/// wait for a running process is shorter than that. So a waiter polls for about as long as a sleep
/// would cost, which at worst doubles that cost.
@usableFromInline
package enum AdaptiveSpin {
    /// The default duration.
    package static let usual: Duration = .microseconds(20)

    /// With one processor, nothing can happen while this thread polls.
    private static let isWorthwhile = sysconf(Int32(_SC_NPROCESSORS_ONLN)) > 1

    /// Calls `isOver` until it returns true, or for `duration`; returns its last result. Calls it
    /// at least once.
    @inlinable @inline(__always)
    package static func wait(atMost duration: Duration, until isOver: () -> Bool) -> Bool {
        if isOver() { return true }
        return poll(atMost: duration, until: isOver)
    }

    @usableFromInline
    static func poll(atMost duration: Duration, until isOver: () -> Bool) -> Bool {
        guard isWorthwhile, duration > .zero, !Interleaving.isActive else { return false }
        let end = Deadline(in: duration)
        repeat {
            // Reading the clock costs as much as a few calls.
            for _ in 0 ..< 16 {
                holdfast_pause()
                if isOver() { return true }
            }
        } while !end.hasPassed
        return false
    }

    /// A hint to the processor that this loop waits for a store of another processor.
    @inlinable @inline(__always)
    package static func pause() { holdfast_pause() }
}
