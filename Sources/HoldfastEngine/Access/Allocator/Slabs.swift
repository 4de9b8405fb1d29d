import HoldfastFormat

/// Allocating and freeing blocks of slabs.
extension Allocator {
    /// Takes a block of the class: the lowest free one of the first partial slab, so that blocks
    /// lie close together.
    @inline(__always)
    func takeBlock(sizeClass: Int) -> UInt64 {
        let kind = slabClass(sizeClass)
        var page = UInt64(
            access.load(AllocatorRoot.partialSlabs &+ UInt64(sizeClass) &* 4, as: UInt32.self))
        if page == 0 { page = makeSlab(sizeClass: sizeClass) }
        let place = kind.pointee.headerPlace(page: page)
        let slab = page &<< HeapLayout.pageShift
        let header = access.writableLine(slab &+ place)
        guard kind.pointee.isHeader(header) else { noSlab(page, sizeClass: sizeClass) }
        let bitmap = (header + SlabHeader.bitmapOffset).assumingMemoryBound(to: UInt64.self)
        for word in 0 ..< SlabHeader.bitmapWords where bitmap[word] != ~0 {
            let index = word &* 64 &+ (~bitmap[word]).trailingZeroBitCount
            guard UInt64(index) < kind.pointee.blocks else { break }
            bitmap[word] |= 1 &<< UInt64(index & 63)
            let counted = header.load(as: UInt64.self) &- SlabClass.oneFreeBlock
            header.storeBytes(of: counted, as: UInt64.self)
            if counted < SlabClass.oneFreeBlock { unlinkFirstSlab(header, sizeClass: sizeClass) }
            return slab &+ kind.pointee.blockPlace(index, headerPlace: place)
        }
        Misuse.damaged(
            access,
            "the slab at page \(page) is in the list of partial slabs, but has no free block")
    }

