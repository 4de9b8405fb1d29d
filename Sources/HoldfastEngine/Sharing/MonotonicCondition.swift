#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A condition variable whose waits go by the monotonic clock, which nobody can set: a timeout is
/// as long as it was meant to be whatever becomes of the date.
///
/// Safety: whoever makes one calls `destroy` once, when nobody waits any more.
struct MonotonicCondition: @unchecked Sendable {
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
        condition = .allocate(capacity: 1)
        #if canImport(Darwin)
            pthread_cond_init(condition, nil)
        #else
            var attributes = pthread_condattr_t()
            pthread_condattr_init(&attributes)
            pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
            pthread_cond_init(condition, &attributes)
            pthread_condattr_destroy(&attributes)
        #endif
    }

    func destroy() {
        pthread_cond_destroy(condition)
        condition.deallocate()
    }

    func signal() { pthread_cond_signal(condition) }

    func broadcast() { pthread_cond_broadcast(condition) }

    /// Sleeps until something may have changed; false if the deadline has passed. The caller holds
    /// `mutex`.
    func wait(_ mutex: UnsafeMutablePointer<pthread_mutex_t>, until deadline: Deadline) -> Bool {
        #if canImport(Darwin)
            let left = deadline.remaining
            var time = timespec(
                tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
            let result = pthread_cond_timedwait_relative_np(condition, mutex, &time)
        #else
            var time = deadline.time
            let result = pthread_cond_timedwait(condition, mutex, &time)
        #endif
        return result != ETIMEDOUT || !deadline.hasPassed
    }
}
