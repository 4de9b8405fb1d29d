/// What a figure counts.
enum Unit: String {
    /// Time for each operation.
    case nanoseconds = "ns"
    case bytes
}

/// One figure that a contestant has given.
struct Lap {
    let work: String
    let value: Double
    let unit: Unit
}

/// What was computed is not what every system must compute.
struct WrongResult: Error, CustomStringConvertible {
    let description: String
}

/// What a contestant tells its figures to. Every piece of work returns a number that depends on all
/// that it did, so that nothing can be left out; it is compared with what it must be.
final class Recorder {
    let system: String
    private let filter: Filter
    private(set) var laps: [Lap] = []

    init(system: String, filter: Filter) {
        self.system = system
        self.filter = filter
    }

    /// Whether the work was asked for.
    func wants(_ work: String) -> Bool { filter.wants(work) }

    /// Runs `body` and notes its time for each of `operations`. A work that was not asked for is
    /// not done, unless what follows `needs` it.
    @inline(never)
    func time(
        _ work: String, operations: Int, expect: UInt64, needed: Bool = false,
        _ body: () throws -> UInt64
    ) throws {
        guard needed || wants(work) else { return }
        let start = Clock.now()
        let result = try body()
        let time = Clock.now() - start
        try check(work, result, expect)
        record(work, time / Double(operations))
    }

    /// Notes a figure that was found otherwise.
    func record(_ work: String, _ value: Double, unit: Unit = .nanoseconds) {
        if wants(work) { laps.append(Lap(work: work, value: value, unit: unit)) }
    }

    func check(_ work: String, _ result: UInt64, _ expected: UInt64) throws {
        guard result == expected else {
            throw WrongResult(
                description: "\(work) on \(system) gave \(result) instead of \(expected)")
        }
    }
}

/// Which works and systems were asked for; all where nothing was said.
struct Filter {
    var prefixes: [String] = []
    var systems: Set<String> = []

    func wants(_ work: String) -> Bool {
        prefixes.isEmpty || prefixes.contains { work.hasPrefix($0) }
    }
    /// Holdfast always takes part.
    func wants(system: String) -> Bool {
        systems.isEmpty || system == "holdfast" || systems.contains(system)
    }
}
