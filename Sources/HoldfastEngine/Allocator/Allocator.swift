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

extension HeapAccess {
    /// Allocates `byteCount` bytes (0 counts as 1) and returns their offset. The contents are
    /// undefined.
    ///
    /// In a transaction that is lost because of a limit, the block may be smaller than asked for;
    /// `hasRoom` tells beforehand, for blocks beyond 32 KiB.
    ///
    /// Complexity: O(1), apart from the search of one list of free runs before a large block makes
    /// the file grow. Alignments up to 4096 bytes; above 64 the block takes whole pages.
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
            // In a transaction that is lost it may be a block that is not of that size; and nobody
            // gains by freeing it.
            allocator.releasePages(offset, request: request)
        }
    }

    /// The bytes that a block of this request really has; a caller may use them all if it frees
    /// with the same request.
    public static func usableBytes(byteCount: Int, alignment: Int = 8) -> Int {
        let request = Allocator.roundedRequest(byteCount, alignment: alignment)
        if Allocator.fitsSlab(request, alignment: alignment) {
            return SizeClass.blockBytes(SizeClass.index(for: request))
        }
        return Int(Allocator.pages(for: request)) * HeapLayout.pageBytes
    }

    /// Gives the block another size, in place where it can: within its size class, by cutting a
    /// run, or by taking free pages behind it. Otherwise allocates, copies the first `preserving`
    /// bytes and frees. Returns the offset, perhaps a new one; where there is no room, the
    /// transaction is lost and the block as it was.
    public func reallocate(
        _ offset: UInt64, from oldCount: Int, to newCount: Int, preserving: Int, alignment: Int = 8
    ) -> UInt64 {
        reallocateIfRoom(
            offset, from: oldCount, to: newCount, preserving: preserving, alignment: alignment)
            ?? offset
    }

    /// The same, but nil where there is no room.
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

    /// The offset that the layer above keeps its named roots at; 0 in a new heap.
    public var catalogue: UInt64 {
        get { load(AllocatorRoot.catalogueField) }
        nonmutating set { store(newValue, at: AllocatorRoot.catalogueField) }
    }

    /// A number that only goes up, with every change that was announced by `catalogueWillChange`
    /// and committed, by whichever process.
    @inline(__always)
    public var catalogueVersion: UInt64 { load(AllocatorRoot.catalogueVersionField) }

    /// Announces that a root is added, removed or renamed, or gets another place.
    public func catalogueWillChange() {
        store(catalogueVersion &+ 1, at: AllocatorRoot.catalogueVersionField)
    }

    /// Whether this transaction may have changed the catalogue's version (it may also have changed
    /// what lies in the same line).
    public var isCatalogueChanging: Bool {
        isWritable && isNoted(line: AllocatorRoot.catalogueVersionField &>> HeapLayout.lineShift)
    }

    // MARK: What the allocator needs of the transaction

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
