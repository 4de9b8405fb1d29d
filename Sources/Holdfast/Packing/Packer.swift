import HoldfastEngine
import HoldfastFormat

/// Copies a heap by moving its blocks to a new one.
///
/// Freeing blocks here and there leaves slabs that are mostly empty, and a copy of the pages would
/// take them over; where that would take far more than the live blocks need, they are moved to a
/// new heap instead. Moving follows everything that the roots lead to, so it is done only where the
/// heap has been found to be sound and all of it was reached; any other heap is copied page by
/// page, as it is.
struct Packer {
    let snapshot: HeapEngine
    /// Where the copy is to stand.
    let path: String
    let replacing: Bool
    /// Told pages.
    let progress: ((_ done: Int, _ of: Int) -> Void)?

    /// Writes the packed copy, if that is possible and worthwhile, or `always`; false if the pages
    /// are to be copied. Throws like `PersistentHeap.copy`.
    func copy(always: Bool = false) throws(HeapError) -> Bool {
        // Where there are no figures, the copy of the pages says what is wrong.
        guard let figures = try? snapshot.statistics(), always || Self.isWorthwhile(figures)
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
        // Before the new heap is made: what cannot be read shows as zeros.
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

    /// Whether the pages that a copy would take over are a quarter more than the blocks in them.
    private static func isWorthwhile(_ figures: HoldfastEngine.HeapStatistics) -> Bool {
        let free = figures.freeRuns.reduce(0) { $0 + $1.freeBytes }
        return figures.heapBytes - free > figures.usedBytes / 4 * 5 + 1 << 16
    }
}
