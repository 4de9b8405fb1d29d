/// Observing values.
extension TypedHeap {
    /// The values that `body` computes, from now on: an asynchronous sequence that begins with the
    /// present value, and goes on with each different one, whichever process has committed it.
    ///
    ///     for try await bolts in shop.observe({ $0.stock["bolt"] }) { show(bolts) }
    ///
    /// See ``PersistentHeap/observe(_:)``.
    public func observe<Value: Equatable & Sendable>(
        _ body: @escaping @Sendable (Schema) throws -> Value
    ) -> ValueObservation<Value> {
        heap.observe { tx in try Self.run(tx) { schema, _ in try body(schema) } }
    }

    /// The value that `body` computes, as an `@Observable` object that follows the heap.
    ///
    ///     let bolts = try shop.observed { $0.stock["bolt", default: 0] }
    ///
    /// See ``PersistentHeap/observed(_:)``.
    @MainActor
    public func observed<Value: Equatable & Sendable>(
        _ body: @escaping @Sendable (Schema) throws -> Value
    ) throws -> ObservedValue<Value> {
        try heap.observed { tx in try Self.run(tx) { schema, _ in try body(schema) } }
    }
}
