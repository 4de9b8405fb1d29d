import HoldfastSystem
import TestSupport

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

@testable import HoldfastEngine

/// Three failures in a row. Their kinds, their calls, the processes that continue and their
/// workloads all follow from one seed.
///
/// `FailureExplorer` tries every pair of calls of two fixed workloads; this samples. Between two
/// failures there is a random workload, and the next failure strikes at one of its calls, each with
/// the same probability.
struct FailureSequence {
    private static let failures = 3
    /// The number of states that are checked after the last failure.
    private static let lastStates = 4

    let seed: UInt64
    private var random: SplitMix
    /// The events so far, for the report of a problem.
    private var story: [String] = []
    /// States that were opened and checked.
    private(set) var checked = 0
    private(set) var found: [String] = []
    /// Whether a call has failed and a process that knows of it has had the heap open since: every
    /// opening is then told to open the heap again.
    private var mayHaveFailed = false

    init(seed: UInt64) {
        self.seed = seed
        // A generator of its own for each seed, not one that is a step ahead of the next seed's.
        random = SplitMix(state: SplitMix.hash(seed))
    }

    /// Runs the sequence; afterwards `found` holds the problems.
    mutating func run() throws {
        var run = FailureRun()
        var heir = Heir.successor
        for number in 1 ... Self.failures {
            let failure = Failure.allCases.randomElement(using: &random)!
            let isLast = number == Self.failures
            // No process survives a power cut.
            let next =
                failure == .powerCut ? .successor : Heir.allCases.randomElement(using: &random)!
            let phase = Phase(heir: heir, next: next, steps: randomSteps())
            let states = try fail(run, phase, failure, isLast ? Self.lastStates : 1)
            // A phase without calls has no failure, so there is no state to continue from.
            guard let state = states.first, found.isEmpty else { return }
            if isLast { try check(states, after: failure) }
            run = state
            heir = next
        }
    }

    /// A phase between two failures: the processes that begin it, those that must exist after it,
    /// and the workload.
    private struct Phase {
        var heir: Heir
        var next: Heir
        var steps: [FailureStep]
    }

    private mutating func randomSteps() -> [FailureStep] {
        var hasSnapshot = false
        return (0 ..< Int.random(in: 4 ... 9, using: &random)).map { _ in
            var step = FailureStep.allCases.randomElement(using: &random)!
            // A copy uses the only snapshot that a run has.
            if step == .copy, hasSnapshot { step = .snapshot }
            if step == .snapshot { hasSnapshot.toggle() }
            return step
        }
    }

    // MARK: One phase and its failure

    /// Runs a phase up to a failure; returns up to `count` states that it can leave, each at a
    /// different call.
    private mutating func fail(
        _ run: FailureRun, _ phase: Phase, _ failure: Failure, _ count: Int
    ) throws -> [FailureRun] {
        switch failure {
        case .kill: try kill(run, phase, count)
        case .powerCut: try cutPower(run, phase, count)
        case .failedCall: try failCall(run, phase)
        }
    }

    private mutating func kill(_ run: FailureRun, _ phase: Phase, _ count: Int) throws
        -> [FailureRun]
    {
        nonisolated(unsafe) var taken: [(call: Int, run: FailureRun)?] = .init(
            repeating: nil, count: count)
        nonisolated(unsafe) var random = SplitMix(state: self.random.next())
        nonisolated(unsafe) var calls = 0
        run.disk.onCall = { [unowned run] _ in
            calls += 1
            // The last selected call is each call with the same probability.
            for index in taken.indices where random.next() % UInt64(calls) == 0 {
                taken[index] = (calls - 1, run.killed())
            }
        }
        try go(run, phase)
        run.disk.onCall = nil
        run.abandon()
        let states = taken.compactMap { $0 }
        story.append("killed before call \(states.map(\.call)) of \(calls)")
        return states.map(\.run)
    }

