import HoldfastSystem
import Synchronization

/// A thread that makes checkpoints beside the transactions of an opening, when it is woken. It is
/// started with the first need.
///
/// `@unchecked Sendable`: the mutex guards every field.
final class CheckpointWorker: @unchecked Sendable {
    /// Not weak: an object that ever had a weak reference counts its strong ones several times as
    /// slowly, in every transaction. It is there as long as the thread uses it, since closing it,
    /// which its `deinit` does at the latest, calls `stop`.
    private let engine: Unmanaged<HeapEngine>
    private let mutex = ThreadMutex()
    private let changed = MonotonicCondition()
    /// Changed under the mutex only; an atomic so that transactions can look at it without.
    private let isWanted = Atomic<Bool>(false)
    private var mayRefuse = false
    private var isStopped = false
    private var thread: SystemThread?
    private var isRunning = false

    init(for engine: HeapEngine) {
        self.engine = .passUnretained(engine)
    }

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
        // The last reference to the heap may have been the thread's own.
        if thread.isCurrent { thread.detach() } else { thread.join() }
    }

    private func start() {
        thread = SystemThread { self.run() }
        isRunning = thread != nil
        // Without a thread, checkpoints are made by the transactions that cannot go on without.
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
            // An error is recorded by the engine, and thrown by the next transaction; one that
            // another process's stay causes is not final, and the next transaction that needs room
            // will tell.
            engine._withUnsafeGuaranteedRef {
                _ = try? $0.moveLogIntoBase(waits: false, mayRefuse: mayRefuse)
            }
            mutex.lock()
            isWanted.store(false, ordering: .relaxed)
            mutex.unlock()
        }
    }
}
