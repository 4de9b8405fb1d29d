import HoldfastEngine
import HoldfastSystem
import Synchronization

/// Noticing what others commit.
extension PersistentHeap {
    /// The newest version that any process has committed. A load from shared memory; any thread.
    public var version: HeapVersion { HeapVersion(position: engine.newestPosition) }

    /// Waits until anyone, in any process, has committed something newer than `version`, or the
    /// time is up; returns whether there is something newer.
    ///
    ///     var seen = try heap.read { tx in show(tx); return tx.version }
    ///     while try heap.waitForChange(since: seen, timeout: .seconds(60)) {
    ///         seen = try heap.read { tx in show(tx); return tx.version }
    ///     }
    ///
    /// Nothing between the read and the wait is missed. The thread looks for up to 20 microseconds,
    /// so that two processes that answer each other at once make no system call; then it sleeps in
    /// the kernel and is woken by the commit. (An opening that has no right to write beside the
    /// heap looks every few milliseconds instead.) Throws ``HeapError/closed(path:)`` if the heap
    /// is closed meanwhile. Call it from a thread that may block; ``changes`` is the form for
    /// tasks.
    public func waitForChange(since version: HeapVersion, timeout: Duration) throws(HeapError)
        -> Bool
    {
        try requireOpen()
        let newest = try engine.waitForPosition(
            otherThan: version.position, timeout: timeout, isCancelled: { !self.isOpen })
        try requireOpen()
        return newest != version.position
    }

    /// Waits until anyone commits something from now on; see ``waitForChange(since:timeout:)``.
    public func waitForChange(timeout: Duration) throws(HeapError) -> Bool {
        try waitForChange(since: version, timeout: timeout)
    }

    private var isOpen: Bool { (try? requireOpen()) != nil }

    /// The versions that are committed from now on, by anyone in any process, as they come. A slow
    /// reader of the sequence gets the newest one and not all those in between. Ends when the heap
    /// is closed.
    ///
    ///     for await version in heap.changes { … }
    ///
    /// Costs one thread of this process as long as anyone iterates, however many do. Where the
    /// system gives none, changes come up to ten milliseconds late.
    public var changes: AsyncStream<HeapVersion> {
        AsyncStream(bufferingPolicy: .bufferingNewest(1)) { monitor.add($0) }
    }
}

/// The thread that waits for changes on behalf of all tasks that iterate over a heap's `changes`.
final class ChangeMonitor: Sendable {
    private struct State {
        var continuations: [Int: AsyncStream<HeapVersion>.Continuation] = [:]
        var nextNumber = 0
        var isRunning = false
        var isStopped = false
    }

    private let engine: HeapEngine
    private let state = Mutex(State())

    init(engine: HeapEngine) { self.engine = engine }

    func add(_ continuation: AsyncStream<HeapVersion>.Continuation) {
        // The parent's thread does not run in a forked child.
        guard !engine.isForked else { return continuation.finish() }
        // Before this returns: what is committed from now on is noticed.
        let start = engine.newestPosition
        let (number, mustStart) = state.withLock { state -> (Int?, Bool) in
            guard !state.isStopped else { return (nil, false) }
            state.nextNumber += 1
            state.continuations[state.nextNumber] = continuation
            let mustStart = !state.isRunning
            state.isRunning = true
            return (state.nextNumber, mustStart)
        }
        guard let number else { return continuation.finish() }
        continuation.onTermination = { [self] _ in
            let isLast = state.withLock {
                $0.continuations[number] = nil
                return $0.continuations.isEmpty
            }
            if isLast { engine.wakeWaiters() }
        }
        if mustStart { startThread(at: start) }
    }

    func stop() {
        let continuations = state.withLock { state in
            state.isStopped = true
            defer { state.continuations = [:] }
            return state.continuations.values.map { $0 }
        }
        for continuation in continuations { continuation.finish() }
        if !continuations.isEmpty { engine.wakeWaiters() }
    }

    private func startThread(at position: UInt64) {
        if let thread = SystemThread({ self.run(from: position) }) {
            thread.detach()
        } else {
            lookInTask(from: position)
        }
    }

    private func run(from start: UInt64) {
        var position = start
        var newest: UInt64?
        repeat {
            newest = try? engine.waitForPosition(
                otherThan: position, timeout: .seconds(3600),
                isCancelled: { self.state.withLock { $0.continuations.isEmpty } })
        } while tell(newest, after: &position)
    }

    /// The same where the system gives no thread: a task that may not block, and looks every ten
    /// milliseconds.
    private func lookInTask(from start: UInt64) {
        Task.detached { [self] in
            var position = start
            while tell(
                try? engine.waitForPosition(otherThan: position, timeout: .zero), after: &position)
            {
                try? await Task.sleep(for: .milliseconds(10))
            }
        }
    }

    /// Tells all who iterate of the newest position, if it is another; nil ends their sequences.
    /// False if there is nothing more to do.
    private func tell(_ newest: UInt64?, after position: inout UInt64) -> Bool {
        let continuations = state.withLock { state -> [AsyncStream<HeapVersion>.Continuation] in
            // Whoever comes after this starts another thread.
            if state.continuations.isEmpty || newest == nil { state.isRunning = false }
            return state.continuations.values.map { $0 }
        }
        guard let newest else {
            for continuation in continuations { continuation.finish() }
            return false
        }
        if continuations.isEmpty { return false }
        if newest != position {
            position = newest
            for continuation in continuations { continuation.yield(HeapVersion(position: newest)) }
        }
        return true
    }
}
