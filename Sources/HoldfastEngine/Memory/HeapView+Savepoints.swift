import CHoldfast
import HoldfastFormat

/// The contexts of the open savepoints, outermost first, and behind them contexts for later ones.
///
/// A savepoint has a context of its own, so that handles made inside it become stale when it ends,
/// while handles from before stay valid. All contexts of a transaction show the same image.
struct SavepointContexts {
    private struct Level {
        let context: HeapView.Context
        /// What the context had from the pool, and is given back with.
        let hints: UnsafeMutableRawPointer
        /// The image's size at the mark.
        var imageBytes = 0
    }

    private var levels: [Level] = []
    private(set) var count = 0

    /// The context of the next savepoint, with the cache of `transaction`.
    mutating func add(in transaction: HeapView.Context, imageBytes: Int) -> HeapView.Context {
        if count == levels.count {
            let context = TransactionContextPool.shared.take()
            levels.append(Level(context: context, hints: context.pointee.hints))
        }
        levels[count].imageBytes = imageBytes
        count += 1
        let context = levels[count - 1].context
        context.pointee.hints = transaction.pointee.hints
        return context
    }

    /// Ends the innermost savepoint's; returns the image's size at its mark.
    mutating func removeLast() -> Int {
        count -= 1
        return levels[count].imageBytes
    }

    func forEach(_ body: (HeapView.Context) -> Void) {
        for level in levels[..<count] { body(level.context) }
    }

    func giveBackAll() {
        for level in levels {
            level.context.pointee.hints = level.hints
            TransactionContextPool.shared.giveBack(level.context)
        }
    }
}

/// Savepoints of the open write transaction; see `DirtyTracker+Savepoints`.
extension HeapView {
    /// Begins a savepoint, inside the innermost one if there is one, and returns the context of
    /// what happens in it. On an error, nothing has changed.
    func beginSavepoint() throws(HeapError) -> Context {
        if let errorToCome { throw errorToCome }
        if !dirty.isUnlogged {
            // From then on the table grows with the image.
            if savepoints.count == 0 { try image.prepareSavepoints(path: path) }
            guard dirty.beginSavepoint(endPage: pagesInImage) else {
                throw HeapError.outOfMemory(path: path)
            }
        }
        let context = savepoints.add(in: writeContext, imageBytes: image.byteCount)
        fill(context, isWritable: true, enclosing: Self.innermost)
        // The contexts of the savepoints around this one show the same table already.
        context.pointee.touchedLines = dirty.shownMarks
        writeContext.pointee.touchedLines = dirty.shownMarks
        return context
    }

    /// Ends the innermost savepoint and keeps its changes.
    func releaseSavepoint(_ context: Context) {
        close(context)
        _ = savepoints.removeLast()
        dirty.releaseSavepoint()
        writeContext.pointee.touchedLines = dirty.shownMarks
    }

    /// Restores the innermost mark and ends the savepoint. If before-images are missing, everything
    /// stays as it is, for a transaction that is lost as a whole; see `errorToCome`.
    func undoSavepoint(_ context: Context) {
        close(context)
        let imageBytes = savepoints.removeLast()
        if dirty.isUnlogged {
            failBuild()
        } else if dirty.isIncomplete {
            dirty.abandonSavepoint()
        } else {
            dirty.undoSavepoint()
            if shortage != nil {
                endShortage(keeping: imageBytes)
                showExtent(in: writeContext)
            }
        }
        writeContext.pointee.touchedLines = dirty.shownMarks
    }

    private func close(_ context: Context) {
        holdfast_set_innermost_transaction(context.pointee.enclosing)
        context.pointee.epoch = 0
    }

    /// A build keeps no before-images.
    private func failBuild() {
        guard shortage == nil else { return }
        shortage = Shortage(
            error: .failed(
                path: path,
                reason: "a savepoint of its build threw an error, and a build cannot undo changes"))
    }
}
