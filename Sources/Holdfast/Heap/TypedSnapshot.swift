import HoldfastEngine

/// A fixed view of a ``TypedHeap``. See ``PersistentHeap/snapshot()``.
///
/// Safe to read on any thread. It is closed when it is deallocated.
public struct TypedSnapshot<Schema: HeapSchema>: Sendable {
    /// The view with its named roots.
    public let snapshot: HeapSnapshot

    /// Runs `body` with the view.
    public func read<R>(_ body: (Schema) throws -> R) throws -> R {
        try snapshot.reading { tx in
            try TypedHeap<Schema>.run(tx) { schema, _ in try body(schema) }
        }
    }

    /// Closes the view, so that the log can be recycled. See ``HeapSnapshot/close()``.
    public func close() throws(HeapError) { try snapshot.close() }
}

extension TypedHeap {
    /// Returns a view of the heap as it is now. See ``PersistentHeap/snapshot()``.
    public func snapshot() throws(HeapError) -> TypedSnapshot<Schema> {
        TypedSnapshot(snapshot: try heap.snapshot())
    }

    /// Creates a heap at `path` and fills it with `body`, without a log. See
    /// ``PersistentHeap/build(_:replacing:options:_:)``.
    @discardableResult
    public static func build<R>(
        _ path: String, replacing: Bool = false, options: PersistentHeap.Options = .init(),
        _ body: (Schema) throws -> R
    ) throws -> R {
        try build(path, replacing: replacing, options: options) { schema, _ in try body(schema) }
    }

    /// Does the same with a closure that gets the transaction as well.
    @discardableResult
    public static func build<R>(
        _ path: String, replacing: Bool = false, options: PersistentHeap.Options = .init(),
        _ body: (Schema, borrowing WriteTransaction) throws -> R
    ) throws -> R {
        try PersistentHeap.build(path, replacing: replacing, options: options) { tx in
            try run(tx, body)
        }
    }
}
