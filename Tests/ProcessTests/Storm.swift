import Foundation
import Holdfast
import HoldfastInspection
import test_worker
import TestSupport

/// Processes that share a heap and are killed at random moments, and restarted.
final class Storm {
    struct Plan {
        var name: String
        var seats: [String]
        var kills: Int
        var seed: UInt64
        /// How many kills in a hundred hit all processes at once.
        var ofAll: Int
        /// Starts the worker with this number.
        var starting:
            (_ number: Int, _ arguments: [String], _ errors: String) throws ->
                ChildProcess = { try ChildProcess(testWorker, $1, errors: $2) }
    }

    struct Failed: Error, CustomStringConvertible { var description: String }

    let plan: Plan
    let folder: TemporaryFolder
    let board: Scoreboard
    private var random: SplitMix
    private var processes: [ChildProcess?]
    private var starts = 0
    private let began = ContinuousClock.now

    // Counts of operations, for the figures.
    private(set) var kills = 0
    private(set) var killsByPhase: [Scoreboard.Phase: Int] = [:]
    private(set) var killsInWrite = 0
    private(set) var killsInCommit = 0
    private(set) var killsOfAll = 0
    private(set) var powerCuts = 0
    private(set) var newHeaps = 0
    private(set) var totals: [Scoreboard.Word: UInt64] = [:]
    private(set) var longestWait: UInt64 = 0

    init(_ plan: Plan) throws {
        self.plan = plan
        folder = try TemporaryFolder()
        board = try Scoreboard(folder.file("board"))
        random = SplitMix(state: plan.seed)
        processes = Array(repeating: nil, count: plan.seats.count)
    }

    private var path: String { folder.file("storm.heap") }

    /// Runs until all kills have been made, and throws at the first violation.
    func run() throws {
        do {
            while kills < plan.kills {
                for seat in processes.indices where processes[seat] == nil { try start(seat) }
                if Int.random(in: 0 ..< 100, using: &random) < plan.ofAll {
                    try killAll()
                } else {
                    try killOne()
                }
                try requireNoReport()
            }
            for seat in processes.indices where processes[seat] == nil { try start(seat) }
            try endAll()
        } catch {
            for process in processes { process?.destroy() }
            throw Failed(
                description:
                    "\(plan.name), seed \(plan.seed), after \(kills) kills: \(error)\n\(text("report"))\(text("errors"))"
            )
        }
    }

    private func text(_ name: String) -> String {
        (try? String(contentsOfFile: folder.file(name), encoding: .utf8)) ?? ""
    }

    private func requireNoReport() throws {
        guard text("report").isEmpty else { throw Failed(description: "a process reports") }
        for (seat, process) in processes.enumerated() {
            if let end = process?.poll() {
                throw Failed(description: "seat \(seat) ended by itself: \(end)")
            }
        }
    }

    private func start(_ seat: Int) throws {
        starts += 1
        board[seat, .phase] = Scoreboard.Phase.starting.rawValue
        let seed = plan.seed &* 1_000_003 &+ UInt64(starts)
        processes[seat] = try plan.starting(
            starts, ["storm", folder.path, "\(seat)", plan.seats[seat], "\(seed)"],
            folder.file("errors"))
    }

    // MARK: Killing

    /// A duration of any order of magnitude up to `most` microseconds.
    private func pause(upTo most: Double) {
        usleep(UInt32(exp(Double.random(in: 0 ... log(most), using: &random))))
    }

    /// Kills a process that is busy; each kind of activity gets the same share of kills.
    private func killOne() throws {
        let phase = Scoreboard.Phase.allCases.randomElement(using: &random)!
        // A transaction is very short, so this waits for its most informative parts: its body and
        // its commit.
        let inside: UInt64? = phase == .writing ? UInt64.random(in: 1 ... 2, using: &random) : nil
        var seat: Int?
        let deadline = ContinuousClock.now + .milliseconds(40)
        while seat == nil, ContinuousClock.now < deadline {
            let all = processes.indices.filter { processes[$0] != nil }
            if let inside {
                seat = all.filter { board[$0, .inside] == inside }.randomElement(using: &random)
            } else {
                seat = all.filter { board.phase($0) == phase }.randomElement(using: &random)
                if seat == nil { usleep(100) }
            }
        }
        if let seat, inside != nil {
            if Bool.random(using: &random) { pause(upTo: 200) }
            return try kill([seat])
        }
        // Starting processes are hardly ever hit by chance.
        pause(upTo: phase == .starting ? 60_000 : 3000)
        try kill([seat ?? processes.indices.randomElement(using: &random)!])
    }

    private func kill(_ seats: [Int]) throws {
        for seat in seats {
            guard let process = processes[seat] else { continue }
            if let end = process.poll() {
                throw Failed(description: "seat \(seat) ended by itself: \(end)")
            }
            process.send(signal: SIGKILL)
        }
        // Others then find processes that are dead but not reaped.
        if Bool.random(using: &random) { pause(upTo: 5000) }
        for seat in seats {
            guard let process = processes[seat] else { continue }
            let end = process.waitForEnd()
            guard end == .signalled(SIGKILL) else {
                throw Failed(description: "seat \(seat) ended by itself: \(end)")
            }
            processes[seat] = nil
            kills += 1
            killsByPhase[board.phase(seat), default: 0] += 1
            if board[seat, .inside] == 1 { killsInWrite += 1 }
            if board[seat, .inside] == 2 { killsInCommit += 1 }
        }
    }

