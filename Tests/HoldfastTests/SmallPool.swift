import Foundation
import Synchronization
import Testing

/// An executor of tasks with a fixed number of threads. A task that blocks one of them is missed by
/// the others.
final class SmallPool: TaskExecutor {
    /// The pool of the running test; see `OwnThreads`.
    @TaskLocal static var current: SmallPool?

    private struct Content {
        var jobs: [UnownedJob] = []
        var isOver = false
    }

    private let content = Mutex(Content())
    private let hasWork = DispatchSemaphore(value: 0)
    private let threads: Int

    init(threads: Int) {
        self.threads = threads
        for _ in 0 ..< threads { Thread.detachNewThread { self.run() } }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        content.withLock { $0.jobs.append(job) }
        hasWork.signal()
    }

    private func run() {
        while true {
            hasWork.wait()
            let (job, isOver) = content.withLock { content in
                (content.jobs.isEmpty ? nil : content.jobs.removeFirst(), content.isOver)
            }
            if let job {
                job.runSynchronously(on: asUnownedTaskExecutor())
            } else if isOver {
                return
            }
        }
    }

    /// Lets the threads end.
    func stop() {
        content.withLock { $0.isOver = true }
        for _ in 0 ..< threads { hasWork.signal() }
    }
}

/// Runs each test of a suite on threads of its own. On the shared ones, a test that holds a lock
/// while it is suspended would wait behind all other tests, for longer than any timeout.
struct OwnThreads: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? {
        testCase == nil ? nil : self
    }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void
    ) async throws {
        let pool = SmallPool(threads: 2)
        defer { pool.stop() }
        try await SmallPool.$current.withValue(pool) {
            try await withTaskExecutorPreference(pool) { try await body() }
        }
    }
}

extension Trait where Self == OwnThreads {
    /// See ``OwnThreads``.
    static var ownThreads: Self { OwnThreads() }
}
