import HoldfastFormat

/// Access to the page map of an open heap.
extension Allocator {
    /// The offset of `page`'s descriptor.
    @inline(__always)
    func descriptorOffset(_ page: UInt64) -> UInt64 {
        if page < PageMap.firstPartPages {
            return HeapLayout.firstPageMapPage << HeapLayout.pageShift + page
                * PageMap.descriptorBytes
        }
        let exponent = 63 - page.leadingZeroBitCount
        guard exponent < PageMap.partCount else {
            Misuse.damaged(access, "page \(page) is beyond the maximum heap size")
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

    /// Describes the run that begins at `page`, in the descriptors of its first and last page.
    func describeRun(_ descriptor: PageDescriptor, at page: UInt64) {
        setDescriptor(descriptor, page)
        if descriptor.pages > 1 {
            setDescriptor(descriptor.tail, page + UInt64(descriptor.pages) - 1)
        }
    }

    /// Creates the parts of the page map, among those below `limit`, that a heap ending at `newEnd`
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

    /// Frees the parts of the page map that a heap which has shrunk no longer needs.
    ///
    /// A part is made when the heap's end comes to 2^k, and so it often is the last run: then only
    /// the part itself keeps the end there. It goes if at least as many pages before it are free,
    /// so that a heap that grows and shrinks a little near 2^k does not make it each time.
    func releaseUnneededPageMapParts() {
        for exponent in stride(
            from: PageMap.partCount - 1, through: PageMap.firstPartExponent, by: -1)
        {
            let part = access.load(PageMap.partField(exponent), as: UInt32.self)
            guard part != 0 else { continue }
            guard
                end <= PageMap.lastEndWithout(exponent)
                    || isLast(UInt64(part), behindFree: PageMap.partPages(exponent))
            else { return }
            access.store(UInt32(0), at: PageMap.partField(exponent))
            releaseRun(page: UInt64(part), expecting: .metadata)
        }
    }

    /// Whether the run of `pages` pages at `page` is the heap's last, and at least as many free
    /// pages are before it.
    private func isLast(_ page: UInt64, behindFree pages: UInt64) -> Bool {
        guard page + pages == end else { return false }
        let before = descriptor(page - 1)
        return before.kind == .freeTail && UInt64(before.pages) >= pages
    }
}
