import HoldfastFormat

/// A walk over the runs of the page map, free and in use, in page order. Reads only descriptors;
/// O(runs).
///
/// The one walk over the page map: copies, statistics, checks and the map of pages all use it. It
/// shares no code with the allocator, and trusts nothing: if a descriptor is not that of a run's
/// first page, the walk ends and says why.
struct PageWalk: Sequence, IteratorProtocol {
    struct Run {
        var pages: Range<Int>
        var descriptor: PageDescriptor

        var kind: PageDescriptor.Kind { descriptor.kind }
        /// The descriptor's size class, for a slab; not checked to be a valid class.
        var sizeClass: UInt8 { descriptor.sizeClass }
    }

    /// Why a walk ends before the heap does.
    enum Break: Equatable {
        case missingDescriptor
        /// Of no pages, or of more than there are.
        case impossibleLength(UInt64)
        /// Not that of a run's first page.
        case impossibleKind(UInt8)
    }

    private let base: UnsafeRawPointer
    let end: UInt64
    private let parts: PageChecksums
    /// The first page of the next run.
    private(set) var page: UInt64 = 0
    /// What is wrong with the descriptor of `page`, once the walk has come to such a one.
    private(set) var failure: Break?

    /// The runs of free pages.
    static func freePages(base: UnsafeRawPointer, end: UInt64) -> [Range<Int>] {
        PageWalk(base: base, end: end).filter { $0.kind == .free }.map(\.pages)
    }

    /// Whether the walk ended before the heap's end.
    var isBroken: Bool { failure != nil }

    /// The image at `base` has at least `end` pages.
    init(base: UnsafeRawPointer, end: UInt64) {
        self.base = base
        self.end = end
        parts = PageChecksums(
            root: UnsafeRawBufferPointer(
                start: base + Int(AllocatorRoot.offset), count: HeapLayout.pageBytes))
    }

    mutating func next() -> Run? {
        guard page < end, failure == nil else { return nil }
        guard let descriptor = descriptor(page) else {
            failure = .missingDescriptor
            return nil
        }
        let pages = UInt64(descriptor.pages)
        guard pages > 0, page + pages <= end else {
            failure = .impossibleLength(pages)
            return nil
        }
        switch descriptor.kind {
        case .free, .run, .slab, .metadata: break
        case .none, .slabInterior, .freeTail, .runTail, .metadataTail:
            failure = .impossibleKind(descriptor.rawKind)
            return nil
        }
        let first = Int(page)
        page += pages
        return Run(pages: first ..< Int(page), descriptor: descriptor)
    }

    /// The descriptor of any page, by the rule of the format; nil where the page map has no place
    /// for it.
    func descriptor(_ page: UInt64) -> PageDescriptor? {
        var place =
            UInt64(HeapLayout.firstPageMapPage) << HeapLayout.pageShift + page
            * PageMap.descriptorBytes
        if page >= PageMap.firstPartPages {
            let (part, firstPage) = PageChecksums.part(of: Int(page))
            guard part < parts.parts.count, parts.parts[part] != 0 else { return nil }
            place =
                UInt64(parts.parts[part]) << HeapLayout.pageShift + (page - UInt64(firstPage))
                * PageMap.descriptorBytes
        }
        guard place + PageMap.descriptorBytes <= end << HeapLayout.pageShift else { return nil }
        return base.loadUnaligned(fromByteOffset: Int(place), as: PageDescriptor.self)
    }
}
