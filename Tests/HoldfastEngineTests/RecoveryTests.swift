import HoldfastFormat
import TestSupport
import Testing

@testable import HoldfastEngine

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Recovery itself is interrupted, killed and made to fail at every one of its calls.
@Suite(.progress) struct RecoveryTests {
    /// A recovery that has run once on a disk with a journal.
    private struct Recovery {
        var files: [String: [UInt8]]
        var allowed: ClosedRange<Int>
        /// The commit that it opened.
        var opened: Int
        var disk: SimulatedDisk
        /// The journal's calls that are the recovery's own.
        var calls: Range<Int>
        /// The disk's contents before each of them.
        var before: [[String: [UInt8]]]
        /// Calls that could have failed.
        var attempts: Int
        var name: Comment
    }

    /// Calls `body` with a recovery of every `step`th crash image of the recording.
    private func forEachRecovery(
        _ recording: Recording, step: Int, _ body: (Recovery) throws -> Void
    ) throws {
        let workload = recording.workload
        var images = CrashImages(of: recording.disk)
        for call in 0 ..< images.count {
            images.advance()
            let files = images.image(seed: UInt64(call))
            guard call % step == 3, files[workload.path] != nil else { continue }
            let disk = SimulatedDisk(files: files)
            let start = disk.journal.count
            var before: [[String: [UInt8]]] = []
            disk.onCall = { [unowned disk] _ in before.append(disk.currentFiles()) }
            let engine = try HeapEngine(
                path: workload.path, mode: .readWrite, options: workload.options, disk: disk)
            disk.onCall = nil
            let opened = try workload.commit(in: engine)
            try body(
                Recovery(
                    files: files, allowed: recording.allowed(afterCall: call), opened: opened,
                    disk: disk,
                    calls: start ..< disk.journal.count, before: before, attempts: disk.attempts,
                    name: "power cut after call \(call)"))
            withExtendedLifetime(engine) {}
        }
    }

    /// Workloads whose checkpoints write records, and others whose checkpoints write summaries.
    private func recording(_ kind: Kind, seed: UInt64) throws -> Recording {
        switch kind {
        case .records: try Recording(transactions: 60, seed: seed)
        case .summaries: try Recording(transactions: 160, seed: seed, largest: 40)
        }
    }

    enum Kind: CaseIterable { case records, summaries }

