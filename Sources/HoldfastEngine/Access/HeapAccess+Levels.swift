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
            return list.isEndless(source.context)
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
