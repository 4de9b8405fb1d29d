import HoldfastSystem
import Testing
import TestSupport

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

@testable import HoldfastEngine

/// A failure of a process or its machine.
enum Failure: CaseIterable, CustomTestStringConvertible {
    case kill, powerCut, failedCall
    var testDescription: String { "\(self)" }
}

/// The processes that continue after the first failure.
enum Heir: CaseIterable, CustomTestStringConvertible {
    /// A process that has had the heap open all the time.
    case survivor
    /// A process that opens the heap when no other process has it open.
    case successor
    /// A survivor and, beside it, a process that opens the heap after the failure.
    case both
    var testDescription: String { "\(self)" }
}

/// Runs a workload up to a first failure, lets an heir continue up to a second, and checks the
/// result of opening the heap.
///
/// The pairs of calls are tried exhaustively, or only a part of them, the same in each run: every
/// `stride`th pair, selected by a hash of both calls.
struct FailureExplorer {
    let first: Failure
    let heir: Heir
    let second: Failure
    let stride: UInt64
    var seeds: Range<UInt64> = 0 ..< 3
    private(set) var tried = 0
    private(set) var found: [String] = []

    static let workload: [FailureStep] = [
        .commit, .sync, .commitOften, .checkpoint, .commitLong, .checkpoint, .commit, .commit,
        .sync, .compact,
        .snapshot, .commitOften, .checkpoint, .snapshot, .checkpoint, .copy, .reopen, .commit,
        .commitOften, .sync,
        .commit, .reopen,
    ]
    static let heirsWorkload: [FailureStep] = [
        .commit, .sync, .commitLong, .sync, .commitOften, .checkpoint, .commit, .reopen, .commit,
    ]

    init(first: Failure, heir: Heir, second: Failure, stride: UInt64) {
        self.first = first
        self.heir = heir
        self.second = second
        self.stride = stride
    }

    private func isChosen(_ one: Int, _ other: Int) -> Bool {
        stride <= 1 || SplitMix.hash(UInt64(one) &* 0x1_0000 &+ UInt64(other)) % root == 0
    }

    private mutating func note(_ problem: String?, _ place: @autoclosure () -> String) {
        tried += 1
        if let problem, found.count < 12 { found.append("\(place()): \(problem)") }
    }

    // MARK: The first failure

    mutating func explore() throws {
        switch first {
        case .kill: try exploreKills()
        case .powerCut: try exploreCuts()
        case .failedCall: try exploreFailedCalls()
        }
    }

    private mutating func exploreKills() throws {
        let run = FailureRun()
        nonisolated(unsafe) var killed: [(call: Int, run: FailureRun)] = []
        run.disk.onCall = { [unowned run] call in killed.append((call, run.killed())) }
        try run.openAnother()
        if heir != .successor { try run.holdBeside() }
        try run.run(Self.workload)
        run.disk.onCall = nil
        run.abandon()
        for (call, run) in killed { try goOn(run, after: call, "killed before call \(call)") }
    }

    private mutating func exploreCuts() throws {
        guard heir == .successor else { return }
        let run = FailureRun()
        try run.openAnother()
        try run.run(Self.workload)
        run.abandon()
        var images = CrashImages(of: run.disk)
        while images.position < images.count {
            images.advance()
            for seed in seeds {
                let call = images.position
                try goOn(
                    run.cut(&images, seed: seed), after: call,
                    "power cut after call \(call), seed \(seed)")
            }
        }
    }

    private mutating func exploreFailedCalls() throws {
        var attempt = 0
        var isDone = false
        while !isDone {
            defer { attempt += 1 }
            guard isChosen(attempt) else {
                // The number of calls becomes known only by running; the last one is found in any
                // case.
                if attempt > 20_000 { isDone = true }
                continue
            }
            let run = FailureRun()
            let failing = attempt
            nonisolated(unsafe) var failed: String?
            run.disk.fault = { number, operation, path in
                guard number == failing else { return nil }
                failed = "\(operation) of \(path)"
                return operation == .write ? .shortWrite(EIO) : .error(EIO)
            }
            var thrown: (any Error)?
            do {
                try run.openAnother()
                if heir != .successor { try run.holdBeside() }
                try run.run(Self.workload)
            } catch { thrown = error }
            run.disk.fault = nil
            guard let failed else {
                isDone = true
                run.abandon()
                continue
            }
            // The copy's removal is a call of the workload itself.
            guard thrown == nil || thrown is HeapError || thrown is SystemError else {
                throw thrown!
            }
            let place = "call \(attempt) (\(failed)) failed"
            run.closeAfterFailure()
            let after = FailureRun(disk: run.disk, after: run)
            try goOn(after, after: attempt, place)
        }
    }

