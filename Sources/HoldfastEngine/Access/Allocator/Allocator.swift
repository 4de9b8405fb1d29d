import HoldfastFormat

/// The heap's allocator: blocks up to 32 KiB from slabs, larger ones as runs of pages.
///
/// Everything it knows lies in the heap and is changed through notes, so it is exactly as atomic
/// and as durable as the data: a crash can neither leak a block nor hand one out twice, and an
/// abort undoes allocations by undoing their lines. Blocks are freed with the size they were asked
/// for; the slab or the page map confirms it.
///
/// Allocation cannot fail for want of disk space: a transaction grows the heap in memory, and the
/// commit makes room in the file or throws. Where there is no memory either, the transaction is
/// lost, but goes on: see `Shortage`.
struct Allocator {
    let access: HeapAccess

    /// Classes up to this one have slabs of one page (tested against `SizeClass.shapes`).
    static let lastOnePageClass = 26

    /// Pages from here on are not part of the heap.
    var end: UInt64 { access.load(AllocatorRoot.endField) }

    func setEnd(_ page: UInt64) {
        access.extendImage(toPage: page)
        access.store(page, at: AllocatorRoot.endField)
    }

    /// Gives back what only speeds up the next allocation: empty slabs, and page map parts beyond
    /// the need.
    func trim() {
        releaseSpareSlabs()
        releaseUnneededPageMapParts()
    }

    /// The size that a request really takes.
    @inline(__always)
    static func roundedRequest(_ byteCount: Int, alignment: Int) -> Int {
        Misuse.demand(byteCount >= 0, "Holdfast: a negative number of bytes was asked for")
        Misuse.demand(
            alignment <= HeapLayout.pageBytes, "Holdfast: alignment beyond a page (4096 bytes)")
        let byteCount = min(byteCount, unattainableBytes)
        if alignment <= 8 { return max(byteCount, 1) }
        let mask = alignment - 1
        return max((byteCount + mask) & ~mask, alignment)
    }

    /// More than any heap has, and little enough to compute with.
    static let unattainableBytes = Int(HeapLayout.maximumBytes) * 2

    /// Whether a request is served from a slab; blocks there are aligned to 64 bytes at most, and
    /// what needs more takes whole pages.
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
