import Foundation
import Synchronization

/// An executor of tasks with a fixed number of threads. A task that blocks one of them is missed by
/// the others.
final class SmallPool: TaskExecutor {
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
