import Foundation
import HoldfastFormat
import HoldfastSystem
import Synchronization
import Testing
import TestSupport

@testable import HoldfastEngine

/// A scrub finds any bit of the file that has changed since it was written, names its page, and
/// never reports an unchanged page.
///
/// The guarantee covers every bit of every page up to the heap's end, of the header's two pages
/// and, in a file at rest, of the space behind the end. There is one exception: a free page that
/// compaction has punched out holds nothing, so it counts as right if it reads as zeros, or has no
/// checksum. Only its bits may differ undetected.
@Suite(.progress) struct ScrubTests {
    private let path = TestHeap.path

    /// The bytes of a heap at rest with each kind of page: header, root, page map, checksums, slabs
    /// of one and of several pages, runs, free runs, pages that were never written, and a second
    /// part of the page map with its checksums. Also returns the kind of each page.
    private func sample(compacted: Bool = false) throws -> (
        bytes: [UInt8], kinds: [PageDescriptor.Kind]
    ) {
        let heap = TestHeap()
        let engine = try heap.open()
        try engine.change { access in
            for size in [16, 100, 700, 3000, 9000, 30_000] {
                for _ in 0 ..< 5 {
                    access.store(UInt64(size), at: access.allocate(byteCount: size))
                }
            }
            let free = access.allocate(byteCount: 20 * 4096)
            access.writableAddress(free, 20 * 4096).initializeMemory(
                as: UInt8.self, repeating: 7, count: 20 * 4096)
            let used = access.allocate(byteCount: 300 * 4096)
            access.writableAddress(used, 50_000).initializeMemory(
                as: UInt8.self, repeating: 9, count: 50_000)
            _ = access.allocate(byteCount: 40_000)
        }
        try engine.checkpoint()
        try engine.change { access in
            // The run of 20 pages is free now, but its contents are still in the file.
            let runs = Array(PageWalk(base: engine.image.base, end: engine.committedPages))
            let free = runs.first { $0.kind == .run && $0.pages.count == 20 }!
            access.free(UInt64(free.pages.lowerBound) << 12, byteCount: 20 * 4096)
        }
        if compacted { try engine.compact() }
        let kinds = engine.pageKinds
        try engine.close()
        return (heap.disk.currentFiles()[path]!, kinds)
    }

    /// Opens damaged bytes repeatedly without creating new files.
    private final class Bench {
        let engine: HeapEngine
        let file: any DiskFile

        init(_ bytes: [UInt8]) throws {
            let disk = SimulatedDisk(files: [TestHeap.path: bytes])
            disk.recordsContents = false
            engine = try HeapEngine(
                path: TestHeap.path, mode: .readOnly, options: TestHeap.options, disk: disk)
            file = try disk.open(TestHeap.path, .readWrite)
        }

        /// The report of a scrub while these bits of a byte are flipped.
        func damaged(at offset: Int, _ bits: UInt8) throws -> [Int] {
            var byte: [UInt8] = [0]
            _ = try file.read(&byte, at: offset)
            try file.write([byte[0] ^ bits], at: offset)
            defer { try? file.write(byte, at: offset) }
            return try engine.scrub().damagedPages
        }
    }

