#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Locks of single bytes that belong to the open file and not to the process (`F_OFD_SETLK`): so
/// two openings in one process exclude each other too, and closing another descriptor of the same
/// file does not release them, as with the older POSIX locks.
extension SystemFile {
    // The numbers of the kernels' interfaces; the C libraries do not hand them to Swift.
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

    public func tryLock(_ lock: FileLock, exclusive: Bool) throws(DiskError) -> Bool {
        var request = request(lock, Int32(exclusive ? F_WRLCK : F_RDLCK))
        while fcntl(descriptor, Self.setLock, &request) != 0 {
            if errno == EAGAIN || errno == EACCES { return false }
            guard errno == EINTR else { throw DiskError(.lock, path, code: errno) }
        }
        hasLocks = true
        return true
    }

    /// Gives back every lock whose byte lies behind that of `lock`.
    func unlockAllBehind(_ lock: FileLock) {
        var request = request(lock, Int32(F_UNLCK))
        request.l_start += 1
        request.l_len = off_t(FileLock.allCases.count - 1)
        _ = fcntl(descriptor, Self.setLock, &request)
    }

    public func unlock(_ lock: FileLock) {
        var request = request(lock, Int32(F_UNLCK))
        _ = fcntl(descriptor, Self.setLock, &request)
    }

    public func isLockedByOthers(_ lock: FileLock) throws(DiskError) -> Bool {
        var request = request(lock, Int32(F_WRLCK))
        while fcntl(descriptor, Self.getLock, &request) != 0 {
            guard errno == EINTR else { throw DiskError(.lock, path, code: errno) }
        }
        return Int32(request.l_type) != Int32(F_UNLCK)
    }
}
