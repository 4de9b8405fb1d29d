import HoldfastFormat
import Testing
import TestSupport

@testable import HoldfastEngine

/// Blocks keep their contents through aborts, checkpoints and reopening, and none is lost or handed
/// out twice.
@Suite(.progress) struct AllocatorTests {
    private struct Block: Equatable {
        var offset: UInt64
        var bytes: Int
        var alignment: Int
        var fill: UInt8
    }

    private func fill(_ block: Block, _ access: HeapAccess) {
        access.writableAddress(block.offset, block.bytes)
            .initializeMemory(as: UInt8.self, repeating: block.fill, count: block.bytes)
    }

    private func isIntact(_ block: Block, _ access: HeapAccess) -> Bool {
        UnsafeRawBufferPointer(start: access.address(block.offset, block.bytes), count: block.bytes)
            .isFilled(with: block.fill)
    }

    private func someSize(_ random: inout SplitMix) -> Int {
        switch Int.random(in: 0 ..< 20, using: &random) {
        case 0 ..< 12: Int.random(in: 1 ... 600, using: &random)
        case 12 ..< 17: Int.random(in: 600 ... 32768, using: &random)
        default: Int.random(in: 32769 ... 600_000, using: &random)
        }
    }

    /// One random step on both the model and the heap.
    private func step(_ blocks: inout [Block], _ access: HeapAccess, _ random: inout SplitMix) {
        let fillByte = UInt8.random(in: 1 ... 255, using: &random)
        switch Int.random(in: 0 ..< 10, using: &random) {
        case 0 ..< 5 where blocks.count < 400:
            let bytes = someSize(&random)
            let alignment = 1 << Int.random(in: 0 ... (bytes < 2000 ? 7 : 6), using: &random)
            let offset = access.allocate(byteCount: bytes, alignment: alignment)
            #expect(offset % UInt64(alignment) == 0)
            blocks.append(Block(offset: offset, bytes: bytes, alignment: alignment, fill: fillByte))
            fill(blocks.last!, access)
        case 5 ..< 7 where !blocks.isEmpty:
            let index = Int.random(in: 0 ..< blocks.count, using: &random)
            let bytes = someSize(&random)
            let old = blocks[index]
            let kept = min(old.bytes, bytes)
            let offset = access.reallocate(
                old.offset, from: old.bytes, to: bytes, preserving: kept, alignment: old.alignment)
            blocks[index] = Block(
                offset: offset, bytes: kept, alignment: old.alignment, fill: old.fill)
            #expect(isIntact(blocks[index], access))
            blocks[index] = Block(
                offset: offset, bytes: bytes, alignment: old.alignment, fill: fillByte)
            fill(blocks[index], access)
        default:
            guard !blocks.isEmpty else { return }
            let block = blocks.remove(at: Int.random(in: 0 ..< blocks.count, using: &random))
            access.free(block.offset, byteCount: block.bytes, alignment: block.alignment)
        }
    }

    private func check(_ engine: HeapEngine, _ blocks: [Block], _ what: String) throws {
        let audit = try engine.audit()
        #expect(audit.problems.isEmpty, "\(what)")
        let allocated = blocks.reduce(0) {
            $0 + HeapAccess.usableBytes(byteCount: $1.bytes, alignment: $1.alignment)
        }
        #expect(audit.usedBytes == UInt64(allocated), "\(what)")
        try engine.look { access in
            for block in blocks where !isIntact(block, access) {
                Issue.record(
                    "\(what): the block of \(block.bytes) bytes at \(block.offset) has been overwritten"
                )
                return
            }
        }
    }

