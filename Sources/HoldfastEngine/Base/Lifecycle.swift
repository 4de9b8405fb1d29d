import HoldfastSystem
import Synchronization

/// Whether an opening is still usable. It is not once it is closed, in a forked child, or after a
/// failed write; and not while it is suspended. A snapshot is not once it has been ended because it
/// kept too much.
final class Lifecycle: Sendable {
    private static let open: UInt8 = 0
    private static let suspended: UInt8 = 1
    private static let ended: UInt8 = 2
    private static let expired: UInt8 = 3

    let path: String
    let mode: OpenMode
    /// One of the four. Every transaction checks it with one load.
    private let phase = Atomic<UInt8>(open)
    /// Whether `reason` is set. Every transaction checks this with one load instead of a lock.
    let hasFailed = Atomic<Bool>(false)
    /// Why nothing more may be written, after a failure on the way to the disk.
    private let reason = Mutex<String?>(nil)
    private let generation = ForkGuard.generation

    init(path: String, mode: OpenMode) {
        self.path = path
        self.mode = mode
    }

    /// Neither closed nor suspended.
    @inline(__always)
    var isOpen: Bool { phase.load(ordering: .acquiring) == Self.open }
    var isClosed: Bool { phase.load(ordering: .acquiring) == Self.ended }
    var isSuspended: Bool { phase.load(ordering: .acquiring) == Self.suspended }

    /// Ends the opening for good; returns whether it had not ended before.
    @discardableResult
    func close() -> Bool {
        phase.exchange(Self.ended, ordering: .acquiringAndReleasing) != Self.ended
    }

    /// From now on nobody uses the opening until `resume`. Both require exclusive access.
    func suspend() { move(from: Self.open, to: Self.suspended) }

    func resume() { move(from: Self.suspended, to: Self.open) }

    /// From now on the opening, a snapshot, can only be closed. Requires exclusive access.
    func expire() { move(from: Self.open, to: Self.expired) }

    /// A closed opening stays closed.
    private func move(from old: UInt8, to new: UInt8) {
        _ = phase.compareExchange(expected: old, desired: new, ordering: .acquiringAndReleasing)
    }

    @inline(__always)
    var isForked: Bool { generation != ForkGuard.current }

    /// Whether this opening can be shared with another user in the process.
    var isSound: Bool { !isClosed && !isForked && !hasFailed.load(ordering: .acquiring) }

    @inline(__always)
    func requireUsable() throws(HeapError) {
        guard !isForked else { throw HeapError.forked(path: path) }
        guard isOpen else { throw unusable }
    }

    private var unusable: HeapError {
        switch phase.load(ordering: .acquiring) {
        case Self.suspended: .suspended(path: path)
        case Self.expired: .viewEnded(path: path)
        default: .closed(path: path)
        }
    }

    @inline(__always)
    func requireWritable() throws(HeapError) {
        try requireUsable()
        guard mode != .readOnly else { throw HeapError.readOnly(path: path) }
        try requireNotFailed()
    }

    @inline(__always)
    func requireNotFailed() throws(HeapError) {
        if hasFailed.load(ordering: .acquiring) { throw failedError }
    }

    /// The error of every change after a failure.
    private var failedError: HeapError {
        HeapError.failed(path: path, reason: reason.withLock { $0 } ?? "unknown")
    }

    /// Keeps the first reason.
    func recordFailure(_ text: String) {
        reason.withLock { if $0 == nil { $0 = text } }
        hasFailed.store(true, ordering: .releasing)
    }
}
