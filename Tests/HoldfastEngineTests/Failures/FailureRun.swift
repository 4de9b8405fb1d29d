import HoldfastFormat
import HoldfastSystem
import TestSupport

@testable import HoldfastEngine

/// One step of a small workload.
enum FailureStep: CaseIterable {
    case commit
    /// Commits until the block that is longer than the ring has been rewritten: the ring grows.
    case commitLong
    /// So many commits of the same pages that a checkpoint writes a summary of them.
    case commitOften
    case sync, checkpoint, compact, copy, reopen, snapshot
}

/// Openings of a heap on a simulated disk that continue from one failure to the next, and the
/// knowledge about the heap at each call: which commits were published, and which were durable.
final class FailureRun {
    /// Before call number `calls` of the disk's journal: the oldest commit that may be opened after
    /// a power cut, and the newest.
    private struct Mark {
        var calls: Int
        var durable: Int
        var newest: Int
    }

    let disk: SimulatedDisk
    /// Opening 0 acts; another may be open beside it.
    private(set) var engines: [HeapEngine] = []
    /// Holds the presence lock of a process that has the heap open and does nothing.
    private var holder: (any DiskFile)?
    private(set) var published: Int
    private(set) var durable: Int
    private var attempted: Int
    private var marks: [Mark] = []
    private var snapshot: (engine: HeapEngine, commit: Int)?
    let firstCall: Int
    /// Whether another process had the heap open at the last failure, and has survived it.
    private var hasSurvivor = false

    init(disk: SimulatedDisk = SimulatedDisk(), published: Int = -1, durable: Int = -1) {
        self.disk = disk
        self.published = published
        self.durable = durable
        attempted = published
        firstCall = disk.journal.count
        mark()
    }

    /// Continues with the contents of `other`'s disk.
    convenience init(disk: SimulatedDisk, after other: FailureRun) {
        self.init(disk: disk, published: other.published, durable: other.durable)
        attempted = other.attempted
        marks[0].newest = max(published, attempted)
        hasSurvivor = other.hasSurvivor || other.holder != nil
    }

    /// Closes everything, as the guide prescribes after an error; errors are expected.
    func closeAfterFailure() {
        try? snapshot?.engine.close()
        snapshot = nil
        for engine in engines { try? engine.close() }
        hasSurvivor = holder != nil
        abandon()
    }

    private func mark() {
        marks.append(
            Mark(calls: disk.journal.count, durable: durable, newest: max(published, attempted)))
    }

    /// The commits that may be opened if the power is cut after `calls` calls.
    func allowed(after calls: Int) -> ClosedRange<Int> {
        let past = marks.last { $0.calls <= calls } ?? marks[0]
        return past.durable ... max(past.durable, past.newest)
    }

    // MARK: Openings

    /// Opens the heap as the last failure has left it. `beside`: another process has had it open
    /// all the time. Returns false if there was no such process.
    func open(beside: Bool) throws -> Bool {
        if beside {
            guard hasSurvivor else { return false }
            let file = try disk.open(FailureModel.path, .readWrite)
            guard try file.tryLock(.presence, exclusive: false) else {
                throw FailureModelError(description: "a survivor has lost its lock")
            }
            holder = file
        }
        try openAnother()
        let value = try FailureModel.value(in: engines[0])
        published = value
        attempted = value
        mark()
        return true
    }

    /// Another process opens the heap now, and does nothing; no effect if one already has.
    func holdBeside() throws {
        guard holder == nil else { return }
        let file = try disk.open(FailureModel.path, .readWrite)
        guard try file.tryLock(.presence, exclusive: false) else {
            throw FailureModelError(description: "the heap could not be held open")
        }
        holder = file
    }

    func openAnother() throws {
        engines.append(
            try HeapEngine(
                path: FailureModel.path, mode: .readWrite, options: FailureModel.options, disk: disk
            ))
    }

