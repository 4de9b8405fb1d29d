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
            return list.isEndless(source.context)
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
