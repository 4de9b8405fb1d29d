import HoldfastFormat
import Testing
import TestSupport

@testable import HoldfastEngine

/// Checkpoints interrupted by a kill: the next process leaves a file in which every page has its
/// checksum.
@Suite(.progress) struct CutCheckpointTests {
    private static let path = "/sim/test.heap"

    /// The files before each call that `body` makes.
    private func images(_ disk: SimulatedDisk, _ body: () throws -> Void) rethrows -> [[String:
        [UInt8]]]
    {
        var images: [[String: [UInt8]]] = []
        disk.onCall = { _ in images.append(disk.currentFiles()) }
        defer { disk.onCall = nil }
        try body()
        return images
    }

    /// The problem of the heap in `files`, if any, even after its free pages are in use again
    /// without being written.
    private func problem(_ files: [String: [UInt8]], using pages: Int = 0) -> String? {
        do throws(HeapError) {
            var options = EngineOptions()
            options.verifiesPages = true
            let engine = try HeapEngine(
                path: Self.path, mode: .readWrite, options: options,
                disk: SimulatedDisk(files: files))
            let problems = try engine.audit().problems
            let context = try engine.beginWrite()
            let access = HeapAccess(context: context, epoch: context.pointee.epoch)
            for _ in 0 ..< pages { _ = access.allocate(byteCount: HeapLayout.pageBytes) }
            try engine.commit(context)
            try engine.checkpoint()
            let report = try engine.scrub()
            // While the header says so, a scrub ignores differences that this could explain.
            if try engine.readHeader(engine.file!).isPunchingHoles {
                return "free pages are still being given back"
            }
            try engine.close()
            return problems.isEmpty && report.damagedPages.isEmpty ? nil : "\(problems), \(report)"
        } catch { return "\(error)" }
    }

    /// Killed while it started the log for the first commit. Another process, which has the heap
    /// open and nothing to write, closes it. No later opening may then miss a log that was never
    /// used.
    @Test func startOfTheLogThatWasCutShort() throws {
        let disk = SimulatedDisk()
        try HeapEngine(path: Self.path, mode: .readWrite, disk: disk).close()
        let engine = try HeapEngine(path: Self.path, mode: .readWrite, disk: disk)
        let images = try images(disk) { _ = try engine.change { $0.allocate(byteCount: 64) } }
        #expect(images.count > 5)
        for (call, image) in images.enumerated() {
            let copy = SimulatedDisk(files: image)
            let other = try copy.open(Self.path, .readWrite)
            #expect(try other.tryLock(.presence, exclusive: false))
            let joined = try HeapEngine(path: Self.path, mode: .readWrite, disk: copy)
            other.close()
            try joined.close()
            #expect(problem(copy.currentFiles()) == nil, "killed before call \(call)")
        }
    }

    /// An interrupted checkpoint had begun to keep checksums in pages that the heap has freed
    /// since. The next checkpoint, in a process that survives, and recovery both clear them.
    @Test func checksumsOfACheckpointThatIsNotTheLast() throws {
        let disk = SimulatedDisk()
        let engine = try HeapEngine(path: Self.path, mode: .readWrite, disk: disk)
        func make(_ pages: Int) throws -> UInt64 {
            try engine.change { access in
                let block = access.allocate(byteCount: pages * HeapLayout.pageBytes)
                access.writableAddress(block, pages * HeapLayout.pageBytes)
                    .initializeMemory(
                        as: UInt8.self, repeating: 7, count: pages * HeapLayout.pageBytes)
                return block
            }
        }
        let low = try make(40)
        _ = try make(180)
        try engine.checkpoint()
        try engine.change { $0.free(low, byteCount: 40 * HeapLayout.pageBytes) }
        let more = try make(100)
        let first = disk.journal.count
        // Without the write lock, which would stay locked in a copy of the files.
        let images = try images(disk) { _ = try engine.moveLogIntoDataFile(waits: true) }
        let number = Int(try #require(disk.fileIdentity(at: Self.path)).number)
        var tried = 0
        for (index, image) in images.enumerated() {
            // While it writes to the heap file, it holds no lock that a copy would keep.
            switch disk.journal[first + index] {
            case .write(number, _, _), .zero(number, _, _): break
            default: continue
            }
            let copy = SimulatedDisk(files: image)
            let survivor = try copy.open(Self.path, .readWrite)
            #expect(try survivor.tryLock(.presence, exclusive: false))
            let joined = try HeapEngine(path: Self.path, mode: .readWrite, disk: copy)
            try joined.change { $0.free(more, byteCount: 100 * HeapLayout.pageBytes) }
            try joined.trim()
            let atThisMoment = copy.currentFiles()
            try joined.checkpoint()
            try joined.change { access in
                for _ in 0 ..< 38 { _ = access.allocate(byteCount: HeapLayout.pageBytes) }
            }
            try joined.checkpoint()
            #expect(try joined.scrub().damagedPages == [], "joined after call \(index)")
            #expect(
                problem(atThisMoment, using: 38) == nil, "killed after call \(index) and once more")
            survivor.close()
            tried += 1
        }
        #expect(tried > 3)
    }

