import HoldfastSystem
import Synchronization

/// A thread that makes checkpoints beside the transactions of an opening, when it is woken. It
/// starts when it is first needed. Every opening that has one calls `stop` when it is closed.
///
/// `@unchecked Sendable`: the mutex guards every field.
final class CheckpointThread: @unchecked Sendable {
    private let checkpointer: Checkpointer
    private let mutex = ThreadMutex()
    private let changed = MonotonicCondition()
    /// Changed under the mutex only; an atomic so that transactions can look at it without.
    private let isWanted = Atomic<Bool>(false)
    private var mayRefuse = false
    private var isStopped = false
    private var thread: SystemThread?
    private var isRunning = false

    init(_ checkpointer: Checkpointer) { self.checkpointer = checkpointer }

    deinit {
        changed.destroy()
        mutex.destroy()
    }

    /// Asks for a checkpoint, or, if it may be refused, for one that costs little; returns at once.
    @inline(__always)
    func wake(mayRefuse: Bool) {
        // Every transaction asks as long as it is due.
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

    /// Waits for a checkpoint that is under way, and makes no more.
    func stop() {
        mutex.lock()
        isStopped = true
        changed.signal()
        let thread = thread
        self.thread = nil
        mutex.unlock()
        guard let thread else { return }
        // The program's report of a long snapshot runs on this thread, and may let go of the last
        // reference to the heap.
        if thread.isCurrent { thread.detach() } else { thread.join() }
    }

    private func start() {
        thread = SystemThread { self.run() }
        isRunning = thread != nil
        // Without a thread, checkpoints are made before the transactions that cannot go on without.
        if !isRunning { isWanted.store(false, ordering: .relaxed) }
    }

    private func run() {
        while true {
            mutex.lock()
            while !isWanted.load(ordering: .relaxed), !isStopped {
                changed.wait(mutex)
            }
            let isStopped = isStopped
            let mayRefuse = mayRefuse
            mutex.unlock()
            if isStopped { return }
            // A final error is recorded, and thrown by the next transaction. One that the stay of
            // another process causes is not final, and the next transaction that needs room reports
            // it.
            _ = try? checkpointer.moveLogIntoDataFile(waits: false, mayRefuse: mayRefuse)
            mutex.lock()
            isWanted.store(false, ordering: .relaxed)
            mutex.unlock()
        }
    }
}
