import HoldfastFormat
import HoldfastSystem
import TestSupport
import Testing

@testable import HoldfastEngine

/// The disk of heaps in memory, and what an engine leaves out on it.
@Suite(.progress) struct MemoryDiskTests {
    private let disk = MemoryDisk(named: "memory", diskOfCopies: SystemDisk.shared)

    private func contents(_ file: any DiskFile, _ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 9, count: count)
        return Array(bytes[..<(try file.read(&bytes, at: 0))])
    }

    // MARK: Files

    @Test func namesLeadToFiles() throws {
        let missing = SystemError(.open, "a", .noSuchFileOrDirectory)
        #expect(throws: missing) { _ = try disk.open("a", .readWrite) }
        #expect(throws: missing) { _ = try disk.openBeside("a", .readOnly) }
        let file = try disk.open("a", .createNew(isPrivate: true))
        try file.write([1, 2, 3], at: 0)
        #expect(throws: SystemError(.open, "a", .fileExists)) {
            _ = try disk.open("a", .createNew(isPrivate: false))
        }
        let again = try disk.open("a", .createOrKeep(isPrivate: false))
        #expect(try contents(again, 10) == [1, 2, 3])
        #expect(try file.fileIdentity() == again.fileIdentity())
        #expect(disk.fileIdentity(at: "a") == (try file.fileIdentity()))
        try again.write([4], at: 1)
        #expect(try contents(file, 10) == [1, 4, 3])
        let other = try disk.open("b", .createNew(isPrivate: true))
        #expect(try other.fileIdentity() != file.fileIdentity())
        #expect(throws: SystemError(.rename, "b", .fileExists)) {
            try disk.renameWithoutReplacing("a", to: "b")
        }
        try disk.renameWithoutReplacing("a", to: "c")
        #expect(!disk.exists("a") && disk.exists("c"))
        try disk.renameReplacing("c", to: "b")
        #expect(disk.fileIdentity(at: "b") == (try file.fileIdentity()))
        disk.remove("b")
        disk.remove("b")
        #expect(disk.fileIdentity(at: "b") == nil)
        // Open files stay.
        #expect(try contents(file, 10) == [1, 4, 3])
        #expect(try other.size() == 0)
    }

    /// As with files of the system, each opening has its own locks.
    @Test func locksBelongToTheOpenFile() throws {
        let one = try disk.open("a", .createNew(isPrivate: true))
        let lock = FileLock(slot: 3)
        #expect(try one.tryLock(lock, exclusive: false))
        do {
            let other = try disk.open("a", .readWrite)
            #expect(try other.isLockedByOthers(lock) && !one.isLockedByOthers(lock))
            #expect(try other.tryLock(lock, exclusive: false))
            #expect(try !other.tryLock(lock, exclusive: true))
            #expect(try !one.tryLock(lock, exclusive: true))
            one.unlock(lock)
            #expect(try other.tryLock(lock, exclusive: true))
            #expect(try !one.tryLock(lock, exclusive: false))
            #expect(try one.tryLock(FileLock(slot: 4), exclusive: true))
            #expect(try other.tryLock(lock, exclusive: false))
            #expect(try one.tryLock(lock, exclusive: false))
        }
        // Its end has released the other's.
        #expect(try one.tryLock(lock, exclusive: true))
        one.close()
        #expect(try disk.open("a", .readWrite).tryLock(lock, exclusive: true))
    }

    /// Memory is taken when it is used.
    @Test func filesAreSparse() throws {
        let file = try disk.open("a", .createNew(isPrivate: true))
        try file.grow(from: 0, to: 1 << 30, reservingBlocks: true)
        #expect(try file.size() == 1 << 30)
        #expect(try file.nextData(from: 0) == nil)
        try file.write([UInt8](repeating: 1, count: 1 << 20), at: 1 << 29)
        #expect(try file.nextData(from: 0) == 1 << 29)
        #expect(try (1 << 20 ... 4 << 20).contains(file.allocatedBytes()))
        try file.zero(at: 1 << 29, byteCount: 1 << 20, keepsBlocks: true)
        #expect(try file.allocatedBytes() == 0)
    }

    // MARK: Heaps

    private func heap(_ options: EngineOptions = TestHeap.options) throws -> (
        engine: HeapEngine, cell: UInt64
    ) {
        let engine = try HeapEngine(path: "memory", mode: .inMemory, options: options)
        let cell = try engine.change { access in
            let cell = access.allocate(byteCount: 64)
            access.store(1, at: cell)
            return cell
        }
        return (engine, cell)
    }

    /// Nothing is copied to a durable log, and closing makes no checkpoint.
    @Test func nothingIsMadeDurable() throws {
        let (engine, cell) = try heap()
        let file = try #require(engine.heap.dataFile.file)
        let header = try engine.heap.dataFile.headerAndSize(of: file).0
        try engine.change { $0.store(2, at: cell) }
        try engine.makeDurable()
        let log = try #require(engine.heap.log.ifJoined)
        #expect(log.durablePosition < log.published)
        try engine.checkpoint()
        #expect(log.checkpointPosition == log.published)
        try engine.change { $0.store(3, at: cell) }
        try engine.checkpoint()
        #expect(try log.durableFile.nextData(from: LogLayout.ringOffset) == nil)
        let checkpoint = try engine.heap.dataFile.headerAndSize(of: file).0
        #expect(checkpoint.checkpointPosition > header.checkpointPosition)
        try engine.change { $0.store(4, at: cell) }
        try engine.close()
        guard case .header(let last) = HeapHeader.current(try file.headerReadings()) else {
            Issue.record("the header is damaged")
            return
        }
        #expect(last.sequence == checkpoint.sequence)
        #expect(engine.heap.dataFile.disk.fileIdentity(at: "memory") == nil)
    }

    /// Private pages are dropped after checkpoints, as in any other heap.
    @Test(arguments: [true, false]) func privatePagesAreBounded(inBackground: Bool) throws {
        var options = TestHeap.options
        options.memoryLimit = 2 << 20
        options.checkpointsInBackground = inBackground
        let (engine, _) = try heap(options)
        let bytes = 32 << 20
        let block = try engine.change { $0.allocate(byteCount: bytes) }
        var largest = 0
        for offset in stride(from: 0, to: bytes, by: 64 << 10) {
            try engine.change { access in
                for page in stride(from: offset, to: offset + 64 << 10, by: 4096) {
                    access.store(page, at: block + UInt64(page))
                }
            }
            // Not the allocation itself, which has private pages that nothing has touched.
            if offset > bytes / 2 {
                largest = max(largest, engine.view.image.privatePageBound * 4096)
            }
        }
        #expect(largest <= 3 << 20, "\(largest)")
        let isWhole = try engine.look { access in
            stride(from: 0, to: bytes, by: 4096).allSatisfy {
                access.load(block + UInt64($0), as: Int.self) == $0
            }
        }
        #expect(isWhole)
        #expect(try engine.scrub().damagedPages == [])
        try engine.close()
    }

    /// The image can be put back from the disk in memory.
    @Test func imagesComeAndGo() throws {
        var options = TestHeap.options
        options.verifiesDirtyTracking = true
        let (engine, cell) = try heap(options)
        let reads = (2 ..< 5).map { value -> HeldRead<Int> in
            let read = HeldRead(engine) { $0.load(cell, as: Int.self) }
            #expect(throws: Never.self) { try engine.change { $0.store(value, at: cell) } }
            return read
        }
        #expect(engine.pool.openImages.count == 4)
        let snapshot = try engine.openSnapshot()
        for (number, read) in reads.enumerated() {
            #expect(read.end() == [number + 1, number + 1])
        }
        try engine.change { $0.store(9, at: cell) }
        #expect(try snapshot.look { $0.load(cell, as: Int.self) } == 4)
        try engine.close()
        #expect(try snapshot.look { $0.load(cell, as: Int.self) } == 4)
        #expect(throws: HeapError.self) { _ = try engine.openSnapshot() }
        try snapshot.close()
    }
}