    /// A second power cut: during recovery, everything that the first permitted may open; after it,
    /// only the state that the program has seen.
    @Test(arguments: Kind.allCases)
    func powerCutAtEveryCall(kind: Kind) throws {
        let recording = try recording(kind, seed: 3)
        var cuts = 0
        try forEachRecovery(recording, step: TestExtent.choose(quick: 83, full: 13)) { recovery in
            var images = CrashImages(of: recovery.disk)
            var distinct = DistinctFiles()
            while images.position < images.count {
                images.advance()
                guard images.position > recovery.calls.lowerBound else { continue }
                let isDone = images.position == images.count
                let allowed = isDone ? recovery.opened ... recovery.opened : recovery.allowed
                for seed in TestExtent.choose(quick: 0 ..< 1, full: 0 ..< 4) as Range<UInt64> {
                    cuts += 1
                    let files = images.image(seed: seed)
                    guard distinct.insert(files, allowing: allowed) else { continue }
                    let problem = recording.workload.problem(withFiles: files, allowing: allowed)
                    #expect(
                        problem == nil,
                        "\(recovery.name), then after call \(images.position), seed \(seed)")
                }
            }
        }
        #expect(cuts > TestExtent.choose(quick: 15, full: 500))
    }

    /// A kill and then, during or after recovery, a power cut: commits that recovery found only in
    /// the page cache must not be acknowledged before they are durable. Every file still has its
    /// unsynced changes, and the shared one was never synced at all.
    @Test(arguments: Kind.allCases)
    func powerCutAfterAKill(kind: Kind) throws {
        var killed: [(disk: SimulatedDisk, published: Int)] = []
        let recording =
            switch kind {
            case .records:
                try Recording(transactions: 120, seed: 12) { disk, call, published in
                    if call % TestExtent.choose(quick: 71, full: 11) == 5 {
                        killed.append((SimulatedDisk(afterKillOf: disk), published))
                    }
                }
            case .summaries:
                try Recording(transactions: 160, seed: 12, largest: 40) { disk, call, published in
                    if call % TestExtent.choose(quick: 71, full: 11) == 5 {
                        killed.append((SimulatedDisk(afterKillOf: disk), published))
                    }
                }
            }
        let (cuts, _) = try powerCuts(inRecoveriesOf: killed, recording)
        #expect(cuts > TestExtent.choose(quick: 15, full: 500))
    }

    /// The same after hundreds of small commits that nobody has synced, which recovery completes as
    /// a summary, with commits before it that are durable.
    @Test func powerCutAfterAKillOfManySmallCommits() throws {
        var options = Workload.smallOptions
        options.logLimit = 1 << 20
        options.initialLogBytes = 256 * 1024
        var killed: [(disk: SimulatedDisk, published: Int)] = []
        var last = 0
        let recording = try Recording(
            transactions: 1300, seed: 12, largest: 4, isRarelyDurable: true, options: options
        ) { disk, _, published in
            // The first call after them.
            if published - last > 300 {
                killed.append((SimulatedDisk(afterKillOf: disk), published))
            }
            last = published
        }
        let (cuts, summaries) = try powerCuts(inRecoveriesOf: killed, recording)
        #expect(cuts > TestExtent.choose(quick: 20, full: 60))
        #expect(summaries > 0)
    }

    /// Cuts the power within and after the recovery of each disk; returns how many times, and how
    /// many recoveries have written a summary.
    private func powerCuts(
        inRecoveriesOf killed: [(disk: SimulatedDisk, published: Int)], _ recording: Recording
    ) throws -> (cuts: Int, summaries: Int) {
        let workload = recording.workload
        var cuts = 0
        var summaries = 0
        for (disk, published) in killed where disk.exists(workload.path) {
            let calls = disk.journal.count
            let engine = try HeapEngine(
                path: workload.path, mode: .readWrite, options: workload.options, disk: disk)
            #expect(try workload.commit(in: engine) == published, "killed before call \(calls)")
            if writesSummary(disk.journal[calls...]) { summaries += 1 }
            let lower = recording.allowed(afterCall: calls - 1).lowerBound
            var images = CrashImages(of: disk)
            var distinct = DistinctFiles()
            while images.position < images.count {
                images.advance()
                guard images.position > calls else { continue }
                let isDone = images.position == images.count
                for seed in TestExtent.choose(quick: 0 ..< 2, full: 0 ..< 6) as Range<UInt64> {
                    cuts += 1
                    let files = images.image(seed: seed)
                    let allowed = (isDone ? published : lower) ... published
                    guard distinct.insert(files, allowing: allowed) else { continue }
                    let problem = workload.problem(withFiles: files, allowing: allowed)
                    #expect(
                        problem == nil,
                        "killed before call \(calls), cut after call \(images.position), seed \(seed)"
                    )
                }
            }
            withExtendedLifetime(engine) {}
        }
        return (cuts, summaries)
    }

    /// Whether a journal's calls write a summary to the durable log.
    private func writesSummary(_ calls: ArraySlice<SimulatedDisk.Call>) -> Bool {
        calls.contains { call in
            guard case .write(_, _, let bytes) = call else { return false }
            return bytes.withUnsafeBytes { LogRecord.decodeHeader($0)?.isSummary == true }
        }
    }

    /// A kill during recovery: the next one sees the same.
    @Test(arguments: Kind.allCases)
    func killAtEveryCall(kind: Kind) throws {
        let recording = try recording(kind, seed: 4)
        var kills = 0
        try forEachRecovery(recording, step: TestExtent.choose(quick: 83, full: 13)) { recovery in
            for (number, files) in recovery.before.enumerated() {
                kills += 1
                let problem = recording.workload.problem(
                    withFiles: files, allowing: recovery.opened ... recovery.opened)
                #expect(problem == nil, "\(recovery.name), then killed before call \(number)")
            }
        }
        #expect(kills > TestExtent.choose(quick: 12, full: 100))
    }

    /// A failing disk during recovery: the heap does not open, nothing traps, and later it opens as
    /// it would have.
    @Test(arguments: [EIO, ENOSPC], Kind.allCases)
    func failureAtEveryCall(code: Int32, kind: Kind) throws {
        let recording = try recording(kind, seed: 8)
        let workload = recording.workload
        var refusals = 0
        try forEachRecovery(recording, step: TestExtent.choose(quick: 127, full: 61)) { recovery in
            for failing in 0 ..< recovery.attempts
            where TestExtent.includes(failing, oneIn: 6) {
                let disk = SimulatedDisk(files: recovery.files)
                disk.fault = { attempt, _, _ in attempt == failing ? .error(code) : nil }
                do throws(HeapError) {
                    _ = try HeapEngine(
                        path: workload.path, mode: .readWrite, options: workload.options, disk: disk
                    )
                } catch {
                    refusals += 1
                }
                disk.fault = nil
                let problem = workload.problem(
                    withFiles: disk.currentFiles(), allowing: recovery.opened ... recovery.opened)
                #expect(problem == nil, "\(recovery.name), then error \(code) at call \(failing)")
                var images = CrashImages(of: disk)
                while images.position < images.count { images.advance() }
                let cut = workload.problem(
                    withFiles: images.image(seed: UInt64(failing)), allowing: recovery.allowed)
                #expect(
                    cut == nil,
                    "\(recovery.name), then error \(code) at call \(failing), then a power cut")
            }
        }
        #expect(refusals > TestExtent.choose(quick: 3, full: 50))
    }
}