    /// Releases everything, like a process that is killed between two calls.
    func abandon() {
        for engine in engines {
            engine.heap.lifecycle.close()
            engine.file?.close()
        }
        engines = []
        snapshot?.engine.heap.lifecycle.close()
        snapshot?.engine.file?.close()
        snapshot = nil
        holder?.close()
        holder = nil
    }

    // MARK: Steps

    func run(_ steps: [FailureStep]) throws {
        if published < 0 { try commit() }
        for step in steps { try run(step) }
    }

    private func run(_ step: FailureStep) throws {
        if engines.count > 1 { engines.swapAt(0, 1) }
        switch step {
        case .commit: try commit()
        case .commitLong:
            repeat { try commit() } while published % 9 != 4
        case .commitOften: for _ in 0 ..< 14 { try commit() }
        case .sync:
            try engines[0].makeDurable()
            becameDurable()
        case .checkpoint:
            try engines[0].checkpoint()
            if isLogEmpty { becameDurable() }
        case .compact:
            _ = try engines[0].compact()
            if isLogEmpty { becameDurable() }
        case .copy:
            try disk.remove(FailureModel.copyPath)
            try openSnapshot().engine.writeCopy(to: FailureModel.copyPath)
            try closeSnapshot()
        case .reopen:
            try engines[0].close()
            becameDurable()
            engines[0] = try HeapEngine(
                path: FailureModel.path, mode: .readWrite, options: FailureModel.options, disk: disk
            )
        case .snapshot:
            if snapshot == nil { _ = try openSnapshot() } else { try closeSnapshot() }
        }
    }

    private var isLogEmpty: Bool { engines[0].heap.log.ifJoined?.usedBytes ?? 0 == 0 }

    private func commit() throws {
        attempted = published + 1
        mark()
        try FailureModel.commit(attempted, in: engines[0])
        published = attempted
        mark()
    }

    private func becameDurable() {
        durable = published
        mark()
    }

    private func openSnapshot() throws -> (engine: HeapEngine, commit: Int) {
        var options = FailureModel.options
        options.isSnapshot = true
        let engine = try HeapEngine(
            path: FailureModel.path, mode: .readOnly, options: options, disk: disk)
        let opened = (engine, published)
        snapshot = opened
        return opened
    }

    private func closeSnapshot() throws {
        guard let (engine, commit) = snapshot else { return }
        snapshot = nil
        defer { try? engine.close() }
        if let problem = try FailureModel.problem(in: engine, allowed: commit ... commit) {
            throw FailureModelError(description: "a snapshot of commit \(commit): \(problem)")
        }
    }

    /// The disk after a kill before the next call, and the knowledge about the heap there.
    func killed() -> FailureRun {
        FailureRun(disk: SimulatedDisk(afterKillOf: disk), after: self)
    }

    /// The heap after the power was cut at `call`, by `seed`; everything that then opens is
    /// durable.
    func cut(_ images: inout CrashImages, seed: UInt64) -> FailureRun {
        let range = allowed(after: images.position)
        let run = FailureRun(
            disk: SimulatedDisk(files: images.image(seed: seed)), published: range.lowerBound,
            durable: range.lowerBound)
        run.attempted = range.upperBound
        run.marks[0].newest = range.upperBound
        return run
    }

    /// The heap after a failed call, closed by all processes: commits that had not become durable
    /// may have been lost with the data of the failed call.
    func failed() -> FailureRun {
        let run = FailureRun(disk: disk, published: durable, durable: durable)
        run.attempted = max(published, attempted)
        run.marks[0].newest = run.attempted
        run.hasSurvivor = hasSurvivor
        return run
    }

    /// The commits that the next opening may find: a kill loses nothing that was published.
    var expected: ClosedRange<Int> {
        published ... max(published, allowed(after: firstCall).upperBound)
    }
}

struct FailureModelError: Error, CustomStringConvertible { let description: String }