    // MARK: The second

    private mutating func goOn(_ run: FailureRun, after call: Int, _ place: String) throws {
        guard run.disk.exists(FailureModel.path), isChosen(call) else { return }
        switch second {
        case .powerCut:
            guard try start(run, place) else { return }
            defer { run.abandon() }
            goOn(run, place)
            var images = CrashImages(of: run.disk)
            while images.position < images.count {
                images.advance()
                guard images.position > run.firstCall else { continue }
                for seed in seeds where isChosen(call, images.position * 8 + Int(seed)) {
                    let allowed = run.allowed(after: images.position)
                    let second = images.position - run.firstCall
                    note(
                        FailureModel.problem(inFiles: images.image(seed: seed), allowed: allowed),
                        place + ", power cut after \(second) more, seed \(seed)")
                }
            }
        case .kill:
            nonisolated(unsafe) var killed: [(call: Int, run: FailureRun)] = []
            let isChosen = { [self] in self.isChosen(call, $0) }
            run.disk.onCall = { [unowned run] second in
                let more = second - run.firstCall
                if isChosen(more) { killed.append((more, run.killed())) }
            }
            guard try start(run, place) else { return }
            goOn(run, place)
            run.disk.onCall = nil
            run.abandon()
            for (more, killed) in killed {
                let allowed =
                    killed.published ... killed.allowed(after: killed.firstCall).upperBound
                note(
                    FailureModel.problem(
                        on: killed.disk,
                        allowed: min(allowed.lowerBound, allowed.upperBound)
                            ... allowed.upperBound),
                    place + ", killed before \(more) more")
            }
        case .failedCall: try failLater(run, after: call, place)
        }
    }

    private mutating func goOn(_ run: FailureRun, _ place: String) {
        do { try run.run(Self.heirsWorkload) } catch {
            // After a failed write or sync, every process is told to open the heap again.
            if first == .failedCall, case .failed? = error as? HeapError { return }
            note("\(error)", place + ", going on")
        }
    }

    /// Selects the square root of the stride among first failures, and again among second ones.
    private func isChosen(_ call: Int) -> Bool {
        stride <= 1 || SplitMix.hash(UInt64(call)) % root == 0
    }

    private var root: UInt64 { max(1, UInt64(Double(stride).squareRoot())) }

    private mutating func failLater(_ run: FailureRun, after call: Int, _ place: String) throws {
        var attempt = 0
        var isDone = false
        while !isDone, attempt < 2000 {
            defer { attempt += 1 }
            guard isChosen(call, attempt) else { continue }
            let copy = run.killed()
            let failing = attempt
            let before = copy.disk.attempts
            nonisolated(unsafe) var failed: String?
            copy.disk.fault = { number, operation, path in
                guard number - before == failing else { return nil }
                failed = "\(operation) of \(path)"
                return operation == .write ? .shortWrite(EIO) : .error(EIO)
            }
            var isThere = true
            do {
                isThere = try copy.open(beside: heir != .successor)
                if isThere, heir == .both { try copy.openAnother() }
                if isThere { try copy.run(Self.heirsWorkload) }
            } catch { guard error is HeapError else { throw error } }
            copy.disk.fault = nil
            guard isThere else { return }
            guard let failed else {
                isDone = true
                copy.abandon()
                continue
            }
            copy.closeAfterFailure()
            // Opened again, the heap must be whole, and durable commits must survive a power cut at
            // any later time.
            let start = copy.disk.journal.count
            let allowed = copy.allowed(after: start)
            let situation = place + ", then call \(attempt) (\(failed)) failed"
            note(FailureModel.problem(on: copy.disk, allowed: allowed), situation)
            var images = CrashImages(of: copy.disk)
            while images.position < images.count {
                images.advance()
                guard images.position > start, isChosen(attempt, images.position + call) else {
                    continue
                }
                note(
                    FailureModel.problem(
                        inFiles: images.image(seed: UInt64(images.position)), allowed: allowed),
                    situation + ", power cut after \(images.position - start) more")
            }
        }
    }

    /// Lets the heir open the heap; false if it did not exist at that time.
    private mutating func start(_ run: FailureRun, _ place: String) throws -> Bool {
        do {
            guard try run.open(beside: heir != .successor) else { return false }
            if heir == .both { try run.openAnother() }
            return true
        } catch let error as HeapError {
            note("\(error)", place + ", opening")
            return false
        }
    }
}

extension SplitMix {
    static func hash(_ value: UInt64) -> UInt64 {
        var random = SplitMix(state: value)
        return random.next()
    }
}