    /// No process is left, as after a crash of the machine; then the heap is opened by new
    /// processes, or checked first.
    private func killAll() throws {
        pause(upTo: 200_000)
        try kill(Array(processes.indices))
        killsOfAll += 1
        switch Int.random(in: 0 ..< 10, using: &random) {
        case 0 ..< 3: break
        case 3 ..< 5: try verify(floor: .returned, mode: .readOnly)
        case 5 ..< 7:
            try verify(floor: .returned, mode: .readWrite)
            if Bool.random(using: &random) { try startAnew() }
        default:
            // The shared file is never synced: a power cut loses it, and keeps at least the synced
            // data.
            guard FileManager.default.fileExists(atPath: path) else { return }
            try? FileManager.default.removeItem(atPath: path + "-shared")
            powerCuts += 1
            try verify(floor: .synced, mode: .readWrite)
        }
    }

    /// Opens the heap without other processes, checks everything, and closes it.
    private func verify(floor: Scoreboard.Word, mode: OpenMode) throws {
        let isThere = FileManager.default.fileExists(atPath: path)
        guard isThere || mode == .readWrite else { return }
        let promised = board.all(floor)
        let heap = try PersistentHeap.open(path, mode: mode)
        let found = try heap.read { tx -> [UInt64] in
            guard let roots = try StormHeap(tx) else {
                guard promised.allSatisfy({ $0 == 0 }) else {
                    throw Failed(description: "after all were killed: the heap is empty")
                }
                return Array(repeating: 0, count: Scoreboard.seats)
            }
            if let problem = roots.problem(floor: promised)
                ?? roots.problem(ceiling: board.all(.started))
            {
                throw Failed(description: "after all were killed, of what was \(floor): \(problem)")
            }
            return (0 ..< Scoreboard.seats).map { roots.sequence(of: $0) }
        }
        let result = try heap.check()
        guard result.isSound else {
            throw Failed(description: "after all were killed: the check says \(result)")
        }
        try heap.close()
        guard mode == .readWrite else { return }
        guard !folder.names.contains("storm.heap-log"), !folder.names.contains("storm.heap-shared")
        else {
            throw Failed(description: "a heap at rest has files beside it: \(folder.names)")
        }
        // Closing has made all commits durable.
        for (seat, sequence) in found.enumerated() {
            for word in [Scoreboard.Word.started, .returned, .synced] {
                board[seat, word] = sequence
            }
        }
    }

    /// So that the kills also hit processes that create the heap.
    private func startAnew() throws {
        for name in folder.names where name.hasPrefix("storm.heap") {
            try FileManager.default.removeItem(atPath: folder.file(name))
        }
        for seat in plan.seats.indices {
            for word in [Scoreboard.Word.started, .returned, .synced] { board[seat, word] = 0 }
        }
        newHeaps += 1
    }

    // MARK: The end

    private func endAll() throws {
        // The process that the last kill hit may have been removing the files beside the heap. Its
        // successor completes that, unless it is asked to end before it opens the heap.
        for seat in processes.indices {
            while board.phase(seat) == .starting {
                try requireNoReport()
                usleep(1000)
            }
        }
        // Readers first: a reader that was alone, and so could not register, keeps the log there as
        // long as it reads.
        let readers = processes.indices.filter { plan.seats[$0] == "reader" }
        for group in [readers, processes.indices.filter { !readers.contains($0) }] {
            for seat in group { processes[seat]?.send("end") }
            for seat in group {
                guard let end = processes[seat]?.waitForEnd(), end != .exited(0) else { continue }
                throw Failed(description: "seat \(seat) was asked to end, and did so with \(end)")
            }
        }
        guard text("report").isEmpty else { throw Failed(description: "a process reports") }
        guard !folder.names.contains("storm.heap-log"), !folder.names.contains("storm.heap-shared")
        else {
            throw Failed(description: "all have closed the heap, but there is \(folder.names)")
        }
        try verify(floor: .returned, mode: .readWrite)
        for word in Scoreboard.Word.allCases { totals[word] = board.sum(word) }
        longestWait = board.all(.longestWait).max() ?? 0
    }

    /// One line per figure, for scripts.
    var figures: [String] {
        let seconds = Double(began.duration(to: .now) / .milliseconds(1)) / 1000
        let phases = Scoreboard.Phase.allCases.map { "\($0) \(killsByPhase[$0] ?? 0)" }.joined(
            separator: ", ")
        func total(_ word: Scoreboard.Word) -> String { "\(totals[word] ?? 0)" }
        return [
            "seed = \(plan.seed)", "processes at a time = \(plan.seats.count)", "kills = \(kills)",
            "seconds = \(seconds)",
            "all killed at once = \(killsOfAll)",
            "of these with the shared file lost = \(powerCuts)",
            "heaps made anew = \(newHeaps)",
            "killed inside a write transaction = \(killsInWrite)",
            "killed inside a commit = \(killsInCommit)",
            "killed while = \(phases)",
            "openings = \(total(.openings))", "commits = \(total(.commits))",
            "views checked = \(total(.views))",
            "snapshots = \(total(.snapshots))", "copies = \(total(.copies))",
            "checks and syncs = \(total(.checks))",
            "checkpoints = \(total(.checkpoints))", "compactions = \(total(.compactions))",
            "builds = \(total(.builds))",
            "closings = \(total(.closings))",
            "longest wait to begin a write, ms = \(longestWait / 1_000_000)",
        ].map { "FIGURE \(plan.name): \($0)" }
    }
}
