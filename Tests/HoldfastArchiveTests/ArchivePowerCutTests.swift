import HoldfastArchive
import HoldfastFormat
import HoldfastSystem
import TestSupport
import Testing

/// The process is killed, or the power is cut, at every call to the disk; or a call fails.
@Suite struct ArchivePowerCutTests {
    /// One step of the life of an archive.
    enum Step {
        case base
        case append(Int)
        case merge
        case prune(Int)
    }

    static let steps: [Step] =
        [.base] + Array(repeating: .append(1), count: 7) + [.append(2), .merge, .append(1)]
        + [.prune(4), .append(1), .append(3), .prune(1), .append(1)]

    /// What must hold from a call of the journal on.
    struct Promise {
        var call: Int
        /// The oldest and the newest commit that are there for certain.
        var oldest: UInt64
        var newest: UInt64?
    }

    /// A run, with the promises of each moment, and the history at the end of each step.
    struct Run {
        var archive: TestArchive
        var promises: [Promise] = []
        var histories: [UInt64: ModelHistory] = [:]
        var segments: [(before: UInt64, after: UInt64)] = []

        mutating func take(_ step: Step) throws {
            var promise = promises.last ?? Promise(call: 0, oldest: 0, newest: nil)
            switch step {
            case .base: try archive.appendBase()
            case .append(let intervals):
                let before = archive.history.place.commitNumber
                let history = archive.history
                do { try archive.append(intervals: intervals) } catch {
                    archive.history = history
                    throw error
                }
                segments.append((before, archive.history.place.commitNumber))
            case .merge:
                _ = try ArchiveMerger(try ArchiveChange(archive.folder)).mergeDue()
            case .prune(let kept):
                // From here on older moments may be gone.
                promise.call = archive.disk.journal.count
                promise.oldest = segments[segments.count - kept].before
                promises.append(promise)
                _ = try ArchivePruner(try ArchiveChange(archive.folder)).prune(
                    Retention(segments: kept), now: 0, isForced: true)
            }
            let newest = archive.history.place.commitNumber
            histories[newest] = archive.history
            promise.call = archive.disk.journal.count
            promise.newest = newest
            promises.append(promise)
        }
    }

    /// Checks an archive as a process finds it: the promised moments are there, nothing is damaged,
    /// and it goes on.
    static func check(
        _ disk: SimulatedDisk, _ promise: Promise, _ run: Run, _ place: String
    ) throws {
        var archive = TestArchive(run.archive, on: disk)
        try archive.folder.create()
        let change = try ArchiveChange(archive.folder)
        change.end()
        let catalogue = try ArchiveCatalogue(of: archive.folder)
        #expect(catalogue.problems.isEmpty, "\(place)")
        let leftovers = disk.currentFiles().keys.filter { $0.hasSuffix("-new") }
        #expect(leftovers.isEmpty, "\(place)")
        guard let found = try archive.folder.newest() else {
            #expect(promise.newest == nil, "\(place)")
            return
        }
        let newest = found.after.commitNumber
        #expect(newest >= promise.newest ?? 0, "\(place)")
        let middle = (promise.oldest + newest) / 2
        for commit in Set([promise.oldest, middle, promise.newest ?? newest, newest]).sorted() {
            let isRestored = try archive.isRestored(commit)
            #expect(isRestored, "\(place): commit \(commit)")
        }
        archive.history = try #require(run.histories[newest])
        try archive.append()
        let after = try ArchiveChange(archive.folder)
        _ = try ArchiveMerger(after).mergeDue()
        _ = try ArchivePruner(after).prune(Retention(segments: 3), now: 0, isForced: true)
        let isRestored = try archive.isRestored(archive.history.place.commitNumber)
        #expect(isRestored, "\(place): goes on")
        after.end()
    }

    @Test func everyCallIsSurvived() throws {
        var run = Run(archive: try TestArchive(seed: 21))
        for step in Self.steps { try run.take(step) }
        let expected = try ArchiveCatalogue(of: run.archive.folder)
        #expect(expected.segments.filter(\.isBase).count == 1)
        var images = CrashImages(of: run.archive.disk)
        var seen = DistinctFiles()
        var promise = Promise(call: 0, oldest: 0, newest: nil)
        var checked = 0
        while images.position < images.count {
            images.advance()
            for next in run.promises where next.call <= images.position { promise = next }
            for seed in 0 ..< TestExtent.choose(quick: 6, full: 60) as Range<UInt64> {
                let image = images.image(seed: seed)
                guard seen.insert(image, at: "\(promise)") else { continue }
                try Self.check(
                    SimulatedDisk(files: image), promise, run,
                    "call \(images.position), seed \(seed)")
                checked += 1
            }
        }
        #expect(checked > 100)
    }

    /// A process dies between the name of its segment and making it durable. The next one relies on
    /// the name, and the power is cut then.
    @Test func namesThatAreReliedUponAreDurable() throws {
        var archive = try TestArchive(seed: 23)
        try archive.appendBase()
        var isNamed = false
        archive.disk.fault = { _, operation, _ in
            if operation == .rename { isNamed = true }
            return isNamed && operation == .syncDirectory ? .error(5) : nil
        }
        let history = archive.history
        #expect(throws: ArchiveError.self) { try archive.append() }
        archive.disk.fault = nil
        let killed = TestArchive(archive, on: SimulatedDisk(afterKillOf: archive.disk))
        let change = try ArchiveChange(killed.folder)
        let newest = try #require(try killed.folder.newest())
        #expect(newest.after.isAfter(history.place))
        change.end()
        var images = CrashImages(of: killed.disk)
        while images.position < images.count { images.advance() }
        for seed in 0 ..< 20 as Range<UInt64> {
            let cut = TestArchive(archive, on: SimulatedDisk(files: images.image(seed: seed)))
            let found = try cut.folder.newest()
            #expect(found == newest)
        }
    }

    /// A call fails: the step throws, and succeeds when it is repeated.
    @Test func everyFailureIsSurvived() throws {
        var attempt = 0
        while true {
            let disk = SimulatedDisk()
            var run = Run(archive: try TestArchive(seed: 22, disk: disk))
            let first = disk.attempts
            disk.fault = { number, _, _ in number == first + attempt ? .error(5) : nil }
            var failures = 0
            for step in Self.steps {
                do { try run.take(step) } catch let error as ArchiveError {
                    failures += 1
                    guard case .io = error else { throw error }
                    // A segment whose name could not be made durable may be there.
                    let newest = try run.archive.folder.newest()?.after
                    if let newest, newest != run.archive.history.place {
                        let before = run.archive.history.place
                        #expect(newest.isAfter(before))
                        run.segments.append((before.commitNumber, newest.commitNumber))
                        _ = run.archive.history.advance()
                        while run.archive.history.place != newest {
                            _ = run.archive.history.advance()
                        }
                        run.histories[newest.commitNumber] = run.archive.history
                        continue
                    }
                    if case .base = step, newest != nil { continue }
                    try run.take(step)
                }
            }
            guard failures > 0 else { break }
            disk.fault = nil
            let newest = run.archive.history.place.commitNumber
            let promise = Promise(call: 0, oldest: run.promises.last!.oldest, newest: newest)
            run.histories[newest] = run.archive.history
            try Self.check(disk, promise, run, "attempt \(attempt)")
            attempt += TestExtent.choose(quick: 3, full: 1)
        }
        #expect(attempt > 50)
    }
}
