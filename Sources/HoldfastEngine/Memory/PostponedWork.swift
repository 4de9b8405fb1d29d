import HoldfastFormat

/// A context's work list; stays with the context permanently. See `HeapAccess.postpone`.
@usableFromInline
final class PostponedWork {
    var work: [() -> Void] = []
    /// The number of postponed items since the outermost level began, and its limit.
    private var count: UInt64 = 0
    private var limit: UInt64 = 0
    /// The heap that was followed last.
    private var source: UnsafeMutablePointer<TransactionContext>?

    /// Counts an item; true beyond the limit. The limit comes from the heap's size when it was
    /// first followed, because copying within one heap makes it grow.
    func isEndless(_ source: UnsafeMutablePointer<TransactionContext>) -> Bool {
        if self.source != source {
            self.source = source
            // The heap's own size, which may be damaged, but at most the mapped size. A value that
            // owns another has a block of at least 8 bytes.
            let pages = source.pointee.view._withUnsafeGuaranteedRef { $0.pagesInImage }
            let mapped = source.pointee.byteCount >> HeapLayout.pageShift
            limit += min(pages, mapped) << (HeapLayout.pageShift - 3)
        }
        count += 1
        return count > limit
    }

    func end() {
        (count, limit, source) = (0, 0, nil)
        if work.capacity > 1024 { work = [] }
    }
}
