import HoldfastEngine

/// A fixed view of a heap that an iteration over changes compares with another one. It has a
/// mapping of its own, and keeps what the log has from its position on.
///
/// Any thread. Closing it waits for transactions, and later ones throw `HeapError.closed`.
final class HeldView: Sendable {
    private let engine: HeapEngine
    let position: UInt64
    /// Where the log goes on; nil if the view sees no log.
    let logPlace: LogPlace?

    /// Takes the engine over.
    init(_ engine: HeapEngine) throws {
        self.engine = engine
        do {
            (position, logPlace) = try ReadTransaction.run(try engine.beginRead(), of: engine) {
                ($0.access.position, $0.access.logPlace)
            }
        } catch {
            try? engine.close()
            throw error
        }
    }

    deinit { try? engine.close() }

    func read<R>(_ body: (borrowing ReadTransaction) throws -> R) throws -> R {
        try ReadTransaction.run(try engine.beginRead(), of: engine, body)
    }

    func close() { try? engine.close() }
}