    /// Compares the heap with a model; every block is filled with its own byte, so an overlap is
    /// detected. Transactions end in all ways.
    @Test(arguments: [1 as UInt64, 2, 3])
    func randomUseMatchesModel(seed: UInt64) throws {
        let heap = TestHeap()
        var engine = try heap.open()
        var random = SplitMix(state: seed)
        var blocks: [Block] = []
        for number in 0 ..< 150 {
            let before = blocks
            let context = try engine.beginWrite()
            let access = HeapAccess(context: context, epoch: context.pointee.epoch)
            for _ in 0 ..< Int.random(in: 1 ... 12, using: &random) {
                step(&blocks, access, &random)
            }
            if Int.random(in: 0 ..< 5, using: &random) == 0 {
                engine.abort(context)
                blocks = before
            } else {
                try engine.commit(context)
            }
            switch Int.random(in: 0 ..< 15, using: &random) {
            case 0: try engine.checkpoint()
            case 1:
                try engine.close()
                engine = try heap.open()
            default: break
            }
            if number % 10 == 0 { try check(engine, blocks, "seed \(seed), transaction \(number)") }
        }
        try check(engine, blocks, "seed \(seed), at the end")
        try engine.close()
    }

    /// After everything has been freed, the heap is like a new one, in size and in the audit.
    @Test func emptiedHeapIsLikeNew() throws {
        let heap = TestHeap()
        var engine = try heap.open()
        let new = try engine.audit()
        var random = SplitMix(state: 7)
        var blocks: [Block] = []
        for _ in 0 ..< 40 {
            try engine.change { access in for _ in 0 ..< 10 { step(&blocks, access, &random) } }
        }
        #expect(blocks.count > 50)
        try engine.change { access in
            for block in blocks {
                access.free(block.offset, byteCount: block.bytes, alignment: block.alignment)
            }
        }
        try engine.close()
        #expect(heap.fileBytes() == 65_536)
        #expect(heap.disk.currentFiles().keys.sorted() == [TestHeap.path])
        engine = try heap.open()
        #expect(try engine.audit() == new)
        try engine.close()
    }

    /// Free space is used before the file grows: the same amount in other sizes fits into the old
    /// blocks' space.
    @Test func freeSpaceIsReusedBeforeGrowth() throws {
        let heap = TestHeap()
        let engine = try heap.open()
        // 64 runs of 20 pages with a used run of 9 between them, so that they cannot coalesce.
        let runs = try engine.change { access in
            (0 ..< 64).map { _ in
                let run = access.allocate(byteCount: 20 * 4096)
                _ = access.allocate(byteCount: 9 * 4096)
                return run
            }
        }
        try engine.change { access in for run in runs { access.free(run, byteCount: 20 * 4096) } }
        let before = try engine.audit()
        #expect(before.freePages >= 64 * 20)
        try engine.change { access in
            for _ in 0 ..< 64 { _ = access.allocate(byteCount: 11 * 4096) }
            for _ in 0 ..< 64 { _ = access.allocate(byteCount: 9 * 4096) }
        }
        let after = try engine.audit()
        #expect(after.pages == before.pages)
        #expect(after.freePages == before.freePages - 64 * 20)
        #expect(after.problems.isEmpty)
    }

    /// A run of a length that only its own bin can hold is found there: bins above 32 pages hold
    /// several lengths.
    @Test func exactRunInMixedBinIsFound() throws {
        let engine = try TestHeap().open()
        try engine.change { access in
            let run = access.allocate(byteCount: 70 * 4096)
            _ = access.allocate(byteCount: 4096, alignment: 4096)
            access.free(run, byteCount: 70 * 4096)
            // 65 to 71 pages share a bin. Any run of the next bin would fit, but that bin is empty.
            #expect(access.allocate(byteCount: 69 * 4096) == run)
        }
        #expect(try engine.audit().problems.isEmpty)
    }

