import HoldfastFormat
import HoldfastSystem
import Testing
import TestSupport

@testable import HoldfastEngine

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Compaction frees the disk blocks of free pages in place. Whatever interrupts it, no page is
/// damaged, and the next compaction continues.
@Suite(.progress) struct CompactionFaultTests {
    private static let failures: [SimulatedDisk.Fault] = [
        .error(EIO), .error(ENOSPC), .shortWrite(ENOSPC),
    ]

    /// A heap in use, with commits that are only in the log, and a hole in its middle.
    private func source() throws -> (heap: TestHeap, engine: HeapEngine, block: UInt64) {
        let heap = TestHeap()
        let engine = try heap.open()
        let (hole, block) = try engine.change { access in
            let hole = access.allocate(byteCount: 200_000)
            let block = access.allocate(byteCount: 100_000)
            access.writableAddress(hole, 200_000).initializeMemory(
                as: UInt8.self, repeating: 1, count: 200_000)
            access.writableAddress(block, 100_000).initializeMemory(
                as: UInt8.self, repeating: 5, count: 100_000)
            return (hole, block)
        }
        try engine.checkpoint()
        try engine.change { access in
            access.free(hole, byteCount: 200_000)
            access.writableAddress(block, 100_000).initializeMemory(
                as: UInt8.self, repeating: 6, count: 100_000)
        }
        return (heap, engine, block)
    }

    private func isWhole(_ engine: HeapEngine, _ block: UInt64) throws -> Bool {
        let isFilled = try engine.look { access in
            UnsafeRawBufferPointer(start: access.address(block, 100_000), count: 100_000)
                .isFilled(with: 6)
        }
        // One of the header's two copies may be torn, until the next is written over it.
        let damaged = try engine.scrub().damagedPages.filter { $0 >= Int(HeapLayout.headerPages) }
        let problems = try engine.audit().problems
        return isFilled && damaged.isEmpty && problems.isEmpty
    }

    /// In place, beside a reader: whatever fails, nothing is lost, in this process, after a kill,
    /// and after a power cut.
    @Test func compacting() throws {
        for failure in Self.failures {
            var failing = 0
            while true {
                let (heap, engine, block) = try source()
                heap.disk.recordsContents = false
                let reader = try heap.open(.readOnly)
                #expect(try isWhole(reader, block))
                let first = heap.disk.attempts
                var failed: SimulatedDisk.Operation?
                heap.disk.fault = { attempt, operation, _ in
                    guard attempt == first + failing else { return nil }
                    failed = operation
                    return failure
                }
                var error: HeapError?
                do throws(HeapError) { _ = try engine.compact() } catch let thrown {
                    error = thrown
                }
                heap.disk.fault = nil
                guard let failed else { break }
                let name: Comment = "call \(failing), a \(failed): \(String(describing: error))"
                failing += TestExtent.choose(quick: 13, full: 1)
                #expect(try isWhole(engine, block), name)
                #expect(try isWhole(reader, block), name)
                let killed = try HeapEngine(
                    path: TestHeap.path, mode: .readWrite, options: heap.options,
                    disk: SimulatedDisk(files: heap.disk.currentFiles()))
                #expect(try isWhole(killed, block), name)
                try killed.close()
                try reader.close()
                try? engine.close()
                let again = try heap.open()
                #expect(try isWhole(again, block), name)
                _ = try again.compact()
                #expect(try isWhole(again, block), name)
                try again.close()
            }
            #expect(failing > 15)
        }
    }

