import HoldfastEngine
import HoldfastFormat

// A copy that packs. Freeing individual blocks leaves slabs that are mostly empty, and a copy of
// the pages would include them. If that would take much more space than the live data, the blocks
// are moved to a new heap instead. Moving follows everything that the roots lead to, so it is done
// only if the heap has been verified and all of it was reached. Any other heap is copied page by
// page.
extension PersistentHeap {
    /// Writes the heap in its present state to a new file, while readers and writers continue.
    ///
    /// The copy is one commit, complete and at rest. It is a heap of its own, with another
    /// identity. Free pages are left out. If the live data would take much less space than its
    /// pages, the copy is packed.
    ///
    /// The file appears at `path` when it is complete and durable, or not at all. `progress` is
    /// reported in pages.
    ///
    /// - Throws: ``HeapError/alreadyExists(path:)`` if there is a file at `path` and `replacing` is
    ///   false, and ``HeapError/busy(path:)`` if the file to be replaced is a heap that is open in
    ///   any process.
    /// - Complexity: O(size of the heap).
    public func copy(
        to path: String, replacing: Bool = false,
        progress: ((_ done: Int, _ of: Int) -> Void)? = nil
    ) throws(HeapError) {
        try requireOpen()
        let snapshot = try makeSnapshotEngine()
        defer { try? snapshot.close() }
        if try Self.copyPacked(snapshot, to: path, replacing: replacing, progress: progress) {
            return
        }
        try snapshot.writeCopy(to: path, replacing: replacing, progress: progress)
    }

    /// Writes a packed copy of a snapshot if that is worthwhile and possible. Returns false if the
    /// pages are to be copied. Throws like `copy`.
    static func copyPacked(
        _ snapshot: HeapEngine, to path: String, replacing: Bool, always: Bool = false,
        progress: ((_ done: Int, _ of: Int) -> Void)?
    ) throws(HeapError) -> Bool {
        // Without statistics, the page copy reports the problem.
        guard let figures = try? snapshot.statistics(), always || isPackingWorthwhile(figures)
        else { return false }
        let context = try snapshot.beginRead()
        defer { snapshot.endRead(context) }
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        let isCancelled = { snapshot.options.isCancelled?() == true }
        var verification = Verification(access)
        verification.mayGoOn = { _ in !isCancelled() }
        verification.run()
        if verification.wasCancelled { throw HeapError.cancelled(path: snapshot.path) }
        guard verification.problemCount == 0, verification.unknownRoots.isEmpty,
            verification.unclaimedBlocks.isEmpty
        else {
            return false
        }
        // Before the new heap is created, because unreadable pages appear as zeros.
        try snapshot.requireReadable()
        let new = try HeapEngine(
            copyOf: snapshot, at: path, replacing: replacing, room: figures.usedBytes)
        defer { try? new.close() }
        let writing = try new.beginWrite()
        let target = HeapAccess(context: writing, epoch: writing.pointee.epoch)
        let pages = figures.usedBytes / HeapLayout.pageBytes
        let mover = BlockMover(from: access, to: target) { bytes in
            progress?(min(bytes / HeapLayout.pageBytes, pages), pages)
            return !isCancelled()
        }
        mover.run { RootCatalogue.moveAll(at: $0, by: mover) }
        guard !mover.wasCancelled, !mover.cannotGoOn else {
            new.abort(writing)
            if mover.cannotGoOn { return false }
            throw HeapError.cancelled(path: snapshot.path)
        }
        try new.commit(writing)
        try snapshot.requireReadable()
        try new.finishBuild(replacing: replacing, continuing: snapshot)
        progress?(pages, pages)
        return true
    }

    /// Returns whether the pages that a copy would take are a quarter more than the blocks in them.
    private static func isPackingWorthwhile(_ figures: HeapStatistics) -> Bool {
        let free = figures.freeRuns.reduce(0) { $0 + $1.freeBytes }
        return figures.heapBytes - free > figures.usedBytes / 4 * 5 + 1 << 16
    }
}
