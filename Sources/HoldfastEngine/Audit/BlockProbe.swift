import HoldfastFormat

/// Tells whether a block is in use, from the descriptors of its pages and the bitmap of its slab
/// alone: O(1), whatever the size of the heap.
///
/// For verifying a small part of a heap without trusting any of it. Nothing here traps or reads
/// outside the heap, whatever the file holds. Unlike a `BlockLedger` it does not know a run of
/// pages from what a stale descriptor inside of one claims; the bytes lie inside the heap all the
/// same.
/// Valid as long as the transaction that it was made in.
package struct BlockProbe {
    private let base: UnsafeRawPointer
    /// Nil if the heap is too short to have a page map.
    private let walk: PageWalk?
    private let limit: UInt64

    package init(_ access: HeapAccess) {
        base = UnsafeRawPointer(access.context.pointee.base)
        limit = access.context.pointee.byteCount
        let pages = limit >> HeapLayout.pageShift
        guard pages >= HeapLayout.initialPages else {
            walk = nil
            return
        }
        let end = base.load(fromByteOffset: Int(AllocatorRoot.endField), as: UInt64.self)
        walk = PageWalk(base: base, end: min(end, pages))
    }

    /// Returns nil if a block in use begins at `offset` that was allocated with this size and
    /// alignment, or else a description of the problem.
    package func problem(at offset: UInt64, byteCount: Int, alignment: Int) -> String? {
        guard byteCount >= 0, offset <= limit, UInt64(byteCount) <= limit - offset else {
            return "lies at \(offset) with \(byteCount) bytes, outside the heap"
        }
        let request = Allocator.roundedRequest(byteCount, alignment: alignment)
        let isThere =
            Allocator.fitsSlab(request, alignment: alignment)
            ? isBlock(at: offset, sizeClass: SizeClass.index(for: request))
            : isRun(at: offset, pages: Allocator.pages(for: request))
        return isThere
            ? nil : "lies at \(offset), where no block of \(byteCount) bytes in use begins"
    }

    private func isRun(at offset: UInt64, pages: UInt64) -> Bool {
        let page = offset >> HeapLayout.pageShift
        guard page << HeapLayout.pageShift == offset, let walk, contains(page, pages),
            let found = walk.descriptor(page)
        else { return false }
        return found.kind == .run && UInt64(found.pages) == pages
    }

    private func isBlock(at offset: UInt64, sizeClass: Int) -> Bool {
        var page = offset >> HeapLayout.pageShift
        guard let walk, contains(page, 1), var found = walk.descriptor(page) else { return false }
        if found.kind == .slabInterior {
            guard UInt64(found.pages) < page else { return false }
            page -= UInt64(found.pages)
            guard let first = walk.descriptor(page) else { return false }
            found = first
        }
        let pages = UInt64(SizeClass.shapes[sizeClass].pages)
        guard found.kind == .slab, Int(found.sizeClass) == sizeClass, contains(page, pages),
            UInt64(found.pages) == pages,
            let header = SlabClass.header(page: page, sizeClass: found.sizeClass, in: base)
        else { return false }
        let kind = SlabClass.all + sizeClass
        guard
            let index = kind.pointee.block(
                at: offset - page << HeapLayout.pageShift,
                headerPlace: kind.pointee.headerPlace(page: page))
        else { return false }
        let bits = [header.bitmap.0, header.bitmap.1, header.bitmap.2, header.bitmap.3]
        return bits[index >> 6] & 1 << UInt64(index & 63) != 0
    }

    private func contains(_ page: UInt64, _ pages: UInt64) -> Bool {
        guard let walk else { return false }
        return page <= walk.end && pages <= walk.end - page
    }
}
