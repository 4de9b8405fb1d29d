import HoldfastSystem
import Synchronization

/// A thread that makes checkpoints concurrently with the transactions of an opening, on request,
/// and tidies up once a second while there is something to tidy. It starts when it is first needed.
/// Every opening with such a thread calls `stop` when it closes.
///
/// `@unchecked Sendable`: the mutex guards every field.
final class CheckpointThread: @unchecked Sendable {
    private let checkpointer: Checkpointer
    private let mutex = ThreadMutex()
    private let changed = MonotonicCondition()
    /// Changed only under the mutex; atomic so that transactions can read it without the mutex.
    private let isWanted = Atomic<Bool>(false)
    private var mayRefuse = false
    /// Called once a second until it returns false.
    private var tidying: (@Sendable () -> Bool)?
    private var isStopped = false
    /// How often the thread has been stopped: a thread of an earlier time ends.
    private var stops = 0
    private var thread: SystemThread?
    private var isRunning = false

    init(_ checkpointer: Checkpointer) { self.checkpointer = checkpointer }

    deinit {
        changed.destroy()
        mutex.destroy()
    }

    /// Requests a checkpoint, or, if `mayRefuse`, only an inexpensive one; returns at once.
    @inline(__always)
    func wake(mayRefuse: Bool) {
        // While a checkpoint is due, every transaction calls this.
        if !isWanted.load(ordering: .relaxed) { ask(mayRefuse) }
    }

    private func ask(_ mayRefuse: Bool) {
        mutex.lock()
        defer { mutex.unlock() }
        guard !isWanted.load(ordering: .relaxed), !isStopped else { return }
        isWanted.store(true, ordering: .relaxed)
        self.mayRefuse = mayRefuse
        if isRunning { changed.signal() } else { start() }
    }

    /// Calls `work` once a second until it returns false, unless it does so already.
    func tidy(_ work: @escaping @Sendable () -> Bool) {
        mutex.lock()
        defer { mutex.unlock() }
        guard tidying == nil, !isStopped else { return }
        tidying = work
        if isRunning { changed.signal() } else { start() }
    }

    /// Waits for a running checkpoint and allows no more.
    func stop() {
        mutex.lock()
        isStopped = true
        stops += 1
        changed.signal()
        let thread = thread
        self.thread = nil
        mutex.unlock()
        guard let thread else { return }
        // The program's report of a long snapshot runs on this thread, and may release the last
        // reference to the heap.
        if thread.isCurrent { thread.detach() } else { thread.join() }
    }

    /// Allows checkpoints again, after `stop`.
    func allow() {
        mutex.lock()
        defer { mutex.unlock() }
        isStopped = false
        isRunning = false
        isWanted.store(false, ordering: .relaxed)
        tidying = nil
    }

    private func start() {
        thread = SystemThread { [stops] in self.run(stops) }
        isRunning = thread != nil
        // If the thread could not start, transactions that cannot continue without a checkpoint
        // make it themselves.
        if !isRunning { isWanted.store(false, ordering: .relaxed) }
    }

    private func run(_ time: Int) {
        while true {
            mutex.lock()
            while !isWanted.load(ordering: .relaxed), stops == time { waitOrTidy() }
            let isStopped = stops != time
            let mayRefuse = mayRefuse
            mutex.unlock()
            if isStopped { return }
            // A permanent error is recorded, and the next transaction throws it. An error due to
            // another process's open snapshot is temporary; the next transaction that needs room
            // reports it.
            _ = try? checkpointer.moveLogIntoDataFile(waits: false, mayRefuse: mayRefuse)
            mutex.lock()
            isWanted.store(false, ordering: .relaxed)
            mutex.unlock()
        }
    }

    /// Under the mutex, which is released meanwhile.
    private func waitOrTidy() {
        guard let work = tidying else { return changed.wait(mutex) }
        guard !changed.wait(mutex, until: Deadline(in: .seconds(1))) else { return }
        mutex.unlock()
        let isMore = work()
        mutex.lock()
        if !isMore { tidying = nil }
    }
}
