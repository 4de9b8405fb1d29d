import HoldfastEngine

/// Heap memory that is lent to a closure for changing it in place.
///
/// The lines are marked dirty before the closure runs, and its stores mark nothing. So a savepoint
/// that began inside the closure would not know of them, and could not undo them.
extension HeapAccess {
    /// The place, in this layer's memory, of the number of such closures that are running.
    /// Savepoints share that memory with their transaction.
    @inlinable
    static var lentPlace: Int { 320 }

    @inlinable
    var lentCount: UnsafeMutablePointer<Int> {
        (hints + Self.lentPlace).assumingMemoryBound(to: Int.self)
    }

    /// Called before a closure gets memory to change, and with `endLending` around it.
    @inlinable
    func beginLending() { lentCount.pointee &+= 1 }

    @inlinable
    func endLending() { lentCount.pointee &-= 1 }

    func requireNothingLent() {
        guard lentCount.pointee != 0 else { return }
        Misuse.trap(
            "tx.savepoint was called inside a closure that changes a collection in place "
                + "(withMutableSpan, withContiguousMutableStorageIfAvailable, append(upTo:)), "
                + "whose changes could not be undone",
            in: MisuseScene(self, "WriteTransaction.savepoint(_:)"),
            "Begin the savepoint outside, and change the collection in it.")
    }
}
