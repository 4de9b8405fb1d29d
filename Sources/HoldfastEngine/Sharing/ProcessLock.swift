import CHoldfast

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// What came of waiting for a lock between processes.
enum LockOutcome {
    case acquired
    /// The holder before died with it. What the lock guards may be half done; the caller has the
    /// lock.
    case acquiredFromTheDead
    case timedOut
}

/// A lock between the threads of all processes that have a heap open. The kernel hands it on when
/// its holder dies.
///
/// Waits go by the monotonic clock. An error with `EDEADLK` says that the holder has the number of
/// the calling thread.
///
/// On Linux a robust mutex in the shared file: 13 ns when nobody else wants it, and waiting sleeps
/// in the kernel. Where there is none (Darwin), a mutex for the threads and a lock of the heap file
/// for the processes, asked for again every millisecond at most.
///
/// Safety: the address stays mapped for as long as the object lives, which the owner
/// (`SharedMemory`) sees to. `@unchecked Sendable`: made to be shared.
final class ProcessLock: @unchecked Sendable {
    #if canImport(Darwin)
        private let threads: UnsafeMutablePointer<pthread_mutex_t>
        private let file: any DiskFile
        private let lock: FileLock

        init(at address: UnsafeMutableRawPointer, file: any DiskFile, lock: FileLock, isNew: Bool) {
            self.file = file
            self.lock = lock
            threads = .allocate(capacity: 1)
            pthread_mutex_init(threads, nil)
        }

        deinit {
            pthread_mutex_destroy(threads)
            threads.deallocate()
        }

        // Untested: no Mac was at hand.
        func lock(timeout: Duration, spinning: Duration = .zero) throws(DiskError) -> LockOutcome {
            let deadline = Deadline(in: timeout)
            var pause: UInt32 = 20
            while pthread_mutex_trylock(threads) != 0 {
                if deadline.hasPassed { return .timedOut }
                usleep(pause)
                pause = min(pause * 2, 1000)
            }
            do throws(DiskError) {
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
            // A file lock does not tell whether its last holder died; assuming so costs only a
            // look.
            return .acquiredFromTheDead
        }

        func lockIfFree() throws(DiskError) -> LockOutcome? {
            let outcome = try lock(timeout: .zero)
            return outcome == .timedOut ? nil : outcome
        }

        func unlock() {
            file.unlock(lock)
            pthread_mutex_unlock(threads)
        }
    #else
        private let mutex: UnsafeMutablePointer<pthread_mutex_t>

        /// Uses the mutex at `address`, and makes it first if `isNew`: then nobody else may know of
        /// it yet.
        init(at address: UnsafeMutableRawPointer, file: any DiskFile, lock: FileLock, isNew: Bool) {
            mutex = address.assumingMemoryBound(to: pthread_mutex_t.self)
            guard isNew else { return }
            var attributes = pthread_mutexattr_t()
            pthread_mutexattr_init(&attributes)
            pthread_mutexattr_setpshared(&attributes, Int32(PTHREAD_PROCESS_SHARED))
            pthread_mutexattr_setrobust(&attributes, Int32(PTHREAD_MUTEX_ROBUST))
            // So that a thread that waits for itself is told, instead of waiting.
            pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_ERRORCHECK))
            let result = pthread_mutex_init(mutex, &attributes)
            pthread_mutexattr_destroy(&attributes)
            Misuse.demand(
                result == 0,
                "Holdfast: the system could not make a lock between processes (error \(result))")
        }

        /// Looks for up to `spinning` before it sleeps: worthwhile for a lock that is held for
        /// microseconds.
        @inline(__always)
        func lock(timeout: Duration, spinning: Duration = .zero) throws(DiskError) -> LockOutcome {
            let result = pthread_mutex_trylock(mutex)
            if result == 0 { return .acquired }
            return try wait(after: result, timeout: timeout, spinning: spinning)
        }

        @inline(never)
        private func wait(after first: Int32, timeout: Duration, spinning: Duration)
            throws(DiskError) -> LockOutcome
        {
            let deadline = Deadline(in: timeout)
            // Anything but "busy" is an answer, and asking again would lock twice.
            var result = first
            let isFree = BriefSpin.wait(atMost: min(spinning, timeout)) {
                if result == EBUSY { result = pthread_mutex_trylock(mutex) }
                return result != EBUSY
            }
            if !isFree {
                KernelCalls.lockWaitCount.add(1, ordering: .relaxed)
                repeat {
                    result = holdfast_lock_mutex(mutex, deadline.moment)
                } while result == EINTR
            }
            return try outcome(of: result)
        }

        private func outcome(of result: Int32) throws(DiskError) -> LockOutcome {
            switch result {
            case 0: return .acquired
            case EOWNERDEAD:
                pthread_mutex_consistent(mutex)
                return .acquiredFromTheDead
            case ETIMEDOUT: return .timedOut
            default: throw DiskError(.lock, "the heap's shared log", code: result)
            }
        }

        /// Takes the lock unless someone has it.
        func lockIfFree() throws(DiskError) -> LockOutcome? {
            let result = pthread_mutex_trylock(mutex)
            return result == EBUSY ? nil : try outcome(of: result)
        }

        func unlock() { pthread_mutex_unlock(mutex) }
    #endif
}

extension ProcessLock {
    /// `lock` as a value, for closures that the system's functions do not let throw errors of a
    /// type.
    @inline(__always)
    func result(timeout: Duration, spinning: Duration) -> Result<LockOutcome, DiskError> {
        do throws(DiskError) {
            return .success(try lock(timeout: timeout, spinning: spinning))
        } catch { return .failure(error) }
    }
}

/// A moment up to which to wait.
struct Deadline: Sendable {
    /// Nanoseconds of the monotonic clock.
    let moment: UInt64

    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// The same clock to a few milliseconds, for a fraction of the cost.
    @inline(__always)
    static var coarseNow: UInt64 {
        var time = timespec()
        #if os(Linux)
            clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        #else
            clock_gettime(CLOCK_MONOTONIC, &time)
        #endif
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    init(in timeout: Duration) {
        let (seconds, attoseconds) = timeout.components
        let nanoseconds = Double(seconds) * 1e9 + Double(attoseconds) / 1e9
        // A century is as good as for ever, and cannot overflow.
        moment = Self.now &+ UInt64(min(max(nanoseconds, 0), 3.2e18))
    }

    var hasPassed: Bool { Self.now >= moment }

    /// Nanoseconds left; 0 if it has passed.
    var remaining: Int64 {
        let now = Self.now
        return now >= moment ? 0 : Int64(moment - now)
    }

    /// The same moment as the system's calls want it, by the same clock.
    var time: timespec {
        var time = timespec()
        time.tv_sec = Int(moment / 1_000_000_000)
        time.tv_nsec = Int(moment % 1_000_000_000)
        return time
    }
}
