import HoldfastFormat

/// Freeing and copying nested values, with a work list in place of deep recursion.
///
/// The data determines how deep values are nested. Code that frees or copies a value that owns
/// others does so between `enterLevel` and `leaveLevel`. Beyond a fixed depth it postpones the work
/// to a list, which the outermost call completes before it returns. So the caller of the outermost
/// call finds everything done, and any depth takes the stack of only a few levels.
extension HeapAccess {
    /// The number of levels that recurse directly.
    @inlinable
    static var directLevels: Int { 16 }

    /// Begins a level; false if it is too deep, so that its work must be postponed.
    @inlinable @inline(__always)
    public func enterLevel() -> Bool {
        guard context.pointee.level < Self.directLevels else { return false }
        context.pointee.level &+= 1
        return true
    }

    /// Ends a level; the outermost one first runs all postponed work.
    @inlinable @inline(__always)
    public func leaveLevel() {
        context.pointee.level &-= 1
        if context.pointee.hasPostponed, context.pointee.level == 0 { finishPostponed() }
    }

    /// Runs `work` just before the outermost level ends. Its value is in the heap of `source`.
    /// Traps when that heap has caused more work than it has room for values: in a damaged heap,
    /// values can own each other in a cycle.
    @inline(never)
    public func postpone(following source: HeapAccess, _ work: @escaping () -> Void) {
        let list = context.pointee.postponed ?? Unmanaged.passRetained(PostponedWork())
        context.pointee.postponed = list
        context.pointee.hasPostponed = true
        let isEndless = list._withUnsafeGuaranteedRef { list in
            list.work.append(work)
            return list.isEndless(source)
        }
        if isEndless { Misuse.damaged(source, "values own each other in a cycle") }
    }

    @usableFromInline @inline(never)
    func finishPostponed() {
        guard let list = context.pointee.postponed else { return }
        // Newest first (depth-first), so that the list holds no more than the siblings along one
        // path.
        while let work = list._withUnsafeGuaranteedRef({ $0.work.popLast() }) {
            context.pointee.level = 1
            work()
            context.pointee.level = 0
        }
        context.pointee.hasPostponed = false
        list._withUnsafeGuaranteedRef { $0.end() }
    }
}

/// A context's work list; stays with the context permanently.
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
    func isEndless(_ source: HeapAccess) -> Bool {
        if self.source != source.context {
            self.source = source.context
            // The heap's own size, which may be damaged, but at most the mapped size. A value that
            // owns another has a block of at least 8 bytes.
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
