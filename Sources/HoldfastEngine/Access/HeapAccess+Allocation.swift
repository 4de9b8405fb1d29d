import HoldfastFormat

/// Blocks of memory in the heap.
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
        if resizeInPlace(offset, from: oldCount, to: newCount, alignment: alignment) {
            return offset
        }
        guard hasRoom(byteCount: Allocator.roundedRequest(newCount, alignment: alignment)) else {
            return nil
        }
        let new = allocate(byteCount: newCount, alignment: alignment)
        copy(preserving, from: offset, toFresh: new)
        free(offset, byteCount: oldCount, alignment: alignment)
        return new
    }

    /// Copies bytes to a block that has just been allocated.
    func copy(_ byteCount: Int, from old: UInt64, toFresh new: UInt64) {
        guard byteCount > 0 else { return }
        markFresh(new, byteCount)
        address(new, byteCount).copyMemory(from: address(old, byteCount), byteCount: byteCount)
    }

    /// Resizes the block where it is. False if it would have to move, or if the transaction is
    /// lost; the block is then unchanged.
    public func resizeInPlace(
        _ offset: UInt64, from oldCount: Int, to newCount: Int, alignment: Int = 8
    ) -> Bool {
        let oldRequest = Allocator.roundedRequest(oldCount, alignment: alignment)
        let newRequest = Allocator.roundedRequest(newCount, alignment: alignment)
        let wasInSlab = Allocator.fitsSlab(oldRequest, alignment: alignment)
        guard wasInSlab == Allocator.fitsSlab(newRequest, alignment: alignment) else {
            return false
        }
        if wasInSlab { return SizeClass.index(for: oldRequest) == SizeClass.index(for: newRequest) }
        let oldPages = Allocator.pages(for: oldRequest)
        let newPages = Allocator.pages(for: newRequest)
        guard
            newPages <= oldPages
                || hasRoom(byteCount: newRequest, replacing: offset, of: oldRequest)
        else { return false }
        return Allocator(access: self).resizePages(offset, from: oldPages, to: newPages)
    }

    /// Whether the pages behind a block of more than 32 KiB are free for it to grow where it is. A
    /// growth that needs a new part of the page map may move the block nevertheless.
    public func canGrowInPlace(_ offset: UInt64, from oldCount: Int, to newCount: Int) -> Bool {
        Allocator(access: self).isFree(
            after: offset >> HeapLayout.pageShift, pages: Allocator.pages(for: oldCount),
            extra: Allocator.pages(for: newCount) - Allocator.pages(for: oldCount))
    }

    // MARK: Services of the transaction

    func extendImage(toPage page: UInt64) {
        context.pointee.view._withUnsafeGuaranteedRef {
            $0.extendImage(toPage: page, for: context)
        }
    }

    func unmark(firstPage: UInt64, pageCount: UInt64) {
        context.pointee.view._withUnsafeGuaranteedRef {
            $0.dirty.unmark(firstPage: firstPage, pageCount: pageCount)
        }
    }
}