    private mutating func cutPower(_ run: FailureRun, _ phase: Phase, _ count: Int) throws
        -> [FailureRun]
    {
        try go(run, phase)
        defer { run.abandon() }
        var images = CrashImages(of: run.disk)
        guard images.count > run.firstCall else { return [] }
        let positions = (0 ..< count).map { _ in
            Int.random(in: run.firstCall + 1 ... images.count, using: &random)
        }.sorted()
        mayHaveFailed = false
        story.append("power cut after call \(positions.map { $0 - run.firstCall })")
        return positions.map { position in
            while images.position < position { images.advance() }
            return run.cut(&images, seed: random.next() % 1000)
        }
    }

    private mutating func failCall(_ run: FailureRun, _ phase: Phase) throws -> [FailureRun] {
        // First on a copy, to count the calls.
        let trial = run.killed()
        try go(trial, phase, reports: false)
        let attempts = trial.disk.attempts
        trial.abandon()
        guard attempts > 0 else { return [] }
        let failing = Int.random(in: 0 ..< attempts, using: &random)
        let before = run.disk.attempts
        nonisolated(unsafe) var failed: String?
        run.disk.fault = { number, operation, path in
            guard number - before == failing else { return nil }
            failed = "\(operation) of \(path)"
            return operation == .write ? .shortWrite(EIO) : .error(EIO)
        }
        try go(run, phase, reports: false)
        run.disk.fault = nil
        run.closeAfterFailure()
        mayHaveFailed = true
        story.append("call \(failing) of \(attempts) failed (\(failed ?? "not reached"))")
        return [run.failed()]
    }

    /// Opens the heap, checks it and runs the workload. `reports` is false if a call fails, and
    /// errors are expected.
    private mutating func go(_ run: FailureRun, _ phase: Phase, reports: Bool = true) throws {
        let allowed = run.expected
        do {
            if try phase.heir == .successor || !run.open(beside: true) {
                if reports { mayHaveFailed = false }
                guard try run.open(beside: false) else { return }
            }
            if reports { try check(run, allowed) }
            if phase.heir == .both { try run.openAnother() }
            if phase.next != .successor { try run.holdBeside() }
            try run.run(phase.steps)
        } catch {
            // The copy's removal is a call of the workload itself.
            let isOfTheCall = !reports && (error is HeapError || error is SystemError)
            guard !isOfTheCall else { return }
            guard error is HeapError || error is FailureModelError else { throw error }
            // Every process is told to open the heap again.
            if mayHaveFailed, case .failed? = error as? HeapError { return }
            report("\(error) (\(phase.heir), \(phase.steps))")
        }
    }

    // MARK: Checking

    private mutating func check(_ run: FailureRun, _ allowed: ClosedRange<Int>) throws {
        checked += 1
        if let problem = try FailureModel.problem(in: run.engines[0], allowed: allowed) {
            report(problem)
        }
    }

    /// Opens the state left by the last failure; after a failed call, also the states left by a
    /// power cut at calls of that opening.
    private mutating func check(_ states: [FailureRun], after failure: Failure) throws {
        for (index, state) in states.enumerated() {
            let allowed = state.expected
            checked += 1
            if let problem = FailureModel.problem(on: state.disk, allowed: allowed) {
                report("state \(index): \(problem)")
            }
            guard failure == .failedCall else { continue }
            var images = CrashImages(of: state.disk, failureSeed: random.next() % 3)
            while images.position < images.count {
                images.advance()
                guard images.position > state.firstCall, random.next() % 8 == 0 else { continue }
                checked += 1
                let files = images.image(seed: random.next() % 1000)
                guard let problem = FailureModel.problem(inFiles: files, allowed: allowed) else {
                    continue
                }
                report("power cut after \(images.position - state.firstCall) more: \(problem)")
            }
        }
    }

    private mutating func report(_ problem: String) {
        guard found.count < 4 else { return }
        found.append("seed \(seed): \((story + [problem]).joined(separator: "; "))")
    }
}
