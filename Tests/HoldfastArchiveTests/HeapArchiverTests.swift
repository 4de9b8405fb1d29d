import HoldfastFormat
import HoldfastSystem
import TestSupport
import Testing

@testable import HoldfastArchive
@testable import HoldfastEngine

/// An archive of a heap that is in use: killed, and without power, at any call.
@Suite(.progress) struct HeapArchiverTests {
    /// A heap with a counter of its commits, and its archive, on one disk.
    final class ArchivedHeap {
        static let path = "/sim/test.heap"
        static let folder = "/sim/archive"
        static let restored = "/sim/restored.heap"
        let disk: SimulatedDisk
        private(set) var engine: HeapEngine
        /// The counter after each commit that this object has made.
        var counters: [UInt64: UInt64]
        private var random = SplitMix(state: 5)
        private var spare: [(UInt64, Int)] = []

        init(_ disk: SimulatedDisk, counters: [UInt64: UInt64] = [:]) throws {
            self.disk = disk
            self.counters = counters
            engine = try Self.open(disk)
        }

        private static func open(_ disk: SimulatedDisk) throws -> HeapEngine {
            var options = EngineOptions()
            options.checkpointsInBackground = false
            options.initialLogBytes = 64 << 10
            options.logLimit = 128 << 10
            return try HeapEngine(path: path, mode: .readWrite, options: options, disk: disk)
        }

        /// The block with the counter is the first one of every heap.
        static let counter: UInt64 = 5 * 4096

        func commit(_ count: Int = 1) throws {
            for _ in 0 ..< count {
                let context = try engine.beginWrite()
                let access = HeapAccess(context: context, epoch: context.pointee.epoch)
                if engine.view.commitNumber == 0 {
                    #expect(access.allocate(byteCount: 40_000) == Self.counter)
                }
                let old: UInt64 = access.load(Self.counter)
                access.store(old + 1, at: Self.counter)
                access.store(old, at: Self.counter + 64 * (1 + random.next() % 599))
                if random.next() % 3 == 0 {
                    let bytes = Int(random.next() % 60_000) + 1
                    let block = access.allocate(byteCount: bytes)
                    access.store(old, at: block)
                    spare.append((block, bytes))
                } else if random.next() % 2 == 0, let (block, bytes) = spare.popLast() {
                    access.free(block, byteCount: bytes)
                }
                try engine.commit(context)
                counters[engine.view.commitNumber] = old + 1
            }
        }

        /// Commits one word.
        func store(_ counter: UInt64) throws {
            let context = try engine.beginWrite()
            HeapAccess(context: context, epoch: context.pointee.epoch)
                .store(counter, at: Self.counter)
            try engine.commit(context)
            counters[engine.view.commitNumber] = counter
        }

        func reopen() throws {
            try engine.close()
            engine = try Self.open(disk)
        }

        @discardableResult
        func archive(limit: Int = 1 << 30, retention: Retention? = nil) throws -> ArchiveReport {
            try HeapArchiver(
                engine, ArchiveFolder(Self.folder, disk: disk), queueLimit: limit
            ).run(retention: retention, progress: nil)
        }

        func restore(_ moment: RestorationMoment = .newest) throws {
            try ArchiveRestorer(ArchiveFolder(Self.folder, disk: disk)).restore(
                to: Self.restored, at: moment, replacing: true)
        }

        /// The pages in which the restored file differs from the heap's, apart from the headers.
        func differentPages() throws -> [Int] {
            let files = disk.currentFiles()
            let original = try #require(files[Self.path])
            let copy = try #require(files[Self.restored])
            func page(_ file: [UInt8], _ number: Int) -> ArraySlice<UInt8> {
                let start = min(number * 4096, file.count)
                return file[start ..< min(start + 4096, file.count)]
            }
            return (2 ..< max(original.count, copy.count) / 4096).filter { number in
                let (mine, other) = (page(original, number), page(copy, number))
                return mine != other && (mine + other).contains { $0 != 0 }
            }
        }

        func restoredCounter(_ commit: UInt64) throws -> UInt64 {
            try restore(.commit(commit))
            let engine = try HeapEngine(path: Self.restored, mode: .readOnly, disk: disk)
            defer { try? engine.close() }
            let problems = try engine.audit().problems
            #expect(problems.isEmpty)
            let context = try engine.beginRead()
            defer { engine.endRead(context) }
            return HeapAccess(context: context, epoch: context.pointee.epoch).load(Self.counter)
        }

