import HoldfastEngine

extension WriteTransaction {
    /// The error that ``PersistentHeap/write(durability:_:)`` is going to throw when the closure
    /// returns, because of a limit that has been met on the way: no memory or addresses
    /// (``HeapError/tooLarge(path:limitBytes:)``), or a size that no heap can have. Nil as long as
    /// all is well.
    ///
    /// Nothing of the transaction will be kept. Until it ends, it can be used like any other, but
    /// what would need much more room is left out: elements are not added, and long texts are
    /// empty. A closure that runs for long asks now and then, and ends.
    ///
    ///     for line in lines {
    ///         lengths.append(line.utf8.count)
    ///         if let error = tx.errorToCome { throw error }
    ///     }
    ///
    /// O(1).
    public var errorToCome: HeapError? { access.errorToCome }
}
