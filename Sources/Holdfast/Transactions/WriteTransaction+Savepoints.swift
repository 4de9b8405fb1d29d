import HoldfastEngine

extension WriteTransaction {
    /// Runs `body` as a part of this transaction that can be undone alone. If it throws, all of its
    /// changes are undone and the error is rethrown; the transaction goes on.
    ///
    ///     try heap.write { tx in
    ///         let stock = try tx.map("stock", String.self, Int.self)
    ///         for order in orders {
    ///             do {
    ///                 try tx.savepoint { tx in try deliver(order, from: stock) }
    ///             } catch is OutOfStock {
    ///                 // Nothing of this order has happened.
    ///             }
    ///         }
    ///     }
    ///
    /// Changes are kept once `body` has returned, and are committed with the transaction. Until
    /// then an enclosing savepoint that throws undoes them too.
    ///
    /// **Handles.** Those from before can be used inside, and after an undoing they show the
    /// restored state. Those that the inner transaction makes are valid until `body` ends; later
    /// use traps with a message. A handle to something that was created inside and reached through
    /// a handle from before must not be used after an undoing.
    ///
    /// **Limits.** If `body` meets a limit (no memory, no address space, a size that no heap can
    /// have), this method undoes it and throws, even if it returns; the transaction goes on. Only
    /// if there is no memory for what undoing needs is the whole transaction lost, as
    /// ``errorToCome`` then tells.
    ///
    /// Inside ``PersistentHeap/build(_:replacing:options:_:)``, which keeps nothing to undo with,
    /// an error that `body` throws fails the build, even if it is caught.
    ///
    /// Like the transaction, it belongs to the thread that runs it. Calling it inside a closure
    /// that changes a collection in place, such as that of `withMutableSpan`, traps.
    ///
    /// - Throws: Any error that `body` throws; ``HeapError/outOfMemory(path:)`` or
    ///   ``HeapError/tooLarge(path:limitBytes:)`` for a limit; before `body` runs, the error that
    ///   the transaction is going to end with, if there is one.
    /// - Complexity: Besides the cost of `body`, proportional to the number of 64-byte lines that
    ///   it changed, however large the transaction is and however deep savepoints are nested.
    public func savepoint<R>(_ body: (borrowing WriteTransaction) throws -> R) throws -> R {
        try runSavepoint(body)
    }

    /// The same as ``savepoint(_:)-(_)``, with a warning: it returns a handle, which cannot be used
    /// outside the savepoint.
    @available(
        *, deprecated, message: "The result is a handle, which is not valid after its savepoint."
    )
    public func savepoint<R: TransactionBound>(
        _ body: (borrowing WriteTransaction) throws -> R
    ) throws -> R {
        try runSavepoint(body)
    }

    private func runSavepoint<R>(_ body: (borrowing WriteTransaction) throws -> R) throws -> R {
        access.requireNothingLent()
        let inner = try access.beginSavepoint()
        let mark = inner.markNewCollections()
        let result: R
        do {
            result = try body(WriteTransaction(access: inner))
        } catch {
            inner.undoNewCollections(to: mark)
            throw inner.undoSavepoint(because: error)
        }
        do throws(HeapError) { try inner.releaseSavepoint() } catch {
            access.undoNewCollections(to: mark)
            throw error
        }
        access.releaseNewCollections()
        return result
    }
}
