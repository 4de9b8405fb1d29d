import HoldfastEngine
import Synchronization

/// A fixed view of a heap that an iteration over changes compares with another one. It has a
/// mapping of its own, and keeps what the log has from its position on.
///
/// Any thread. Closing it waits for transactions, and later ones throw `HeapError.closed`.
final class HeldView: Sendable {
    private struct Place {
        var position: UInt64 = 0
        var log: LogPlace?
    }

    private let engine: HeapEngine
    private let place = Mutex(Place())

    /// Takes the engine over.
    init(_ engine: HeapEngine) throws {
        self.engine = engine
        try findPlace()
    }

    deinit { try? engine.close() }

    func read<R>(_ body: (borrowing ReadTransaction) throws -> R) throws -> R {
        try ReadTransaction.run(try engine.beginRead(), of: engine, body)
    }

    var position: UInt64 { place.withLock(\.position) }

    /// Where the log goes on; nil if the view sees no log.
    var logPlace: LogPlace? { place.withLock(\.log) }

    private func findPlace() throws {
        let (position, log) = try read { ($0.access.position, $0.access.logPlace) }
        place.withLock { $0 = Place(position: position, log: log) }
    }

    /// Lets go of the state. The view is not read before it has moved.
    func release() throws { try engine.releaseSnapshot() }

    /// Moves the view to the newest state; false if it cannot.
    func move() throws -> Bool {
        guard try engine.moveSnapshot() else { return false }
        try findPlace()
        return true
    }

    func close() { try? engine.close() }
}
