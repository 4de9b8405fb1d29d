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

extension HeapAccess {
    /// Allocates `byteCount` bytes (0 counts as 1) and returns their offset. The contents are
    /// undefined.
    ///
    /// In a transaction lost to a limit, the block may be smaller than requested. For blocks beyond
    /// 32 KiB, call `hasRoom` first.
    ///
    /// Alignments up to 4096 bytes are supported; above 64, the block takes whole pages.
    ///
    /// Complexity: O(1), apart from the search of one list of free runs before a large block
    /// extends the file.
    public func allocate(byteCount: Int, alignment: Int = 8) -> UInt64 {
        let request = Allocator.roundedRequest(byteCount, alignment: alignment)
        let allocator = Allocator(access: self)
        if Allocator.fitsSlab(request, alignment: alignment) {
            return allocator.takeBlock(sizeClass: SizeClass.index(for: request))
        }
        guard allocator.hasRoom(forRun: request) else { return allocator.takeBlock(sizeClass: 0) }
        return allocator.takeRun(pages: Allocator.pages(for: request), as: .run)
            << HeapLayout.pageShift
    }

    /// Frees the block at `offset` that was allocated with this size and alignment.
    public func free(_ offset: UInt64, byteCount: Int, alignment: Int = 8) {
        let request = Allocator.roundedRequest(byteCount, alignment: alignment)
        let allocator = Allocator(access: self)
        if Allocator.fitsSlab(request, alignment: alignment) {
            allocator.releaseBlock(offset, sizeClass: SizeClass.index(for: request))
        } else if errorToCome == nil {
            // A lost transaction may hold blocks smaller than requested; freeing them would gain
            // nothing.
            allocator.releasePages(offset, request: request)
        }
    }

    /// The usable size of a block allocated with this request. The caller may use all of these
    /// bytes if it frees the block with the same request.
    public static func usableBytes(byteCount: Int, alignment: Int = 8) -> Int {
        let request = Allocator.roundedRequest(byteCount, alignment: alignment)
        if Allocator.fitsSlab(request, alignment: alignment) {
            return SizeClass.blockBytes(SizeClass.index(for: request))
        }
        return Int(Allocator.pages(for: request)) * HeapLayout.pageBytes
    }

    /// Resizes the block, in place if possible: within its size class, by splitting a run, or by
    /// taking the free pages behind it. Otherwise allocates a new block, copies the first
    /// `preserving` bytes and frees the old one. Returns the offset, which may be new. If there is
    /// no room, the transaction is lost and the block is unchanged.
    public func reallocate(
        _ offset: UInt64, from oldCount: Int, to newCount: Int, preserving: Int, alignment: Int = 8
    ) -> UInt64 {
        reallocateIfRoom(
            offset, from: oldCount, to: newCount, preserving: preserving, alignment: alignment)
            ?? offset
    }

    /// Resizes like `reallocate`, but returns nil if there is no room.
    public func reallocateIfRoom(
        _ offset: UInt64, from oldCount: Int, to newCount: Int, preserving: Int, alignment: Int = 8
    ) -> UInt64? {
        let oldRequest = Allocator.roundedRequest(oldCount, alignment: alignment)
        let newRequest = Allocator.roundedRequest(newCount, alignment: alignment)
        let allocator = Allocator(access: self)
        let wasInSlab = Allocator.fitsSlab(oldRequest, alignment: alignment)
        let fitsSlab = Allocator.fitsSlab(newRequest, alignment: alignment)
        if wasInSlab && fitsSlab {
            if SizeClass.index(for: oldRequest) == SizeClass.index(for: newRequest) {
                return offset
            }
        } else if !wasInSlab && !fitsSlab {
            let oldPages = Allocator.pages(for: oldRequest)
            let newPages = Allocator.pages(for: newRequest)
            let fits =
                newPages <= oldPages
                || hasRoom(byteCount: newRequest, replacing: offset, of: oldRequest)
            if fits, allocator.resizePages(offset, from: oldPages, to: newPages) { return offset }
        }
        guard hasRoom(byteCount: newRequest) else { return nil }
        let new = allocate(byteCount: newCount, alignment: alignment)
        if preserving > 0 {
            noteFresh(new, preserving)
            address(new, preserving).copyMemory(
                from: address(offset, preserving), byteCount: preserving)
        }
        free(offset, byteCount: oldCount, alignment: alignment)
        return new
    }

    /// The offset of the layer above's catalogue of named roots; 0 in a new heap.
    public var catalogue: UInt64 {
        get { load(AllocatorRoot.catalogueField) }
        nonmutating set { store(newValue, at: AllocatorRoot.catalogueField) }
    }

    /// A number that grows with every committed change announced by `catalogueWillChange`, in any
    /// process. It never decreases.
    @inline(__always)
    public var catalogueVersion: UInt64 { load(AllocatorRoot.catalogueVersionField) }

    /// Announces that a root is about to be added, removed, renamed or moved.
    public func catalogueWillChange() {
        store(catalogueVersion &+ 1, at: AllocatorRoot.catalogueVersionField)
    }

    /// Whether this transaction may have changed the catalogue's version. It may instead have
    /// changed other data in the same line.
    public var isCatalogueChanging: Bool {
        isWritable && isNoted(line: AllocatorRoot.catalogueVersionField &>> HeapLayout.lineShift)
    }

    // MARK: Services of the transaction

    func extendImage(toPage page: UInt64) {
        context.pointee.view._withUnsafeGuaranteedRef {
            $0.extendImage(toPage: page, for: context)
        }
    }

    func forget(firstPage: UInt64, pageCount: UInt64) {
        context.pointee.view._withUnsafeGuaranteedRef {
            $0.dirty.unmark(firstPage: firstPage, pageCount: pageCount)
        }
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
