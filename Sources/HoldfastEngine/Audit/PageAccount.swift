import HoldfastFormat

/// Every page of a heap, each exactly once and in order: its use, and the bytes of each owner, as a
/// ledger has recorded them.
///
/// Made from the page map, the slabs' headers and the claims, and trusts none of them: from the
/// point where the page map cannot be followed, the rest of the heap is `unaccounted`. O(runs +
/// slabs); memory: 24 bytes for each, and 16 for each of its owners.
package struct PageAccount: Sendable {
    /// The use of a stretch of pages.
    package enum Kind: UInt8, Sendable {
        case header
        /// The allocator's root and the page map.
        case allocator
        case checksums
        case free
        /// One block of whole pages.
        case run
        case slab
        /// A slab without a valid header.
        case damagedSlab
        /// Pages that the page map does not describe, because it is damaged.
        case unaccounted
    }

    /// Bytes of one owner.
    package struct Share: Hashable, Sendable {
        package var owner: UInt32
        package var bytes: UInt64
    }

    /// Neighbouring pages with one use: a run, a slab, or a part of the heap's own records.
    package struct Stretch: Sendable {
        package var first: UInt32
        package var kind: Kind
        /// Slabs only.
        package var sizeClass: UInt8 = 0
        /// Slabs only: slots in use.
        package var usedSlots: UInt16 = 0
        package var pages: UInt64
        var firstShare: UInt64 = 0

        package var slotBytes: Int { SizeClass.blockBytes(Int(sizeClass)) }
        package var slots: Int { SizeClass.shapes[Int(sizeClass)].blocks }
    }

    package private(set) var stretches: [Stretch] = []
    private var shares: [Share] = []
    /// Indexed by the owner's number.
    package private(set) var bytes: [UInt64] = []
    package private(set) var blocks: [Int] = []
    /// Bytes and blocks in use that have not been claimed.
    package private(set) var unclaimedBytes: UInt64 = 0
    package private(set) var unclaimedBlocks = 0
    package private(set) var pageCount: UInt64 = 0

    /// The bytes of a stretch, by owner.
    package func shares(of index: Int) -> ArraySlice<Share> {
        let end = index + 1 < stretches.count ? Int(stretches[index + 1].firstShare) : shares.count
        return shares[Int(stretches[index].firstShare) ..< end]
    }

    /// The bytes in use of a stretch, claimed or not.
    package func usedBytes(of index: Int) -> UInt64 {
        let stretch = stretches[index]
        return switch stretch.kind {
        case .run: stretch.pages << HeapLayout.pageShift
        case .slab: UInt64(Int(stretch.usedSlots) * stretch.slotBytes)
        case .header, .allocator, .checksums, .free, .damagedSlab, .unaccounted: 0
        }
    }

    init(_ ledger: borrowing BlockLedger) {
        let access = ledger.access
        let limit = access.context.pointee.byteCount >> HeapLayout.pageShift
        pageCount = limit
        guard limit >= HeapLayout.initialPages else {
            addUnaccounted(from: 0)
            return
        }
        let base = UnsafeRawPointer(access.context.pointee.base)
        let end = base.load(fromByteOffset: Int(AllocatorRoot.endField), as: UInt64.self)
        if end >= HeapLayout.initialPages, end <= limit { pageCount = end }
        let tally = ledger.tally
        bytes = tally?.bytes ?? []
        blocks = tally?.blocks ?? []
        let further = tally?.furtherOwners() ?? [:]
        let parts = PageChecksums(
            root: UnsafeRawBufferPointer(
                start: base + Int(AllocatorRoot.offset), count: HeapLayout.pageBytes)
        ).parts

        var blockRun = 0
        var next: UInt64 = 0
        // The same walk as the ledger's, so that the runs come in the same order.
        for run in PageWalk(base: base, end: min(end, limit)) {
            let first = UInt64(run.pages.lowerBound)
            let pages = UInt64(run.pages.count)
            next = UInt64(run.pages.upperBound)
            switch run.kind {
            case .slab, .run:
                add(run.kind == .run ? .run : .damagedSlab, first, pages)
                if run.kind == .slab {
                    readSlab(SlabClass.header(page: first, sizeClass: run.sizeClass, in: base))
                }
                addShares(
                    [tally?.firstOwner(ofRun: blockRun)].compactMap { $0 }
                        + (further[blockRun] ?? []))
                blockRun += 1
            case .metadata: addMetadata(first, pages, parts)
            default: add(.free, first, pages)
            }
        }
        addUnaccounted(from: next)
    }

    private mutating func add(_ kind: Kind, _ first: UInt64, _ pages: UInt64) {
        guard pages > 0 else { return }
        stretches.append(
            Stretch(
                first: UInt32(truncatingIfNeeded: first), kind: kind, pages: pages,
                firstShare: UInt64(shares.count)))
    }

    private mutating func addUnaccounted(from page: UInt64) {
        if page < pageCount { add(.unaccounted, page, pageCount - page) }
    }

    /// Fills in the last stretch, if the slab's header is valid.
    private mutating func readSlab(_ header: SlabHeader?) {
        guard let header else { return }
        let last = stretches.count - 1
        let shape = SizeClass.shapes[Int(header.sizeClass)]
        guard UInt64(shape.pages) == stretches[last].pages else { return }
        let bits = [header.bitmap.0, header.bitmap.1, header.bitmap.2, header.bitmap.3]
        var used = 0
        for word in 0 ..< SlabHeader.bitmapWords {
            let blocks = min(max(shape.blocks - word * 64, 0), 64)
            used +=
                (blocks == 64 ? bits[word] : bits[word] & (1 << UInt64(blocks) - 1)).nonzeroBitCount
        }
        stretches[last].kind = .slab
        stretches[last].sizeClass = header.sizeClass
        stretches[last].usedSlots = UInt16(used)
    }

    /// Assigns the last stretch its owners, and counts the bytes without one.
    private mutating func addShares(_ found: [Share]) {
        shares += found
        let index = stretches.count - 1
        let rest =
            usedBytes(of: index) - min(found.reduce(0) { $0 + $1.bytes }, usedBytes(of: index))
        unclaimedBytes += rest
        guard rest > 0 else { return }
        let isRun = stretches[index].kind == .run
        unclaimedBlocks += isRun ? 1 : Int(rest) / stretches[index].slotBytes
    }

    /// Pages 0 to 4, or a part of the page map with its checksums behind it.
    private mutating func addMetadata(_ first: UInt64, _ pages: UInt64, _ parts: [UInt32]) {
        if first == 0, pages == HeapLayout.initialPages {
            add(.header, 0, HeapLayout.headerPages)
            add(
                .allocator, HeapLayout.allocatorRootPage,
                HeapLayout.firstChecksumPage - HeapLayout.allocatorRootPage)
            return add(
                .checksums, HeapLayout.firstChecksumPage, pages - HeapLayout.firstChecksumPage)
        }
        guard let part = parts.firstIndex(of: UInt32(truncatingIfNeeded: first)) else {
            return add(.allocator, first, pages)
        }
        let descriptors = min(PageMap.descriptorPages(part + PageMap.firstPartExponent), pages)
        add(.allocator, first, descriptors)
        add(.checksums, first + descriptors, pages - descriptors)
    }
}
