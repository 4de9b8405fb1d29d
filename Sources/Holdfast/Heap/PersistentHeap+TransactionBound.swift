import HoldfastEngine

// These are more specific than the methods that return any type, so the compiler selects them when
// a handle is returned.

extension PersistentHeap {
    /// The same as ``read(_:)-(_)``, with a warning: it returns a handle, which cannot be used
    /// outside the transaction.
    @available(
        *, deprecated, message: "The result is a handle, which is not valid after its transaction."
    )
    public func read<R: TransactionBound>(_ body: (borrowing ReadTransaction) throws -> R) throws
        -> R
    { try reading(body) }

    /// The same as ``write(durability:_:)-(_,_)``, with a warning: it returns a handle, which
    /// cannot be used outside the transaction.
    @available(
        *, deprecated, message: "The result is a handle, which is not valid after its transaction."
    )
    public func write<R: TransactionBound>(
        durability: Durability? = nil, _ body: (borrowing WriteTransaction) throws -> R
    ) throws -> R {
        try writing(durability, body)
    }
}

extension HeapSnapshot {
    /// The same as ``read(_:)-(_)``, with a warning: it returns a handle, which cannot be used
    /// outside the transaction.
    @available(
        *, deprecated, message: "The result is a handle, which is not valid after its transaction."
    )
    public func read<R: TransactionBound>(_ body: (borrowing ReadTransaction) throws -> R) throws
        -> R
    { try reading(body) }
}

extension TypedHeap {
    /// The same as ``read(_:)-(_)``, with a warning: it returns a handle, which cannot be used
    /// outside the transaction.
    @available(
        *, deprecated, message: "The result is a handle, which is not valid after its transaction."
    )
    public func read<R: TransactionBound>(_ body: (Schema) throws -> R) throws -> R {
        try reading { schema, _ in try body(schema) }
    }

    /// The same as ``write(durability:_:)-(_,_)``, with a warning: it returns a handle, which
    /// cannot be used outside the transaction.
    @available(
        *, deprecated, message: "The result is a handle, which is not valid after its transaction."
    )
    public func write<R: TransactionBound>(
        durability: PersistentHeap.Durability? = nil, _ body: (Schema) throws -> R
    ) throws -> R {
        try writing(durability) { schema, _ in try body(schema) }
    }

    /// The same as ``read(_:)-(_,_)``, with a warning: it returns a handle, which cannot be used
    /// outside the transaction.
    @available(
        *, deprecated, message: "The result is a handle, which is not valid after its transaction."
    )
    public func read<R: TransactionBound>(
        _ body: (Schema, borrowing ReadTransaction) throws -> R
    ) throws -> R { try reading(body) }

    /// The same as ``write(durability:_:)-(_,(_,_))``, with a warning: it returns a handle, which
    /// cannot be used outside the transaction.
    @available(
        *, deprecated, message: "The result is a handle, which is not valid after its transaction."
    )
    public func write<R: TransactionBound>(
        durability: PersistentHeap.Durability? = nil,
        _ body: (Schema, borrowing WriteTransaction) throws -> R
    ) throws -> R { try writing(durability, body) }
}

extension TypedSnapshot {
    /// The same as ``read(_:)``, with a warning: it returns a handle, which cannot be used outside
    /// the transaction.
    @available(
        *, deprecated, message: "The result is a handle, which is not valid after its transaction."
    )
    public func read<R: TransactionBound>(_ body: (Schema) throws -> R) throws -> R {
        try snapshot.reading { tx in try TypedHeap<Schema>.run(tx) { schema, _ in try body(schema) }
        }
    }
}
