import HoldfastFormat

/// Moves single blocks where a plan wants them, in one transaction. Their owners are the caller's.
package struct BlockRelocator {
    package let access: HeapAccess
    /// The rest of the plan. It serves for the next transaction, whatever becomes of this one.
    package private(set) var plan: RelocationPlan
    /// The size classes for which no room was found, and the shortest such run. They are not
    /// searched for again.
    private var isFull = [Bool](repeating: false, count: SizeClass.count)
    private var shortestMissingRun = UInt64.max

    package init(_ access: HeapAccess, by plan: RelocationPlan) {
        self.access = access
        self.plan = plan
    }

    /// Moves the block and frees its old place, if it has to move and there is room. Returns its
    /// new place, or nil.
    ///
    /// The heap does not grow. Complexity: O(size of the block), with a search of lists of slabs or
    /// free runs.
    package mutating func move(_ old: UInt64, byteCount: Int, alignment: Int) -> UInt64? {
        guard let new = newPlace(for: old, byteCount: byteCount, alignment: alignment) else {
            return nil
        }
        access.copy(byteCount, from: old, toFresh: new)
        access.free(old, byteCount: byteCount, alignment: alignment)
        return new
    }

    /// Whether bytes at a place that nothing has checked lie in the heap.
    package func isInHeap(_ place: UInt64, byteCount: Int) -> Bool {
        let end = Allocator(access: access).end << HeapLayout.pageShift
        return place < end && UInt64(byteCount) <= end - place
    }

    private mutating func newPlace(for old: UInt64, byteCount: Int, alignment: Int) -> UInt64? {
        let request = Allocator.roundedRequest(byteCount, alignment: alignment)
        let allocator = Allocator(access: access)
        guard Allocator.fitsSlab(request, alignment: alignment) else {
            let pages = Allocator.pages(for: request)
            guard old >> HeapLayout.pageShift + pages > plan.end else { return nil }
            return takeRun(pages: pages) {
                allocator.takeFreeRun(pages: pages, before: $0, as: .run)
            }.map { $0 << HeapLayout.pageShift }
        }
        let sizeClass = SizeClass.index(for: request)
        guard !isFull[sizeClass] else { return nil }
        let shape = SizeClass.shapes[sizeClass]
        let slab = allocator.slabPage(of: old, sizeClass: sizeClass)
        let isBehindEnd = slab + UInt64(shape.pages) > plan.end
        guard isBehindEnd || slab >= plan.classEnds[sizeClass] else { return nil }
        let target = plan.target(sizeClass: sizeClass) {
            allocator.hasFreeBlock(slab: $0, sizeClass: sizeClass)
        }
        if let target {
            allocator.preferSlab(target, sizeClass: sizeClass)
            return allocator.takeBlock(sizeClass: sizeClass)
        }
        // A slab of its own only where the block cannot stay: classes keep their number of slabs.
        let pages = UInt64(shape.pages)
        if isBehindEnd,
            let slab = takeRun(
                pages: pages, { allocator.makeSlab(sizeClass: sizeClass, before: $0) })
        {
            plan.addTarget(slab, sizeClass: sizeClass)
            return allocator.takeBlock(sizeClass: sizeClass)
        }
        isFull[sizeClass] = true
        return nil
    }

    /// Remembers which runs cannot be had.
    private mutating func takeRun(pages: UInt64, _ take: (_ end: UInt64) -> UInt64?) -> UInt64? {
        guard pages < shortestMissingRun else { return nil }
        if let page = take(plan.end) { return page }
        shortestMissingRun = pages
        return nil
    }
}
