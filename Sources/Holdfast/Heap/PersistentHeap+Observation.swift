import HoldfastEngine

/// Observing values.
extension PersistentHeap {
    /// The values that `body` computes, from now on: an asynchronous sequence that begins with the
    /// present value, and goes on with each different one, whichever process has committed it.
    ///
    ///     let counts = heap.observe { tx in try tx.map("stock", String.self, Int.self).count }
    ///     for try await count in counts { show(count) }
    ///
    /// `body` is a read transaction. It runs again only if a commit has changed a 64-byte line that
    /// it has read: an observer of one key of a map is not disturbed by new values of the others.
    /// It may run more often than that, so it should have no effect but its result.
    ///
    /// Observers do not end a suspension (``suspend()``); they go on when something else has.
    ///
    /// See ``ValueObservation``. Any number of tasks can observe a heap; a thousand observers are
    /// compared with a commit in well under a millisecond. All sequences of one heap object share
    /// one thread and one task, which run while there are any.
    public func observe<Value: Equatable & Sendable>(
        _ body: @escaping @Sendable (borrowing ReadTransaction) throws -> Value
    ) -> ValueObservation<Value> {
        ValueObservation(hub: hub) {
            try await self.readUnlessSuspended { tx in
                try tx.access.recordingReads { try body(tx) }
            }
        }
    }

    /// The value that `body` computes, as an `@Observable` object that follows the heap.
    ///
    /// Computes the present value before it returns. See ``observe(_:)``.
    ///
    /// - Throws: What `body` throws, and the errors of ``read(_:)-(_)``.
    @MainActor
    public func observed<Value: Equatable & Sendable>(
        _ body: @escaping @Sendable (borrowing ReadTransaction) throws -> Value
    ) throws -> ObservedValue<Value> {
        ObservedValue(try reading(body), following: observe(body))
    }

    /// The number of iterations over observed values. For tests.
    package var observerCount: Int { hub.count }
}