    @inline(__always)
    func releaseBlock(_ offset: UInt64, sizeClass: Int) {
        let kind = slabClass(sizeClass)
        let page = slabPage(of: offset, sizeClass: sizeClass)
        let slab = page &<< HeapLayout.pageShift
        let place = kind.pointee.headerPlace(page: page)
        let header = access.writableLine(slab &+ place)
        guard kind.pointee.isHeader(header) else { freedWithAnotherSize(offset) }
        guard let index = kind.pointee.block(at: offset &- slab, headerPlace: place) else {
            freedWithoutUse(offset)
        }
        let word =
            (header + SlabHeader.bitmapOffset).assumingMemoryBound(to: UInt64.self) + index &>> 6
        let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: index & 63)
        let bits = word.pointee
        guard bits & bit != 0 else { freedWithoutUse(offset) }
        word.pointee = bits ^ bit
        let counted = header.load(as: UInt64.self) &+ SlabClass.oneFreeBlock
        header.storeBytes(of: counted, as: UInt64.self)
        let free = counted &>> 48
        if free == 1 { linkSlab(page, header, sizeClass: sizeClass) }
        if free == kind.pointee.blocks { releaseSlabIfSpare(page, header, sizeClass: sizeClass) }
    }

    private static let slabKinds =
        1 << UInt64(PageDescriptor.Kind.slab.rawValue) | 1
        << UInt64(PageDescriptor.Kind.slabInterior.rawValue) as UInt64

    @inline(__always)
    private func slabClass(_ sizeClass: Int) -> UnsafePointer<SlabClass> {
        access.context.pointee.slabClasses + sizeClass
    }

    /// The first page of the slab that contains `offset`. Small classes have one-page slabs and
    /// need no lookup.
    @inline(__always)
    func slabPage(of offset: UInt64, sizeClass: Int) -> UInt64 {
        let page = offset &>> HeapLayout.pageShift
        if sizeClass <= Allocator.lastOnePageClass { return page }
        // A descriptor's first half: kind, class, and distance to the slab's first page. Computed
        // without a branch on the two kinds, because which page of a slab holds a block is
        // unpredictable. The two kinds differ in one bit, which also serves as the mask for the
        // distance.
        let found = access.load(descriptorOffset(page), as: UInt64.self)
        let distance = found &>> 32 & (0 &- (found &>> 2 & 1))
        guard found & 0xff < 8, Self.slabKinds &>> (found & 0xff) & 1 != 0, distance < page
        else { freedOutsideSlabs(offset) }
        return page &- distance
    }

    @inline(never)
    private func makeSlab(sizeClass: Int) -> UInt64 {
        let pages = UInt64(SizeClass.shapes[sizeClass].pages)
        return makeSlab(
            takeRun(pages: pages, as: .slab, sizeClass: UInt8(sizeClass)), sizeClass: sizeClass)
    }

    private func makeSlab(_ page: UInt64, sizeClass: Int) -> UInt64 {
        let shape = SizeClass.shapes[sizeClass]
        // The last page has been described with the run; a block may begin on any of the others.
        if shape.pages > 2 {
            for distance in 1 ..< shape.pages - 1 {
                setDescriptor(
                    PageDescriptor(
                        kind: .slabInterior, sizeClass: UInt8(sizeClass), pages: UInt32(distance)),
                    page + UInt64(distance))
            }
        }
        let header = access.writableLine(headerOffset(page, sizeClass: sizeClass))
        header.storeBytes(of: SlabHeader(sizeClass: sizeClass, shape: shape), as: SlabHeader.self)
        linkSlab(page, header, sizeClass: sizeClass)
        return page
    }

    /// Whether a slab of the class begins at a page that nothing has checked, and has a free block.
    func hasFreeBlock(slab page: UInt64, sizeClass: Int) -> Bool {
        guard page < end else { return false }
        let descriptor = descriptor(page)
        guard descriptor.kind == .slab, Int(descriptor.sizeClass) == sizeClass else { return false }
        return slabHeader(page, sizeClass: sizeClass).freeBlocks > 0
    }

    /// Makes a slab with a free block its class's first partial one, which gives the next block.
    func preferSlab(_ page: UInt64, sizeClass: Int) {
        let first = access.load(
            AllocatorRoot.partialSlabs &+ UInt64(sizeClass) &* 4, as: UInt32.self)
        guard UInt64(first) != page else { return }
        let header = access.writableLine(headerOffset(page, sizeClass: sizeClass))
        unlinkSlab(header, sizeClass: sizeClass)
        linkSlab(page, header, sizeClass: sizeClass)
    }

    /// Makes a slab of a free run, so that it ends at or before `end`; nil if there is no such run.
    /// It is the class's first partial one.
    func makeSlab(sizeClass: Int, before end: UInt64) -> UInt64? {
        takeFreeRun(
            pages: UInt64(SizeClass.shapes[sizeClass].pages), before: end, as: .slab,
            sizeClass: UInt8(sizeClass)
        ).map { makeSlab($0, sizeClass: sizeClass) }
    }

    /// Releases an empty slab unless it is the class's only partial one. Keeping that one avoids
    /// making and releasing a slab each time a single block is allocated and freed;
    /// `releaseSpareSlabs` frees such slabs at checkpoints.
    @inline(never)
    private func releaseSlabIfSpare(
        _ page: UInt64, _ header: UnsafeMutableRawPointer, sizeClass: Int
    ) {
        guard link(.next, of: header) != 0 || link(.previous, of: header) != 0 else { return }
        releaseSlab(page, header, sizeClass: sizeClass)
    }

    private func releaseSlab(_ page: UInt64, _ header: UnsafeMutableRawPointer, sizeClass: Int) {
        unlinkSlab(header, sizeClass: sizeClass)
        // A stale magic number would let a double free into this slab pass the first check.
        header.storeBytes(of: 0, as: UInt32.self)
        releaseRun(page: page, expecting: .slab)
    }

    func releaseSpareSlabs() {
        for sizeClass in 0 ..< SizeClass.count {
            let page = UInt64(
                access.load(AllocatorRoot.partialSlabs + UInt64(sizeClass) * 4, as: UInt32.self))
            guard page != 0 else { continue }
            let header = slabHeader(page, sizeClass: sizeClass)
            if header.freeBlocks == header.blocks {
                releaseSlab(
                    page, access.writableLine(headerOffset(page, sizeClass: sizeClass)),
                    sizeClass: sizeClass)
            }
        }
    }

    // MARK: Headers and the lists of partial slabs

    @inline(__always)
    private func headerOffset(_ page: UInt64, sizeClass: Int) -> UInt64 {
        page &<< HeapLayout.pageShift &+ slabClass(sizeClass).pointee.headerPlace(page: page)
    }

    func slabHeader(_ page: UInt64, sizeClass: Int) -> SlabHeader {
        access.load(headerOffset(page, sizeClass: sizeClass), as: SlabHeader.self)
    }

    /// A link of a slab's header, by its offset. (A key path took a fifth of the time of churning
    /// blocks: unspecialised, it is created and reference-counted at each use.)
    private enum Link: Int {
        case next = 8
        case previous = 12
    }

    @inline(__always)
    private func link(_ link: Link, of header: UnsafeMutableRawPointer) -> UInt32 {
        header.load(fromByteOffset: link.rawValue, as: UInt32.self)
    }

    /// The header's line must already be marked dirty.
    @inline(__always)
    private func setLink(_ link: Link, of header: UnsafeMutableRawPointer, to value: UInt32) {
        header.storeBytes(of: value, toByteOffset: link.rawValue, as: UInt32.self)
    }

    @inline(__always)
    private func setLink(_ link: Link, ofPage page: UInt32, _ sizeClass: Int, to value: UInt32) {
        setLink(
            link, of: access.writableLine(headerOffset(UInt64(page), sizeClass: sizeClass)),
            to: value)
    }

    /// Makes the slab its class's first. The header's line must already be marked dirty.
    @inline(never)
    private func linkSlab(_ page: UInt64, _ header: UnsafeMutableRawPointer, sizeClass: Int) {
        let head = AllocatorRoot.partialSlabs + UInt64(sizeClass) * 4
        let first = access.load(head, as: UInt32.self)
        setLink(.next, of: header, to: first)
        setLink(.previous, of: header, to: 0)
        if first != 0 { setLink(.previous, ofPage: first, sizeClass, to: UInt32(page)) }
        access.store(UInt32(page), at: head)
    }

    /// Removes its class's first slab from the list.
    @inline(never)
    private func unlinkFirstSlab(_ header: UnsafeMutableRawPointer, sizeClass: Int) {
        let next = link(.next, of: header)
        if next != 0 {
            setLink(.previous, ofPage: next, sizeClass, to: 0)
            setLink(.next, of: header, to: 0)
        }
        access.store(next, at: AllocatorRoot.partialSlabs + UInt64(sizeClass) * 4)
    }

    @inline(never)
    private func unlinkSlab(_ header: UnsafeMutableRawPointer, sizeClass: Int) {
        let previous = link(.previous, of: header)
        guard previous != 0 else { return unlinkFirstSlab(header, sizeClass: sizeClass) }
        let next = link(.next, of: header)
        if next != 0 { setLink(.previous, ofPage: next, sizeClass, to: previous) }
        setLink(.next, ofPage: previous, sizeClass, to: next)
        setLink(.next, of: header, to: 0)
        setLink(.previous, of: header, to: 0)
    }

    // MARK: Traps

    @inline(never)
    private func noSlab(_ page: UInt64, sizeClass: Int) -> Never {
        Misuse.damaged(
            access, "page \(page) is in the list of slabs of class \(sizeClass), but is none")
    }

    @inline(never)
    private func freedWithAnotherSize(_ offset: UInt64) -> Never {
        Misuse.damaged(
            access, "offset \(offset) was freed with another size than it was allocated with")
    }

    @inline(never)
    private func freedWithoutUse(_ offset: UInt64) -> Never {
        Misuse.damaged(
            access, "offset \(offset) was freed, but no block in use begins there (freed twice?)")
    }

    @inline(never)
    private func freedOutsideSlabs(_ offset: UInt64) -> Never {
        Misuse.damaged(access, "offset \(offset) was freed, but lies in no slab")
    }
}
