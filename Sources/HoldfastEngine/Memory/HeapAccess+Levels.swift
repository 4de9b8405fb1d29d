import HoldfastFormat

/// Freeing and copying values in values in values: a list instead of a recursion.
///
/// How deep values are nested is up to the data. What frees or copies a value that owns others does
/// so between `enterLevel` and `leaveLevel`; deep inside it puts its work into a list instead, and
/// the outermost call does all of that before it returns. So whoever called that one finds
/// everything done, and no depth takes more stack than a few levels do.
extension HeapAccess {
    /// Levels that are worked on directly.
    @inlinable
    static var directLevels: Int { 16 }

    /// Begins a level; false if it is too deep a one for now, so that its work is to be postponed.
    @inlinable @inline(__always)
    public func enterLevel() -> Bool {
        guard context.pointee.level < Self.directLevels else { return false }
        context.pointee.level &+= 1
        return true
    }

    /// Ends a level; the outermost one with everything that was postponed.
    @inlinable @inline(__always)
    public func leaveLevel() {
        context.pointee.level &-= 1
        if context.pointee.hasPostponed, context.pointee.level == 0 { finishPostponed() }
    }

    /// Does `work` when the outermost level is about to end, and before it does. Its value is in
    /// the heap of `source`: traps when more work has come of that than the heap has room for
    /// values, which then, in a damaged heap, own each other in a circle.
    @inline(never)
    public func postpone(following source: HeapAccess, _ work: @escaping () -> Void) {
        let list = context.pointee.postponed ?? Unmanaged.passRetained(PostponedWork())
        context.pointee.postponed = list
        context.pointee.hasPostponed = true
        let isEndless = list._withUnsafeGuaranteedRef { list in
            list.work.append(work)
            return list.isEndless(source)
        }
        if isEndless { Misuse.damaged(source, "values own each other in a circle") }
    }

    @usableFromInline @inline(never)
    func finishPostponed() {
        guard let list = context.pointee.postponed else { return }
        // The newest first, so that what waits is no more than a way down has beside it.
        while let work = list._withUnsafeGuaranteedRef({ $0.work.popLast() }) {
            context.pointee.level = 1
            work()
            context.pointee.level = 0
        }
        context.pointee.hasPostponed = false
        list._withUnsafeGuaranteedRef { $0.end() }
    }
}

/// A context's list; stays with it for good.
@usableFromInline
final class PostponedWork {
    var work: [() -> Void] = []
    /// How often there has been some since the outermost level began, and how often there may be.
    private var count: UInt64 = 0
    private var limit: UInt64 = 0
    /// The heap that was followed last.
    private var source: UnsafeMutablePointer<TransactionContext>?

    /// Counts, by the bytes that a heap had when it was first followed: a copy makes its own grow.
    func isEndless(_ source: HeapAccess) -> Bool {
        if self.source != source.context {
            self.source = source.context
            // As the heap says, which may be damaged, and no more than is mapped. No value that
            // owns another has a block of less than 8 bytes.
            let pages = source.context.pointee.view._withUnsafeGuaranteedRef { $0.pagesInImage }
            let mapped = source.context.pointee.byteCount >> HeapLayout.pageShift
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
