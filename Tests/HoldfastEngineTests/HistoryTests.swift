import HoldfastFormat
import Testing
import TestSupport

@testable import HoldfastEngine

/// What an archive takes of a heap: from it, the same data file can be made again, byte for byte,
/// and every commit.
@Suite(.progress) struct HistoryTests {
    static let restored = "/sim/restored.heap"

    /// The history of a heap, as an archive would keep it.
    struct Recorded: HistoryVisitor {
        struct Commit {
            let place: HistoryPlace
            let heapPages: UInt64
            var runs: [(firstLine: UInt64, bytes: [UInt8])] = []
        }
        struct Interval {
            var zeroed: [Range<Int>] = []
            var commits: [Commit] = []
            var end: IntervalEnd?
        }
        var intervals: [Interval] = []
        private var open = Interval()

        mutating func zero(pages: Range<Int>) { open.zeroed.append(pages) }

        mutating func beginCommit(_ place: HistoryPlace, heapPages: UInt64) {
            open.commits.append(Commit(place: place, heapPages: heapPages))
        }

        mutating func run(firstLine: UInt64, _ lines: UnsafeRawBufferPointer) {
            open.commits[open.commits.count - 1].runs.append((firstLine, Array(lines)))
        }

        mutating func endInterval(_ end: IntervalEnd) {
            open.end = end
            intervals.append(open)
            open = Interval()
        }

        var place: HistoryPlace? { intervals.last?.end?.place }

        /// Takes what the heap has. Returns whether it was a base.
        mutating func take(from engine: HeapEngine, limit: Int = 1 << 30) throws -> Bool {
            switch try engine.pendingHistory(after: place, limit: limit) {
            case .changes(let history):
                #expect(try history.isSound())
                try history.forEach(&self)
                try engine.archiveHas(history)
                return false
            case .base(let base):
                intervals = []
                try base.forEach(&self) { _ in }
                base.close()
                return true
            }
        }

        /// Restores the heap as of the commit `last`, or as of the end. Compares the sums that are
        /// known.
        func restore(to disk: SimulatedDisk, upTo last: UInt64 = .max, hashSeed: HeapIdentity)
            throws
        {
            let restoration = try HeapRestoration(
                path: HistoryTests.restored, replacing: true, hashSeed: hashSeed, creationTime: 1,
                disk: disk)
            for interval in intervals {
                let commits = interval.commits.filter { $0.place.commitNumber <= last }
                guard commits.count == interval.commits.count else {
                    guard let end = commits.last else { break }
                    let lowest = Int(commits.map(\.heapPages).min()!)
                    try restoration.zero(pages: lowest ..< 1 << 20)
                    try store(commits, in: restoration)
                    try restoration.settle(at: end.place, heapPages: end.heapPages)
                    break
                }
                for pages in interval.zeroed { try restoration.zero(pages: pages) }
                try store(commits, in: restoration)
                let end = try #require(interval.end)
                let sum = try restoration.settle(at: end.place, heapPages: end.heapPages)
                if let expected = end.pageSum { #expect(sum == expected) }
            }
            try restoration.finish(time: 1)
        }

        private func store(_ commits: [Commit], in restoration: HeapRestoration) throws {
            for commit in commits {
                for run in commit.runs {
                    try run.bytes.withUnsafeBytes {
                        try restoration.lay(firstLine: run.firstLine, $0)
                    }
                }
            }
        }
    }

    /// A heap on which random work is done, and what is in it after each commit.
    final class Work {
        var random: SplitMix
        var disk = SimulatedDisk()
        var engine: HeapEngine
        /// The beginnings of the blocks, and their lengths.
        var blocks: [UInt64: [UInt8]] = [:]
        private var lengths: [UInt64: Int] = [:]
        var states: [UInt64: [UInt64: [UInt8]]] = [:]
        let options: EngineOptions

        init(seed: UInt64) throws {
            random = SplitMix(state: seed)
            disk.recordsContents = false
            var options = TestHeap.options
            options.checkpointsInBackground = false
            options.logLimit = 1 << 20
            self.options = options
            engine = try HeapEngine(
                path: TestHeap.path, mode: .readWrite, options: options, disk: disk)
        }

        private func size() -> Int {
            switch random.next() % 8 {
            case 0: Int(random.next() % 900_000) + 1
            case 1, 2: Int(random.next() % 40_000) + 1
            default: Int(random.next() % 600) + 1
            }
        }

        /// Makes a transaction of a few steps.
        func commit() throws {
            try engine.change { access in
                for _ in 0 ... random.next() % 4 { step(access) }
            }
            states[engine.view.commitNumber] = blocks
        }

