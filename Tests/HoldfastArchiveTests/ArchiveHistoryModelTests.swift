import HoldfastArchive
import HoldfastFormat
import HoldfastSystem
import TestSupport
import Testing

/// Archives with random histories against the history itself: whatever is appended, merged and
/// pruned, every moment that is promised is restored as it was, byte for byte.
@Suite struct ArchiveHistoryModelTests {
    /// An archive, and what must be restorable from it.
    struct Model {
        var archive: TestArchive
        var random: SplitMix
        /// The segments of level 0, by the commits before and after them.
        var segments: [(before: UInt64, after: UInt64)] = []
        /// Commits that were not archived: after the first, before the second of each pair.
        var gaps: [(after: UInt64, before: UInt64)] = []
        /// The oldest commit that is promised.
        var horizon: UInt64 = 0
        var merged = 0
        var bases = 0
        var removed = 0

        init(seed: UInt64) throws {
            archive = try TestArchive(seed: seed, isRestless: seed % 2 == 1)
            random = SplitMix(state: seed &+ 1000)
            try archive.appendBase()
        }

        var newest: UInt64 { archive.history.place.commitNumber }

        /// Memory for so few lines that a merge takes several passes.
        private mutating func memory() -> Int? {
            Int.random(in: 0 ... 1, using: &random) == 0 ? nil : 0
        }

        mutating func step() throws {
            switch Int.random(in: 0 ..< 20, using: &random) {
            case 0:
                let before = newest
                _ = archive.history.advance()
                try archive.appendBase()
                gaps.append((before, newest))
            case 1:
                try prune(isForced: true)
            case 2:
                try prune(isForced: false)
            case 3, 4:
                let memory = memory()
                let merger = ArchiveMerger(
                    try ArchiveChange(archive.folder), memoryBytes: memory)
                let report = try merger.mergeDue()
                #expect(report.problems.isEmpty)
                merged += report.merged.count
            default:
                let before = newest
                try archive.append(intervals: Int.random(in: 1 ... 2, using: &random))
                segments.append((before, newest))
            }
        }

        private mutating func prune(isForced: Bool) throws {
            var retention = Retention()
            let kept = Int.random(in: 0 ... 30, using: &random)
            var limit: UInt64?
            if Bool.random(using: &random) {
                retention.segments = kept
                let all = segments.filter { $0.after > horizon }
                if all.count > kept {
                    limit = kept == 0 ? all.last!.after : all[all.count - kept].before
                }
            } else {
                let age = UInt64(kept) * 300
                retention.age = .seconds(age)
                let time = archive.history.time - age
                limit = archive.history.ends.values.filter {
                    $0.time <= time && isArchivedEnd($0.place.commitNumber)
                }.map(\.place.commitNumber).max()
            }
            let memory = memory()
            let pruner = ArchivePruner(try ArchiveChange(archive.folder), memoryBytes: memory)
            let report = try pruner.prune(
                retention, now: archive.history.time, isForced: isForced)
            bases += report.base == nil ? 0 : 1
            removed += report.removed.count
            if let limit, isForced || report.base != nil || !report.removed.isEmpty {
                horizon = max(horizon, limit)
            }
        }

        /// Whether a base or a segment of level 0 leads to the commit.
        private func isArchivedEnd(_ commit: UInt64) -> Bool {
            commit == 0 || segments.contains { $0.after == commit }
                || gaps.contains { $0.before == commit }
        }

        var promised: [UInt64] {
            (horizon ... newest).filter { commit in
                !gaps.contains { $0.after < commit && commit < $0.before }
            }
        }

        func wrong(_ commits: [UInt64]) throws -> [UInt64] {
            try commits.filter { try !archive.isRestored($0) }
        }
    }

