#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// How much of an exhaustive test is run. The environment variable `HOLDFAST_TESTS` says it.
///
/// Every test runs in every extent, with the same checks. Extents differ in how many seeds, calls,
/// kills or damaged heaps are tried.
public enum TestExtent: String, Sendable {
    /// The normal run, which one waits for.
    case quick

    /// Every call and every seed; `Tests/full.sh` runs it, and so does the check before a change
    /// lands.
    case full

    /// The scripts that run for hours: a million damaged heaps, ten thousand kills.
    case long

    public static let current: TestExtent = {
        guard let text = getenv("HOLDFAST_TESTS") else { return .quick }
        guard let extent = TestExtent(rawValue: String(cString: text)) else {
            fatalError("HOLDFAST_TESTS must be quick, full or long, not \(String(cString: text))")
        }
        return extent
    }()

    public static func choose<Value>(quick: Value, full: Value) -> Value {
        choose(quick: quick, full: full, long: full)
    }

    public static func choose<Value>(quick: Value, full: Value, long: Value) -> Value {
        switch current {
        case .quick: quick
        case .full: full
        case .long: long
        }
    }

    /// Whether the call, seed or case of this number is tried: all in the full extent, about one in
    /// `sample` in the quick one. The choice is spread evenly and is the same in every run.
    public static func includes(_ number: Int, oneIn sample: UInt64) -> Bool {
        if current != .quick { return true }
        var generator = SplitMix(state: UInt64(truncatingIfNeeded: number))
        return generator.next() % sample == 0
    }
}
