import CHoldfast
import HoldfastFormat

/// Transaction contexts, and the effects of the open write transaction on the image.
extension HeapView {
    typealias Context = UnsafeMutablePointer<TransactionContext>

    // MARK: Contexts

    /// The innermost open transaction of this thread, of any heap.
    @inline(__always)
    static var innermost: Context? {
        holdfast_get_innermost_transaction()?.assumingMemoryBound(to: TransactionContext.self)
    }

    /// The innermost open transaction of this opening on this thread, in any of its views, among
    /// `context` and those that enclose it.
    @inline(__always)
    func openTransaction(_ context: Context?) -> Context? {
        var candidate = context
        while let context = candidate {
            if context.pointee.view._withUnsafeGuaranteedRef({ $0.opening }) == opening {
                return context
            }
            candidate = context.pointee.enclosing
        }
        return nil
    }

    /// Whether this thread has a transaction of this heap open.
    @inline(__always)
    var hasOpenTransaction: Bool { openTransaction(Self.innermost) != nil }

    /// Traps if this thread has a transaction open: waiting for the write lock while the thread
    /// holds the latch would never end.
    @inline(__always)
    func demandNoOpenTransaction(for call: String) {
        guard hasOpenTransaction else { return }
        fatalError(
            "Holdfast: \(call) was called inside a transaction of the same heap and thread. It was "
                + "done in: \(call), of the heap \(path). Use the transaction that is open, or end "
                + "it first. "
                + (call == "heap.write"
                    ? "tx.savepoint { tx in … } makes a part of it that can be undone alone. " : "")
                + LineHint.text
        )
    }

    func makeContext(isWritable: Bool, enclosing: Context?) -> Context {
        let context = isWritable ? writeContext : spareContexts.take()
        fill(context, isWritable: isWritable, enclosing: enclosing)
        return context
    }

    /// Makes a context the innermost one of this thread, with a new epoch.
    @inline(__always)
    func fill(_ context: Context, isWritable: Bool, enclosing: Context?) {
        context.pointee.base = image.base
        context.pointee.byteCount = UInt64(image.byteCount)
        context.pointee.limit = UInt64(image.byteCount)
        context.pointee.touchedLines = image.touchedLines
        context.pointee.isWritable = isWritable
        context.pointee.isLost = false
        context.pointee.hashSeed = hashSeed
        context.pointee.view = .passUnretained(self)
        context.pointee.reads = nil
        context.pointee.enclosing = enclosing
        context.pointee.seat = nil
        context.pointee.isBiased = false
        context.pointee.epoch = context.pointee.epochs.next(of: self)
        holdfast_set_innermost_transaction(context)
    }

    func endContext(_ context: Context) {
        holdfast_set_innermost_transaction(context.pointee.enclosing)
        context.pointee.epoch = 0
        if context != writeContext { spareContexts.giveBack(context) }
    }

    // MARK: Growth

    /// Called at the start of a write transaction: lines beyond the current end are new in it.
    @inline(__always)
    func markUnusedLines() {
        dirty.firstUnusedLine = committedPages << (HeapLayout.pageShift - HeapLayout.lineShift)
    }

    /// Called by the allocator when it moves the heap's end: the memory must exist before it is
    /// used.
    func extendImage(toPage page: UInt64, for context: Context) {
        let bytes = Int(page) * HeapLayout.pageBytes
        if bytes > image.byteCount, !tryToExtend(toBytes: bytes) {
            extendInShortage(toBytes: bytes)
        }
        showExtent(in: context)
    }

    /// Updates the accessible size in the context of the open transaction, and in those of its
    /// savepoints.
    func showExtent(in context: Context) {
        show(in: context)
        guard savepoints.count > 0 else { return }
        // Each may have a handle in use.
        show(in: writeContext)
        savepoints.forEach { show(in: $0) }
    }

    private func show(in context: Context) {
        context.pointee.byteCount = UInt64(image.byteCount)
        context.pointee.limit = UInt64(image.byteCount)
        context.pointee.touchedLines = dirty.shownMarks
    }

    /// Extends the image for the open transaction without moving it. False if the transaction is
    /// lost, now or earlier.
    func tryToExtend(toBytes bytes: Int) -> Bool {
        if shortage != nil { return false }
        do throws(HeapError) {
            if let growBuild {
                try growBuild(bytes)
            } else {
                try image.extend(to: bytes, path: path)
            }
            return true
        } catch {
            shortage = Shortage(error: error)
            return false
        }
    }

    /// For a lost transaction that continues.
    private func extendInShortage(toBytes bytes: Int) {
        do throws(HeapError) { try image.extendIntoTail(to: bytes, path: path) } catch {
            fatalError(
                "Holdfast: \(shortage?.error ?? error) The transaction went on for so long that "
                    + "the memory set aside for that is used up. Begin smaller transactions, or "
                    + "end them once tx.errorToCome is there.")
        }
    }

    // MARK: Shortage

    /// The error that the open transaction will end with, whatever it does; nil if there is none.
    var errorToCome: HeapError? {
        shortage?.error ?? (dirty.isIncomplete ? .outOfMemory(path: path) : nil)
    }

    /// Rolls the open transaction back. False if before-images are missing for lack of memory: the
    /// image must then be remapped.
    func undo() -> Bool {
        let isComplete = !dirty.isIncomplete
        if isComplete {
            dirty.undo()
            endShortage()
        }
        return isComplete
    }

    /// Releases the extra memory of a lost transaction.
    func endShortage() { endShortage(keeping: Int(committedPages) * HeapLayout.pageBytes) }

    /// Releases the extra memory of a lost transaction, or of a lost savepoint, except the image's
    /// first `bytes` bytes.
    func endShortage(keeping bytes: Int) {
        guard shortage != nil else { return }
        shortage = nil
        image.giveBack(from: bytes)
    }
}
