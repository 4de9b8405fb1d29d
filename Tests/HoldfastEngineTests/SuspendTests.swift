import Foundation
import HoldfastFormat
import HoldfastSystem
import Testing
import TestSupport

@testable import HoldfastEngine

/// A suspended opening holds nothing, and takes part again as if it were new, whatever has happened
/// meanwhile.
@Suite(.progress) struct SuspendTests {
    private let heap = TestHeap()

    /// A heap at rest with a cell that holds 5.
    private func makeCell() throws -> UInt64 {
        let engine = try heap.open()
        let cell = try engine.change { access in
            let cell = access.allocate(byteCount: 64)
            access.store(5, at: cell)
            return cell
        }
        try engine.close()
        return cell
    }

    private func value(_ engine: HeapEngine, _ cell: UInt64) throws -> Int {
        try engine.look { $0.load(cell, as: Int.self) }
    }

    /// The locks that any opening holds, of the heap file and the shared file.
    private func locks(_ heap: TestHeap) throws -> [String] {
        var found: [String] = []
        for suffix in ["", "-shared"] where heap.disk.exists(TestHeap.path + suffix) {
            let file = try heap.disk.open(TestHeap.path + suffix, .readWrite)
            defer { file.close() }
            for slot in 0 ..< FileLock.slotCount
            where try file.isLockedByOthers(FileLock(slot: slot)) {
                found.append("\(suffix) \(slot)")
            }
        }
        return found
    }

    private var names: [String] { heap.disk.currentFiles().keys.sorted() }

    // MARK: Nothing is left

