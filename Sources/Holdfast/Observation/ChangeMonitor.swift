import HoldfastEngine
import HoldfastSystem
import Synchronization

/// The thread that waits for changes on behalf of all tasks that iterate over a heap's `changes`.
final class ChangeMonitor: Sendable {
    private struct Listener {
        let continuation: AsyncStream<HeapVersion>.Continuation
        /// The newest position that it was told, or that it knew at the start.
        var last: UInt64

        /// Called with the lock held, so that no listener is told an older position after a newer
        /// one. Yielding runs nothing of the program.
        mutating func tell(_ position: UInt64) {
            guard position > last else { return }
            last = position
            continuation.yield(HeapVersion(position: position))
        }
    }

    private struct State {
        var listeners: [Int: Listener] = [:]
        var nextNumber = 0
        var isRunning = false
        var isStopped = false
    }

    private let engine: HeapEngine
    private let state = Mutex(State())

    init(engine: HeapEngine) { self.engine = engine }

    /// `seen` is the position that the listener knows; the present one if nil.
    func add(_ continuation: AsyncStream<HeapVersion>.Continuation, since seen: UInt64?) {
        // The parent's thread does not exist in a forked child.
        guard !engine.isForked else { return continuation.finish() }
        // Read before returning, so that every later commit is noticed.
        let start = engine.newestPosition
        let (number, mustStart) = state.withLock { state -> (Int?, Bool) in
            guard !state.isStopped else { return (nil, false) }
            state.nextNumber += 1
            var listener = Listener(continuation: continuation, last: seen ?? start)
            listener.tell(start)
            state.listeners[state.nextNumber] = listener
            let mustStart = !state.isRunning
            state.isRunning = true
            return (state.nextNumber, mustStart)
        }
        guard let number else { return continuation.finish() }
        continuation.onTermination = { [self] _ in
            let isLast = state.withLock {
                $0.listeners[number] = nil
                return $0.listeners.isEmpty
            }
            if isLast { engine.wakeWaiters() }
        }
        if mustStart { startThread(at: start) }
    }

    var isStopped: Bool { state.withLock(\.isStopped) }

    func stop() {
        let listeners = state.withLock { state in
            state.isStopped = true
            defer { state.listeners = [:] }
            return state.listeners.values.map { $0 }
        }
        for listener in listeners { listener.continuation.finish() }
        if !listeners.isEmpty { engine.wakeWaiters() }
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
                isCancelled: { self.state.withLock { $0.listeners.isEmpty } })
        } while tell(newest, after: &position)
    }

    /// The fallback on systems without threads: a task, which must not block and polls every ten
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

    /// Passes the newest position to all iterations, if it has changed. Nil ends their sequences.
    /// Returns false if there is nothing more to do.
    private func tell(_ newest: UInt64?, after position: inout UInt64) -> Bool {
        let listeners = state.withLock { state -> [Listener] in
            // The next iteration after this starts another thread.
            if state.listeners.isEmpty || newest == nil { state.isRunning = false }
            if let newest {
                for number in state.listeners.keys { state.listeners[number]?.tell(newest) }
            }
            return state.listeners.values.map { $0 }
        }
        guard let newest else {
            for listener in listeners { listener.continuation.finish() }
            return false
        }
        if listeners.isEmpty { return false }
        position = newest
        return true
    }
}
