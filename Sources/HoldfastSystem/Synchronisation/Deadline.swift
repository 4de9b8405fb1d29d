import CHoldfast

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A moment of the monotonic clock until which to wait.
@usableFromInline
package struct Deadline: Sendable {
    /// Nanoseconds of the monotonic clock.
    package let moment: UInt64

    package static var now: UInt64 {
        if let now = Interleaving.now { return now }
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// The same clock with a resolution of a few milliseconds, at a fraction of the cost.
    @inlinable @inline(__always)
    package static var coarseNow: UInt64 { Interleaving.now ?? holdfast_coarse_clock() }

    /// Whether a moment that a process has stored lies ahead by no more than `most` nanoseconds. A
    /// process in another time namespace has another clock, and its moments may be far away.
    package static func isAhead(_ moment: UInt64, byAtMost most: UInt64) -> Bool {
        moment &- now &- 1 < most
    }

    package init(in timeout: Duration) {
        let (seconds, attoseconds) = timeout.components
        let nanoseconds = Double(seconds) * 1e9 + Double(attoseconds) / 1e9
        // A century is as good as unlimited, and cannot overflow.
        moment = Self.now &+ UInt64(min(max(nanoseconds, 0), 3.2e18))
    }

    package var hasPassed: Bool { Self.now >= moment }

    /// Nanoseconds left; 0 after the deadline.
    package var remaining: Int64 {
        let now = Self.now
        return now >= moment ? 0 : Int64(moment - now)
    }

    /// The deadline for calls that take an absolute time of the monotonic clock.
    var time: timespec {
        var time = timespec()
        time.tv_sec = Int(moment / 1_000_000_000)
        time.tv_nsec = Int(moment % 1_000_000_000)
        return time
    }
}
