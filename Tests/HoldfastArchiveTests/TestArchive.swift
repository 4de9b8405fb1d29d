import HoldfastArchive
import HoldfastFormat
import HoldfastSystem
import TestSupport
import Testing

/// An archive on a simulated disk, and the history that is archived in it.
struct TestArchive {
    static let path = "/disk/archive"

    var disk: SimulatedDisk
    var history: ModelHistory
    var folder: ArchiveFolder { ArchiveFolder(Self.path, disk: disk) }

    init(
        seed: UInt64, isRestless: Bool = false, disk: SimulatedDisk = SimulatedDisk()
    ) throws {
        self.disk = disk
        history = ModelHistory(seed: seed)
        history.isRestless = isRestless
        try folder.create()
    }

    /// The same history on another disk, as after a restart.
    init(_ other: TestArchive, on disk: SimulatedDisk) {
        self.disk = disk
        history = other.history
    }

    @discardableResult
    func appendBase() throws -> ArchivedSegment {
        let change = try ArchiveChange(folder)
        var appender = try change.append(history.header(.base))
        try history.writeBase(to: &appender)
        return try appender.commit()
    }

    @discardableResult
    mutating func append(intervals: Int = 1) throws -> ArchivedSegment {
        let change = try ArchiveChange(folder)
        var appender = try change.append(history.header(.changes))
        for _ in 0 ..< intervals { try ModelHistory.write(history.advance(), to: &appender) }
        return try appender.commit()
    }

    var restorer: ArchiveRestorer { Self.restorer(folder).0 }

    /// A restorer, and the last target that it has made.
    static func restorer(_ folder: ArchiveFolder) -> (ArchiveRestorer, () -> MemoryTarget?) {
        var last: MemoryTarget?
        let restorer = ArchiveRestorer(folder) { _ in
            let target = MemoryTarget()
            last = target
            return target
        }
        return (restorer, { last })
    }

    /// The bytes of the restored heap; its header pages, which no segment has, are zeros.
    func restored(
        _ moment: RestorationMoment, usesMerged: Bool = true
    ) throws -> (heap: RestoredHeap, bytes: [UInt8]) {
        let (restorer, target) = Self.restorer(folder)
        let heap = try restorer.restore(to: "/restored", at: moment, usesMerged: usesMerged)
        let made = try #require(target())
        #expect(made.isFinished)
        return (heap, made.bytes)
    }

    /// Whether the state after a commit is restored as it was, with merged segments and without.
    func isRestored(_ commit: UInt64) throws -> Bool {
        for usesMerged in [true, false] {
            let (heap, bytes) = try restored(.commit(commit), usesMerged: usesMerged)
            guard heap.state.place.commitNumber == commit, let state = history.states[commit],
                bytes.isSame(as: state)
            else { return false }
        }
        return true
    }

    /// The commits of a range that are not restored as they were.
    func wrongCommits(_ commits: ClosedRange<UInt64>) throws -> [UInt64] {
        try commits.filter { try !isRestored($0) }
    }
}