    @Test func anyFlippedBitInAnyPageIsFound() throws {
        let (bytes, kinds) = try sample()
        #expect(Set(kinds) == [.metadata, .slab, .run, .free])
        #expect(kinds.count > 256)
        let bench = try Bench(bytes)
        #expect(try bench.engine.scrub().damagedPages == [])
        var random = SplitMix(state: 11)
        // Every page of the file, including those behind the heap's end.
        for page in 0 ..< bytes.count / 4096 {
            let offset = page * 4096 + Int.random(in: 0 ..< 4096, using: &random)
            let bit: UInt8 = 1 << UInt8.random(in: 0 ..< 8, using: &random)
            let found = try bench.damaged(at: offset, bit)
            // A wrong checksum cannot be told from a wrong page: the checksum page is reported, and
            // possibly the page too.
            #expect(
                found.contains(page) && found.count <= 2, "bit \(bit) of byte \(offset): \(found)")
        }
        #expect(try bench.engine.scrub().damagedPages == [])
    }

    /// Each byte of the pages with the most specific contents: headers, allocator root, page map,
    /// checksums, in a heap of few pages.
    @Test(arguments: 0 ..< 5)
    func everyByteOfTheFirstPages(page: Int) throws {
        let (heap, _) = try TestHeap.atRest()
        let bench = try Bench(heap.disk.currentFiles()[path]!)
        var missed: [Int] = []
        for index in 0 ..< 4096 {
            let found = try bench.damaged(at: page * 4096 + index, 1 << UInt8(index % 8))
            if !found.contains(page) { missed.append(index) }
        }
        #expect(missed == [])
    }

    /// All eight bits of some bytes of a page of each kind.
    @Test func allBitsOfSomeBytes() throws {
        let (bytes, kinds) = try sample()
        let bench = try Bench(bytes)
        for kind in [PageDescriptor.Kind.metadata, .slab, .run, .free] {
            let page = kinds.lastIndex(of: kind)!
            for index in [0, 1, 63, 64, 2047, 4088, 4095] {
                for bit in 0 ..< 8 {
                    #expect(
                        try bench.damaged(at: page * 4096 + index, 1 << UInt8(bit)).contains(page),
                        "\(kind), byte \(index), bit \(bit)")
                }
            }
        }
    }

    /// A free page that compaction has punched out may contain anything, but must not be reported
    /// as damaged while it is zeros.
    @Test func freePagesThatWereGivenBack() throws {
        let (bytes, kinds) = try sample(compacted: true)
        let free = try #require(kinds.firstIndex(of: .free))
        #expect(bytes[free * 4096 ..< free * 4096 + 4096].allSatisfy { $0 == 0 })
        let bench = try Bench(bytes)
        #expect(try bench.engine.scrub().damagedPages == [])
        // It will never be read: allowed to stay undetected.
        #expect(try bench.damaged(at: free * 4096 + 100, 1) == [])
        let slab = try #require(kinds.firstIndex(of: .slab))
        #expect(try bench.damaged(at: slab * 4096 + 100, 1) == [slab])
    }

    @Test func openingVerifiesPagesIfAsked() throws {
        let (bytes, kinds) = try sample()
        let page = try #require(kinds.lastIndex(of: .run))
        var damaged = bytes
        damaged[page * 4096 + 5] ^= 0x20
        var options = TestHeap.options
        options.verifiesPages = true
        for mode in [OpenMode.readOnly, .readWrite, .privateCopy] {
            let error = HeapError.damagedPages(path: path, pages: [page])
            #expect("\(error)".contains("\(page)") && "\(error)".contains(path))
            #expect(throws: error) {
                try HeapEngine(
                    path: path, mode: mode, options: options,
                    disk: SimulatedDisk(files: [path: damaged]))
            }
            let engine = try HeapEngine(
                path: path, mode: mode, options: options, disk: SimulatedDisk(files: [path: bytes]))
            try engine.close()
            // Not requested, not compared.
            try HeapEngine(
                path: path, mode: mode, options: TestHeap.options,
                disk: SimulatedDisk(files: [path: damaged])
            ).close()
        }
    }

    /// Pages that held data, then checksums, and then belong to a run that was never written:
    /// zeros, whatever their checksums were before.
    @Test func pagesThatHeldChecksums() throws {
        let heap = TestHeap()
        let engine = try heap.open()
        let run = try engine.change { access in
            let run = access.allocate(byteCount: 2 * 4096, alignment: 4096)
            access.writableAddress(run, 2 * 4096).initializeMemory(
                as: UInt8.self, repeating: 7, count: 2 * 4096)
            _ = access.allocate(byteCount: 40_000)
            return run
        }
        try engine.checkpoint()
        let large = try engine.change { access in
            access.free(run, byteCount: 2 * 4096, alignment: 4096)
            return access.allocate(byteCount: 300 * 4096)
        }
        try engine.checkpoint()
        let table = PageChecksums(parts: try engine.readHeader(engine.file!).pageMapParts)
        let second = Int(run >> 12) + 1
        #expect(
            table.allPages.last == second ..< second + 1,
            "the part of the page map should lie where the run was")
        try engine.change { $0.free(large, byteCount: 300 * 4096) }
        try engine.checkpoint()
        #expect(try engine.change { $0.allocate(byteCount: 2 * 4096, alignment: 4096) } == run)
        #expect(try engine.scrub().damagedPages == [])
        try engine.checkpoint()
        #expect(try engine.scrub().damagedPages == [])
        try engine.close()
    }

    /// Writers that commit, grow, shrink, checkpoint and compact, in two openings of the same heap,
    /// with concurrent scrubs in a third.
    @Test func noFalseAlarmsBesideWriters() throws {
        var options = Workload.smallOptions
        options.timeout = .seconds(120)
        let disk = SimulatedDisk()
        disk.recordsContents = false
        let engines = try (0 ..< 2).map { _ in
            try HeapEngine(path: path, mode: .readWrite, options: options, disk: disk)
        }
        let scrubbers = try [OpenMode.readOnly, .readWrite].map {
            try HeapEngine(path: path, mode: $0, options: options, disk: disk)
        }
        let isDone = Atomic<Int>(0)
        let problems = Mutex<[String]>([])
        let scrubs = Atomic<Int>(0)
        let group = DispatchGroup()
        func start(_ body: @escaping @Sendable () -> Void) {
            group.enter()
            Thread.detachNewThread {
                body()
                group.leave()
            }
        }
        for (number, engine) in engines.enumerated() {
            start {
                defer { isDone.add(1, ordering: .relaxed) }
                do {
                    var random = SplitMix(state: UInt64(number))
                    var blocks: [(offset: UInt64, count: Int)] = []
                    for round in 0 ..< 30 {
                        try engine.change { access in
                            for _ in 0 ..< Int.random(in: 1 ... 6, using: &random) {
                                let count = [64, 900, 5000, 40_000, 300_000].randomElement(
                                    using: &random)!
                                let offset = access.allocate(byteCount: count)
                                access.writableAddress(offset, count).initializeMemory(
                                    as: UInt8.self, repeating: UInt8(round), count: count)
                                blocks.append((offset, count))
                            }
                            while blocks.count > 20 {
                                let block = blocks.remove(
                                    at: Int.random(in: 0 ..< blocks.count, using: &random))
                                access.free(block.offset, byteCount: block.count)
                            }
                        }
                        if round % 10 == number { try engine.checkpoint() }
                        if round % 25 == number { try engine.compact() }
                    }
                } catch {
                    problems.withLock { $0.append("writer \(number): \(error)") }
                }
            }
        }
        for engine in scrubbers {
            start {
                while isDone.load(ordering: .relaxed) < 2 {
                    do {
                        let report = try engine.scrub()
                        scrubs.add(1, ordering: .relaxed)
                        if !report.damagedPages.isEmpty {
                            problems.withLock {
                                $0.append("\(engine.mode): \(report.damagedPages)")
                            }
                        }
                    } catch {
                        problems.withLock { $0.append("\(engine.mode): \(error)") }
                    }
                }
            }
        }
        group.wait()
        #expect(problems.withLock { $0 } == [])
        #expect(scrubs.load(ordering: .relaxed) > 3)
        for engine in engines + scrubbers { try engine.close() }
        #expect(
            try HeapEngine(path: path, mode: .readOnly, options: options, disk: disk).scrub()
                .damagedPages == [])
    }

    // MARK: Steps

    /// A heap of several steps of a scrub, whose first block no longer changes, and a read-only
    /// opening.
    private func large(disk: any Disk, _ options: EngineOptions) throws -> (
        writer: HeapEngine, block: UInt64
    ) {
        let writer = try HeapEngine(path: path, mode: .readWrite, options: options, disk: disk)
        let block = try writer.change { access in
            let block = access.allocate(byteCount: 8 << 20)
            access.writableAddress(block, 8 << 20).initializeMemory(
                as: UInt8.self, repeating: 3, count: 8 << 20)
            return block
        }
        try writer.checkpoint()
        return (writer, block)
    }

    /// Between two steps no lock is held: another opening commits, makes checkpoints when its log
    /// is full, and a first commit starts a log. In one thread, so that any waiting would never
    /// end.
    @Test func writersGoOnBetweenTheSteps() throws {
        var heap = TestHeap()
        heap.options.timeout = .milliseconds(200)
        heap.options.logLimit = 256 * 1024
        let (maker, _) = try large(disk: heap.disk, heap.options)
        try maker.close()
        let reader = try heap.open(.readOnly)
        let writer = try heap.open()
        var steps = 0
        let problems = Problems()
        var block: UInt64 = 0
        let report = try reader.scrub { _, _ in
            steps += 1
            problems.collect {
                if block == 0 { block = try writer.change { $0.allocate(byteCount: 100_000) } }
                for _ in 0 ..< 4 {
                    try writer.change {
                        let bytes = $0.writableAddress(block, 100_000)
                        bytes.initializeMemory(
                            as: UInt8.self, repeating: UInt8(steps), count: 100_000)
                    }
                }
                if steps % 3 == 0 { try writer.checkpoint() }
            }
        }
        #expect(steps >= 8)
        #expect(problems.all == [])
        #expect(report.damagedPages == [])
        #expect(writer.writerLog!.capacity == 256 * 1024)
        try writer.close()
        try reader.close()
    }

    /// Whatever happens to the heap between two steps: damage is found, and nothing else is
    /// reported.
    @Test(arguments: 0 ..< 8 as Range<UInt64>, [OpenMode.readOnly, .readWrite])
    func changesBetweenTheSteps(seed: UInt64, mode: OpenMode) throws {
        var random = SplitMix(state: seed)
        let disk = SimulatedDisk()
        disk.recordsContents = false
        var options = Workload.smallOptions
        options.timeout = .milliseconds(500)
        let (writer, block) = try large(disk: disk, options)
        let file = try disk.open(path, .readWrite)
        let wrong = Int(block >> 12) + Int.random(in: 1 ..< 2000, using: &random)
        try file.write([77] as [UInt8], at: wrong * 4096 + 5)
        let reader = try HeapEngine(path: path, mode: mode, options: options, disk: disk)
        var blocks: [(offset: UInt64, count: Int)] = []
        let problems = Problems()
        let report = try reader.scrub { _, _ in
            problems.collect {
                try writer.change { access in
                    for _ in 0 ..< Int.random(in: 1 ... 5, using: &random) {
                        let count = [64, 900, 5000, 40_000, 900_000].randomElement(using: &random)!
                        let offset = access.allocate(byteCount: count)
                        access.writableAddress(offset, count).initializeMemory(
                            as: UInt8.self, repeating: 9, count: count)
                        blocks.append((offset, count))
                    }
                    while blocks.count > 8 {
                        let block = blocks.remove(
                            at: Int.random(in: 0 ..< blocks.count, using: &random))
                        access.free(block.offset, byteCount: block.count)
                    }
                }
                switch Int.random(in: 0 ..< 4, using: &random) {
                case 0: try writer.checkpoint()
                case 1: try writer.compact()
                case 2: _ = try writer.moveLogIntoDataFile(waits: true)
                default: break
                }
            }
        }
        #expect(problems.all == [])
        #expect(report.damagedPages == [wrong])
        try reader.close()
    }

    /// A scrub yields to threads that announce that they wait for the checkpoint lock.
    @Test func givesWay() throws {
        let heap = TestHeap()
        let (writer, _) = try large(disk: heap.disk, heap.options)
        let shared = try #require(writer.shared)
        let reader = try heap.open(.readOnly)
        let steps = Atomic<Int>(0)
        let seen = Mutex<[Int]>([])
        let done = DispatchSemaphore(value: 0)
        _ = try reader.scrub { _, _ in
            guard steps.add(1, ordering: .sequentiallyConsistent).newValue == 2 else { return }
            @Sendable func announce() -> UInt64 {
                let end = Deadline.now + CheckpointLock.longestWish
                shared.storeInOrder(end, .checkpointWanted)
                return end
            }
            let first = announce()
            Thread.detachNewThread {
                var end = first
                for _ in 0 ..< 20 {
                    usleep(1000)
                    let step = steps.load(ordering: .sequentiallyConsistent)
                    // On a busy machine, the announcement may have expired.
                    guard Deadline.now < end else { break }
                    seen.withLock { $0.append(step) }
                    end = announce()
                }
                shared.storeInOrder(0, .checkpointWanted)
                done.signal()
            }
        }
        done.wait()
        let stepsSeen = seen.withLock { Set($0) }
        #expect(stepsSeen.isSubset(of: [2]))
        #expect(steps.load(ordering: .sequentiallyConsistent) > 8)
        // A waiting thread announces that, and withdraws the announcement afterwards.
        let file = try heap.disk.open(path, .readWrite)
        #expect(try file.tryLock(.checkpoint, exclusive: true))
        Thread.detachNewThread {
            while shared.loadInOrder(.checkpointWanted) == 0 { usleep(100) }
            file.unlock(.checkpoint)
        }
        try writer.change { _ = $0.allocate(byteCount: 64) }
        #expect(try writer.moveLogIntoDataFile(waits: true))
        #expect(shared.loadInOrder(.checkpointWanted) == 0)
        try reader.close()
        try writer.close()
    }

    /// A process without write permission cannot keep the ring from growing while it is about to
    /// read it. That is not damage.
    @Test func withoutTheRightToWriteBesideRingGrowth() throws {
        let heap = TestHeap()
        var options = heap.options
        options.initialLogBytes = 64 * 1024
        let (writer, _) = try large(disk: heap.disk, options)
        let small = try writer.change { $0.allocate(byteCount: 400_000) }
        try writer.checkpoint()
        let problems = Problems()
        let growths = Atomic<Int>(0)
        let isOpen = Atomic<Bool>(false)
        let opened = Mutex<Set<String>>([])
        let refusing = TappedDisk(heap.disk) { call throws(SystemError) in
            if call.operation == .open, !isOpen.load(ordering: .relaxed) {
                // Opening is first tried for writing: one refusal each.
                let refused = opened.withLock { $0.insert(call.path).inserted }
                if refused { throw SystemError(.open, call.path, .permissionDenied) }
            }
            guard call.operation == .map, call.path.hasSuffix(LogLayout.sharedSuffix),
                isOpen.load(ordering: .relaxed),
                growths.add(1, ordering: .relaxed).newValue <= 2
            else { return }
            problems.collect {
                let before = writer.writerLog!.capacity
                while writer.writerLog!.capacity == before {
                    try writer.change {
                        let bytes = $0.writableAddress(small, 400_000)
                        bytes.initializeMemory(
                            as: UInt8.self, repeating: UInt8(before >> 16 & 0xff), count: 400_000)
                    }
                }
            }
        }
        var fixed = options
        fixed.isSnapshot = true
        let reader = try HeapEngine(path: path, mode: .readOnly, options: fixed, disk: refusing)
        isOpen.store(true, ordering: .relaxed)
        #expect(!reader.isFileWritable && reader.readerEntry == nil)
        try writer.change { $0.store(1, at: small) }
        #expect(try reader.scrub().damagedPages == [])
        #expect(growths.load(ordering: .relaxed) > 0)
        #expect(problems.all == [])
        try reader.close()
        try writer.close()
    }
}
