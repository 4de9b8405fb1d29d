#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// One thing to measure: some work, done by one system.
struct Measurement {
    let work: String
    let system: String
    /// Operations in one run, for the time of each.
    let operations: Int
    /// Makes what the run needs, runs, and returns a number that depends on every result, so that nothing can be left out.
    /// Only what it does inside `timed` counts.
    let run: (inout Stopwatch) throws -> UInt64
    /// What `run` must return.
    let expected: UInt64?
}

/// Adds up the time spent in `timed`.
struct Stopwatch {
    private(set) var nanoseconds = 0.0

    mutating func timed<R>(_ body: () throws -> R) rethrows -> R {
        let start = Self.now()
        defer { nanoseconds += Self.now() - start }
        return try body()
    }

    /// For work that times itself.
    mutating func add(_ nanoseconds: Double) { self.nanoseconds += nanoseconds }

    /// Nanoseconds of a clock that all processes share.
    static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
}

func median(of times: [Double]) -> Double { times.sorted()[times.count / 2] }

struct Outcome {
    let work: String
    let system: String
    var nanoseconds: [Double]

    var minimum: Double { nanoseconds.min()! }
    var median: Double { nanoseconds.sorted()[nanoseconds.count / 2] }
}

struct WrongResult: Error, CustomStringConvertible {
    let description: String
}

/// Runs all measurements in rounds, one of each in turn, so that a change of the machine's speed meets them all alike.
func measure(_ measurements: [Measurement], rounds: Int) throws -> [Outcome] {
    var outcomes = measurements.map { Outcome(work: $0.work, system: $0.system, nanoseconds: []) }
    for round in 0 ..< rounds {
        for (index, measurement) in measurements.enumerated() {
            var watch = Stopwatch()
            let result = try measurement.run(&watch)
            if let expected = measurement.expected, expected != result {
                throw WrongResult(
                    description: "\(measurement.work) on \(measurement.system) gave \(result) instead of \(expected)")
            }
            outcomes[index].nanoseconds.append(watch.nanoseconds / Double(measurement.operations))
        }
        progress("round \(round + 1) of \(rounds)")
    }
    progress(nil)
    return outcomes
}

/// On a terminal only.
func progress(_ text: String?) {
    guard isatty(2) == 1 else { return }
    let line = "\r\u{1B}[K" + (text ?? "")
    _ = line.withCString { write(2, $0, strlen($0)) }
}

func rounded(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
}

func printJSON(_ outcomes: [Outcome]) {
    for outcome in outcomes {
        print(
            "{\"work\": \"\(outcome.work)\", \"system\": \"\(outcome.system)\", \"ns\": \(rounded(outcome.median)), "
                + "\"min_ns\": \(rounded(outcome.minimum))}")
    }
}

func printTable(_ outcomes: [Outcome]) {
    func padded(_ text: String, _ width: Int, left: Bool = true) -> String {
        let fill = String(repeating: " ", count: max(0, width - text.count))
        return left ? text + fill : fill + text
    }
    func ratio(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }
    print("ns per operation, median (minimum); ratio: holdfast's median over the other's")
    print(
        padded("work", 26) + padded("holdfast", 22, left: false) + padded("against", 34, left: false)
            + padded("ratio", 8, left: false))
    for ours in outcomes where ours.system == "holdfast" {
        let others = outcomes.filter { $0.work == ours.work && $0.system != "holdfast" }
        let us = "\(rounded(ours.median)) (\(rounded(ours.minimum)))"
        if others.isEmpty { print(padded(ours.work, 26) + padded(us, 22, left: false)) }
        for other in others {
            let them = "\(other.system) \(rounded(other.median)) (\(rounded(other.minimum)))"
            print(
                padded(ours.work, 26) + padded(us, 22, left: false) + padded(them, 34, left: false)
                    + padded(ratio(ours.median / other.median), 8, left: false))
        }
    }
}
