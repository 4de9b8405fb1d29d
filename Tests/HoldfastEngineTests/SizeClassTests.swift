import HoldfastFormat
import TestSupport
import Testing

@testable import HoldfastEngine

/// The table of block sizes: its arithmetic, its guarantees about waste and alignment, and the
/// shapes of slabs.
@Suite(.progress) struct SizeClassTests {
    /// Every request finds the smallest class that holds it.
    @Test func everyRequestFindsTheSmallestClass() {
        for request in 1 ... SizeClass.maximumBytes {
            let index = SizeClass.index(for: request)
            let isSmallest = index == 0 || SizeClass.blockBytes(index - 1) < request
            guard SizeClass.blockBytes(index) >= request, isSmallest else {
                Issue.record(
                    "a request of \(request) bytes gets class \(index) of \(SizeClass.blockBytes(index)) bytes"
                )
                return
            }
        }
        #expect(SizeClass.index(for: SizeClass.maximumBytes) == SizeClass.count - 1)
        #expect(SizeClass.blockBytes(SizeClass.count - 1) == SizeClass.maximumBytes)
    }

    @Test func wasteIsBounded() {
        for request in 16 ... SizeClass.maximumBytes {
            let waste = SizeClass.blockBytes(SizeClass.index(for: request)) - request
            // Below 128 bytes the step is 8; above, an eighth of the request's doubling.
            let isSmall = request <= 128 ? waste < 8 : waste * 8 < request
            guard isSmall else {
                Issue.record("a request of \(request) bytes wastes \(waste)")
                return
            }
        }
    }

    /// A request rounded up to its alignment gets an aligned block, wherever the block lies in its
    /// slab.
    @Test(arguments: [1, 2, 4, 8, 16, 32, 64])
    func blocksAreAligned(alignment: Int) {
        for request in 1 ... SizeClass.maximumBytes {
            let rounded = Allocator.roundedRequest(request, alignment: alignment)
            guard rounded <= SizeClass.maximumBytes else { continue }
            let blockBytes = SizeClass.blockBytes(SizeClass.index(for: rounded))
            guard blockBytes % min(alignment, 8) == 0, alignment <= 8 || blockBytes % alignment == 0
            else {
                Issue.record("\(request) bytes aligned to \(alignment) get blocks of \(blockBytes)")
                return
            }
        }
    }

