// The only file that calls the operating system. Everything above it speaks in bytes, kinds and errors.
//
// The Darwin branches are written with the Linux ones but could not be run: no Mac was at hand.

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

enum SystemCalls {
    static let readOnly = PROT_READ
    static let readWrite = PROT_READ | PROT_WRITE

    #if canImport(Darwin)
        private static let anonymous = MAP_ANON
    #else
        private static let anonymous = MAP_ANONYMOUS
    #endif

    static var pageSize: Int { Int(sysconf(Int32(_SC_PAGESIZE))) }

    /// `mmap`; nil and `errno` on failure. `MAP_NORESERVE` throughout: address space here is much larger than memory, and what is
    /// private is bounded by whoever uses it.
    static func map(
        at address: UnsafeMutableRawPointer?, byteCount: Int, protection: Int32, isShared: Bool, descriptor: Int32?,
        fileOffset: Int
    ) -> Result<UnsafeMutableRawPointer, SystemError> {
        var flags = isShared ? MAP_SHARED : MAP_PRIVATE | MAP_NORESERVE
        if address != nil { flags |= MAP_FIXED }
        if descriptor == nil { flags |= anonymous }
        let result = mmap(address, byteCount, protection, flags, descriptor ?? -1, off_t(fileOffset))
        guard let result, result != MAP_FAILED else { return .failure(SystemError(code: errno)) }
        return .success(result)
    }

    static func unmap(_ address: UnsafeMutableRawPointer, _ byteCount: Int) {
        // Fails only for arguments that were never mapped, which the callers exclude.
        let result = munmap(address, byteCount)
        precondition(result == 0, "MemoryMapping: munmap of a mapped range failed (error \(errno))")
    }

    static func protect(_ address: UnsafeMutableRawPointer, _ byteCount: Int, _ protection: Int32) -> SystemError? {
        mprotect(address, byteCount, protection) == 0 ? nil : SystemError(code: errno)
    }

    static func advise(_ address: UnsafeMutableRawPointer, _ byteCount: Int, _ advice: MemoryAdvice) -> SystemError? {
        guard let value = number(of: advice) else { return nil }
        while madvise(address, byteCount, value) != 0 {
            if errno == EAGAIN || errno == EINTR { continue }
            return SystemError(code: errno)
        }
        return nil
    }

    /// The system's number for an advice; nil where it has none, and the advice does nothing.
    private static func number(of advice: MemoryAdvice) -> Int32? {
        switch advice {
        case .normal: return Int32(MADV_NORMAL)
        case .sequential: return Int32(MADV_SEQUENTIAL)
        case .random: return Int32(MADV_RANDOM)
        case .willNeed: return Int32(MADV_WILLNEED)
        case .dontNeed: return Int32(MADV_DONTNEED)
        case .populateRead, .populateWrite, .hugePage:
            #if canImport(Darwin)
                return nil
            #else
                switch advice {
                case .populateRead: return Int32(MADV_POPULATE_READ)
                case .populateWrite: return Int32(MADV_POPULATE_WRITE)
                default: return Int32(MADV_HUGEPAGE)
                }
            #endif
        }
    }

    static func sync(_ address: UnsafeMutableRawPointer, _ byteCount: Int, waits: Bool) -> SystemError? {
        msync(address, byteCount, waits ? Int32(MS_SYNC) : Int32(MS_ASYNC)) == 0 ? nil : SystemError(code: errno)
    }

    /// Through the drive's own cache, where the system has a call for it.
    static func syncThroughToDevice(_ descriptor: Int32) -> SystemError? {
        #if canImport(Darwin)
            return fcntl(descriptor, F_FULLFSYNC) == 0 || fsync(descriptor) == 0 ? nil : SystemError(code: errno)
        #else
            return fdatasync(descriptor) == 0 ? nil : SystemError(code: errno)
        #endif
    }

    static func truncate(_ descriptor: Int32, to size: Int) -> SystemError? {
        while ftruncate(descriptor, off_t(size)) != 0 {
            guard errno == EINTR else { return SystemError(code: errno) }
        }
        return nil
    }

    /// Gives the file real disk blocks up to `end` and makes it that long.
    static func allocate(_ descriptor: Int32, from start: Int, to end: Int) -> SystemError? {
        #if canImport(Darwin)
            var request = fstore_t(
                fst_flags: UInt32(F_ALLOCATEALL), fst_posmode: F_PEOFPOSMODE, fst_offset: 0,
                fst_length: off_t(end - start), fst_bytesalloc: 0)
            guard fcntl(descriptor, F_PREALLOCATE, &request) != -1 else { return SystemError(code: errno) }
            return truncate(descriptor, to: end)
        #else
            // Returns its error instead of setting errno; glibc writes zeros where the file system has no such call.
            while true {
                let code = posix_fallocate(descriptor, off_t(start), off_t(end - start))
                if code == 0 { return nil }
                if code != EINTR { return SystemError(code: code) }
            }
        #endif
    }

    struct FileStatus {
        var size: Int
        var isRegular: Bool
        var isDirectory: Bool
    }

    static func status(_ descriptor: Int32) -> Result<FileStatus, SystemError> {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .failure(SystemError(code: errno)) }
        let kind = status.st_mode & S_IFMT
        return .success(
            FileStatus(size: Int(status.st_size), isRegular: kind == S_IFREG, isDirectory: kind == S_IFDIR))
    }

    static func open(_ path: String, writable: Bool) -> Result<Int32, SystemError> {
        // Non-blocking, so that naming a FIFO is an error and not a wait; it means nothing for regular files.
        let flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK
        while true {
            #if canImport(Darwin)
                let descriptor = Darwin.open(path, flags)
            #elseif canImport(Musl)
                let descriptor = Musl.open(path, flags)
            #else
                let descriptor = Glibc.open(path, flags)
            #endif
            if descriptor >= 0 { return .success(descriptor) }
            if errno != EINTR { return .failure(SystemError(code: errno)) }
        }
    }

    static func close(_ descriptor: Int32) {
        #if canImport(Darwin)
            _ = Darwin.close(descriptor)
        #elseif canImport(Musl)
            _ = Musl.close(descriptor)
        #else
            _ = Glibc.close(descriptor)
        #endif
    }

    static func text(of code: Int32) -> String { String(cString: strerror(code)) }
}

/// An `errno` value.
struct SystemError: Error {
    var code: Int32
}
