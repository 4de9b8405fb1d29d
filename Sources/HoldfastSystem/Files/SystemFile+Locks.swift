#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Locks of single bytes that belong to the open file and not to the process (`F_OFD_SETLK`). Two
/// openings in one process exclude each other too, and closing another descriptor of the same file
/// does not release them, as it would with POSIX locks.
extension SystemFile {
    // The constants of the kernels' interfaces. The C libraries do not export them to Swift.
    #if canImport(Darwin)
        private static let setLock: Int32 = 90
        private static let getLock: Int32 = 92
    #else
        private static let setLock: Int32 = 37
        private static let getLock: Int32 = 36
    #endif

    private func request(_ lock: FileLock, _ type: Int32) -> flock {
        var request = flock()
        request.l_type = Int16(type)
        request.l_whence = Int16(SEEK_SET)
        request.l_start = off_t(lock.offset)
        request.l_len = 1
        return request
    }

    public func tryLock(_ lock: FileLock, exclusive: Bool) throws(SystemError) -> Bool {
        var request = request(lock, Int32(exclusive ? F_WRLCK : F_RDLCK))
        while unsafe fcntl(descriptor, Self.setLock, &request) != 0 {
            switch Errno.current {
            case .resourceTemporarilyUnavailable, .permissionDenied: return false
            case .interrupted: continue
            case let errno: throw SystemError(.lock, path, errno)
            }
        }
        hasLocks = true
        return true
    }

    /// Releases every lock except that of slot 0.
    func unlockAllButFirst() {
        var request = request(FileLock(slot: 1), Int32(F_UNLCK))
        request.l_len = off_t(FileLock.slotCount - 1)
        _ = unsafe fcntl(descriptor, Self.setLock, &request)
    }

    public func unlock(_ lock: FileLock) {
        var request = request(lock, Int32(F_UNLCK))
        _ = unsafe fcntl(descriptor, Self.setLock, &request)
    }

    public func isLockedByOthers(_ lock: FileLock, exclusively: Bool) throws(SystemError) -> Bool {
        // The answer is about locks that would conflict with this one.
        var request = request(lock, Int32(exclusively ? F_RDLCK : F_WRLCK))
        while unsafe fcntl(descriptor, Self.getLock, &request) != 0 {
            let errno = Errno.current
            guard errno == .interrupted else { throw SystemError(.lock, path, errno) }
        }
        return Int32(request.l_type) != Int32(F_UNLCK)
    }
}
