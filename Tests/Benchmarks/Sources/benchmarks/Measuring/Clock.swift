#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

enum Clock {
    /// Nanoseconds of a clock that all processes share.
    static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }

    /// Nanoseconds that the calling thread has been on a processor.
    static func ofThread() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }

    /// How often the calling thread has gone to sleep, 0 where the system does not tell. A thread
    /// that has to give up its processor does not sleep.
    static func sleepsOfThread() -> Int {
        #if os(Linux)
            // `RUSAGE_THREAD`, which the headers show to C alone.
            var usage = rusage()
            getrusage(1, &usage)
            return usage.ru_nvcsw
        #else
            return 0
        #endif
    }

    /// Sleeps until `now()` has reached `time`.
    static func sleep(until time: Double) {
        while true {
            let rest = time - now()
            guard rest > 0 else { return }
            usleep(UInt32(min(rest / 1000 + 1, 500_000)))
        }
    }
}

func median(of values: [Double]) -> Double { values.sorted()[values.count / 2] }

/// The same numbers in every process and every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
