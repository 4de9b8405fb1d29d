import HoldfastFormat

/// A walk over the runs of the page map, free and in use, in page order. Reads only descriptors;
/// O(runs).
///
/// Trusts nothing: if a descriptor is not that of a run's first page, the walk ends with `isBroken`
/// set.
struct PageWalk: Sequence, IteratorProtocol {
    struct Run {
        var pages: Range<Int>
        var kind: PageDescriptor.Kind
        /// The descriptor's size class, for a slab; not checked to be a valid class.
        var sizeClass: UInt8
    }

    private let base: UnsafeRawPointer
    private let end: UInt64
    private let parts: PageChecksums
    private var page: UInt64 = 0
    /// Whether the walk ended before the heap's end.
    private(set) var isBroken = false

    /// The image at `base` has at least `end` pages.
    init(base: UnsafeRawPointer, end: UInt64) {
        self.base = base
        self.end = end
        parts = PageChecksums(
            root: UnsafeRawBufferPointer(
                start: base + Int(AllocatorRoot.offset), count: HeapLayout.pageBytes))
    }

    mutating func next() -> Run? {
        guard page < end, !isBroken else { return nil }
        guard let descriptor = descriptor(page), descriptor.pages > 0,
            page + UInt64(descriptor.pages) <= end,
            [.free, .run, .slab, .metadata].contains(descriptor.kind)
        else {
            isBroken = true
            return nil
        }
        let first = Int(page)
        page += UInt64(descriptor.pages)
        return Run(
            pages: first ..< Int(page), kind: descriptor.kind, sizeClass: descriptor.sizeClass)
    }

    private func descriptor(_ page: UInt64) -> PageDescriptor? {
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
