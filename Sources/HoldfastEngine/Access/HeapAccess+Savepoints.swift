/// Savepoints of a write transaction. They are nested like the calls that begin and end them.
extension HeapAccess {
    /// Begins a savepoint inside the innermost one that is open. Returns the access of what happens
    /// in it; this access and all others of the transaction can still be used. On an error, nothing
    /// has changed.
    ///
    /// Throws the error that the transaction will end with, if there is one.
    package func beginSavepoint() throws(HeapError) -> HeapAccess {
        guard isOpen else { Misuse.notOpen(self) }
        guard isWritable else { Misuse.writeInReadTransaction(self) }
        let inner = try context.pointee.view.takeUnretainedValue().beginSavepoint()
        return HeapAccess(context: inner, epoch: inner.pointee.epoch)
    }

    /// Ends the savepoint that this access belongs to, and keeps its changes. If it has met a
    /// limit, undoes it and throws the limit's error.
    package func releaseSavepoint() throws(HeapError) {
        if let error = errorToCome {
            context.pointee.view._withUnsafeGuaranteedRef { $0.undoSavepoint(context) }
            throw error
        }
        context.pointee.view._withUnsafeGuaranteedRef { $0.releaseSavepoint(context) }
    }

    /// Undoes the savepoint that this access belongs to, because its closure has thrown `error`;
    /// returns the error to throw. A limit that the savepoint has met is the cause of later errors
    /// of Holdfast's own, and replaces them.
    package func undoSavepoint(because error: any Error) -> any Error {
        let reason = error is HeapError ? errorToCome : nil
        context.pointee.view._withUnsafeGuaranteedRef { $0.undoSavepoint(context) }
        return reason ?? error
    }

    /// Whether the transaction has a savepoint open.
    package var hasSavepoint: Bool {
        context.pointee.view._withUnsafeGuaranteedRef { $0.savepoints.count > 0 }
    }

    /// Whether both belong to the same open transaction, be it directly or through its savepoints.
    @inlinable @inline(__always)
    public func isSameTransaction(as other: HeapAccess) -> Bool {
        (context == other.context && epoch == other.epoch) || sharesTransaction(with: other)
    }

    @usableFromInline @inline(never)
    func sharesTransaction(with other: HeapAccess) -> Bool {
        isOpen && other.isOpen && isWritable && other.isWritable
            && context.pointee.view.toOpaque() == other.context.pointee.view.toOpaque()
    }
}
