import Testing
import TestSupport

@testable import HoldfastEngine

/// The power is cut after every call to the disk while a heap is built without a log: its path has
/// the previous file, or the whole new heap.
@Suite(.progress) struct BulkBuildPowerCutTests {
    /// A build on a disk that may have another heap at the same path, at rest or after a crash.
    private final class Build {
        let disk: SimulatedDisk
        let before: Workload?
        let built: Workload
        /// Calls made before the build began, and by its end.
        let firstCall: Int
        let lastCall: Int

        init(
            seed: UInt64, over before: Workload?, on disk: SimulatedDisk,
            lyingAbout suffix: String? = nil
        ) throws {
            self.disk = disk
            self.before = before
            firstCall = disk.journal.count
            disk.liesAboutSyncOf = suffix
            built = try Workload(
                options: Workload.smallOptions, disk: disk, seed: seed, mode: .bulkBuild)
            for _ in 0 ..< 60 { try built.transaction(largest: 2000, mayAbort: false) }
            try built.engine.finishBuild(replacing: before != nil)
            lastCall = disk.journal.count
            try built.engine.close()
        }

        func firstViolation(seeds: Range<UInt64>) -> (violation: String?, images: Int) {
            var images = CrashImages(of: disk)
            var distinct = DistinctFiles()
            var tried = 0
            for call in 0 ..< images.count {
                images.advance()
                guard call >= firstCall else { continue }
                let isOver = call + 1 >= lastCall
                for seed in seeds {
                    tried += 1
                    let files = images.image(seed: seed)
                    guard distinct.insert(files, allowing: 0 ... (isOver ? 1 : 0)) else { continue }
                    if let problem = problem(with: files, isOver: isOver) {
                        return (
                            "call \(call) of \(firstCall)...\(lastCall), seed \(seed): \(problem)",
                            tried
                        )
                    }
                }
            }
            return (nil, tried)
        }

        private func problem(with files: [String: [UInt8]], isOver: Bool) -> String? {
            let path = built.path
            guard files[path] != nil else {
                return before == nil && !isOver ? nil : "there is no heap"
            }
            let whole = built.problem(withFiles: files, allowing: built.commits ... built.commits)
            if whole == nil || isOver { return whole }
            guard let before else { return whole }
            let old = before.problem(
                withFiles: files, allowing: before.durableCommits ... before.commits)
            return old.map { "neither the new heap (\(whole!)) nor the old one (\($0))" }
        }
    }

    private static func oldHeap(on disk: SimulatedDisk, isAtRest: Bool) throws -> Workload {
        let workload = try Workload(options: Workload.smallOptions, disk: disk, seed: 77)
        for _ in 0 ..< 20 { try workload.transaction() }
        try workload.makeDurable()
        for _ in 0 ..< 5 { try workload.transaction() }
        if isAtRest { try workload.reopen() }
        try workload.leave(cleanly: isAtRest)
        return workload
    }

    @Test(arguments: [41 as UInt64, 42])
    func nothingOrEverything(seed: UInt64) throws {
        let (violation, images) = try Build(seed: seed, over: nil, on: SimulatedDisk())
            .firstViolation(seeds: TestExtent.choose(quick: 0 ..< 5, full: 0 ..< 40))
        #expect(violation == nil)
        #expect(images >= TestExtent.choose(quick: 37, full: 300))
    }

    @Test(arguments: [true, false])
    func theOldOrTheNew(isAtRest: Bool) throws {
        let disk = SimulatedDisk()
        let old = try Self.oldHeap(on: disk, isAtRest: isAtRest)
        let (violation, images) = try Build(seed: 43, over: old, on: disk).firstViolation(
            seeds: TestExtent.choose(quick: 0 ..< 5, full: 0 ..< 40))
        #expect(violation == nil)
        #expect(images >= TestExtent.choose(quick: 37, full: 300))
    }

    /// Removes the protection: a file that gets its name before it is durable must be detected.
    @Test func namingTooEarlyIsFound() throws {
        let (violation, _) = try Build(seed: 44, over: nil, on: SimulatedDisk(), lyingAbout: "-new")
            .firstViolation(
                seeds: TestExtent.choose(quick: 0 ..< 5, full: 0 ..< 40))
        #expect(violation != nil)
    }
}