    /// Alignments above a line's take whole pages, whatever the size.
    @Test(arguments: [128, 256, 1024, 4096])
    func largeAlignmentsTakePages(alignment: Int) {
        #expect(
            HeapAccess.usableBytes(byteCount: 1, alignment: alignment) % HeapLayout.pageBytes == 0)
        #expect(
            !Allocator.fitsSlab(
                Allocator.roundedRequest(1, alignment: alignment), alignment: alignment))
    }

    @Test func slabsHoldEnoughAndWasteLittle() {
        #expect(SizeClass.shapes.count == SizeClass.count)
        for (index, shape) in SizeClass.shapes.enumerated() {
            let bytes = shape.pages * HeapLayout.pageBytes
            let used = SizeClass.slabHeaderBytes + shape.blocks * shape.blockBytes
            #expect(shape.blockBytes == SizeClass.blockBytes(index))
            #expect(shape.blocks >= 8 && shape.blocks <= SizeClass.maximumBlocksPerSlab)
            #expect(used <= bytes, "class \(index)")
            // Header and remainder together.
            #expect((bytes - shape.blocks * shape.blockBytes) * 16 <= bytes, "class \(index)")
            #expect(shape.pages <= 0xffff)
        }
    }

    /// Every block of every slab has a place of its own that overlaps neither the header nor the
    /// slab's end and leads back to the block; no other place leads to a block. The header is a
    /// whole line of the first page.
    @Test func placesOfBlocks() {
        for sizeClass in 0 ..< SizeClass.count {
            let (shape, kind) = (SizeClass.shapes[sizeClass], SlabClass.all[sizeClass])
            var places: Set<UInt64> = []
            for page in UInt64(5) ..< 300 {
                let header = kind.headerPlace(page: page)
                guard places.insert(header).inserted else { continue }
                var expected: [UInt64: Int] = [:]
                var next: UInt64 = 0
                for index in 0 ..< shape.blocks {
                    if next == header { next += 64 }
                    expected[next] = index
                    next += UInt64(shape.blockBytes)
                }
                if next == header { next += 64 }
                let isWhole =
                    header % 64 == 0 && header + 64 <= HeapLayout.pageBytes
                    && next <= shape.pages * HeapLayout.pageBytes
                guard isWhole,
                    (0 ..< shape.blocks).allSatisfy({
                        expected[kind.blockPlace($0, headerPlace: header)] == $0
                    })
                else {
                    Issue.record(
                        "class \(sizeClass): the header at \(header) and the blocks do not fit together"
                    )
                    return
                }
                let ends = UInt64(shape.pages * HeapLayout.pageBytes)
                guard
                    (0 ..< ends).allSatisfy({
                        kind.block(at: $0, headerPlace: header) == expected[$0]
                    }),
                    kind.block(at: .max, headerPlace: header) == nil
                else {
                    Issue.record(
                        "class \(sizeClass), header at \(header): a place leads to another block than lies there"
                    )
                    return
                }
            }
            #expect(
                places.count == shape.headerPlaces,
                "class \(sizeClass) does not use all places for headers")
        }
    }

    /// The headers of as many neighbouring slabs as fit into a second-level cache of 2048 sets
    /// occupy most of those sets; at the starts of pages they would share 32. (Of 64-byte blocks,
    /// the class with the most places.)
    @Test func headersSpreadOverTheSetsOfACache() {
        let kind = SlabClass.all[SizeClass.index(for: 64)]
        let sets = Set(
            (UInt64(1000) ..< 1000 + 4096).map {
                ($0 << 12 + kind.headerPlace(page: $0)) >> 6 & 2047
            })
        #expect(sets.count > 1500)
    }

    /// The allocator's constant follows from the shapes: frees of these classes need no lookup of
    /// their slab.
    @Test func lastOnePageClassIsTheLast() {
        #expect(SizeClass.shapes[...Allocator.lastOnePageClass].allSatisfy { $0.pages == 1 })
        #expect(SizeClass.shapes[Allocator.lastOnePageClass + 1].pages > 1)
    }

    /// A slab header as stored: 56 bytes of its line are used, the bitmap where the format says.
    @Test func slabHeaderLayout() {
        #expect(MemoryLayout<SlabHeader>.size == 56)
        #expect(MemoryLayout<SlabHeader>.offset(of: \.bitmap) == Int(SlabHeader.bitmapOffset))
        // The places of the allocator's links.
        #expect(MemoryLayout<SlabHeader>.offset(of: \.next) == 8)
        #expect(MemoryLayout<SlabHeader>.offset(of: \.previous) == 12)
        #expect(MemoryLayout<PageDescriptor>.size == 16)
    }

    /// Bins: a run found through `holdingAtLeast` is always long enough, and none that is at most
    /// 1/8 longer is missed.
    @Test func binsHoldWhatTheyPromise() {
        var pages: UInt64 = 1
        while pages < 1 << 28 {
            let own = FreeRunBins.bin(forRunOf: pages)
            let sure = FreeRunBins.bin(holdingAtLeast: pages)
            #expect(sure >= own && sure <= own + 1)
            if pages > 1 { #expect(FreeRunBins.bin(forRunOf: pages - 1) <= own) }
            // Every run of the bin `sure` is long enough, so the longest run that is too short lies
            // in an earlier bin.
            if pages > 1 { #expect(FreeRunBins.bin(forRunOf: pages - 1) < sure) }
            #expect(own < FreeRunBins.count)
            pages = pages < 5000 ? pages + 1 : pages + pages / 7
        }
    }
}
