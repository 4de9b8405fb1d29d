import HoldfastEngine

/// Transactions of tasks. The compiler chooses these in asynchronous functions.
///
/// A transaction that need not wait runs at once, on the calling thread. One that has to wait
/// suspends the task, and runs on a thread of its own when its turn has come: so the threads that
/// tasks share never wait for a lock. The closure is part of the calling task, wherever it runs:
/// task-local values and `Task.isCancelled` are the task's.
extension PersistentHeap {
    /// Runs `body` as a read transaction. See ``read(_:)-(_)``.
    ///
    /// Where that method would wait, the task is suspended instead. The closure cannot run on an
    /// actor, so it must be `@Sendable`: it copies what it needs out of the heap and returns it.
    ///
    ///     let total = try await heap.read { tx in
    ///         try tx.map("stock", String.self, Int.self).values.reduce(0, +)
    ///     }
    ///
    /// - Throws: `CancellationError` if the task is cancelled before `body` begins; nothing then
    ///   stays locked. Otherwise the errors of the synchronous method.
    public func read<R: Sendable>(
        _ body: @Sendable (borrowing ReadTransaction) throws -> R
    ) async throws -> R {
        try Task.checkCancellation()
        try requireOpen()
        if let context = try engine.tryToBeginRead() {
            return try ReadTransaction.run(context, of: engine, body)
        }
        return try await readers.run(
            prepare: {
                try self.requireOpen()
                return OpenTransaction(context: try self.engine.beginRead())
            },
            abandon: { self.engine.endRead($0.context) },
            { try ReadTransaction.run($0.context, of: self.engine, body) })
    }

    /// The same, but waits until the heap is not suspended, instead of ending the suspension.
    func readUnlessSuspended<R: Sendable>(
        _ body: @Sendable (borrowing ReadTransaction) throws -> R
    ) async throws -> R {
        while true {
            try Task.checkCancellation()
            try requireOpen()
            if let context = try engine.tryToBeginRead() {
                return try ReadTransaction.run(context, of: engine, body)
            }
            if engine.isSuspended {
                // A program that uses the heap ends the suspension at any moment, without a signal.
                try await Task.sleep(for: .milliseconds(20))
                continue
            }
            let result = try await readers.run(
                prepare: {
                    try self.requireOpen()
                    return try self.engine.beginReadUnlessSuspended().map(
                        OpenTransaction.init(context:))
                },
                abandon: { if let open = $0 { self.engine.endRead(open.context) } },
                { open in
                    try open.map { try ReadTransaction.run($0.context, of: self.engine, body) }
                })
            if let result { return result }
        }
    }

    /// Runs `body` as a write transaction. See ``write(durability:_:)-(_,_)``.
    ///
    /// Where that method would wait, the task is suspended instead. Tasks write in the order in
    /// which they called, and wait for other tasks of this object as long as those take;
    /// ``Options/timeout`` limits the wait for other threads and processes. The closure cannot run
    /// on an actor, so it must be `@Sendable`.
    ///
    ///     try await heap.write { tx in
    ///         try tx.map("stock", String.self, Int.self)["bolt", default: 0] += 120
    ///     }
    ///
    /// - Throws: `CancellationError` if the task is cancelled before `body` begins; nothing is then
    ///   changed or locked. A transaction that has begun is not ended by a cancellation, unless
    ///   `body` throws an error because of it: `try Task.checkCancellation()`. Otherwise the errors
    ///   of the synchronous method.
    @discardableResult
    public func write<R: Sendable>(
        durability: Durability? = nil, _ body: @Sendable (borrowing WriteTransaction) throws -> R
    ) async throws -> R {
        try Task.checkCancellation()
        let result: R
        if writers.isIdle, let context = try tryToBeginWrite() {
            result = try WriteTransaction.run(context, of: engine, body)
        } else {
            result = try await writers.run(
                prepare: { OpenTransaction(context: try self.beginWrite()) },
                abandon: { self.engine.abort($0.context) },
                { try WriteTransaction.run($0.context, of: self.engine, body) })
        }
        guard (durability ?? options.durability) == .device else { return result }
        // On another queue than the writers', so that transactions of several tasks share a sync.
        // Not as part of this task: a cancellation would hide that the transaction is committed.
        let sync = Task { try await self.sync() }
        do { try await sync.value } catch let error as HeapError {
            throw HeapError.committedNotDurable(path: path, because: error)
        }
        return result
    }
}

/// A transaction that one thread has begun. It is used and ended on that thread.
///
/// `@unchecked Sendable`: `CallQueue` prepares a call and runs it on the same thread.
private struct OpenTransaction: @unchecked Sendable {
    let context: HeapEngine.Context
}
