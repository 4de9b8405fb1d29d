import HoldfastSystem
import Synchronization

/// Whether an opening is still usable. It is not once it is closed, in a forked child, or after a
/// failed write.
final class Lifecycle: Sendable {
    let path: String
    let mode: OpenMode
    let closed = Atomic<Bool>(false)
    /// Whether `reason` is set. Every transaction checks this with one load instead of a lock.
    let hasFailed = Atomic<Bool>(false)
    /// Why nothing more may be written, after a failure on the way to the disk.
    private let reason = Mutex<String?>(nil)
    private let generation = ForkGuard.generation

    init(path: String, mode: OpenMode) {
        self.path = path
        self.mode = mode
    }

    var isClosed: Bool { closed.load(ordering: .acquiring) }

    @inline(__always)
    var isForked: Bool { generation != ForkGuard.current }

    /// Whether this opening can be shared with another user in the process.
    var isSound: Bool { !isClosed && !isForked && !hasFailed.load(ordering: .acquiring) }

    @inline(__always)
    func requireUsable() throws(HeapError) {
        guard !isForked else { throw HeapError.forked(path: path) }
        guard !isClosed else { throw HeapError.closed(path: path) }
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
