import Testing

@testable import HoldfastEngine

/// The table of block sizes: its arithmetic, its promises about waste and alignment, and the shapes of slabs.
@Suite struct SizeClassTests {
    /// Every request finds the smallest class that holds it.
    @Test func everyRequestFindsTheSmallestClass() {
        for request in 1 ... SizeClass.maximumBytes {
            let index = SizeClass.index(for: request)
            let isSmallest = index == 0 || SizeClass.blockBytes(index - 1) < request
            guard SizeClass.blockBytes(index) >= request, isSmallest else {
                Issue.record("a request of \(request) bytes gets class \(index) of \(SizeClass.blockBytes(index)) bytes")
                return
            }
        }
        #expect(SizeClass.index(for: SizeClass.maximumBytes) == SizeClass.count - 1)
        #expect(SizeClass.blockBytes(SizeClass.count - 1) == SizeClass.maximumBytes)
    }

    @Test func wasteIsBounded() {
        for request in 16 ... SizeClass.maximumBytes {
            let waste = SizeClass.blockBytes(SizeClass.index(for: request)) - request
            // Below 128 bytes the step is 8; above, an eighth of the doubling that the request lies in.
            let isSmall = request <= 128 ? waste < 8 : waste * 8 < request
            guard isSmall else {
                Issue.record("a request of \(request) bytes wastes \(waste)")
                return
            }
        }
    }

    /// A request that has been rounded up to its alignment gets a block that is aligned wherever it lies in its slab.
    @Test(arguments: [1, 2, 4, 8, 16, 32, 64])
    func blocksAreAligned(alignment: Int) {
        for request in 1 ... SizeClass.maximumBytes {
            let rounded = Allocator.roundedRequest(request, alignment: alignment)
            guard rounded <= SizeClass.maximumBytes else { continue }
            let blockBytes = SizeClass.blockBytes(SizeClass.index(for: rounded))
            guard blockBytes % min(alignment, 8) == 0, alignment <= 8 || blockBytes % alignment == 0 else {
                Issue.record("\(request) bytes aligned to \(alignment) get blocks of \(blockBytes)")
                return
            }
        }
    }

    /// Alignments above a line's take whole pages, whatever the size.
    @Test(arguments: [128, 256, 1024, 4096])
    func largeAlignmentsTakePages(alignment: Int) {
        #expect(HeapAccess.usableBytes(byteCount: 1, alignment: alignment) % HeapLayout.pageBytes == 0)
        #expect(!Allocator.fitsSlab(Allocator.roundedRequest(1, alignment: alignment), alignment: alignment))
    }

    @Test func slabsHoldEnoughAndWasteLittle() {
        #expect(SizeClass.shapes.count == SizeClass.count)
        for (index, shape) in SizeClass.shapes.enumerated() {
            let bytes = shape.pages * HeapLayout.pageBytes
            let used = SizeClass.slabHeaderBytes + shape.blocks * shape.blockBytes
            #expect(shape.blockBytes == SizeClass.blockBytes(index))
            #expect(shape.blocks >= 8 && shape.blocks <= SizeClass.maximumBlocksPerSlab)
            #expect(used <= bytes, "class \(index)")
            // Header and rest together.
            #expect((bytes - shape.blocks * shape.blockBytes) * 16 <= bytes, "class \(index)")
            #expect(shape.pages <= 0xffff)
        }
    }

    /// The allocator's fixed number follows from the shapes: frees of these classes need no look-up of their slab.
    @Test func lastOnePageClassIsTheLast() {
        #expect(SizeClass.shapes[...Allocator.lastOnePageClass].allSatisfy { $0.pages == 1 })
        #expect(SizeClass.shapes[Allocator.lastOnePageClass + 1].pages > 1)
    }

    /// A slab header as it is stored: 56 bytes used of its line, the bitmap where the format says.
    @Test func slabHeaderLayout() {
        #expect(MemoryLayout<SlabHeader>.size == 56)
        #expect(MemoryLayout<SlabHeader>.offset(of: \.bitmap) == Int(SlabHeader.bitmapOffset))
        // What the allocator stores links at.
        #expect(MemoryLayout<SlabHeader>.offset(of: \.next) == 8)
        #expect(MemoryLayout<SlabHeader>.offset(of: \.previous) == 12)
        #expect(MemoryLayout<PageDescriptor>.size == 16)
    }

    /// Bins: a run found through `holdingAtLeast` is always long enough, and none that is at most 1/8 longer is missed.
    @Test func binsHoldWhatTheyPromise() {
        var pages: UInt64 = 1
        while pages < 1 << 28 {
            let own = FreeRunBins.bin(forRunOf: pages)
            let sure = FreeRunBins.bin(holdingAtLeast: pages)
            #expect(sure >= own && sure <= own + 1)
            if pages > 1 { #expect(FreeRunBins.bin(forRunOf: pages - 1) <= own) }
            // Every run of the bin `sure` is long enough, so the shortest run that is not lies in an earlier bin.
            if pages > 1 { #expect(FreeRunBins.bin(forRunOf: pages - 1) < sure) }
            #expect(own < FreeRunBins.count)
            pages = pages < 5000 ? pages + 1 : pages + pages / 7
        }
    }
}
