import HoldfastEngine
import HoldfastFormat

/// Copies a heap by moving its blocks to a new one.
///
/// Freeing individual blocks leaves slabs that are mostly empty, and a copy of the pages would
/// include them. If that would take much more space than the live data, the blocks are moved to a
/// new heap instead. Moving follows everything that the roots lead to, so it is done only if the
/// heap has been verified and all of it was reached. Any other heap is copied page by page.
struct Packer {
    let snapshot: HeapEngine
    /// Where the copy is to stand.
    let path: String
    let replacing: Bool
    /// Told pages.
    let progress: ((_ done: Int, _ of: Int) -> Void)?

    /// Writes the packed copy if that is possible, and worthwhile or `always`. Returns false if the
    /// pages are to be copied. Throws like `PersistentHeap.copy`.
    func copy(always: Bool = false) throws(HeapError) -> Bool {
        // Without statistics, the page copy reports the problem.
        guard let figures = try? snapshot.statistics(), always || Self.isWorthwhile(figures)
        else { return false }
        let context = try snapshot.beginRead()
        defer { snapshot.endRead(context) }
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        // What the walk and the moves read gets new checksums.
        try snapshot.requireSoundForCopy()
        let isCancelled = { snapshot.options.isCancelled?() == true }
        var verification = Verification(access)
        try verification.run(unless: isCancelled)
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
    private static func isWorthwhile(_ figures: HoldfastEngine.HeapStatistics) -> Bool {
        let free = figures.freeRuns.reduce(0) { $0 + $1.freeBytes }
        return figures.heapBytes - free > figures.usedBytes / 4 * 5 + 1 << 16
    }
}
