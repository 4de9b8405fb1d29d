import HoldfastFormat
import Testing
import TestSupport

@testable import HoldfastEngine

/// Allocating and freeing in a heap with damaged allocator records traps with a message: no wrong
/// arithmetic, no endless loop, and no overlapping blocks.
@Suite(.progress) struct DamagedAllocatorTests {
    private func spoke(_ result: ExitTest.Result?) -> Bool {
        String(decoding: result?.standardErrorContent ?? [], as: UTF8.self).contains("is damaged: ")
    }

    /// The place of the header of the slab that has a block of this size in its first page.
    private static func header(_ block: UInt64, _ byteCount: Int) -> UInt64 {
        UInt64(
            SlabClass.headerOffset(page: block >> 12, sizeClass: SizeClass.index(for: byteCount))!)
    }

    @Test func slabWithoutABlockSize() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            try engine.change { access in
                let block = access.allocate(byteCount: 100)
                access.store(UInt32(0), at: Self.header(block, 100) + 16)
                access.free(block, byteCount: 100)
            }
        }
        #expect(spoke(result))
    }

    @Test func slabWithAnotherBlockSize() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            try engine.change { access in
                let block = access.allocate(byteCount: 100)
                access.store(UInt32(48), at: Self.header(block, 100) + 16)
                _ = access.allocate(byteCount: 100)
            }
        }
        #expect(spoke(result))
    }

    /// A free bit behind the last block.
    @Test func slabWithABlockTooMany() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            try engine.change { access in
                let block = access.allocate(byteCount: 1000)
                let bitmap = Self.header(block, 1000) + UInt64(SlabHeader.bitmapOffset)
                // All in use except the last bit of the word, which stands for no block.
                access.store(UInt64.max >> 1, at: bitmap)
                _ = access.allocate(byteCount: 1000)
            }
        }
        #expect(spoke(result))
    }

    @Test func freeRunThatIsShorterThanItsBin() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            try engine.change { access in
                let run = access.allocate(byteCount: 20 * 4096)
                _ = access.allocate(byteCount: 40_000)
                access.free(run, byteCount: 20 * 4096)
                let allocator = Allocator(access: access)
                var descriptor = allocator.descriptor(run >> 12)
                descriptor.pages = 3
                allocator.setDescriptor(descriptor, run >> 12)
                _ = access.allocate(byteCount: 18 * 4096)
            }
        }
        #expect(spoke(result))
    }

    /// A list of free runs that forms a cycle, without a run that is long enough.
    @Test func listOfFreeRunsWithoutAnEnd() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            try engine.change { access in
                let run = access.allocate(byteCount: 40 * 4096)
                _ = access.allocate(byteCount: 40_000)
                access.free(run, byteCount: 40 * 4096)
                let allocator = Allocator(access: access)
                var descriptor = allocator.descriptor(run >> 12)
                descriptor.next = UInt32(run >> 12)
                allocator.setDescriptor(descriptor, run >> 12)
                // In the same bin as 40 pages, but longer.
                _ = access.allocate(byteCount: 43 * 4096)
            }
        }
        #expect(spoke(result))
    }
}
