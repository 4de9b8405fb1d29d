import Testing
import TestSupport

@testable import HoldfastEngine

/// The power is cut after every call to the disk while several openings of a heap, standing for
/// several processes, write, sync, checkpoint, compact, copy, open and close, are suspended and
/// killed, and keep views.
@Suite(.progress) struct SharedPowerCutTests {
    /// A copy that was being made, or is complete.
    private struct Copy {
        var path: String
        var commit: Int
        /// Calls by the end of its creation; from then on it must exist.
        var calls: Int
    }

    private final class Run {
        let disk = SimulatedDisk()
        var workload: Workload!
        /// Commits published before each call, and (calls, commits durable by then).
        var published: [Int] = []
        var durable: [(calls: Int, commits: Int)] = []
        var copies: [Copy] = []
        var problems: [String] = []

        init(processes: Int, transactions: Int, seed: UInt64, largest: Int, options: EngineOptions)
            throws
        {
            disk.onCall = { [unowned self] _ in published.append(workload?.commits ?? 0) }
            workload = try Workload(options: options, disk: disk, seed: seed, processes: processes)
            var random = SplitMix(state: seed ^ 0x5678)
            var snapshot: (engine: HeapEngine, commit: Int)?
            for number in 0 ..< transactions {
                workload.useAnyProcess()
                try workload.transaction(
                    largest: number == transactions / 2 ? largest * 8 : largest)
                workload.useAnyProcess()
                switch Int.random(in: 0 ..< 40, using: &random) {
                case 0 ..< 6: try workload.makeDurable()
                case 6 ..< 8: try workload.checkpoint()
                case 8: try workload.compact()
                case 9: try workload.reopen()
                case 10: try workload.killProcess()
                case 11 where copies.count < 3: try copy()
                case 12 ..< 14 where snapshot == nil:
                    snapshot = (try openSnapshot(), workload.commits)
                case 14 ..< 18:
                    if let (engine, commit) = snapshot {
                        note(
                            try workload.problem(with: engine, allowing: commit ... commit),
                            "a snapshot of commit \(commit)")
                        try engine.close()
                        snapshot = nil
                    }
                case 18 ..< 21:
                    note(
                        try workload.problem(
                            with: workload.engine, allowing: workload.commits ... workload.commits),
                        "another process after commit \(workload.commits)")
                case 21 ..< 24: try workload.suspend()
                default: break
                }
                if durable.last?.commits != workload.durableCommits {
                    durable.append((disk.journal.count, workload.durableCommits))
                }
            }
            try snapshot?.engine.close()
            for _ in 0 ..< processes {
                try workload.engine.close()
                workload.useAnyProcess()
            }
            disk.onCall = nil
        }

        private func note(_ problem: String?, _ place: String) {
            if let problem { problems.append("\(place): \(problem)") }
        }

        private func openSnapshot() throws -> HeapEngine {
            var options = workload.options
            options.isSnapshot = true
            return try HeapEngine(
                path: workload.path, mode: .readOnly, options: options, disk: disk)
        }

        private func copy() throws {
            let path = "/sim/copy\(copies.count).heap"
            copies.append(Copy(path: path, commit: workload.commits, calls: .max))
            let snapshot = try openSnapshot()
            try snapshot.writeCopy(to: path)
            try snapshot.close()
            copies[copies.count - 1].calls = disk.journal.count
        }

        func firstViolation(seeds: Range<UInt64>) -> (violation: String?, images: Int) {
            var images = CrashImages(of: disk)
            var distinct = DistinctFiles()
            var tried = 0
            for call in 0 ..< images.count {
                images.advance()
                guard TestExtent.includes(call, oneIn: 6) else { continue }
                let lower = durable.last { $0.calls <= call + 1 }?.commits ?? 0
                let range = lower ... max(lower, published[call])
                for seed in seeds {
                    tried += 1
                    let files = images.image(seed: seed)
                    if distinct.insert(files, allowing: range),
                        let problem = workload.problem(withFiles: files, allowing: range)
                    {
                        return ("call \(call), seed \(seed): \(problem)", tried)
                    }
                    // A copy no longer changes, so it is checked only while it is made and for a
                    // while after.
                    for copy in copies where call < copy.calls || call < copy.calls + 40 {
                        guard files[copy.path] != nil else {
                            if call + 1 >= copy.calls {
                                return (
                                    "call \(call), seed \(seed): \(copy.path) is missing", tried
                                )
                            }
                            continue
                        }
                        let commit = copy.commit ... copy.commit
                        if distinct.insert(files, allowing: commit, at: copy.path),
                            let problem = workload.problem(
                                withFiles: files, allowing: commit, at: copy.path)
                        {
                            return ("call \(call), seed \(seed), \(copy.path): \(problem)", tried)
                        }
                    }
                }
            }
            return (nil, tried)
        }
    }

    /// Heaps that grow beyond the first 256 pages, whose descriptors and checksums then lie in
    /// separate parts.
    @Test(arguments: [(2, 21), (3, 22), (4, 23), (3, 24)] as [(Int, UInt64)])
    func everyCallIsSurvived(processes: Int, seed: UInt64) throws {
        try attack(
            processes: processes, transactions: 260, seed: seed, largest: 4000,
            seeds: TestExtent.choose(quick: 0 ..< 1, full: 0 ..< 12),
            atLeast: TestExtent.choose(quick: 30, full: 3000))
    }

    /// Small heaps, which open quickly, so that very many images can be tried.
    @Test(arguments: [(2, 31), (3, 32), (4, 33), (5, 34)] as [(Int, UInt64)])
    func everyCallIsSurvivedInSmallHeaps(processes: Int, seed: UInt64) throws {
        try attack(
            processes: processes, transactions: 800, seed: seed, largest: 200,
            seeds: TestExtent.choose(quick: 0 ..< 2, full: 0 ..< 24),
            atLeast: TestExtent.choose(quick: 100, full: 10_000))
    }

    private func attack(
        processes: Int, transactions: Int, seed: UInt64, largest: Int, seeds: Range<UInt64>,
        atLeast expected: Int
    ) throws {
        let run = try Run(
            processes: processes, transactions: transactions, seed: seed, largest: largest,
            options: Workload.smallOptions)
        #expect(run.problems == [])
        #expect(run.workload.commits >= transactions * 3 / 4)
        let (violation, images) = run.firstViolation(seeds: seeds)
        #expect(violation == nil, "workload seed \(seed)")
        #expect(images >= expected)
    }
}