    /// The power is cut at every call of a compaction.
    @Test func powerCutsWhileCompacting() throws {
        let disk = SimulatedDisk()
        let engine = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: TestHeap.options, disk: disk)
        let (hole, block) = try engine.change { access in
            let hole = access.allocate(byteCount: 200_000)
            let block = access.allocate(byteCount: 100_000)
            access.writableAddress(hole, 200_000).initializeMemory(
                as: UInt8.self, repeating: 1, count: 200_000)
            access.writableAddress(block, 100_000).initializeMemory(
                as: UInt8.self, repeating: 6, count: 100_000)
            return (hole, block)
        }
        try engine.checkpoint()
        try engine.change { $0.free(hole, byteCount: 200_000) }
        try engine.makeDurable()
        let before = disk.journal.count
        #expect(try engine.compact() > 100_000)
        try engine.close()
        var images = CrashImages(of: disk)
        var distinct = DistinctFiles()
        while images.position < images.count {
            images.advance()
            guard images.position > before else { continue }
            for seed in 0 ..< 4 as Range<UInt64> {
                let files = images.image(seed: seed)
                guard distinct.insert(files) else { continue }
                let after = SimulatedDisk(files: files)
                let survivor = try HeapEngine(
                    path: TestHeap.path, mode: .readWrite, options: TestHeap.options, disk: after)
                #expect(try isWhole(survivor, block), "call \(images.position), seed \(seed)")
                #expect(try survivor.audit().runPages == 25)
                try survivor.close()
            }
        }
    }

    /// The compacting process dies in the middle. The next checkpoint by another process completes
    /// the compaction before it writes anything. Pages that were free and are in use again, but
    /// only partly written, show whether it has.
    @Test func nextCheckpointFinishes() throws {
        let (heap, engine, block) = try source()
        let other = try heap.open()
        #expect(try isWhole(other, block))
        // The state left by a process that died during compaction: recorded in both places, with
        // torn contents and the old checksums.
        try engine.checkpoint()
        let file = try heap.disk.open(TestHeap.path, .readWrite)
        var header = try engine.readHeader(file)
        header.isPunchingHoles = true
        header.sequence += 1
        try engine.heap.dataFile.writeHeader(header, to: file)
        try tearFreePages(engine, file)
        #expect(try isWhole(other, block))
        // A reader leaves this state unchanged.
        let reader = try heap.open(.readOnly)
        #expect(try isWhole(reader, block))
        try reader.close()
        #expect(try engine.readHeader(file).isPunchingHoles)
        let run = try other.change { access in
            let run = access.allocate(byteCount: 150_000)
            access.store(1, at: run)
            return run
        }
        #expect(run < block)
        try other.checkpoint()
        #expect(try !engine.readHeader(file).isPunchingHoles)
        #expect(try isWhole(other, block) && isWhole(engine, block))
        try other.close()
        try engine.close()
        let again = try heap.open()
        #expect(try isWhole(again, block))
        try again.close()
    }

    /// The same without a surviving process: the next opening for writing completes it, even if a
    /// reader has opened the heap before.
    @Test(arguments: [false, true]) func nextOpeningFinishes(readerComesFirst: Bool) throws {
        let (heap, engine, block) = try source()
        try engine.checkpoint()
        try engine.close()
        let file = try heap.disk.open(TestHeap.path, .readWrite)
        let before = try heap.open(.readOnly)
        var header = try before.readHeader(file)
        header.isPunchingHoles = true
        header.sequence += 1
        try before.heap.dataFile.writeHeader(header, to: file)
        try tearFreePages(before, file)
        try before.close()
        let reader = readerComesFirst ? try heap.open(.readOnly) : nil
        if let reader { #expect(try isWhole(reader, block)) }
        let writer = try heap.open()
        try writer.change { $0.store(1, at: $0.allocate(byteCount: 150_000)) }
        try writer.checkpoint()
        #expect(try !writer.readHeader(file).isPunchingHoles)
        #expect(try isWhole(writer, block))
        try reader?.close()
        try writer.close()
    }

    /// Writes zeros to a part of each page of the first long free run.
    private func tearFreePages(_ engine: HeapEngine, _ file: any DiskFile) throws {
        let walk = PageWalk(base: engine.image.base, end: engine.pagesInImage)
        let free = try #require(walk.first { $0.kind == .free && $0.pages.count > 40 })
        for page in free.pages where page % 3 == 0 {
            try file.zero(at: page * 4096, byteCount: 1000, keepsBlocks: false)
        }
    }
}
