import HoldfastFormat

/// A context's list of postponed work; stays with it for good. See `HeapAccess.postpone`.
@usableFromInline
final class PostponedWork {
    var work: [() -> Void] = []
    /// How often there has been some since the outermost level began, and how often there may be.
    private var count: UInt64 = 0
    private var limit: UInt64 = 0
    /// The heap that was followed last.
    private var source: UnsafeMutablePointer<TransactionContext>?

    /// Counts, by the bytes that a heap had when it was first followed: a copy makes its own grow.
    func isEndless(_ source: UnsafeMutablePointer<TransactionContext>) -> Bool {
        if self.source != source {
            self.source = source
            // As the heap says, which may be damaged, and no more than is mapped. No value that
            // owns another has a block of less than 8 bytes.
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
