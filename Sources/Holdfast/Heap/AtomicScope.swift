import HoldfastEngine

/// A place where a group of changes can be made atomically: a heap, or an open write transaction.
///
/// A function that takes one can be called inside a transaction and outside of one:
///
///     func transfer(
///         _ amount: Int, from: String, to: String,
///         in scope: borrowing some AtomicScope & ~Copyable
///     ) throws {
///         try scope.atomically { tx in
///             let accounts = try tx.map("accounts", String.self, Int.self)
///             accounts[from, default: 0] -= amount
///             accounts[to, default: 0] += amount
///             if accounts[from, default: 0] < 0 { throw Overdrawn() }
///         }
///     }
///     try transfer(30, from: "ada", to: "ben", in: heap)     // a transaction of its own
///     try heap.write { tx in
///         try transfer(30, from: "ada", to: "ben", in: tx)   // a savepoint of this one
///         try transfer(30, from: "ben", to: "cleo", in: tx)
///     }
///
/// A program's own types need not conform.
public protocol AtomicScope: ~Copyable {
    /// Runs `body`, whose changes all happen, or none if it throws.
    ///
    /// In a heap this is ``PersistentHeap/write(durability:_:)-(_,_)``, in a transaction
    /// ``WriteTransaction/savepoint(_:)-(_)``; they say what it costs and throws, and from which
    /// threads it may be called.
    func atomically<R>(_ body: (borrowing WriteTransaction) throws -> R) throws -> R
}

extension PersistentHeap: AtomicScope {
    /// Runs `body` as a write transaction. The same as ``write(durability:_:)-(_,_)`` with the
    /// options' durability, for functions that may also be called inside a transaction. See
    /// ``AtomicScope``.
    public func atomically<R>(_ body: (borrowing WriteTransaction) throws -> R) throws -> R {
        try writing(nil, body)
    }
}

extension WriteTransaction: AtomicScope {
    /// Runs `body` as a savepoint. The same as ``savepoint(_:)-(_)``, for functions that may also
    /// be called outside of a transaction. See ``AtomicScope``.
    public func atomically<R>(_ body: (borrowing WriteTransaction) throws -> R) throws -> R {
        try savepoint(body)
    }
}