    /// Growing and shrinking in place keeps the offset: within a class, by splitting a run, into
    /// free pages, at the heap's end.
    @Test func reallocatesInPlace() throws {
        let engine = try TestHeap().open()
        try engine.change { access in
            let small = access.allocate(byteCount: 1000)
            #expect(access.reallocate(small, from: 1000, to: 1024, preserving: 1000) == small)

            let run = access.allocate(byteCount: 40 * 4096)
            access.store(UInt64(77), at: run)
            // At the heap's end.
            #expect(access.reallocate(run, from: 40 * 4096, to: 90 * 4096, preserving: 8) == run)
            let wall = access.allocate(byteCount: 4096, alignment: 4096)
            // Split, and back into the pages freed by that.
            #expect(access.reallocate(run, from: 90 * 4096, to: 50 * 4096, preserving: 8) == run)
            #expect(access.reallocate(run, from: 50 * 4096, to: 80 * 4096, preserving: 8) == run)
            #expect(access.reallocate(run, from: 80 * 4096, to: 90 * 4096, preserving: 8) == run)
            // Not past the used run behind it.
            let moved = access.reallocate(run, from: 90 * 4096, to: 91 * 4096, preserving: 8)
            #expect(moved != run && moved > wall)
            #expect(access.load(moved, as: UInt64.self) == 77)
        }
        #expect(try engine.audit().problems.isEmpty)
    }

    /// Heaps that cross 1, 2, 4 and 8 MiB need further parts of the page map; after everything is
    /// freed, the parts are freed too.
    @Test func pageMapGrowsAndShrinks() throws {
        let heap = TestHeap()
        var engine = try heap.open()
        var runs: [UInt64] = []
        for _ in 0 ..< 9 {
            try engine.change { access in
                let run = access.allocate(byteCount: 1 << 20)
                access.store(run, at: run)
                access.store(run, at: run + (1 << 20) - 8)
                runs.append(run)
            }
            let audit = try engine.audit()
            #expect(audit.problems.isEmpty, "after \(runs.count) MiB")
        }
        try engine.close()
        engine = try heap.open()
        try engine.look { access in
            for run in runs {
                #expect(access.load(run, as: UInt64.self) == run)
                #expect(access.load(run + (1 << 20) - 8, as: UInt64.self) == run)
            }
        }
        // Pages 0-4, and the parts for pages from 256, 512, 1024 and 2048 on: 1, 2, 4 and 8 pages,
        // and one for every 511 checksums.
        #expect(try engine.audit().metadataPages == 5 + (1 + 1) + (2 + 2) + (4 + 3) + (8 + 5))
        try engine.change { access in
            for run in runs.reversed() { access.free(run, byteCount: 1 << 20) }
        }
        try engine.checkpoint()
        #expect(try engine.audit().metadataPages == 5)
        #expect(try engine.audit().pages == 5)
        try engine.close()
        #expect(heap.fileBytes() == 65_536)
    }

    /// The same for a heap that has grown by a page at a time: then each part is the heap's last
    /// run, and all that keeps the end where it is.
    @Test func pageMapShrinksBehindItsLastPart() throws {
        let heap = TestHeap()
        let engine = try heap.open()
        func takePage(_ access: HeapAccess) -> UInt64 {
            access.allocate(byteCount: 4096, alignment: 4096)
        }
        func freePages(_ pages: ArraySlice<UInt64>) throws {
            try engine.change { access in
                for page in pages { access.free(page, byteCount: 4096, alignment: 4096) }
            }
            try engine.checkpoint()
            let problems = try engine.audit().problems
            #expect(problems.isEmpty)
        }
        var pages: [UInt64] = []
        // Up to the third part, which has 4 pages and 3 of checksums.
        while try engine.audit().metadataPages < 5 + (1 + 1) + (2 + 2) + (4 + 3) {
            try pages.append(engine.change { takePage($0) })
        }
        let full = try engine.audit().pages
        try freePages(pages.suffix(1))
        // Fewer pages are free before the part than it has: it stays, because it would soon be made
        // again.
        try freePages(pages.dropLast().suffix(6))
        #expect(try engine.audit().pages == full - 1)
        try freePages(pages.dropLast(7).suffix(1))
        #expect(try engine.audit().pages == full - 1 - 7 - 7)
        // All but the first page, and then that too.
        try freePages(pages[1 ..< pages.count - 8])
        #expect(try engine.audit().pages == 6)
        try freePages(pages[..<1])
        #expect(try engine.audit().pages == 5)
        // It grows again, with new parts.
        try engine.change { access in for _ in 0 ..< 2000 { _ = takePage(access) } }
        try engine.close()
        let again = try heap.open()
        #expect(try again.audit().problems.isEmpty)
        let report = try again.scrub()
        #expect(report.damagedPages.isEmpty)
    }

