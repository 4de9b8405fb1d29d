/// What the page map says of a page that begins or ends a run (Knuth's boundary tags, The Art of
/// Computer Programming 2.5).
///
/// Only the first and the last page of a run have descriptors that mean anything; for slabs of
/// several pages, all have, so that a block's slab can be found from any of them. What lies between
/// is stale and must not be read.
@frozen
public struct PageDescriptor: BitwiseCopyable, Equatable, Sendable {
    public enum Kind: UInt8, Sendable {
        case none = 0
        case free = 1
        case run = 2
        case slab = 3
        /// Headers, the allocator root and the parts of the page map.
        case metadata = 4
        /// A slab's page that is not its first; `pages` is the distance to the first.
        case slabInterior = 5
        // The last page of a run of more than one page; `pages` is the run's length.
        case freeTail = 6
        case runTail = 7
        case metadataTail = 8
    }

    var rawKind: UInt8
    /// Slabs only.
    public var sizeClass: UInt8
    var reserved: UInt16 = 0
    public var pages: UInt32
    /// Free runs only: neighbours in the bin's list, 0 for none.
    var next: UInt32 = 0
    var previous: UInt32 = 0

    init(kind: Kind, sizeClass: UInt8 = 0, pages: UInt32) {
        rawKind = kind.rawValue
        self.sizeClass = sizeClass
        self.pages = pages
    }

    public var kind: Kind { Kind(rawValue: rawKind) ?? .none }

    /// The descriptor for the last page of the run that this one begins.
    var tail: PageDescriptor {
        switch kind {
        case .free: PageDescriptor(kind: .freeTail, pages: pages)
        case .run: PageDescriptor(kind: .runTail, pages: pages)
        case .metadata: PageDescriptor(kind: .metadataTail, pages: pages)
        case .slab: PageDescriptor(kind: .slabInterior, sizeClass: sizeClass, pages: pages - 1)
        case .none, .slabInterior, .freeTail, .runTail, .metadataTail: self
        }
    }
}

/// The page map: a descriptor of 16 bytes for each page, in parts that double in size. Behind each
/// part's descriptors lie the checksums of the same pages (`PageChecksums`), which only checkpoints
/// write.
///
/// Part 0 is page 3, with checksums in page 4, and describes pages 0-255; part k (k >= 8) describes
/// pages 2^k ..< 2^(k+1) and is a run of 2^(k-8) pages and one for every 511 checksums, allocated
/// just before the heap's end comes near 2^k. So any page's descriptor is found by arithmetic, the
/// map costs 0.6% of the heap, and only one run in each doubling is immovable. A sparse heap's map
/// is as sparse.
enum PageMap {
    static let descriptorBytes: UInt64 = 16
    static let firstPartPages: UInt64 = 256
    static let firstPartExponent = 8
    static let partCount = 40

    static func partField(_ exponent: Int) -> UInt64 {
        AllocatorRoot.pageMapParts + UInt64(exponent) * 4
    }

    /// Pages of descriptors in the part for exponent k, and of checksums behind them.
    static func descriptorPages(_ exponent: Int) -> UInt64 {
        1 << UInt64(exponent - firstPartExponent)
    }

    static func checksumPages(_ exponent: Int) -> UInt64 {
        ((1 << UInt64(exponent)) + UInt64(PageChecksums.entriesPerPage) - 1)
            / UInt64(PageChecksums.entriesPerPage)
    }

    /// Pages of the part for exponent k.
    static func partPages(_ exponent: Int) -> UInt64 {
        descriptorPages(exponent) + checksumPages(exponent)
    }

    /// The part for exponent k must exist before the heap's end passes this page. It then lies
    /// below it, hence below 2^k, and is itself described by earlier parts.
    static func lastEndWithout(_ exponent: Int) -> UInt64 {
        (1 << UInt64(exponent)) - partPages(exponent)
    }
}

extension Allocator {
    /// Where the descriptor of `page` lies.
    @inline(__always)
    func descriptorOffset(_ page: UInt64) -> UInt64 {
        if page < PageMap.firstPartPages {
            return HeapLayout.firstPageMapPage << HeapLayout.pageShift + page
                * PageMap.descriptorBytes
        }
        let exponent = 63 - page.leadingZeroBitCount
        guard exponent < PageMap.partCount else {
            Misuse.damaged(access, "page \(page) is beyond every heap")
        }
        let part = UInt64(access.load(PageMap.partField(exponent), as: UInt32.self))
        guard part != 0 else { Misuse.damaged(access, "the page map has no part for page \(page)") }
        return part << HeapLayout.pageShift + (page - 1 << UInt64(exponent))
            * PageMap.descriptorBytes
    }

    func descriptor(_ page: UInt64) -> PageDescriptor {
        access.load(descriptorOffset(page), as: PageDescriptor.self)
    }

    func setDescriptor(_ descriptor: PageDescriptor, _ page: UInt64) {
        access.store(descriptor, at: descriptorOffset(page))
    }

    /// Describes the run that begins at `page`: its first and its last page.
    func describeRun(_ descriptor: PageDescriptor, at page: UInt64) {
        setDescriptor(descriptor, page)
        if descriptor.pages > 1 {
            setDescriptor(descriptor.tail, page + UInt64(descriptor.pages) - 1)
        }
    }

    /// Makes the parts of the page map, of those below `limit`, that a heap ending at `newEnd`
    /// needs.
    func ensurePageMap(newEnd: UInt64, partsBelow limit: Int) {
        var exponent = PageMap.firstPartExponent
        while exponent < limit, PageMap.lastEndWithout(exponent) < newEnd {
            if access.load(PageMap.partField(exponent), as: UInt32.self) == 0 {
                let pages = PageMap.partPages(exponent)
                // The heap still ends at or below 2^k minus the part's size, so the part itself
                // lies below 2^k.
                let page = takeRun(pages: pages, as: .metadata, partsBelow: exponent)
                access.store(UInt32(page), at: PageMap.partField(exponent))
            }
            exponent += 1
        }
    }

    /// Frees the parts of the page map that a heap which has become smaller does not need any more.
    func releaseUnneededPageMapParts() {
        for exponent in stride(
            from: PageMap.partCount - 1, through: PageMap.firstPartExponent, by: -1)
        {
            let part = access.load(PageMap.partField(exponent), as: UInt32.self)
            guard part != 0 else { continue }
            guard end <= PageMap.lastEndWithout(exponent) else { return }
            access.store(UInt32(0), at: PageMap.partField(exponent))
            releaseRun(page: UInt64(part), expecting: .metadata)
        }
    }
}
