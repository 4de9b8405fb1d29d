import CHoldfast

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The result of waiting for a lock between processes.
@usableFromInline
package enum LockOutcome {
    case acquired
    /// The last holder died while it held the lock. The caller has the lock, and the state that it
    /// guards may be half changed.
    case acquiredFromTheDead
    case timedOut
}

/// A lock between the threads of several processes. The kernel passes it on when its holder dies.
///
/// Timeouts use the monotonic clock. The error `EDEADLK` means that the holder has the ID of the
/// calling thread.
///
/// On Linux this is a robust mutex in shared memory: 13 ns without contention, and waiters sleep in
/// the kernel. Darwin has none; there it is a mutex for the threads and a file lock for the
/// processes, polled at intervals of up to a millisecond.
///
/// Safety: the owner keeps the address mapped for as long as the object lives. `@unchecked
/// Sendable`: designed for sharing.
@usableFromInline
package final class ProcessLock: @unchecked Sendable {
    #if canImport(Darwin)
        private let threads: UnsafeMutablePointer<pthread_mutex_t>
        private let file: any DiskFile
        private let lock: FileLock

        package init(
            at address: UnsafeMutableRawPointer, file: any DiskFile, lock: FileLock, isNew: Bool
        ) {
            self.file = file
            self.lock = lock
            threads = .allocate(capacity: 1)
            pthread_mutex_init(threads, nil)
        }

        deinit {
            pthread_mutex_destroy(threads)
            threads.deallocate()
        }

        // Untested on a Mac.
        package func lock(timeout: Duration, spinning: Duration = .zero) throws(SystemError)
            -> LockOutcome
        {
            let deadline = Deadline(in: timeout)
            var pause: UInt32 = 20
            while pthread_mutex_trylock(threads) != 0 {
                if deadline.hasPassed { return .timedOut }
                usleep(pause)
                pause = min(pause * 2, 1000)
            }
            do throws(SystemError) {
                while !(try file.tryLock(lock, exclusive: true)) {
                    if deadline.hasPassed {
                        pthread_mutex_unlock(threads)
                        return .timedOut
                    }
                    usleep(pause)
                    pause = min(pause * 2, 1000)
                }
            } catch {
                pthread_mutex_unlock(threads)
                throw error
            }
            // A file lock does not tell whether its last holder died. Assuming so costs one check.
            return .acquiredFromTheDead
        }

        package func lockIfFree() throws(SystemError) -> LockOutcome? {
            let outcome = try lock(timeout: .zero)
            return outcome == .timedOut ? nil : outcome
        }

        package func unlock() {
            file.unlock(lock)
            pthread_mutex_unlock(threads)
        }
    #else
        @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>

        /// Uses the mutex at `address`. If `isNew`, initialises it first: no other process may use
        /// it yet.
        package init(
            at address: UnsafeMutableRawPointer, file: any DiskFile, lock: FileLock, isNew: Bool
        ) {
            mutex = address.assumingMemoryBound(to: pthread_mutex_t.self)
            guard isNew else { return }
            var attributes = pthread_mutexattr_t()
            pthread_mutexattr_init(&attributes)
            pthread_mutexattr_setpshared(&attributes, Int32(PTHREAD_PROCESS_SHARED))
            pthread_mutexattr_setrobust(&attributes, Int32(PTHREAD_MUTEX_ROBUST))
            // A thread that would wait for itself gets an error instead of a deadlock.
            pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_ERRORCHECK))
            let result = pthread_mutex_init(mutex, &attributes)
            pthread_mutexattr_destroy(&attributes)
            if result != 0 {
                fatalError(
                    "Holdfast: the system could not create a lock between processes (error "
                        + "\(result))")
            }
        }

        /// Polls for up to `spinning` before it sleeps: worthwhile for a lock that is held for
        /// microseconds.
        @inlinable @inline(__always)
        package func lock(timeout: Duration, spinning: Duration = .zero) throws(SystemError)
            -> LockOutcome
        {
            let result = tryLock()
            if result == 0 { return .acquired }
            return try wait(after: result, timeout: timeout, spinning: spinning)
        }

        @inlinable @inline(__always)
        func tryLock() -> Int32 { pthread_mutex_trylock(mutex) }

        @usableFromInline @inline(never)
        func wait(after first: Int32, timeout: Duration, spinning: Duration)
            throws(SystemError) -> LockOutcome
        {
            let deadline = Deadline(in: timeout)
            // Any result but EBUSY is final, and another call would lock twice.
            var result = first
            let isFree = AdaptiveSpin.wait(atMost: min(spinning, timeout)) {
                if result == EBUSY { result = pthread_mutex_trylock(mutex) }
                return result != EBUSY
            }
            if !isFree {
                KernelCalls.lockWaitCount.add(1, ordering: .relaxed)
                result = sleep(until: deadline)
            }
            return try outcome(of: result)
        }

        /// Sleeps until the lock is free or the deadline has passed.
        ///
        /// Releasing the mutex wakes one waiter, and a waiter that takes the mutex tells its next
        /// release to wake another one. If the woken process is killed before that, and a third one
        /// takes the free mutex without waiting, nothing wakes the remaining waiters: neither that
        /// release nor the kernel, which only passes on mutexes that have a dead holder. So a
        /// waiter tries by itself after each `longestSleep`.
        private func sleep(until deadline: Deadline) -> Int32 {
            while true {
                let slice = min(deadline.moment, Deadline.now &+ Self.longestSleep)
                let result = holdfast_lock_mutex(mutex, slice)
                if result == EINTR { continue }
                guard result == ETIMEDOUT else { return result }
                guard deadline.hasPassed else { continue }
                let last = tryLock()
                return last == EBUSY ? ETIMEDOUT : last
            }
        }

        /// Nanoseconds.
        private static let longestSleep: UInt64 = 20_000_000

        private func outcome(of result: Int32) throws(SystemError) -> LockOutcome {
            switch result {
            case 0: return .acquired
            case EOWNERDEAD:
                pthread_mutex_consistent(mutex)
                return .acquiredFromTheDead
            case ETIMEDOUT: return .timedOut
            default: throw SystemError(.lock, "the heap's shared log", Errno(result))
            }
        }

        /// Takes the lock if it is free; nil if it is not.
        package func lockIfFree() throws(SystemError) -> LockOutcome? {
            let result = pthread_mutex_trylock(mutex)
            return result == EBUSY ? nil : try outcome(of: result)
        }

        @inlinable @inline(__always)
        package func unlock() { pthread_mutex_unlock(mutex) }
    #endif
}

extension ProcessLock {
    /// `lock` with its error as a value, for closures in functions that do not allow typed errors.
    @inlinable @inline(__always)
    package func result(timeout: Duration, spinning: Duration) -> Result<LockOutcome, SystemError> {
        do throws(SystemError) {
            return .success(try lock(timeout: timeout, spinning: spinning))
        } catch { return .failure(error) }
    }

    /// Whether a thread of the process holds the lock at `address`. False if that is unknown, and
    /// possibly out of date a moment later: for display only.
    package static func isHeld(at address: UnsafeMutableRawPointer, by process: Int32) -> Bool {
        #if canImport(Glibc)
            // A robust mutex begins with its holder's thread ID. The two highest bits are flags
            // (futex(2)).
            let word = address.load(as: UInt32.self)
            let thread = Int32(bitPattern: word & 0x3fff_ffff)
            guard thread != 0 else { return false }
            return thread == process || access("/proc/\(process)/task/\(thread)", F_OK) == 0
        #else
            return false
        #endif
    }
}
