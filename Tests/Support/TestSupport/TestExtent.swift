#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The extent of the exhaustive tests, from the environment variable `HOLDFAST_TESTS`.
///
/// Every test runs in every extent, with the same checks. Extents differ in how many seeds, calls,
/// kills or damaged heaps are tried.
public enum TestExtent: String, Sendable {
    /// The default, short enough to wait for.
    case quick

    /// Every call and every seed. Run by `Tests/full.sh`, in part before a change lands.
    case full

    /// For the scripts that run for hours: a million damaged heaps, ten thousand kills.
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
    /// `sample` in the quick one. The selection is evenly spread and the same in every run.
    public static func includes(_ number: Int, oneIn sample: UInt64) -> Bool {
        if current != .quick { return true }
        var generator = SplitMix(state: UInt64(truncatingIfNeeded: number))
        return generator.next() % sample == 0
    }
}
