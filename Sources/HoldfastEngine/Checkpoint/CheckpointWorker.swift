import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A thread that makes checkpoints beside the transactions of an opening, when it is woken. It is
/// started with the first need.
///
/// `@unchecked Sendable`: the mutex guards every field.
final class CheckpointWorker: @unchecked Sendable {
    /// Not weak: an object that ever had a weak reference counts its strong ones several times as
    /// slowly, in every transaction. It is there as long as the thread uses it, since closing it,
    /// which its `deinit` does at the latest, calls `stop`.
    private let engine: Unmanaged<HeapEngine>
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    /// Changed under the mutex only; an atomic so that transactions can look at it without.
    private let isWanted = Atomic<Bool>(false)
    private var mayRefuse = false
    private var isStopped = false
    private var thread: pthread_t?
    private var isRunning = false

    init(for engine: HeapEngine) {
        self.engine = .passUnretained(engine)
        mutex = .allocate(capacity: 1)
        changed = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Asks for a checkpoint, or, if it may be refused, for one that costs little; returns at once.
    @inline(__always)
    func wake(mayRefuse: Bool) {
        // Every transaction asks as long as it is due.
        if !isWanted.load(ordering: .relaxed) { ask(mayRefuse) }
    }

    private func ask(_ mayRefuse: Bool) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        guard !isWanted.load(ordering: .relaxed), !isStopped else { return }
        isWanted.store(true, ordering: .relaxed)
        self.mayRefuse = mayRefuse
        if isRunning { pthread_cond_signal(changed) } else { start() }
    }

    /// Waits for a checkpoint that is under way, and makes no more.
    func stop() {
        pthread_mutex_lock(mutex)
        isStopped = true
        pthread_cond_signal(changed)
        let thread = thread
        self.thread = nil
        pthread_mutex_unlock(mutex)
        guard let thread else { return }
        // The last reference to the heap may have been the thread's own.
        if pthread_equal(thread, pthread_self()) != 0 {
            pthread_detach(thread)
        } else {
            pthread_join(thread, nil)
        }
    }

    private func start() {
        let box = Unmanaged.passRetained(self).toOpaque()
        #if canImport(Darwin)
            var thread: pthread_t?
        #else
            var thread = pthread_t()
        #endif
        let result = pthread_create(
            &thread, nil,
            { argument in
                #if canImport(Darwin)
                    let worker = Unmanaged<CheckpointWorker>.fromOpaque(argument)
                        .takeRetainedValue()
                #else
                    let worker = Unmanaged<CheckpointWorker>.fromOpaque(argument!)
                        .takeRetainedValue()
                #endif
                worker.run()
                return nil
            }, box)
        if result == 0 {
            self.thread = thread
            isRunning = true
        } else {
            // Without a thread, checkpoints are made before the transactions that cannot go on
            // without.
            Unmanaged<CheckpointWorker>.fromOpaque(box).release()
            isWanted.store(false, ordering: .relaxed)
        }
    }

    private func run() {
        while true {
            pthread_mutex_lock(mutex)
            while !isWanted.load(ordering: .relaxed), !isStopped {
                pthread_cond_wait(changed, mutex)
            }
            let isStopped = isStopped
            let mayRefuse = mayRefuse
            pthread_mutex_unlock(mutex)
            if isStopped { return }
            // An error is recorded by the engine, and thrown by the next transaction; one that
            // another process's stay causes is not final, and the next transaction that needs room
            // will tell.
            engine._withUnsafeGuaranteedRef {
                _ = try? $0.moveLogIntoBase(waits: false, mayRefuse: mayRefuse)
            }
            pthread_mutex_lock(mutex)
            isWanted.store(false, ordering: .relaxed)
            pthread_mutex_unlock(mutex)
        }
    }
}