        private func step(_ access: HeapAccess) {
            let some = blocks.keys.sorted()
            let kind = random.next() % 5
            let frees = kind == 0 || kind == 1 && some.count > 30 || kind == 2 && some.count > 60
            switch kind {
            case _ where frees && !some.isEmpty:
                let address = some[Int(random.next() % UInt64(some.count))]
                access.free(address, byteCount: lengths[address]!)
                blocks[address] = nil
            case 3 where !some.isEmpty:
                let address = some[Int(random.next() % UInt64(some.count))]
                let offset = Int(random.next() % UInt64(blocks[address]!.count))
                let byte = UInt8(truncatingIfNeeded: random.next())
                access.store(byte, at: address + UInt64(offset))
                blocks[address]![offset] = byte
            default:
                let count = size()
                let address = access.allocate(byteCount: count)
                lengths[address] = count
                let byte = UInt8(truncatingIfNeeded: random.next())
                // Only the beginning of larger blocks, so that the rest keeps older bytes.
                let bytes = [UInt8](repeating: byte, count: min(count, 700))
                for (index, byte) in bytes.enumerated() {
                    access.store(byte, at: address + UInt64(index))
                }
                blocks[address] = bytes
            }
        }

        func reopen() throws {
            engine = try HeapEngine(
                path: TestHeap.path, mode: .readWrite, options: options, disk: disk)
        }

        /// Something that the heap's own work consists of besides commits.
        func disturb() throws {
            switch random.next() % 8 {
            case 0: try engine.checkpoint()
            case 1: try engine.compact()
            case 2:
                try engine.close()
                try reopen()
            case 3:
                // Killed; with or without the shared file it is recovered.
                var files = disk.currentFiles()
                if random.next() % 2 == 0, engine.view.applied == 0 {
                    files[TestHeap.path + "-shared"] = nil
                }
                disk = SimulatedDisk(files: files)
                disk.recordsContents = false
                try reopen()
            case 4: try engine.shrink()
            case 5:
                let snapshot = try engine.openSnapshot()
                try commit()
                try engine.checkpoint()
                try snapshot.close()
            default: break
            }
        }
    }

    /// The pages, apart from those of the headers, in which the restored file differs.
    private func differentPages(_ work: Work) throws -> [Int] {
        let files = work.disk.currentFiles()
        let original = try #require(files[TestHeap.path])
        let copy = try #require(files[Self.restored])
        return (2 ..< max(original.count, copy.count) / 4096).filter { number in
            let (start, end) = (number * 4096, (number + 1) * 4096)
            let mine = original[min(start, original.count) ..< min(end, original.count)]
            let other = copy[min(start, copy.count) ..< min(end, copy.count)]
            return mine != other && (mine + other).contains { $0 != 0 }
        }
    }

    @Test(arguments: 0 ..< TestExtent.choose(quick: 4, full: 200))
    func theSameFileIsMadeAgain(seed: Int) throws {
        let work = try Work(seed: UInt64(seed))
        var recorded = Recorded()
        var bases = 0
        for round in 0 ..< 8 {
            for _ in 0 ..< work.random.next() % 12 {
                try work.commit()
                if work.random.next() % 3 == 0 { try work.disturb() }
            }
            if try recorded.take(from: work.engine) { bases += 1 }
            try recorded.restore(to: work.disk, hashSeed: work.engine.hashSeed)
            #expect(try differentPages(work) == [], "seed \(seed), round \(round)")
        }
        // Nothing but the beginning needs a whole heap.
        #expect(bases == 1)
        try work.engine.close()
    }

    /// Every commit since the beginning can be restored, whatever checkpoints did in between.
    @Test(arguments: 0 ..< TestExtent.choose(quick: 3, full: 50))
    func everyCommitIsRestored(seed: Int) throws {
        let work = try Work(seed: UInt64(seed + 1000))
        var recorded = Recorded()
        try work.commit()
        _ = try recorded.take(from: work.engine)
        let first = work.engine.view.commitNumber
        for _ in 0 ..< 20 {
            try work.commit()
            if work.random.next() % 3 == 0 { try work.disturb() }
        }
        _ = try recorded.take(from: work.engine)
        let seedOfHashes = work.engine.hashSeed
        try work.engine.close()
        let kept = recorded.intervals.flatMap { $0.commits.map(\.place.commitNumber) }
        #expect(kept.count > 15)
        for number in kept where number >= first {
            try recorded.restore(to: work.disk, upTo: number, hashSeed: seedOfHashes)
            let engine = try HeapEngine(path: Self.restored, mode: .readWrite, disk: work.disk)
            let problems = try engine.audit().problems
            #expect(problems.isEmpty, "seed \(seed), commit \(number)")
            // Trimming and compacting are commits too, and change no block.
            let state = work.states[work.states.keys.filter { $0 <= number }.max()!]!
            let different = try engine.look { access in
                state.filter { address, bytes in
                    bytes.indices.contains {
                        access.load(address + UInt64($0), as: UInt8.self) != bytes[$0]
                    }
                }
            }
            #expect(different.isEmpty, "seed \(seed), commit \(number)")
            #expect(try engine.scrub().damagedPages.isEmpty)
            try engine.close()
        }
    }

    /// Archives, restores, and compares. Returns whether it was a base.
    private func archive(_ work: Work, _ recorded: inout Recorded) throws -> Bool {
        let isBase = try recorded.take(from: work.engine)
        try recorded.restore(to: work.disk, hashSeed: work.engine.hashSeed)
        #expect(try differentPages(work) == [])
        return isBase
    }

