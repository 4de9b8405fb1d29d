import SimulatedDisk
import Testing

@testable import HoldfastEngine

/// The power is cut after every single call to the disk, and what was not synced is kept, dropped and torn in seeded ways.
@Suite struct PowerCutTests {
    /// What is allowed to open after each call: from the last durable commit to the last that had been published.
    private struct Recording {
        var disk: SimulatedDisk
        var workload: Workload
        var published: [Int]
        /// (calls made, commits durable then), ascending.
        var durable: [(calls: Int, commits: Int)]

        func allowed(afterCall call: Int) -> ClosedRange<Int> {
            let lower = durable.last { $0.calls <= call + 1 }?.commits ?? 0
            return lower ... max(lower, published[call])
        }
    }

    private func record(transactions: Int, seed: UInt64, lyingAbout suffix: String? = nil) throws -> Recording {
        let disk = SimulatedDisk()
        disk.liesAboutSyncOf = suffix
        var published: [Int] = []
        nonisolated(unsafe) weak var running: Workload?
        disk.onCall = { _ in published.append(running?.commits ?? 0) }
        let workload = try Workload(options: Workload.smallOptions, disk: disk, seed: seed)
        running = workload
        var durable: [(calls: Int, commits: Int)] = []
        var random = SplitMix(state: seed ^ 0xabcd)
        for number in 0 ..< transactions {
            // One transaction is larger than the whole log.
            if number == transactions / 3 {
                try workload.transaction(changes: 12, largest: 40_000, mayAbort: false)
            } else {
                try workload.transaction()
            }
            switch Int.random(in: 0 ..< 24, using: &random) {
            case 0 ..< 6: try workload.makeDurable()
            case 6: try workload.checkpoint()
            case 7 where number % 2 == 0: try workload.reopen()
            default: break
            }
            if durable.last?.commits != workload.durableCommits {
                durable.append((disk.journal.count, workload.durableCommits))
            }
        }
        disk.onCall = nil
        return Recording(disk: disk, workload: workload, published: published, durable: durable)
    }

    /// The first violation over all calls and seeds, and how many images were tried.
    private func firstViolation(in recording: Recording, seeds: Range<UInt64>) -> (violation: String?, images: Int) {
        var images = CrashImages(of: recording.disk)
        var tried = 0
        for call in 0 ..< images.count {
            images.advance()
            let range = recording.allowed(afterCall: call)
            for seed in seeds {
                tried += 1
                if let problem = recording.workload.problem(withFiles: images.image(seed: seed), allowing: range) {
                    return ("call \(call), seed \(seed): \(problem)", tried)
                }
            }
        }
        return (nil, tried)
    }

    @Test(arguments: [1 as UInt64, 2])
    func everyCallIsSurvived(seed: UInt64) throws {
        let recording = try record(transactions: 220, seed: seed)
        #expect(recording.workload.commits >= 180)
        let (violation, images) = firstViolation(in: recording, seeds: 0 ..< 4)
        #expect(violation == nil, "workload seed \(seed)")
        #expect(images > 3000)
    }

    /// Recovery is cut as well: opens crash images on a disk that records, and cuts that at every call.
    @Test func recoveryIsSurvived() throws {
        let recording = try record(transactions: 60, seed: 3)
        var images = CrashImages(of: recording.disk)
        var recoveries = 0
        for call in 0 ..< images.count {
            images.advance()
            guard call % 7 == 3 else { continue }
            let files = images.image(seed: 11)
            let range = recording.allowed(afterCall: call)
            guard files[recording.workload.path] != nil else { continue }
            let disk = SimulatedDisk(files: files)
            let start = disk.journal.count
            let engine = try HeapEngine(
                path: recording.workload.path, mode: .readWrite, options: recording.workload.options, disk: disk)
            // Which state it is was decided by the first recovery; the next ones must find that state or a later one.
            _ = engine
            var second = CrashImages(of: disk)
            for secondCall in 0 ..< second.count {
                second.advance()
                guard secondCall >= start else { continue }
                recoveries += 1
                for seed in 0 ..< 3 as Range<UInt64> {
                    let problem = recording.workload.problem(withFiles: second.image(seed: seed), allowing: range)
                    #expect(problem == nil, "call \(call), recovery's call \(secondCall), seed \(seed)")
                }
            }
        }
        #expect(recoveries > 50)
    }

    /// Takes the protection out: with one kind of sync skipped, the test above must find a violation.
    @Test(arguments: ["-log", ".heap"])
    func brokenOrderingIsFound(suffix: String) throws {
        let recording = try record(transactions: 120, seed: 4, lyingAbout: suffix)
        let (violation, _) = firstViolation(in: recording, seeds: 0 ..< 6)
        #expect(violation != nil, "skipping the syncs of \(suffix) went unnoticed")
    }

    /// A killed process leaves everything as it was at that call: no commit that was published may be missing.
    @Test func killAtEveryCall() throws {
        let disk = SimulatedDisk()
        disk.recordsContents = false
        var images: [(files: [String: [UInt8]], published: Int)] = []
        nonisolated(unsafe) weak var running: Workload?
        disk.onCall = { call in
            if call % 3 == 0 { images.append((disk.currentFiles(), running?.commits ?? 0)) }
        }
        let workload = try Workload(options: Workload.smallOptions, disk: disk, seed: 5)
        running = workload
        for number in 0 ..< 120 {
            try workload.transaction(changes: number == 50 ? 12 : nil, largest: number == 50 ? 40_000 : 5000)
            if number % 9 == 0 { try workload.makeDurable() }
            if number % 31 == 0 { try workload.checkpoint() }
            if number % 57 == 56 { try workload.reopen() }
        }
        disk.onCall = nil
        #expect(images.count > 40)
        for (index, image) in images.enumerated() {
            let problem = workload.problem(withFiles: image.files, allowing: image.published ... image.published)
            #expect(problem == nil, "image \(index)")
        }
    }
}
