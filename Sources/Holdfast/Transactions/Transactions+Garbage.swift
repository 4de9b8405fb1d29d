import HoldfastEngine

extension HeapTransaction where Self: ~Copyable {
    /// The records that no root leads to: made by `tx.new` or `tx.share` and never linked, or cut
    /// off since, circles of them too.
    ///
    /// What a record owns is not listed beside it. Every type of the heap's roots must be known to
    /// the program: used by it before, made of Holdfast's own types, or named in `types`; so must
    /// the types of the records themselves. Blocks that `tx.allocate` made are left out: nothing in
    /// the heap tells who uses them.
    ///
    /// O(heap). Throws ``HeapError/cannotCollect(path:reason:)`` if a root's type is not known or
    /// something contradicts itself.
    public func unreachable(knowing types: [any Persistable.Type] = []) throws(HeapError)
        -> [UnreachableRecord]
    {
        try UnreachableRecords(in: access, knowing: types).records
    }
}

extension WriteTransaction {
    /// Frees the records that no root leads to, with all that they own; returns how many bytes that
    /// gave back. References to them must not be used any more, nor handles of what they own. See
    /// ``HeapTransaction/unreachable(knowing:)`` for what is found, and what it throws.
    @discardableResult
    public func collectGarbage(knowing types: [any Persistable.Type] = []) throws(HeapError) -> Int
    {
        try UnreachableRecords(in: access, knowing: types).free(in: access)
    }
}
