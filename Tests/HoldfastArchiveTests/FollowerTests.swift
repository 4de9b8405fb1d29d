import HoldfastFormat
import HoldfastSystem
import TestSupport
import Testing

@testable import HoldfastArchive
@testable import HoldfastEngine

/// A heap that follows the archive of another one.
@Suite(.progress) struct FollowerTests {
    private typealias Original = HeapArchiverTests.ArchivedHeap
    private static let path = "/sim/standby.heap"

    /// The standby on the original's disk, or on one that has only the archive.
    private struct Standby {
        let disk: SimulatedDisk
        let engine: HeapEngine
        private var folder: ArchiveFolder { ArchiveFolder(Original.folder, disk: disk) }

        init(_ disk: SimulatedDisk) throws {
            self.disk = disk
            if !disk.exists(path) {
                try ArchiveRestorer(ArchiveFolder(Original.folder, disk: disk), follows: true)
                    .restore(to: path, at: .newest)
            }
            engine = try Self.open(disk, .readWrite)
        }

        static func open(_ disk: SimulatedDisk, _ mode: OpenMode) throws -> HeapEngine {
            var options = EngineOptions()
            options.checkpointsInBackground = false
            options.initialLogBytes = 64 << 10
            options.logLimit = 128 << 10
            return try HeapEngine(path: path, mode: mode, options: options, disk: disk)
        }

        func catchUp() throws -> UInt64 {
            try ArchiveFollower(engine, folder).catchUp(progress: nil).commitNumber
        }

        func counter() throws -> UInt64 { try FollowerTests.counter(engine) }
    }

    private static func counter(_ engine: HeapEngine) throws -> UInt64 {
        let context = try engine.beginRead()
        defer { engine.endRead(context) }
        return HeapAccess(context: context, epoch: context.pointee.epoch).load(Original.counter)
    }

    private static func quietDisk() -> SimulatedDisk {
        let disk = SimulatedDisk()
        disk.recordsContents = false
        return disk
    }

    /// The pages in use in which the standby's file differs from the heap as restored from the
    /// archive, apart from headers and checksums. The line with the followed state is cleared.
    private func differentPages(_ original: Original, _ standby: Standby) throws -> [Int] {
        try original.restore()
        let files = standby.disk.currentFiles()
        var mine = try #require(files[Self.path])
        let other = try #require(files[Original.restored])
        for index in 0 ..< 32 { mine[Int(FollowedState.offset) + index] = 0 }
        let end = standby.engine.view.committedPages
        return other.withUnsafeBytes { other in
            let table = PageChecksums(
                root: UnsafeRawBufferPointer(rebasing: other[8192 ..< 12288]))
            return PageWalk(base: other.baseAddress!, end: end).filter { $0.kind != .free }
                .flatMap(\.pages).filter { page in
                    guard page > 1, !table.allPages.contains(where: { $0.contains(page) }) else {
                        return false
                    }
                    return !mine[page * 4096 ..< (page + 1) * 4096].elementsEqual(
                        other[page * 4096 ..< (page + 1) * 4096])
                }
        }
    }

    @Test func theStandbyIsTheOriginal() throws {
        let original = try Original(Self.quietDisk())
        try original.commit(5)
        try original.archive()
        let standby = try Standby(original.disk)
        let reader = try Standby.open(original.disk, .readOnly)
        for round in 0 ..< 25 {
            try original.commit(round % 9 + 1)
            if round % 4 == 0 { try original.reopen() }
            if round % 5 == 0 { _ = try original.engine.compact() }
            guard round % 3 != 1 else { continue }
            let report = try original.archive()
            #expect(try standby.catchUp() == report.commit)
            let expected = original.counters[original.counters.keys.max()!]!
            #expect(try standby.counter() == expected)
            #expect(try Self.counter(reader) == expected)
            let problems = try standby.engine.audit().problems
            #expect(problems.isEmpty)
            if round % 2 == 0 {
                try standby.engine.checkpoint()
                #expect(try differentPages(original, standby) == [], "round \(round)")
                #expect(try standby.engine.scrub().damagedPages.isEmpty)
            }
        }
        // A commit that changes no line of the allocator.
        let before = try #require(try standby.engine.followedPlace())
        try original.store(99)
        try original.archive()
        _ = try standby.catchUp()
        let place = try #require(try standby.engine.followedPlace())
        #expect(place != before)
        #expect(try reader.followedPlace() == place)
        // Another one that is behind stores nothing.
        let isStored = try standby.engine.follow(from: before) { _ in }
        #expect(!isStored)
        try reader.close()
        try standby.engine.close()
        try original.engine.close()
    }

