import CHoldfast
import HoldfastFormat

/// Contexts of transactions, and what the open write transaction does to the image.
extension HeapView {
    typealias Context = UnsafeMutablePointer<TransactionContext>

    // MARK: Contexts

    /// The innermost open transaction of this thread, of any heap.
    @inline(__always)
    static var innermost: Context? {
        holdfast_get_innermost_transaction()?.assumingMemoryBound(to: TransactionContext.self)
    }

    /// The innermost open transaction of this heap on this thread, among `context` and those that
    /// enclose it.
    @inline(__always)
    func openTransaction(_ context: Context?) -> Context? {
        var candidate = context
        let me = Unmanaged.passUnretained(self).toOpaque()
        while let context = candidate {
            if context.pointee.view.toOpaque() == me { return context }
            candidate = context.pointee.enclosing
        }
        return nil
    }

    /// Whether this thread has a transaction of this heap open.
    @inline(__always)
    var hasOpenTransaction: Bool { openTransaction(Self.innermost) != nil }

    /// Waiting for the write lock while this thread holds the latch would never end.
    @inline(__always)
    func demandNoOpenTransaction(for call: String) {
        guard hasOpenTransaction else { return }
        fatalError(
            "Holdfast: \(call) was called inside a transaction of the same heap and thread. Use "
                + "the transaction that is open, or end it first.")
    }

    /// Whether this thread has a write transaction open through another opening of the same file.
    var isInsideAnotherOpening: Bool {
        let file = sharedFileIdentity()
        var candidate = Self.innermost
        while let context = candidate {
            let other = context.pointee.view._withUnsafeGuaranteedRef { $0.sharedFileIdentity() }
            if context.pointee.isWritable, other == file { return true }
            candidate = context.pointee.enclosing
        }
        return false
    }

    func makeContext(isWritable: Bool, enclosing: Context?) -> Context {
        let context = isWritable ? writeContext : takeReadContext()
        context.pointee.base = image.base
        context.pointee.byteCount = UInt64(image.byteCount)
        context.pointee.touchedLines = image.touchedLines
        context.pointee.isWritable = isWritable
        context.pointee.isLost = false
        context.pointee.hashSeed = hashSeed
        context.pointee.view = .passUnretained(self)
        context.pointee.enclosing = enclosing
        context.pointee.epoch = context.pointee.epochs.next()
        holdfast_set_innermost_transaction(context)
        return context
    }

    func endContext(_ context: Context) {
        holdfast_set_innermost_transaction(context.pointee.enclosing)
        context.pointee.epoch = 0
        if context != writeContext { giveBackReadContext(context) }
    }

    @inline(__always)
    private func takeReadContext() -> Context {
        Context(bitPattern: spareContext.exchange(0, ordering: .acquiring))
            ?? TransactionContextPool.shared.take()
    }

    @inline(__always)
    private func giveBackReadContext(_ context: Context) {
        let isKept = spareContext.compareExchange(
            expected: 0, desired: UInt(bitPattern: context), ordering: .releasing
        ).exchanged
        if !isKept { TransactionContextPool.shared.giveBack(context) }
    }

    // MARK: Growth

    /// From here on the lines of the heap are new in the write transaction that begins now.
    @inline(__always)
    func markUnusedLines() {
        dirty.firstUnusedLine = committedPages << (HeapLayout.pageShift - HeapLayout.lineShift)
    }

    /// Called by the allocator when it moves the heap's end: the memory must be there before it is
    /// used.
    func extendImage(toPage page: UInt64, for context: Context) {
        let bytes = Int(page) * HeapLayout.pageBytes
        if bytes > image.byteCount, !tryToExtend(toBytes: bytes) {
            extendInShortage(toBytes: bytes)
        }
        showExtent(in: context)
    }

    /// Tells the open transaction how far the image reaches now.
    func showExtent(in context: Context) {
        context.pointee.byteCount = UInt64(image.byteCount)
        context.pointee.touchedLines = image.touchedLines
    }

    /// Makes the image larger for the open transaction, which may not move; false where the
    /// transaction is lost by it, or was before.
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

    /// For a transaction that is lost, and goes on for a while.
    private func extendInShortage(toBytes bytes: Int) {
        do throws(HeapError) { try image.extendIntoTail(to: bytes, path: path) } catch {
            fatalError(
                "Holdfast: \(shortage?.error ?? error) The transaction went on for so long that "
                    + "the memory set aside for that is used up. Begin smaller transactions, or "
                    + "end them once tx.errorToCome is there.")
        }
    }

    // MARK: Shortage

    /// The error that the open transaction is going to end with whatever it still does.
    var errorToCome: HeapError? {
        shortage?.error ?? (dirty.isIncomplete ? .outOfMemory(path: path) : nil)
    }

    /// Undoes the open transaction. False where there was no memory to keep the old contents of its
    /// lines: then the image must be made anew.
    func undo() -> Bool {
        let isComplete = !dirty.isIncomplete
        if isComplete {
            dirty.undo()
            endShortage()
        }
        return isComplete
    }

    /// Gives back the memory that a lost transaction went on with.
    func endShortage() {
        guard shortage != nil else { return }
        shortage = nil
        image.giveBack(from: Int(committedPages) * HeapLayout.pageBytes)
    }
}
