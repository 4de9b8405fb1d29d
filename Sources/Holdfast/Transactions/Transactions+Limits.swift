import HoldfastEngine

extension WriteTransaction {
    /// The error that ``PersistentHeap/write(durability:_:)-8aav3`` will throw when the closure
    /// returns, because the transaction has exceeded a limit.
    ///
    /// The limits are memory and address space (``HeapError/tooLarge(path:limitBytes:)``,
    /// ``HeapError/outOfMemory(path:)``) and the sizes that no heap can have. Nil as long as there
    /// is no such error.
    ///
    /// After the error, none of the transaction's changes will be kept. Until it ends it can be
    /// used like any other, but operations that would need much more space are skipped: elements
    /// are not added, and long strings are empty. A long-running closure should check this property
    /// now and then, and stop.
    ///
    ///     for line in lines {
    ///         lengths.append(line.utf8.count)
    ///         if let error = tx.errorToCome { throw error }
    ///     }
    ///
    /// - Complexity: O(1).
    public var errorToCome: HeapError? { access.errorToCome }
}