    /// Of writers, and of readers that are transient or registered, alone and beside another.
    @Test(arguments: [OpenMode.readWrite, .readOnly], [0, 1, 2])
    func noLockIsLeft(mode: OpenMode, reads: Int) throws {
        let cell = try makeCell()
        var heap = heap
        heap.options.verifiesDirtyTracking = true
        for isShared in [false, true] {
            let other = isShared ? try heap.open() : nil
            try other?.change { $0.store(5, at: cell) }
            let before = try locks(heap)
            let engine = try heap.open(mode)
            for _ in 0 ..< reads { #expect(try value(engine, cell) == 5) }
            if mode == .readWrite { try engine.change { $0.store(5, at: cell) } }
            #expect(try locks(heap) != before)
            for _ in 0 ..< 2 {
                try engine.suspend()
                #expect(try locks(heap) == before)
                #expect(engine.image.privatePageBound == 0)
                if let other {
                    #expect(other.openViews().count == 1)
                } else {
                    #expect(names == [TestHeap.path])
                }
            }
            #expect(try value(engine, cell) == 5)
            #expect(try locks(heap) != before)
            try engine.suspend()
            try engine.close()
            #expect(try locks(heap) == before)
            try other?.close()
            #expect(names == [TestHeap.path])
        }
    }

    /// The images that readers beside a writer use have entries of their own.
    @Test func noEntryOfAFurtherImageIsLeft() throws {
        let cell = try makeCell()
        let (other, engine) = (try heap.open(), try heap.open())
        let context = try engine.beginRead()
        try elsewhere { try engine.change { $0.store(6, at: cell) } }
        engine.endRead(context)
        #expect(engine.pool.openImages.count == 2)
        let table = ReaderTable(shared: try #require(other.shared))
        try engine.suspend()
        #expect(engine.pool.openImages == [0])
        #expect((0 ..< ReaderTable.count).count { table.shared.entryLocks.isAlive($0) } == 1)
        // They open again, with the memory that is shared now.
        let again = try engine.beginRead()
        try elsewhere { try engine.change { $0.store(7, at: cell) } }
        engine.endRead(again)
        #expect(engine.pool.openImages.count == 2)
        for _ in 0 ..< 40 { #expect(try value(engine, cell) == 7) }
        #expect(try value(other, cell) == 7)
        try engine.close()
        try other.close()
        #expect(names == [TestHeap.path])
    }

    /// A suspended process that is killed has nothing to leave behind.
    @Test func killedWhileSuspended() throws {
        let cell = try makeCell()
        let engine = try heap.open()
        try engine.change { $0.store(6, at: cell) }
        try engine.suspend()
        engine.heap.lifecycle.close()
        engine.loseLocks()
        var options = heap.options
        options.isExclusive = true
        let other = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options, disk: heap.disk)
        #expect(try value(other, cell) == 6)
        try other.close()
        #expect(names == [TestHeap.path])
    }

    /// Commits are durable once their opening is suspended, also beside others.
    @Test(arguments: [false, true]) func aPowerCutLosesNothing(isShared: Bool) throws {
        let disk = SimulatedDisk()
        let workload = try Workload(options: Workload.smallOptions, disk: disk, seed: 5)
        let other =
            isShared
            ? try HeapEngine(
                path: workload.path, mode: .readWrite, options: workload.options, disk: disk) : nil
        for _ in 0 ..< 30 {
            for _ in 0 ..< 3 { try workload.transaction() }
            try workload.engine.suspend()
            let commits = workload.commits
            var images = CrashImages(of: disk)
            for _ in 0 ..< images.count { images.advance() }
            for seed in 0 ..< 3 as Range<UInt64> {
                let problem = workload.problem(
                    withFiles: images.image(seed: seed), allowing: commits ... commits)
                #expect(problem == nil)
            }
        }
        try workload.engine.close()
        try other?.close()
    }

    // MARK: Meanwhile

    /// What others do while the opening is suspended.
    enum Deed: CaseIterable {
        case writes, checkpoints, recycles, compacts, closes, opensAnew, grows, shrinks, dies
    }

    @Test(arguments: Deed.allCases) func theNewestStateIsSeen(deed: Deed) throws {
        let cell = try makeCell()
        let engine = try heap.open()
        let large = try engine.change { $0.allocate(byteCount: 1 << 20) }
        let blocks = try engine.change { access in
            (0 ..< 60).map { _ in access.allocate(byteCount: 4096) }
        }
        try engine.change { access in for block in blocks { access.store(1, at: block) } }
        if deed == .shrinks { try engine.reserve(bytes: 8 << 20) }
        let other = try heap.open()
        try engine.suspend()
        try other.change { access in
            access.store(6, at: cell)
            for block in blocks.prefix(30) { access.store(2, at: block) }
        }
        switch deed {
        case .writes: break
        case .checkpoints: try other.checkpoint()
        case .recycles:
            for round in 0 ..< 100 {
                try other.change { access in
                    access.writableAddress(blocks[0], 4096).initializeMemory(
                        as: UInt8.self, repeating: UInt8(round), count: 4096)
                    access.store(2, at: blocks[0])
                }
                if round % 10 == 9 {
                    try other.checkpoint()
                    #expect(other.writerLog!.usedBytes == 0)
                }
            }
        case .compacts:
            try other.change { $0.free(large, byteCount: 1 << 20) }
            #expect(try other.compact() > 0)
        case .closes: try other.close()
        case .opensAnew:
            try other.close()
            #expect(names == [TestHeap.path])
        case .grows:
            _ = try other.change { $0.allocate(byteCount: 5 << 20) }
            try other.close()
        case .shrinks:
            try other.shrink()
            try other.close()
            #expect(heap.fileBytes() < 4 << 20)
        case .dies:
            try other.change { $0.store(6, at: cell) }
            other.heap.lifecycle.close()
            other.loseLocks()
        }
        let third = deed == .opensAnew ? try heap.open() : nil
        try third?.change { $0.store(7, at: cell) }
        #expect(try value(engine, cell) == (third == nil ? 6 : 7))
        for (number, block) in blocks.enumerated() {
            #expect(try value(engine, block) == (number < 30 ? 2 : 1))
        }
        #expect(try engine.audit().problems == [])
        // It writes on: in the part that may have been cut off, too.
        let more = try engine.change { access in
            let block = access.allocate(byteCount: 3 << 20)
            access.writableAddress(block, 3 << 20).initializeMemory(
                as: UInt8.self, repeating: 9, count: 3 << 20)
            access.store(8, at: cell)
            return block
        }
        for opening in [engine, third].compactMap({ $0 }) + (other.isClosed ? [] : [other]) {
            #expect(try value(opening, cell) == 8)
            #expect(try opening.look { $0.load(more + 3 << 20 - 8, as: UInt8.self) } == 9)
        }
        #expect(try engine.scrub().damagedPages == [])
        try engine.close()
        try third?.close()
        if !other.isClosed { try other.close() }
        #expect(names == [TestHeap.path])
        let last = try heap.open()
        #expect(try value(last, cell) == 8)
        #expect(try last.audit().problems == [])
        try last.close()
    }

    /// Another heap has the name, or the file has none: an error, and nothing is touched. When the
    /// file is back, the opening goes on.
    @Test(arguments: [OpenMode.readWrite, .readOnly]) func anotherFileHasTheName(mode: OpenMode)
        throws
    {
        let cell = try makeCell()
        let engine = try heap.open(mode)
        #expect(try value(engine, cell) == 5)
        try engine.suspend()
        try heap.disk.renameReplacing(TestHeap.path, to: "/sim/away.heap")
        #expect(throws: HeapError.replaced(path: TestHeap.path)) { try engine.look { _ in } }
        #expect(names == ["/sim/away.heap"])
        let second = try makeCell()
        let files = heap.disk.currentFiles()
        for _ in 0 ..< 2 {
            #expect(throws: HeapError.replaced(path: TestHeap.path)) { try engine.look { _ in } }
            #expect(throws: HeapError.replaced(path: TestHeap.path)) { try engine.resume() }
            if mode == .readWrite {
                #expect(throws: HeapError.replaced(path: TestHeap.path)) {
                    try engine.change { $0.store(1, at: second) }
                }
                #expect(throws: HeapError.replaced(path: TestHeap.path)) {
                    try engine.makeDurable()
                }
            }
        }
        #expect(heap.disk.currentFiles() == files)
        #expect(try locks(heap) == [])
        try heap.disk.renameReplacing("/sim/away.heap", to: TestHeap.path)
        #expect(try value(engine, cell) == 5)
        try engine.close()
        #expect(names == [TestHeap.path])
    }

    /// A program copies another heap over the file: it is the same file, and not the same heap.
    @Test func anotherHeapIsInTheFile() throws {
        let cell = try makeCell()
        let engine = try heap.open()
        try engine.suspend()
        let (foreign, _) = try TestHeap.atRest()
        let bytes = foreign.disk.currentFiles()[TestHeap.path]!
        let file = try heap.disk.open(TestHeap.path, .readWrite)
        try file.truncate(to: 0)
        try file.write(bytes, at: 0)
        #expect(throws: HeapError.replaced(path: TestHeap.path)) { try value(engine, cell) }
        #expect(heap.disk.currentFiles() == [TestHeap.path: bytes])
        try engine.close()
    }
}
