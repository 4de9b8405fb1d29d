import HoldfastEngine

extension HeapTransaction where Self: ~Copyable {
    /// Returns the records that no root leads to. They were created by `tx.new` or `tx.share` and
    /// never linked, or have been unlinked since; cycles are found too.
    ///
    /// Data that a record owns is not listed separately. Every type of the heap's roots must be
    /// known to the program: used before, composed of Holdfast's own types, or named in `types`.
    /// The same is true of the types of the records themselves. Blocks that `tx.allocate` created
    /// are not included, because the heap does not record their users.
    ///
    /// - Throws: ``HeapError/cannotCollect(path:reason:)`` if a root's type is unknown or the heap
    ///   contains a contradiction.
    /// - Complexity: O(size of the heap).
    public func unreachable(knowing types: [any Persistable.Type] = []) throws(HeapError)
        -> [UnreachableRecord]
    {
        try UnreachableRecords(in: access, knowing: types).records
    }
}

extension WriteTransaction {
    /// Frees the records that no root leads to, with everything that they own.
    ///
    /// References to them must not be used after this, nor handles of anything that they own. See
    /// ``HeapTransaction/unreachable(knowing:)`` for the records that are found, and for the
    /// errors.
    ///
    /// - Returns: The number of bytes freed.
    @discardableResult
    public func collectGarbage(knowing types: [any Persistable.Type] = []) throws(HeapError) -> Int
    {
        try UnreachableRecords(in: access, knowing: types).free(in: access)
    }
}