    @Test func theStandbyIsNotChangedUntilItIsPromoted() throws {
        let original = try Original(Self.quietDisk())
        try original.commit(5)
        try original.archive()
        var standby = try Standby(original.disk)
        #expect(throws: HeapError.following(path: Self.path)) { try standby.engine.beginWrite() }
        #expect(throws: HeapError.following(path: Self.path)) {
            try standby.engine.tryToBeginWrite()
        }
        #expect(throws: HeapError.following(path: Self.path)) {
            try standby.engine.pendingHistory(after: nil, limit: 1 << 20)
        }
        try standby.engine.checkpoint()
        try standby.engine.close()
        // Opening and closing are no change.
        standby = try Standby(original.disk)
        try original.commit(2)
        let report = try original.archive()
        #expect(try standby.catchUp() == report.commit)
        try standby.engine.promote()
        #expect(try standby.engine.followedPlace() == nil)
        let context = try standby.engine.beginWrite()
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        access.store(UInt64(77), at: Original.counter)
        try standby.engine.commit(context)
        #expect(throws: ArchiveError.notFollowing(path: Self.path)) { try standby.catchUp() }
        try standby.engine.close()
        let header = try #require(original.disk.currentFiles()[Self.path]).withUnsafeBytes {
            HeapHeader.decode(UnsafeRawBufferPointer(rebasing: $0[..<512]))
        }
        guard case .header(let header) = header else {
            Issue.record("\(header)")
            return
        }
        // A program that knows no standbys may change it again.
        #expect(header.features == FormatFeatures() && header.formatVersion == 1)
        try original.engine.close()
    }

    /// What another program has committed is found.
    @Test func aChangedStandbyIsFound() throws {
        let original = try Original(Self.quietDisk())
        try original.commit(5)
        try original.archive()
        let standby = try Standby(original.disk)
        let pool = standby.engine.pool
        let context = try pool.beginWriting(in: try pool.lockForWriting())
        HeapAccess(context: context, epoch: context.pointee.epoch)
            .store(UInt64(9), at: Original.counter)
        try standby.engine.commit(context)
        try original.commit(1)
        try original.archive()
        #expect(throws: HeapError.parted(path: Self.path)) { try standby.catchUp() }
        try standby.engine.close()
        try original.engine.close()
    }

    /// An archive that has begun anew has no way from the standby's state to its own.
    @Test func aGapIsFound() throws {
        let original = try Original(Self.quietDisk())
        try original.commit(5)
        try original.archive()
        let standby = try Standby(original.disk)
        try original.engine.endArchive(forGood: true)
        try original.commit(5)
        #expect(try original.archive().isBase)
        let error = #expect(throws: ArchiveError.self) { try standby.catchUp() }
        guard case .missingSegment = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        try standby.engine.close()
        try original.engine.close()
    }

    /// Makes an archive with a standby that has three segments to store.
    private func prepare(_ disk: SimulatedDisk) throws -> (Original, Standby) {
        let original = try Original(disk)
        try original.commit(6)
        try original.archive()
        let standby = try Standby(disk)
        for _ in 0 ..< 3 {
            try original.commit(7)
            // As in the background: what the allocator could trim stays.
            _ = try original.engine.heap.checkpointer.moveLogIntoDataFile(waits: true)
            try original.commit(3)
            try original.archive()
        }
        return (original, standby)
    }

    /// Goes on after a kill or a power cut.
    private func expectSound(_ disk: SimulatedDisk, _ original: Original, _ what: Comment) throws {
        // Opening and closing change nothing.
        try Standby(disk).engine.close()
        let standby = try Standby(disk)
        let place = try #require(try standby.engine.followedPlace())
        // A state of the original, and a whole one. Checkpoints may come behind a commit without
        // changing the counter.
        let commit = try #require(
            original.counters.keys.filter { $0 <= place.commitNumber }.max(), what)
        #expect(try standby.counter() == original.counters[commit], what)
        let newest = original.counters.keys.max()!
        #expect(try standby.catchUp() >= newest, what)
        #expect(try standby.counter() == original.counters[newest], what)
        let problems = try standby.engine.audit().problems
        #expect(problems.isEmpty, what)
        try standby.engine.close()
    }

    @Test func everyKillIsSurvived() throws {
        let disk = Self.quietDisk()
        let (original, standby) = try prepare(disk)
        var images: [(call: Int, files: [String: [UInt8]])] = []
        let start = disk.journal.count
        disk.onCall = { [unowned disk] call in images.append((call - start, disk.currentFiles())) }
        _ = try standby.catchUp()
        try standby.engine.close()
        disk.onCall = nil
        #expect(images.count > 5)
        for image in images where TestExtent.includes(image.call, oneIn: 2) {
            let next = SimulatedDisk(files: image.files)
            next.recordsContents = false
            try expectSound(next, original, "killed before call \(image.call)")
        }
        try original.engine.close()
    }

    @Test func everyPowerCutIsSurvived() throws {
        let disk = SimulatedDisk()
        let (original, standby) = try prepare(disk)
        let start = disk.journal.count
        _ = try standby.catchUp()
        try standby.engine.close()
        var images = CrashImages(of: disk)
        while images.position < images.count {
            images.advance()
            guard images.position >= start,
                TestExtent.includes(images.position - start, oneIn: 3)
            else { continue }
            for seed in 0 ..< UInt64(TestExtent.choose(quick: 1, full: 8)) {
                let next = SimulatedDisk(files: images.image(seed: seed))
                next.recordsContents = false
                try expectSound(
                    next, original, "power cut after call \(images.position - start), seed \(seed)")
            }
        }
        try original.engine.close()
    }
}
