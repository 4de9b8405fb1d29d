#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Many readers or one writer, among the threads of this process.
///
/// `@unchecked Sendable`: the system's lock at a fixed address is made for being shared.
final class ReaderWriterLock: @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_rwlock_t>

    init() {
        lock = .allocate(capacity: 1)
        #if canImport(Glibc)
            // A stream of readers must not starve the writer. Readers do not nest (the engine counts nested reads itself),
            // so the variant that would deadlock with nesting is the right one.
            var attributes = pthread_rwlockattr_t()
            pthread_rwlockattr_init(&attributes)
            pthread_rwlockattr_setkind_np(&attributes, Int32(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP))
            let result = pthread_rwlock_init(lock, &attributes)
            pthread_rwlockattr_destroy(&attributes)
        #else
            let result = pthread_rwlock_init(lock, nil)
        #endif
        Misuse.demand(result == 0, "Holdfast: the system could not make a lock (error \(result))")
    }

    deinit {
        pthread_rwlock_destroy(lock)
        lock.deallocate()
    }

    func lockForReading() {
        let result = pthread_rwlock_rdlock(lock)
        Misuse.demand(result == 0, "Holdfast: waiting for a read lock failed (error \(result))")
    }

    func lockForWriting() {
        let result = pthread_rwlock_wrlock(lock)
        Misuse.demand(result == 0, "Holdfast: waiting for the write lock failed (error \(result))")
    }

    func unlock() {
        pthread_rwlock_unlock(lock)
    }
}
