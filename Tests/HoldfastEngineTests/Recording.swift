import TestSupport

@testable import HoldfastEngine

/// A workload that has run on a disk with a journal, and the commits that may open if the machine
/// stops after any of its calls.
struct Recording {
    let disk: SimulatedDisk
    let workload: Workload
    /// Before each call: how many commits had been published.
    private(set) var published: [Int] = []
    /// The largest number of images that the opening had at a time.
    private(set) var mostImages = 0
    /// (calls made, commits durable then), ascending.
    private var durable: [(calls: Int, commits: Int)] = []

    /// Runs transactions, with all other operations of the engine between them; all choices come
    /// from `seed`.
    /// - Parameter largest: the usual maximum size of a block in bytes; one in ten is up to twenty
    ///   times as large.
    /// - Parameter isRarelyDurable: hundreds of commits between one sync or checkpoint and the
    ///   next.
    /// - Parameter besideReaders: threads of the same opening hold read transactions meanwhile, so
    ///   that it has several images. Each finds its own state unchanged when it ends.
    /// - Parameter usesSavepoints: transactions have nested savepoints, some of them undone.
    /// - Parameter suffix: skips the syncs of files with this suffix.
    /// - Parameter atCall: called before each call, with its number and the commits published by
    ///   then.
    init(
        transactions: Int, seed: UInt64, largest: Int = 5000, isRarelyDurable: Bool = false,
        besideReaders: Bool = false, usesSavepoints: Bool = false,
        options: EngineOptions = Workload.smallOptions, lyingAbout suffix: String? = nil,
        atCall: ((_ disk: SimulatedDisk, _ call: Int, _ published: Int) -> Void)? = nil
    ) throws {
        let disk = SimulatedDisk()
        disk.liesAboutSyncOf = suffix
        var published: [Int] = []
        nonisolated(unsafe) weak var running: Workload?
        disk.onCall = { [unowned disk] call in
            published.append(running?.commits ?? 0)
            atCall?(disk, call, running?.commits ?? 0)
        }
        let workload = try Workload(
            options: options, disk: disk, seed: seed, usesSavepoints: usesSavepoints)
        running = workload
        var random = SplitMix(state: seed ^ 0xabcd)
        var reads: [HeldRead<String?>] = []
        func endRead(_ index: Int) throws {
            let problems = reads.remove(at: index).end().compactMap { $0 }
            if let problem = problems.first { throw ReadProblem(text: problem) }
        }
        for number in 0 ..< transactions {
            // One transaction is larger than the whole log.
            if number == transactions / 3, !isRarelyDurable {
                try workload.transaction(changes: 12, largest: 40_000, mayAbort: false)
            } else {
                try workload.transaction(largest: largest)
            }
            let event = Int.random(in: 0 ..< 24, using: &random)
            switch isRarelyDurable ? (number % 600 == 599 ? 6 : number % 600 == 60 ? 0 : 23) : event
            {
            case 0 ..< 6: try workload.makeDurable()
            case 6: try workload.checkpoint()
            case 7 where number % 2 == 0:
                while !reads.isEmpty { try endRead(0) }
                try workload.reopen()
            case 8 ..< 12 where besideReaders && reads.count < 3:
                let (engine, commit) = (workload.engine, workload.commits)
                // The thread looks only while this one waits for it.
                nonisolated(unsafe) let states = workload
                reads.append(
                    HeldRead(engine) { _ in
                        do {
                            return try states.problem(with: engine, allowing: commit ... commit)
                        } catch { return "\(error)" }
                    })
            case 12 ..< 16 where !reads.isEmpty:
                try endRead(Int.random(in: 0 ..< reads.count, using: &random))
            default: break
            }
            mostImages = max(mostImages, workload.engine.pool.openImages.count)
            if durable.last?.commits != workload.durableCommits {
                durable.append((disk.journal.count, workload.durableCommits))
            }
        }
        while !reads.isEmpty { try endRead(0) }
        disk.onCall = nil
        self.disk = disk
        self.workload = workload
        self.published = published
    }

    /// What a reader found wrong in its state.
    private struct ReadProblem: Error { var text: String }

    /// After a power cut: from the last durable commit to the last published one.
    func allowed(afterCall call: Int) -> ClosedRange<Int> {
        let lower = durable.last { $0.calls <= call + 1 }?.commits ?? 0
        return lower ... max(lower, published[call])
    }

    /// The first violation over the calls and seeds of this extent, and the number of images tried.
    func firstViolation(seeds: Range<UInt64>) -> (violation: String?, images: Int) {
        var images = CrashImages(of: disk)
        var distinct = DistinctFiles()
        var tried = 0
        for call in 0 ..< images.count {
            images.advance()
            guard TestExtent.includes(call, oneIn: 3) else { continue }
            let range = allowed(afterCall: call)
            for seed in seeds {
                tried += 1
                let files = images.image(seed: seed)
                guard distinct.insert(files, allowing: range) else { continue }
                if let problem = workload.problem(withFiles: files, allowing: range) {
                    return ("call \(call), seed \(seed): \(problem)", tried)
                }
            }
        }
        return (nil, tried)
    }
}
