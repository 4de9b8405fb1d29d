import HoldfastFormat

/// The heap's allocator: blocks up to 32 KiB from slabs, larger blocks as runs of pages.
///
/// Its whole state lies in the heap, and every change to it marks its lines dirty first. It is
/// therefore exactly as atomic and as durable as the data: a crash can neither leak a block nor
/// hand one out twice, and an abort undoes allocations by restoring their lines. A block is freed
/// with the size it was requested with; the slab or the page map confirms that size.
///
/// Allocation cannot fail for lack of disk space: a transaction grows the heap in memory, and the
/// commit makes room in the file or throws. If memory runs out too, the transaction is lost but
/// continues: see `Shortage`.
struct Allocator {
    let access: HeapAccess

    /// Classes up to this one have slabs of one page (tested against `SizeClass.shapes`).
    static let lastOnePageClass = 26

    /// The heap's end: pages from here on are not part of it.
    var end: UInt64 { access.load(AllocatorRoot.endField) }

    func setEnd(_ page: UInt64) {
        access.extendImage(toPage: page)
        access.store(page, at: AllocatorRoot.endField)
    }

    /// Releases the memory that is kept only to speed up the next allocation: empty slabs, and
    /// parts of the page map that are no longer needed.
    func trim() {
        releaseSpareSlabs()
        releaseUnneededPageMapParts()
    }

    /// The size that a request occupies.
    @inline(__always)
    static func roundedRequest(_ byteCount: Int, alignment: Int) -> Int {
        Misuse.demand(byteCount >= 0, "Holdfast: a negative number of bytes was requested")
        Misuse.demand(
            alignment <= HeapLayout.pageBytes, "Holdfast: alignment beyond a page (4096 bytes)")
        let byteCount = min(byteCount, unattainableBytes)
        if alignment <= 8 { return max(byteCount, 1) }
        let mask = alignment - 1
        return max((byteCount + mask) & ~mask, alignment)
    }

    /// More than any heap can have, and small enough that arithmetic on it cannot overflow.
    static let unattainableBytes = Int(HeapLayout.maximumBytes) * 2

    /// Whether a request is served from a slab. Blocks there are aligned to 64 bytes at most; a
    /// larger alignment takes whole pages.
    @inline(__always)
    static func fitsSlab(_ request: Int, alignment: Int) -> Bool {
        request <= SizeClass.maximumBytes && alignment <= 64
    }

    static func pages(for byteCount: Int) -> UInt64 {
        (UInt64(byteCount) + UInt64(HeapLayout.pageBytes) - 1) >> HeapLayout.pageShift
    }
}

extension Allocator {
    func releasePages(_ offset: UInt64, request: Int) {
        let page = offset >> HeapLayout.pageShift
        guard offset & UInt64(HeapLayout.pageBytes - 1) == 0, page < end,
            UInt64(descriptor(page).pages) == Allocator.pages(for: request)
        else {
            Misuse.damaged(
                access, "offset \(offset) was freed with another size than it was allocated with")
        }
        releaseRun(page: page, expecting: .run)
    }

    func resizePages(_ offset: UInt64, from pages: UInt64, to newPages: UInt64) -> Bool {
        let page = offset >> HeapLayout.pageShift
        let run = descriptor(page)
        guard run.kind == .run, UInt64(run.pages) == pages else {
            Misuse.damaged(
                access, "offset \(offset) was resized with another size than it was allocated with")
        }
        if newPages == pages { return true }
        if newPages > pages { return growRun(page: page, from: pages, to: newPages, as: .run) }
        describeRun(PageDescriptor(kind: .run, pages: UInt32(newPages)), at: page)
        release(first: page + newPages, pages: pages - newPages)
        return true
    }
}
