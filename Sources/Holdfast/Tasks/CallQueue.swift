import Dispatch
import Synchronization

/// Runs calls that block on threads of their own, so that they occupy none of the threads that
/// tasks share. Calls begin in the order in which they came, at most `width` at a time.
///
/// Thread safety: any thread.
final class CallQueue: Sendable {
    private struct Content {
        /// A slice, because removing the first element of an array is O(n).
        var waiting: ArraySlice<@Sendable () -> Void> = []
        var threads = 0
        /// The calls whose tasks have not gone on.
        var calls = 0

        mutating func next() -> (@Sendable () -> Void)? {
            if let call = waiting.popFirst() { return call }
            threads -= 1
            return nil
        }
    }

    private static let threads = DispatchQueue(label: "Holdfast.calls", attributes: .concurrent)

    private let width: Int
    private let content = Mutex(Content())

    init(width: Int) { self.width = width }

    /// The number of calls that wait or run.
    var count: Int { content.withLock { $0.calls } }

    var isIdle: Bool { count == 0 }

    /// Runs `prepare`, which may block, and then `body` with its result on the same thread, as part
    /// of the calling task.
    ///
    /// If the task is cancelled before `body` begins, throws `CancellationError` at once. `prepare`
    /// goes on if it had begun, and `abandon` gets what it returns.
    func run<Prepared, R>(
        prepare: @escaping @Sendable () throws -> Prepared,
        abandon: @escaping @Sendable (Prepared) -> Void,
        _ body: (Prepared) throws -> R
    ) async throws -> R {
        try Task.checkCancellation()
        let call = QueuedCall()
        let prepared = Handover<Result<Prepared, any Error>>()
        defer { content.withLock { $0.calls -= 1 } }
        add {
            guard !call.isOver else { return }
            let result = Result { try prepare() }
            prepared.put(result)
            if call.begin() {
                call.runJobs()
            } else if case .success(let value) = result {
                abandon(value)
            }
        }
        return try await withTaskCancellationHandler {
            try await withTaskExecutorPreference(call) {
                // On a thread of this queue, or elsewhere after a cancellation.
                guard !call.isOver else { throw CancellationError() }
                defer { call.end() }
                return try body(try prepared.take().get())
            }
        } onCancel: {
            call.cancel()
        }
    }

    /// Runs `body` on a thread of the queue, as part of the calling task.
    func run<R>(_ body: () throws -> R) async throws -> R {
        try await run(prepare: {}, abandon: {}, body)
    }

    private func add(_ call: @escaping @Sendable () -> Void) {
        let mustStart = content.withLock { content in
            content.calls += 1
            content.waiting.append(call)
            guard content.threads < width else { return false }
            content.threads += 1
            return true
        }
        guard mustStart else { return }
        Self.threads.async {
            while let call = self.content.withLock({ $0.next() }) { call() }
        }
    }
}

/// Passes one value from the thread that prepares a call to the task that continues on it.
///
/// `@unchecked Sendable`: the value is put before the task's first job runs on that thread, and
/// taken in that job.
private final class Handover<Value>: @unchecked Sendable {
    private var value: Value?

    func put(_ value: Value) { self.value = value }

    func take() -> Value {
        defer { value = nil }
        return value!
    }
}