        /// Goes on after a kill or a power cut: archives again, and compares everything.
        func expectSound(_ what: Comment, mayBeginAnew: Bool) throws {
            let folder = ArchiveFolder(Self.folder, disk: disk)
            let before = (try? folder.newest())?.after.commitNumber
            if let before {
                // No archive is ahead of its heap.
                #expect(before <= engine.view.commitNumber, what)
            }
            let report = try archive()
            if before != nil, !mayBeginAnew { #expect(!report.isBase, what) }
            try restore()
            #expect(try differentPages() == [], what)
            let catalogue = try ArchiveCatalogue(of: folder)
            #expect(catalogue.problems == [], what)
            guard let oldest = catalogue.oldest else { return }
            for (commit, counter) in counters where commit >= oldest && commit <= report.commit {
                guard commit % 5 == 0 || TestExtent.current != .quick else { continue }
                #expect(try restoredCounter(commit) == counter, "\(what), commit \(commit)")
            }
        }
    }

    private static func quietDisk() -> SimulatedDisk {
        let disk = SimulatedDisk()
        disk.recordsContents = false
        return disk
    }

    @Test func everyCommitIsRestored() throws {
        let heap = try ArchivedHeap(Self.quietDisk())
        try heap.commit(5)
        #expect(try heap.archive().isBase)
        for round in 0 ..< 20 {
            try heap.commit(7)
            if round % 3 == 0 { try heap.reopen() }
            if round % 4 == 0 { _ = try heap.engine.compact() }
            try heap.commit(round % 5)
            #expect(!(try heap.archive().isBase))
        }
        let nothing = try heap.archive()
        #expect(nothing.addedBytes == 0)
        try heap.restore()
        #expect(try heap.differentPages() == [])
        // Twenty segments, two of them merged ones: a restoration reads few.
        let catalogue = try ArchiveCatalogue(
            of: ArchiveFolder(ArchivedHeap.folder, disk: heap.disk))
        #expect(try catalogue.plan(to: nothing.commit).segments.count <= 2 + 2 + 8)
        for (commit, counter) in heap.counters where commit >= catalogue.oldest! {
            #expect(try heap.restoredCounter(commit) == counter)
        }
        try heap.engine.close()
    }

    /// What the heap keeps for the archive is bounded; then the archive begins anew, and keeps its
    /// past.
    @Test func aFullQueueMakesABase() throws {
        let heap = try ArchivedHeap(Self.quietDisk())
        try heap.commit(5)
        try heap.archive(limit: 100_000)
        try heap.commit(3)
        #expect(!(try heap.archive(limit: 100_000).isBase))
        let past = heap.counters
        try heap.commit(400)
        let size = heap.disk.currentFiles()[ArchivedHeap.path + "-archive"]!.count
        #expect(size <= 110_000)
        #expect(try heap.archive(limit: 100_000).isBase)
        try heap.restore()
        #expect(try heap.differentPages() == [])
        for (commit, counter) in past where commit >= 5 {
            #expect(try heap.restoredCounter(commit) == counter)
        }
        try heap.engine.close()
    }

    /// What is folded into a new base leads to the same pages, also those that were written and
    /// hold zeros.
    @Test func aPrunedArchiveHasTheSamePages() throws {
        let heap = try ArchivedHeap(Self.quietDisk())
        try heap.commit(5)
        try heap.archive()
        for _ in 0 ..< 4 {
            let context = try heap.engine.beginWrite()
            let access = HeapAccess(context: context, epoch: context.pointee.epoch)
            let block = access.allocate(byteCount: 65_536)
            for word in 0 ..< UInt64(8192) { access.store(UInt64(0), at: block + 8 * word) }
            try heap.engine.commit(context)
            try heap.commit(6)
            try heap.archive()
        }
        let folder = ArchiveFolder(ArchivedHeap.folder, disk: heap.disk)
        let change = try ArchiveChange(folder)
        let report = try ArchivePruner(change).prune(
            Retention(segments: 2), now: 0, isForced: true)
        change.end()
        #expect(report.base != nil && report.removedBytes > 0)
        try heap.restore()
        #expect(try heap.differentPages() == [])
        let findings = try ArchiveRestorer(folder).verify(scratch: "/sim/scratch.heap")
        #expect(findings.problems == [] && findings.comparedStates > 2)
        try heap.engine.close()
    }

