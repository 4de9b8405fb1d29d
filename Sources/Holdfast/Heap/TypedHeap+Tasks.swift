import HoldfastEngine

/// Transactions of tasks. The compiler chooses these in asynchronous functions.
extension TypedHeap {
    /// Runs `body` as a read transaction of a task. See ``PersistentHeap/read(_:)-(_)-async``.
    ///
    ///     let bolts = try await shop.read { $0.stock["bolt"] }
    public func read<R: Sendable>(
        _ body: @Sendable (Schema) throws -> R
    ) async throws -> R {
        try await heap.read { tx in try Self.run(tx) { schema, _ in try body(schema) } }
    }

    /// Runs `body` as a read transaction of a task, which it gets as well.
    public func read<R: Sendable>(
        _ body: @Sendable (Schema, borrowing ReadTransaction) throws -> R
    ) async throws -> R {
        try await heap.read { tx in try Self.run(tx, body) }
    }

    /// Runs `body` as a write transaction of a task. See
    /// ``PersistentHeap/write(durability:_:)-(_,_)-async``.
    @discardableResult
    public func write<R: Sendable>(
        durability: PersistentHeap.Durability? = nil,
        _ body: @Sendable (Schema) throws -> R
    ) async throws -> R {
        try await heap.write(durability: durability) { tx in
            try Self.run(tx) { schema, _ in try body(schema) }
        }
    }

    /// Runs `body` as a write transaction of a task, which it gets as well.
    @discardableResult
    public func write<R: Sendable>(
        durability: PersistentHeap.Durability? = nil,
        _ body: @Sendable (Schema, borrowing WriteTransaction) throws -> R
    ) async throws -> R {
        try await heap.write(durability: durability) { tx in try Self.run(tx, body) }
    }

    /// Makes every commit so far survive a power cut. See ``PersistentHeap/sync()-(_)-async``.
    public func sync() async throws { try await heap.sync() }
}
