/// A slab: a run of pages cut into blocks of one size class. Its first line is this header, so that a block's allocation
/// touches one line of bookkeeping, however large the slab.
///
/// Invariants: a bit is set for each block in use and for each bit beyond `blocks`; `freeBlocks` counts the clear bits; the slab is
/// in its class's list of partial slabs exactly if `freeBlocks > 0`.
struct SlabHeader: BitwiseCopyable {
    static let magic: UInt32 = 0x4c53_4648
    static let bitmapOffset: UInt64 = 24
    static let bitmapWords = SizeClass.maximumBlocksPerSlab / 64

    var magic = SlabHeader.magic
    var sizeClass: UInt8
    var reserved: UInt8 = 0
    var freeBlocks: UInt16
    var next: UInt32 = 0
    var previous: UInt32 = 0
    var blockBytes: UInt32
    var blocks: UInt16
    var pages: UInt16
    var bitmap: (UInt64, UInt64, UInt64, UInt64)

    init(sizeClass: Int, shape: SizeClass.Shape) {
        self.sizeClass = UInt8(sizeClass)
        freeBlocks = UInt16(shape.blocks)
        blockBytes = UInt32(shape.blockBytes)
        blocks = UInt16(shape.blocks)
        pages = UInt16(shape.pages)
        func word(_ index: Int) -> UInt64 {
            let inUse = shape.blocks - index * 64
            return inUse >= 64 ? 0 : inUse <= 0 ? ~0 : ~0 << UInt64(inUse)
        }
        bitmap = (word(0), word(1), word(2), word(3))
    }
}

extension Allocator {
    /// Takes a block of the class: the lowest free one of the first partial slab, so that blocks lie close together.
    @inline(__always)
    func takeBlock(sizeClass: Int) -> UInt64 {
        let listHead = AllocatorRoot.partialSlabs + UInt64(sizeClass) * 4
        var page = UInt64(access.load(listHead, as: UInt32.self))
        if page == 0 { page = makeSlab(sizeClass: sizeClass) }
        let slab = page << HeapLayout.pageShift
        let raw = access.writableAddress(slab, SizeClass.slabHeaderBytes)
        let header = raw.assumingMemoryBound(to: SlabHeader.self)
        guard header.pointee.magic == SlabHeader.magic, header.pointee.sizeClass == UInt8(sizeClass),
            header.pointee.blockBytes == UInt32(SizeClass.blockBytes(sizeClass))
        else {
            Misuse.damaged(access, "page \(page) is in the list of slabs of class \(sizeClass), but is none")
        }
        let bitmap = (raw + Int(SlabHeader.bitmapOffset)).assumingMemoryBound(to: UInt64.self)
        for word in 0 ..< SlabHeader.bitmapWords where bitmap[word] != ~0 {
            let bit = (~bitmap[word]).trailingZeroBitCount
            guard word * 64 + bit < Int(header.pointee.blocks) else { break }
            bitmap[word] |= 1 << UInt64(bit)
            header.pointee.freeBlocks &-= 1
            if header.pointee.freeBlocks == 0 { unlinkSlab(page, sizeClass: sizeClass) }
            let index = UInt64(word * 64 + bit)
            return slab + UInt64(SizeClass.slabHeaderBytes) + index * UInt64(header.pointee.blockBytes)
        }
        Misuse.damaged(access, "the slab at page \(page) is in the list of partial slabs, but has no free block")
    }

    @inline(__always)
    func releaseBlock(_ offset: UInt64, sizeClass: Int) {
        let page = slabPage(of: offset, sizeClass: sizeClass)
        let slab = page << HeapLayout.pageShift
        let raw = access.writableAddress(slab, SizeClass.slabHeaderBytes)
        let header = raw.assumingMemoryBound(to: SlabHeader.self)
        guard header.pointee.magic == SlabHeader.magic, header.pointee.sizeClass == UInt8(sizeClass),
            header.pointee.blockBytes == UInt32(SizeClass.blockBytes(sizeClass)),
            offset >= slab + UInt64(SizeClass.slabHeaderBytes)
        else { Misuse.damaged(access, "offset \(offset) was freed with another size than it was allocated with") }
        let (index, rest) = UInt32(truncatingIfNeeded: offset - slab - UInt64(SizeClass.slabHeaderBytes))
            .quotientAndRemainder(dividingBy: header.pointee.blockBytes)
        let bitmap = (raw + Int(SlabHeader.bitmapOffset)).assumingMemoryBound(to: UInt64.self)
        let bit: UInt64 = 1 << UInt64(index & 63)
        guard rest == 0, index < UInt32(header.pointee.blocks), index < SizeClass.maximumBlocksPerSlab,
            bitmap[Int(index >> 6)] & bit != 0
        else {
            Misuse.damaged(access, "offset \(offset) was freed, but no block in use begins there (freed twice?)")
        }
        bitmap[Int(index >> 6)] &= ~bit
        header.pointee.freeBlocks &+= 1
        if header.pointee.freeBlocks == 1 { linkSlab(page, sizeClass: sizeClass) }
        if header.pointee.freeBlocks == header.pointee.blocks { releaseSlabIfSpare(page, sizeClass: sizeClass) }
    }

