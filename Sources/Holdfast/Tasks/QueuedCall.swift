import Dispatch
import Synchronization

/// One call of a task that may block: the executor of the task for as long as the call takes.
///
/// The task's jobs wait here until a thread of a `CallQueue` has done what blocks. Then that thread
/// runs them, so the task continues on the thread that holds the locks, as itself: its task-local
/// values and its cancellation are there. When the call has ended, or is cancelled before it began,
/// its jobs run on any thread.
///
/// States: waiting, then running and ended, or cancelled. A job is stored while the call is waiting
/// or running, so exactly one thread runs each.
final class QueuedCall: TaskExecutor {
    private enum State { case waiting, running, over }

    private struct Content {
        var state = State.waiting
        var jobs: [UnownedJob] = []
    }

    private let content = Mutex(Content())
    /// Signalled for every job of a running call, and when it ends.
    private let hasWork = DispatchSemaphore(value: 0)

    var isOver: Bool { content.withLock { $0.state == .over } }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let state = content.withLock { content in
            if content.state != .over { content.jobs.append(job) }
            return content.state
        }
        switch state {
        case .waiting: break
        case .running: hasWork.signal()
        case .over: runElsewhere(job)
        }
    }

    private func runElsewhere(_ job: UnownedJob) {
        DispatchQueue.global().async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    /// Lets the task continue on the calling thread, until the call ends. False if the call has
    /// been cancelled.
    func begin() -> Bool {
        content.withLock { content in
            guard content.state == .waiting else { return false }
            content.state = .running
            return true
        }
    }

    /// Runs the task's jobs on the calling thread until the call ends.
    func runJobs() {
        while true {
            let (job, isOver) = content.withLock { content in
                (content.jobs.isEmpty ? nil : content.jobs.removeFirst(), content.state == .over)
            }
            if let job {
                job.runSynchronously(on: asUnownedTaskExecutor())
            } else if isOver {
                return
            } else {
                hasWork.wait()
            }
        }
    }

    /// Called by the task on the thread of `runJobs`.
    func end() {
        content.withLock { $0.state = .over }
        hasWork.signal()
    }

    /// Ends a call that has not begun; without effect on others.
    func cancel() {
        let jobs = content.withLock { content -> [UnownedJob] in
            guard content.state == .waiting else { return [] }
            content.state = .over
            defer { content.jobs = [] }
            return content.jobs
        }
        for job in jobs { runElsewhere(job) }
    }
}