    /// Compaction punches out pages and clears their checksums: killed between the two, it is
    /// repeated.
    @Test func compactionIsDoneAgain() throws {
        let disk = SimulatedDisk()
        let engine = try HeapEngine(path: Self.path, mode: .readWrite, disk: disk)
        let byteCount = 200 << 10
        let block = try engine.change { access in
            let block = access.allocate(byteCount: byteCount)
            access.writableAddress(block, byteCount).initializeMemory(
                as: UInt8.self, repeating: 7, count: byteCount)
            _ = access.allocate(byteCount: 100 << 10)
            return block
        }
        try engine.checkpoint()
        try engine.change { $0.free(block, byteCount: byteCount) }
        let images = try images(disk) {
            let freed = try engine.compact()
            #expect(freed >= byteCount)
        }
        #expect(images.count > 8)
        for (call, image) in images.enumerated() {
            #expect(
                problem(image, using: 40) == nil, "killed before call \(call) of the compaction")
        }
    }

    /// The heap shrinks and grows again between two checkpoints, and recovery reads the commits
    /// from a summary. It must also learn how short the heap was, because the checkpoint has
    /// cleared everything behind that.
    @Test func summaryTellsOfTheLowestEnd() throws {
        let disk = SimulatedDisk()
        let engine = try HeapEngine(path: Self.path, mode: .readWrite, disk: disk)
        let byteCount = 400 << 10
        let (cell, block) = try engine.change { access in
            let cell = access.allocate(byteCount: 64)
            let block = access.allocate(byteCount: byteCount)
            access.writableAddress(block, byteCount).initializeMemory(
                as: UInt8.self, repeating: 7, count: byteCount)
            return (cell, block)
        }
        try engine.checkpoint()
        // A snapshot keeps the next checkpoint from going past it, but not the heap from shrinking.
        var fixed = EngineOptions()
        fixed.isSnapshot = true
        let snapshot = try HeapEngine(path: Self.path, mode: .readOnly, options: fixed, disk: disk)
        try engine.change { $0.free(block, byteCount: byteCount) }
        try engine.checkpoint()
        let shortest = engine.pagesInImage
        try snapshot.close()
        // Grown again, with pages that were not written, and with so many commits that a summary is
        // shorter.
        _ = try engine.change { $0.allocate(byteCount: byteCount) }
        #expect(engine.pagesInImage >= shortest + 50)
        for value in 0 ..< 2000 { try engine.change { $0.store(value, at: cell) } }
        let images = try images(disk) { try engine.checkpoint() }
        #expect(images.count > 8)
        for (call, image) in images.enumerated() {
            #expect(problem(image) == nil, "killed before call \(call) of the checkpoint")
        }
    }
}

extension HeapEngine {
    /// The commit of its own with which a checkpoint begins, without the checkpoint.
    fileprivate func trim() throws(HeapError) {
        let image = try pool.lockForWriting()
        defer { pool.unlockAfterWriting(image) }
        try image.use { (image) throws(HeapError) in
            try image.heap.follower.catchUp()
            try image.committer.commitTrim()
        }
    }
}

/// Pages change between holding data and holding checksums; stale information from the earlier use
/// is ignored.
@Suite(.progress) struct ChecksumPageTests {
    @Test func pagesThatHeldChecksums() throws {
        let engine = try HeapEngine(path: "/sim/test.heap", mode: .readWrite, disk: SimulatedDisk())
        func make(_ pages: Int, filled: Bool) throws -> (UInt64, Int) {
            let byteCount = pages * HeapLayout.pageBytes
            return try engine.change { access in
                let block = access.allocate(byteCount: byteCount)
                if filled {
                    access.writableAddress(block, byteCount).initializeMemory(
                        as: UInt8.self, repeating: 7, count: byteCount)
                }
                return (block, byteCount)
            }
        }
        let low = try make(40, filled: true)
        // Keeps the space in front of it inside the heap.
        _ = try make(180, filled: true)
        try engine.checkpoint()
        try engine.change { $0.free(low.0, byteCount: low.1) }
        // Beyond 256 pages the heap needs a second checksum page, and takes it from the free pages.
        let more = try make(100, filled: true)
        try engine.checkpoint()
        let root = UnsafeRawBufferPointer(
            start: engine.image.base + Int(AllocatorRoot.offset), count: HeapLayout.pageBytes)
        let place = try #require(PageChecksums(root: root).pages(ofPart: 0))
        #expect(place.lowerBound < 45 && engine.pagesInImage > 256)
        #expect(try engine.scrub().damagedPages == [])
        try engine.change { $0.free(more.0, byteCount: more.1) }
        try engine.checkpoint()
        #expect(engine.pagesInImage < 256)
        // In use again, but never written.
        _ = try make(38, filled: false)
        try engine.checkpoint()
        #expect(try engine.scrub().damagedPages == [])
        try engine.close()
    }
}