    /// Parts of the page map, with their checksums, come and go with the heap's end.
    @Test func partsOfThePageMapComeAndGo() throws {
        let work = try Work(seed: 1)
        var recorded = Recorded()
        try work.commit()
        #expect(try archive(work, &recorded))
        for megabytes in [1, 5, 3, 9] {
            let block = try work.engine.change { access in
                let block = access.allocate(byteCount: megabytes << 20)
                for page in 0 ..< megabytes << 8 {
                    access.store(UInt64(page) + 7, at: block + UInt64(page) << 12)
                }
                return block
            }
            try work.engine.checkpoint()
            #expect(!(try archive(work, &recorded)))
            for _ in 0 ..< 3 { try work.commit() }
            try work.engine.change { $0.free(block, byteCount: megabytes << 20) }
            try work.engine.checkpoint()
            #expect(!(try archive(work, &recorded)))
            for _ in 0 ..< 3 { try work.commit() }
        }
        #expect(!(try archive(work, &recorded)))
        // Whole pages of checksums are cleared, of a part that stays.
        try work.engine.change { _ = $0.allocate(byteCount: 2100 << 12) }
        let last = try work.engine.change { access in
            let last = access.allocate(byteCount: 1900 << 12)
            for page in 0 ..< UInt64(1900) { access.store(page + 3, at: last + page << 12) }
            return last
        }
        #expect(!(try archive(work, &recorded)))
        try work.engine.change { $0.free(last, byteCount: 1900 << 12) }
        #expect(!(try archive(work, &recorded)))
        #expect(recorded.intervals.last?.end?.pageSum != nil)
        // The states with a known sum are compared above.
        #expect(recorded.intervals.filter { $0.end?.pageSum != nil }.count > 8)
        try work.engine.close()
    }

    /// Pages of data become pages of checksums between two checkpoints.
    @Test func pagesBecomePagesOfChecksums() throws {
        let work = try Work(seed: 5)
        var recorded = Recorded()
        try work.commit()
        #expect(try archive(work, &recorded))
        for kilobytes in [100, 400, 700, 900] {
            let block = try work.engine.change { access in
                let block = access.allocate(byteCount: kilobytes << 10)
                for page in 0 ..< UInt64(kilobytes / 4) {
                    access.store(page + 5, at: block + page << 12)
                }
                return block
            }
            try work.engine.change { $0.free(block, byteCount: kilobytes << 10) }
            let large = try work.engine.change { access in
                (0 ..< 40).map { _ in
                    let block = access.allocate(byteCount: 100_000)
                    access.store(UInt64(1), at: block)
                    return block
                }
            }
            #expect(!(try archive(work, &recorded)))
            try work.engine.change { access in
                for block in large { access.free(block, byteCount: 100_000) }
            }
            #expect(!(try archive(work, &recorded)))
        }
        try work.engine.close()
    }

    /// A checkpoint of a program that knows no archives leaves a gap, which is found.
    @Test func aCheckpointWithoutTheQueueIsFound() throws {
        let work = try Work(seed: 2)
        let (name, other) = (TestHeap.path + "-archive", "/sim/elsewhere")
        var recorded = Recorded()
        try work.commit()
        #expect(try archive(work, &recorded))
        for isFollowed in [false, true] {
            try work.disk.renameReplacing(name, to: other)
            try work.commit()
            try work.engine.checkpoint()
            try work.disk.renameReplacing(other, to: name)
            if isFollowed {
                try work.commit()
                try work.engine.checkpoint()
            }
            #expect(try archive(work, &recorded))
        }
        try work.engine.close()
    }

    /// After a recovery the sum of the checksums is not known; it is found again, with the holes
    /// that were punched since.
    @Test func holesAfterARecovery() throws {
        let work = try Work(seed: 3)
        var recorded = Recorded()
        let block = try work.engine.change { access in
            let block = access.allocate(byteCount: 300_000)
            for page in 0 ..< UInt64(70) { access.store(page + 1, at: block + page << 12) }
            _ = access.allocate(byteCount: 100_000)
            return block
        }
        #expect(try archive(work, &recorded))
        try work.engine.change { $0.free(block, byteCount: 300_000) }
        let disk = SimulatedDisk(files: work.disk.currentFiles())
        disk.recordsContents = false
        work.disk = disk
        try work.reopen()
        #expect(try work.engine.compact() > 200_000)
        #expect(!(try archive(work, &recorded)))
        try work.engine.change { _ = $0.allocate(byteCount: 30) }
        #expect(!(try archive(work, &recorded)))
        #expect(recorded.intervals.last?.end?.pageSum != nil)
        try work.engine.close()
    }

    /// Beyond its limit the queue is given up.
    @Test func limitsOfTheQueueAreKept() throws {
        let work = try Work(seed: 4)
        var recorded = Recorded()
        try work.commit()
        #expect(try recorded.take(from: work.engine, limit: 1 << 20))
        for _ in 0 ..< 60 {
            try work.commit()
            try work.engine.checkpoint()
        }
        let size = work.disk.currentFiles()[TestHeap.path + "-archive"]!.count
        #expect(size <= 1 << 20 + 16384)
        try work.engine.close()
    }
}