    /// The first page of the slab that `offset` lies in. Small classes have one-page slabs and need no look-up.
    @inline(__always)
    private func slabPage(of offset: UInt64, sizeClass: Int) -> UInt64 {
        let page = offset >> HeapLayout.pageShift
        if sizeClass <= Allocator.lastOnePageClass { return page }
        let found = descriptor(page)
        switch found.kind {
        case .slab: return page
        case .slabInterior where UInt64(found.pages) < page: return page - UInt64(found.pages)
        default: Misuse.damaged(access, "offset \(offset) was freed, but lies in no slab")
        }
    }

    @inline(never)
    private func makeSlab(sizeClass: Int) -> UInt64 {
        let shape = SizeClass.shapes[sizeClass]
        let page = takeRun(pages: UInt64(shape.pages), as: .slab, sizeClass: UInt8(sizeClass))
        // The last page has been described with the run; a block may begin on any of the others.
        if shape.pages > 2 {
            for distance in 1 ..< shape.pages - 1 {
                setDescriptor(
                    PageDescriptor(kind: .slabInterior, sizeClass: UInt8(sizeClass), pages: UInt32(distance)),
                    page + UInt64(distance))
            }
        }
        access.store(SlabHeader(sizeClass: sizeClass, shape: shape), at: page << HeapLayout.pageShift)
        linkSlab(page, sizeClass: sizeClass)
        return page
    }

    /// An empty slab is kept while it is the class's only partial one, so that one block that comes and goes does not
    /// make and release a slab each time; `releaseSpareSlabs` frees those at checkpoints.
    @inline(never)
    private func releaseSlabIfSpare(_ page: UInt64, sizeClass: Int) {
        let header = slabHeader(page)
        guard header.next != 0 || header.previous != 0 else { return }
        releaseSlab(page, sizeClass: sizeClass)
    }

    private func releaseSlab(_ page: UInt64, sizeClass: Int) {
        unlinkSlab(page, sizeClass: sizeClass)
        // A stale magic number would let a double free into this slab pass the first check.
        access.store(UInt32(0), at: page << HeapLayout.pageShift)
        releaseRun(page: page, expecting: .slab)
    }

    func releaseSpareSlabs() {
        for sizeClass in 0 ..< SizeClass.count {
            let page = UInt64(access.load(AllocatorRoot.partialSlabs + UInt64(sizeClass) * 4, as: UInt32.self))
            guard page != 0 else { continue }
            let header = slabHeader(page)
            if header.freeBlocks == header.blocks { releaseSlab(page, sizeClass: sizeClass) }
        }
    }

    // MARK: Lists of partial slabs

    func slabHeader(_ page: UInt64) -> SlabHeader {
        access.load(page << HeapLayout.pageShift, as: SlabHeader.self)
    }

    /// A link of a slab's header, by its place. (A key path here was a fifth of what churning blocks took: unspecialised, it is made and counted anew for each use.)
    private enum Link: Int {
        case next = 8
        case previous = 12
    }

    @inline(__always)
    private func setLink(_ link: Link, of page: UInt32, to value: UInt32) {
        let raw = access.writableAddress(UInt64(page) << HeapLayout.pageShift, SizeClass.slabHeaderBytes)
        raw.storeBytes(of: value, toByteOffset: link.rawValue, as: UInt32.self)
    }

    @inline(never)
    private func linkSlab(_ page: UInt64, sizeClass: Int) {
        let head = AllocatorRoot.partialSlabs + UInt64(sizeClass) * 4
        let first = access.load(head, as: UInt32.self)
        setLink(.next, of: UInt32(page), to: first)
        setLink(.previous, of: UInt32(page), to: 0)
        if first != 0 { setLink(.previous, of: first, to: UInt32(page)) }
        access.store(UInt32(page), at: head)
    }

    @inline(never)
    private func unlinkSlab(_ page: UInt64, sizeClass: Int) {
        let header = slabHeader(page)
        if header.next != 0 { setLink(.previous, of: header.next, to: header.previous) }
        if header.previous != 0 {
            setLink(.next, of: header.previous, to: header.next)
        } else {
            access.store(header.next, at: AllocatorRoot.partialSlabs + UInt64(sizeClass) * 4)
        }
        setLink(.next, of: UInt32(page), to: 0)
        setLink(.previous, of: UInt32(page), to: 0)
    }
}
