#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Many readers or one writer among the threads of this process, who share one image of the heap.
///
/// The first reader finds nobody else there and may bring the image up to date before it reads (it *prepares*, alone like a writer); those who come
/// while others read share their view, unless there are newer commits: then they wait for the others to end, but not for
/// long. Whoever waits to be alone is not overtaken by readers that come later.
///
/// `@unchecked Sendable`: the system's mutex guards every field.
final class TransactionGate: @unchecked Sendable {
    enum Admission {
        /// Nobody else is in; the caller has the image for itself and calls `beginReading` when it is up to date.
        case mustPrepare
        /// In, beside other readers and with their view.
        case joined
        /// In, alone so far, and the image is as it should be.
        case first
        case timedOut
    }

    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    private var readers = 0
    private var isExclusive = false
    private var waitingForExclusive = 0

    /// How long a reader waits for others to end before it shares their view, although there are newer commits: a read may itself
    /// be waiting for one that another thread begins.
    private static let patience: Duration = .milliseconds(100)

    init() {
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

    /// Asks to read. `isFresh` says whether the image is the newest state; for the first reader it also registers the view, and is
    /// called under the gate's mutex, so it must be short.
    @inline(__always)
    func enterReading(timeout: Duration, isFresh: (_ isFirst: Bool) -> Bool) -> Admission {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if !isExclusive, waitingForExclusive == 0 {
            if readers == 0 {
                if isFresh(true) {
                    readers = 1
                    return .first
                }
                isExclusive = true
                return .mustPrepare
            }
            if isFresh(false) {
                readers += 1
                return .joined
            }
        }
        return waitToRead(timeout: timeout, isFresh: isFresh)
    }

    @inline(never)
    private func waitToRead(timeout: Duration, isFresh: (_ isFirst: Bool) -> Bool) -> Admission {
        let deadline = Deadline(in: timeout)
        let patience = Deadline(in: min(Self.patience, timeout))
        while true {
            if !isExclusive, readers == 0, waitingForExclusive == 0 {
                if isFresh(true) {
                    readers = 1
                    return .first
                }
                isExclusive = true
                return .mustPrepare
            }
            if !isExclusive, readers > 0 {
                if waitingForExclusive == 0, isFresh(false) || patience.hasPassed {
                    readers += 1
                    return .joined
                }
                if waitingForExclusive == 0 {
                    // Not overtaken by later readers while the others end.
                    waitingForExclusive += 1
                    while readers > 0 || isExclusive, wait(until: patience) {}
                    waitingForExclusive -= 1
                    pthread_cond_broadcast(changed)
                    continue
                }
                // Someone waits to be alone already. A read that the open ones depend on must not wait for them for ever.
                if patience.hasPassed {
                    readers += 1
                    return .joined
                }
                _ = wait(until: patience)
                continue
            }
            if !wait(until: deadline) { return .timedOut }
        }
    }

    /// The preparing reader is done: it reads now, and others may.
    func beginReading() {
        pthread_mutex_lock(mutex)
        isExclusive = false
        readers = 1
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }

    /// Ends a read; `last` is called if nobody else reads, under the gate's mutex.
    @inline(__always)
    func leaveReading(last: () -> Void) {
        pthread_mutex_lock(mutex)
        readers -= 1
        if readers == 0 {
            last()
            if waitingForExclusive > 0 { pthread_cond_broadcast(changed) }
        }
        pthread_mutex_unlock(mutex)
    }

    /// Waits to be alone; false if the time ran out.
    func lockExclusively(timeout: Duration) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        guard isExclusive || readers > 0 else {
            isExclusive = true
            return true
        }
        let deadline = Deadline(in: timeout)
        waitingForExclusive += 1
        defer {
            waitingForExclusive -= 1
            if waitingForExclusive == 0 { pthread_cond_broadcast(changed) }
        }
        while isExclusive || readers > 0 {
            if !wait(until: deadline) { return false }
        }
        isExclusive = true
        return true
    }

    func unlockExclusively() {
        pthread_mutex_lock(mutex)
        isExclusive = false
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }

    /// Sleeps until something changed; false if the deadline has passed.
    private func wait(until deadline: Deadline) -> Bool {
        var time = deadline.wallClock
        return pthread_cond_timedwait(changed, mutex, &time) != ETIMEDOUT || !deadline.hasPassed
    }
}
