#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A mutex for the threads of this process, for use with ``MonotonicCondition``.
///
/// Safety: the owner calls `destroy` once, when no thread uses it any more.
@safe package struct ThreadMutex: @unchecked Sendable {
    let mutex: UnsafeMutablePointer<pthread_mutex_t>

    package init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
    }

    package func destroy() {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    package func lock() { unsafe pthread_mutex_lock(mutex) }

    package func unlock() { unsafe pthread_mutex_unlock(mutex) }

    /// False if another thread has it.
    package func tryToLock() -> Bool { unsafe pthread_mutex_trylock(mutex) == 0 }

    package func withLock<R>(_ body: () -> R) -> R {
        lock()
        defer { unlock() }
        return body()
    }
}

/// A condition variable whose timeouts use the monotonic clock, which a change of the date does not
/// affect.
///
/// Safety: the owner calls `destroy` once, when no thread waits any more.
@safe package struct MonotonicCondition: @unchecked Sendable {
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    package init() {
        unsafe condition = .allocate(capacity: 1)
        #if canImport(Darwin)
            pthread_cond_init(condition, nil)
        #else
            var attributes = pthread_condattr_t()
            unsafe pthread_condattr_init(&attributes)
            unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
            unsafe pthread_cond_init(condition, &attributes)
            unsafe pthread_condattr_destroy(&attributes)
        #endif
    }

    package func destroy() {
        unsafe pthread_cond_destroy(condition)
        unsafe condition.deallocate()
    }

    package func signal() { unsafe pthread_cond_signal(condition) }

    package func broadcast() { unsafe pthread_cond_broadcast(condition) }

    /// Sleeps until a signal; may wake spuriously. The caller holds `mutex`.
    package func wait(_ mutex: ThreadMutex) { unsafe pthread_cond_wait(condition, mutex.mutex) }

    /// Sleeps until a signal; may wake spuriously. False after the deadline. The caller holds
    /// `mutex`.
    package func wait(_ mutex: ThreadMutex, until deadline: Deadline) -> Bool {
        #if canImport(Darwin)
            let left = deadline.remaining
            var time = timespec(
                tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
            let result = pthread_cond_timedwait_relative_np(condition, mutex.mutex, &time)
        #else
            var time = deadline.time
            let result = unsafe pthread_cond_timedwait(condition, mutex.mutex, &time)
        #endif
        return result != ETIMEDOUT || !deadline.hasPassed
    }
}