    @Test(arguments: 0 ..< TestExtent.choose(quick: 6, full: 200) as Range<UInt64>)
    func promisedMomentsAreRestored(seed: UInt64) throws {
        var model = try Model(seed: seed)
        for step in 0 ..< 90 {
            try model.step()
            if step % 15 == 14 {
                let some = (0 ..< 4).compactMap { _ in
                    model.promised.randomElement(using: &model.random)
                }
                let wrong = try model.wrong(some + [model.newest])
                #expect(wrong.isEmpty, "after step \(step)")
            }
        }
        let wrong = try model.wrong(model.promised)
        #expect(wrong.isEmpty)
        let catalogue = try ArchiveCatalogue(of: model.archive.folder)
        #expect(catalogue.problems.isEmpty)
    }

    /// A long history without pruning: merged segments of two levels, and short plans.
    @Test func longHistoriesHaveShortPlans() throws {
        var archive = try TestArchive(seed: 77)
        try archive.appendBase()
        for _ in 0 ..< 150 {
            try archive.append()
            let merger = ArchiveMerger(try ArchiveChange(archive.folder), memoryBytes: 0)
            _ = try merger.mergeDue()
        }
        let catalogue = try ArchiveCatalogue(of: archive.folder)
        let levels = Dictionary(grouping: catalogue.segments.filter { !$0.isBase }) {
            $0.header.level
        }.mapValues(\.count)
        #expect(levels == [0: 150, 1: 18, 2: 2])
        let newest = archive.history.place.commitNumber
        var longest = 0
        for commit in 0 ... newest {
            longest = max(longest, try catalogue.plan(to: commit).segments.count)
        }
        // The base, two of level 2, seven of level 1, seven of level 0 and a part.
        #expect(longest <= 18)
        let some = stride(from: UInt64(0), through: newest, by: 7)
        let wrong = try some.filter { try !archive.isRestored($0) }
        #expect(wrong.isEmpty)
    }

    /// A base is folded from segments of level 0 before, between and behind merged ones, of a heap
    /// whose end moves with every commit.
    @Test(arguments: 0 ..< TestExtent.choose(quick: 30, full: 500) as Range<UInt64>)
    func basesAreFoldedFromAllLevels(seed: UInt64) throws {
        var archive = try TestArchive(seed: seed, isRestless: true)
        try archive.appendBase()
        func prune(_ kept: Int) throws {
            let pruner = ArchivePruner(
                try ArchiveChange(archive.folder), memoryBytes: seed % 3 == 0 ? 0 : nil)
            let report = try pruner.prune(Retention(segments: kept), now: 0, isForced: true)
            #expect(report.base != nil)
        }
        for _ in 0 ..< 16 { try archive.append() }
        _ = try ArchiveMerger(try ArchiveChange(archive.folder)).mergeDue()
        // Within the first merged segment, which goes.
        try prune(13)
        for _ in 0 ..< 3 { try archive.append() }
        let catalogue = try ArchiveCatalogue(of: archive.folder)
        let levels = try catalogue.plan(to: 18).steps.map(\.header.level)
        #expect(levels == [0, 0, 0, 0, 0, 1, 0, 0])
        let isRestored = try archive.isRestored(18)
        #expect(isRestored)
        try prune(1)
        let wrong = try archive.wrongCommits(18 ... 19)
        #expect(wrong.isEmpty)
    }

    /// A merge in many passes writes the same bytes as one in a single pass.
    @Test func passesMakeNoDifference() throws {
        var files: [[String: [UInt8]]] = []
        for memory in [nil, 0, 20_000] as [Int?] {
            var archive = try TestArchive(seed: 5)
            try archive.appendBase()
            for _ in 0 ..< 16 { try archive.append(intervals: 2) }
            let change = try ArchiveChange(archive.folder)
            let merged = try ArchiveMerger(change, memoryBytes: memory).mergeDue().merged
            #expect(merged.count == 2)
            let report = try ArchivePruner(change, memoryBytes: memory).prune(
                Retention(segments: 3), now: 0, isForced: true)
            #expect(report.base != nil)
            files.append(archive.disk.currentFiles())
        }
        #expect(files[0] == files[1])
        #expect(files[0] == files[2])
    }
}
