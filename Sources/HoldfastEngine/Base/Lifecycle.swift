import HoldfastSystem
import Synchronization

/// Whether an opening may still be used: it may have been closed, it may belong to the parent of
/// this process, or a write may have failed.
final class Lifecycle: Sendable {
    let path: String
    let mode: OpenMode
    let closed = Atomic<Bool>(false)
    /// Whether `reason` is set: one load on the path of every transaction instead of a lock.
    let hasFailed = Atomic<Bool>(false)
    /// Why nothing more may be written, once something on the way to the disk has failed.
    private let reason = Mutex<String?>(nil)
    private let generation = ForkGuard.generation

    init(path: String, mode: OpenMode) {
        self.path = path
        self.mode = mode
    }

    var isClosed: Bool { closed.load(ordering: .acquiring) }

    @inline(__always)
    var isForked: Bool { generation != ForkGuard.current }

    /// Whether another user may share this opening.
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

    /// The first reason stays.
    func recordFailure(_ text: String) {
        reason.withLock { if $0 == nil { $0 = text } }
        hasFailed.store(true, ordering: .releasing)
    }
}
