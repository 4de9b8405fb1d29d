import CHoldfast
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Looking again and again for a moment before sleeping in the kernel.
///
/// Falling asleep and being woken costs both sides a system call, and the sleeper tens of
/// microseconds. Whoever waits for a process that is running at that moment is served sooner; so it
/// looks for about as long as a sleep would cost, which at worst doubles that cost.
enum BriefSpin {
    /// How long unless told otherwise.
    static let usual: Duration = .microseconds(20)

    /// With one processor, nothing can happen while this thread looks.
    private static let isWorthwhile = sysconf(Int32(_SC_NPROCESSORS_ONLN)) > 1

    /// Asks `isOver` until it says so, or for `duration`; returns its last answer. At least once.
    @inline(__always)
    static func wait(atMost duration: Duration, until isOver: () -> Bool) -> Bool {
        if isOver() { return true }
        guard isWorthwhile, duration > .zero else { return false }
        let end = Deadline(in: duration)
        repeat {
            // The clock costs as much as a few looks.
            for _ in 0 ..< 16 {
                holdfast_pause()
                if isOver() { return true }
            }
        } while !end.hasPassed
        return false
    }
}

/// How often this process has entered the kernel to wait for others or to wake them, counted where
/// it does so; at rest, and while all that share a heap are busy, none of these numbers moves.
package enum KernelCalls {
    static let sleepCount = Atomic<Int>(0)
    static let wakeCount = Atomic<Int>(0)
    static let lockWaitCount = Atomic<Int>(0)

    /// Sleeps until a position changes.
    package static var sleeps: Int { sleepCount.load(ordering: .relaxed) }
    /// Commits that woke sleepers.
    package static var wakes: Int { wakeCount.load(ordering: .relaxed) }
    /// Waits for a lock between processes.
    package static var lockWaits: Int { lockWaitCount.load(ordering: .relaxed) }
}
