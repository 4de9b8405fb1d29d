/// Returns the result of some work, and its duration in seconds.
package func timed<R>(_ body: () throws -> R) rethrows -> (R, Double) {
    let start = ContinuousClock.now
    let result = try body()
    return (result, start.duration(to: .now) / .seconds(1))
}

/// Formats a number of bytes for people, such as 12.3 MB.
package func megabytes(_ bytes: Int) -> String {
    let tenths = bytes / 100_000
    return "\(tenths / 10).\(tenths % 10) MB"
}

/// Returns the amount per second.
package func rate(_ amount: Int, _ seconds: Double) -> Int {
    seconds > 0 ? Int(Double(amount) / seconds) : 0
}

/// Steele, Lea and Flood's SplitMix64: the same numbers for the same seed on every machine.
package struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