    /// Runs that are all a little too short are not searched to the end, however many there are.
    @Test(arguments: [10, 63, 64, 200]) func searchOfABinEnds(tooShort count: Int) throws {
        let engine = try TestHeap().open()
        try engine.change { access in
            // 32 to 35 pages share a bin.
            let fitting = access.allocate(byteCount: 35 * 4096)
            _ = access.allocate(byteCount: 4096, alignment: 4096)
            let others = (0 ..< count).map { _ in
                let run = access.allocate(byteCount: 33 * 4096)
                _ = access.allocate(byteCount: 4096, alignment: 4096)
                return run
            }
            access.free(fitting, byteCount: 35 * 4096)
            for run in others { access.free(run, byteCount: 33 * 4096) }
            let found = access.allocate(byteCount: 35 * 4096)
            #expect((found == fitting) == (count < 64))
        }
        #expect(try engine.audit().problems.isEmpty)
    }

    /// An abort releases the space of a transaction that extended the heap.
    @Test func abortedGrowthIsForgotten() throws {
        let engine = try TestHeap().open()
        try engine.change { _ = $0.allocate(byteCount: 100) }
        let before = try engine.audit()
        for _ in 0 ..< 3 {
            try engine.abandon { access in
                for bytes in [16, 5000, 100_000, 3_000_000] {
                    let offset = access.allocate(byteCount: bytes)
                    access.writableAddress(offset, bytes).initializeMemory(
                        as: UInt8.self, repeating: 9, count: bytes)
                }
            }
            #expect(try engine.audit() == before)
        }
    }

    /// Alignment beyond a line takes whole pages, but no more of them than the bytes need.
    @Test(arguments: [128, 1024, 4096]) func largeAlignmentsTakeWholePages(alignment: Int) throws {
        let engine = try HeapEngine(path: "memory", mode: .inMemory)
        let context = try engine.beginWrite()
        let access = Workload.access(context)
        let before = engine.pagesInImage
        let block = access.allocate(byteCount: 100, alignment: alignment)
        #expect(block % UInt64(alignment) == 0)
        #expect(engine.pagesInImage == before + 1)
        let moved = access.reallocate(
            block, from: 100, to: 9000, preserving: 100, alignment: alignment)
        #expect(moved == block && engine.pagesInImage == before + 3)
        access.free(moved, byteCount: 9000, alignment: alignment)
        #expect(engine.pagesInImage == before)
        try engine.commit(context)
    }

    /// Closing shrinks the file even if the log has hardly any room left for the engine's own
    /// transaction.
    @Test func closeShrinksWithAFullLog() throws {
        let disk = SimulatedDisk()
        disk.recordsContents = false
        var options = Workload.smallOptions
        options.logLimit = 64 * 1024
        let engine = try HeapEngine(
            path: "/sim/full.heap", mode: .readWrite, options: options, disk: disk)
        let context = try engine.beginWrite()
        let block = Workload.access(context).allocate(byteCount: 64)
        try engine.commit(context)
        while engine.writerLog!.room > 2000 {
            let context = try engine.beginWrite()
            Workload.access(context).store(UInt64.random(in: 0 ... .max), at: block)
            try engine.commit(context)
        }
        let last = try engine.beginWrite()
        Workload.access(last).free(block, byteCount: 64)
        try engine.commit(last)
        try engine.close()
        #expect(disk.currentFiles().mapValues(\.count) == ["/sim/full.heap": 65_536])
        let reopened = try HeapEngine(
            path: "/sim/full.heap", mode: .readWrite, options: options, disk: disk)
        #expect(try reopened.audit().pages == HeapLayout.initialPages)
    }
}