    /// A damaged queue is found, and the archive begins anew.
    @Test func aDamagedQueueMakesABase() throws {
        let heap = try ArchivedHeap(Self.quietDisk())
        try heap.commit(5)
        try heap.archive()
        try heap.commit(5)
        try heap.engine.checkpoint()
        let name = ArchivedHeap.path + "-archive"
        let file = try heap.disk.open(name, .readWrite)
        try file.write([7], at: 8192 + 128 + 500)
        file.close()
        #expect(try heap.archive().isBase)
        try heap.restore()
        #expect(try heap.differentPages() == [])
        try heap.engine.close()
    }

    @Test func aHeapWithoutAnArchiveKeepsNothing() throws {
        let heap = try ArchivedHeap(Self.quietDisk())
        try heap.commit(5)
        try heap.archive()
        try heap.engine.endArchive(forGood: true)
        try heap.commit(50)
        try heap.engine.checkpoint()
        #expect(heap.disk.currentFiles()[ArchivedHeap.path + "-archive"] == nil)
        #expect(try heap.archive().isBase)
        try heap.engine.close()
    }

    @Test func anotherHeapIsRefused() throws {
        let heap = try ArchivedHeap(Self.quietDisk())
        try heap.commit(2)
        try heap.archive()
        try heap.restore()
        // The restored heap is another one, whatever it has in common.
        let other = try HeapEngine(
            path: ArchivedHeap.restored, mode: .readWrite, disk: heap.disk)
        let error = #expect(throws: ArchiveError.self) {
            try HeapArchiver(
                other, ArchiveFolder(ArchivedHeap.folder, disk: heap.disk), queueLimit: 1 << 20
            ).run(retention: nil, progress: nil)
        }
        guard case .otherHeap = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        try other.close()
        try heap.engine.close()
    }

    /// Prepares a heap whose next run adds a base, changes, or changes that are merged as well.
    private func prepare(_ heap: ArchivedHeap, runs: Int) throws {
        try heap.commit(6)
        for _ in 0 ..< runs {
            try heap.archive()
            try heap.commit(6)
            if runs > 1 { try heap.reopen() }
        }
    }

    @Test(arguments: [0, 1, 8])
    func everyKillIsSurvived(runs: Int) throws {
        let disk = Self.quietDisk()
        let heap = try ArchivedHeap(disk)
        try prepare(heap, runs: runs)
        var images: [(call: Int, files: [String: [UInt8]])] = []
        let start = disk.journal.count
        disk.onCall = { [unowned disk] call in images.append((call - start, disk.currentFiles())) }
        try heap.archive()
        disk.onCall = nil
        #expect(images.count > 10)
        for image in images where TestExtent.includes(image.call, oneIn: 3) {
            let next = SimulatedDisk(files: image.files)
            next.recordsContents = false
            let survivor = try ArchivedHeap(next, counters: heap.counters)
            try survivor.expectSound(
                "\(runs) runs, killed before call \(image.call)", mayBeginAnew: runs == 0)
            try survivor.engine.close()
        }
        try heap.engine.close()
    }

    @Test(arguments: [0, 1, 8])
    func everyPowerCutIsSurvived(runs: Int) throws {
        let disk = SimulatedDisk()
        let heap = try ArchivedHeap(disk)
        try prepare(heap, runs: runs)
        let start = disk.journal.count
        try heap.archive()
        try heap.commit(3)
        try heap.engine.checkpoint()
        var images = CrashImages(of: disk)
        while images.position < images.count {
            images.advance()
            guard images.position >= start,
                TestExtent.includes(images.position - start, oneIn: 4)
            else { continue }
            for seed in 0 ..< UInt64(TestExtent.choose(quick: 1, full: 6)) {
                let next = SimulatedDisk(files: images.image(seed: seed))
                next.recordsContents = false
                let survivor = try ArchivedHeap(next, counters: heap.counters)
                try survivor.expectSound(
                    "\(runs) runs, power cut after call \(images.position - start), seed \(seed)",
                    mayBeginAnew: runs == 0)
                try survivor.engine.close()
            }
        }
        try heap.engine.close()
    }
}
