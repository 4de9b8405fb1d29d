import HoldfastEngine

extension WriteTransaction {
    /// Runs `body` in the open transaction, and commits it, or rolls it back if `body` throws. Ends
    /// it in any case.
    @inline(__always)
    static func run<R>(
        _ context: HeapEngine.Context, of engine: HeapEngine,
        _ body: (borrowing WriteTransaction) throws -> R
    ) throws -> R {
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        let result: R
        do {
            result = try body(WriteTransaction(access: access))
        } catch {
            access.forgetNewCollections()
            throw engine.abort(context, because: error)
        }
        access.freeNewCollections()
        try engine.commit(context)
        return result
    }
}

extension ReadTransaction {
    /// Runs `body` in the open transaction, and ends it.
    @inline(__always)
    static func run<R>(
        _ context: HeapEngine.Context, of engine: HeapEngine,
        _ body: (borrowing ReadTransaction) throws -> R
    ) throws -> R {
        defer { engine.endRead(context) }
        let result = try body(
            ReadTransaction(access: HeapAccess(context: context, epoch: context.pointee.epoch)))
        // An unreadable page appears as zeros, so a result computed from it is not valid.
        try engine.requireReadable()
        return result
    }
}
