// The only file that calls the operating system, but for signals (SignalChain.swift). Everything
// above it speaks in bytes, kinds and errors.
//
// The Darwin branches are written with the Linux ones but could not be run: no Mac was at hand. The
// same holds for Musl.

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An `errno` value.
struct SystemError: Error {
    var code: Int32
}

enum SystemCalls {
    static let noAccess = PROT_NONE
    static let readOnly = PROT_READ
    static let readWrite = PROT_READ | PROT_WRITE

    static var pageSize: Int {
        let size = Int(sysconf(Int32(_SC_PAGESIZE)))
        demand(size > 0 && size & (size - 1) == 0, "the system gives no page size (\(size))")
        return size
    }

    // MARK: Memory

    /// `mmap`, at a fixed address if one is given; whatever was mapped there goes.
    ///
    /// Private and anonymous mappings take no reserve: a reservation is much larger than memory,
    /// and a copy of every page of a large file is rarely made.
    static func map(
        at address: UnsafeMutableRawPointer?, byteCount: Int, protection: Int32, isShared: Bool,
        descriptor: Int32?,
        fileOffset: Int
    ) -> Result<UnsafeMutableRawPointer, SystemError> {
        var flags = isShared ? MAP_SHARED : MAP_PRIVATE | MAP_NORESERVE
        if address != nil { flags |= MAP_FIXED }
        if descriptor == nil {
            #if canImport(Darwin)
                flags |= MAP_ANON
            #else
                flags |= MAP_ANONYMOUS
            #endif
        }
        let result = mmap(
            address, byteCount, protection, flags, descriptor ?? -1, off_t(fileOffset))
        guard let result, result != MAP_FAILED else { return .failure(SystemError(code: errno)) }
        return .success(result)
    }

    /// Addresses with nothing behind them, wherever there are so many.
    static func reserve(_ byteCount: Int) -> Result<UnsafeMutableRawPointer, SystemError> {
        map(
            at: nil, byteCount: byteCount, protection: noAccess, isShared: false, descriptor: nil,
            fileOffset: 0)
    }

    /// The same at `address`, and nowhere else: EEXIST if a mapping lies there. A system that knows
    /// no such call takes the address as a wish, which it fulfils where it can.
    static func reserve(
        _ byteCount: Int, exactlyAt address: UnsafeMutableRawPointer
    ) -> SystemError? {
        #if canImport(Darwin)
            let flags = MAP_PRIVATE | MAP_NORESERVE | MAP_ANON
        #else
            // MAP_FIXED_NOREPLACE, which kernels before 4.17 overlook.
            let flags = MAP_PRIVATE | MAP_NORESERVE | MAP_ANONYMOUS | 0x10_0000
        #endif
        guard let found = mmap(address, byteCount, noAccess, flags, -1, 0), found != MAP_FAILED
        else {
            return SystemError(code: errno)
        }
        if found == address { return nil }
        unmap(found, byteCount)
        return SystemError(code: EEXIST)
    }

    static func unmap(_ address: UnsafeMutableRawPointer, _ byteCount: Int) {
        // Fails only for arguments that were never mapped, which the callers exclude.
        let result = munmap(address, byteCount)
        demand(result == 0, "munmap of a mapped range failed (error \(errno))")
    }

    static func protect(_ address: UnsafeMutableRawPointer, _ byteCount: Int, _ protection: Int32)
        -> SystemError?
    {
        mprotect(address, byteCount, protection) == 0 ? nil : SystemError(code: errno)
    }

    static func sync(_ address: UnsafeMutableRawPointer, _ byteCount: Int, waits: Bool)
        -> SystemError?
    {
        retrying { msync(address, byteCount, waits ? Int32(MS_SYNC) : Int32(MS_ASYNC)) }
    }

    static func advise(_ address: UnsafeMutableRawPointer, _ byteCount: Int, _ advice: MemoryAdvice)
        -> SystemError?
    {
        guard let value = number(of: advice), isKnown(value) else { return nil }
        // EAGAIN is a shortage of the moment. A few tries are polite; a loop without end could hang
        // on a starved machine.
        var triesLeft = 16
        while madvise(address, byteCount, value) != 0 {
            let code = errno
            if code == EINTR { continue }
            guard code == EAGAIN, triesLeft > 0 else { return SystemError(code: code) }
            triesLeft -= 1
        }
        return nil
    }

    /// Whether this kernel has the advice. Asked with an empty range, for which an advice that
    /// exists does nothing and one that does not is `EINVAL`; so that an `EINVAL` for the real
    /// range keeps its meaning.
    private static func isKnown(_ value: Int32) -> Bool {
        #if canImport(Darwin)
            return true
        #else
            guard value > MADV_DONTNEED else { return true }
            return madvise(nil, 0, value) == 0
        #endif
    }

    /// The system's number for an advice; nil where it has none, and the advice does nothing.
    private static func number(of advice: MemoryAdvice) -> Int32? {
        switch advice {
        case .normal: return Int32(MADV_NORMAL)
        case .sequential: return Int32(MADV_SEQUENTIAL)
        case .random: return Int32(MADV_RANDOM)
        case .willNeed: return Int32(MADV_WILLNEED)
        case .dontNeed: return Int32(MADV_DONTNEED)
        #if canImport(Darwin)
            case .populateRead, .populateWrite, .hugePage: return nil
        #else
            // Numbers of the kernel's interface, which older C libraries do not name.
            case .hugePage: return 14  // MADV_HUGEPAGE
            case .populateRead: return 22  // MADV_POPULATE_READ
            case .populateWrite: return 23  // MADV_POPULATE_WRITE
        #endif
        }
    }

    // MARK: Files

    /// Through the drive's own cache, where the system has a call for it.
    static func syncThroughToDevice(_ descriptor: Int32) -> SystemError? {
        #if canImport(Darwin)
            guard let error = retrying({ fcntl(descriptor, F_FULLFSYNC) }) else { return nil }
            // Some network and foreign file systems do not have it; fsync is then all there is. Any
            // other failure is one of the disk, and must not be hidden by a second call that
            // succeeds.
            guard [ENOTSUP, EINVAL, ENOTTY].contains(error.code) else { return error }
            return retrying { fsync(descriptor) }
        #else
            return retrying { fdatasync(descriptor) }
        #endif
    }

    static func truncate(_ descriptor: Int32, to size: Int) -> SystemError? {
        retrying { ftruncate(descriptor, off_t(size)) }
    }

    /// Gives the bytes from `start` to `end` real disk blocks, and makes the file that long unless
    /// it is longer.
    static func allocate(_ descriptor: Int32, from start: Int, to end: Int, presentSize: Int)
        -> SystemError?
    {
        #if canImport(Darwin)
            guard end > presentSize else { return nil }
            // Blocks are counted from the file's end here, and taking them does not move that end.
            var request = fstore_t(
                fst_flags: UInt32(F_ALLOCATEALL), fst_posmode: F_PEOFPOSMODE, fst_offset: 0,
                fst_length: off_t(end - presentSize), fst_bytesalloc: 0)
            if let error = retrying({ fcntl(descriptor, F_PREALLOCATE, &request) }) { return error }
            return truncate(descriptor, to: end)
        #else
            // Returns its error instead of setting errno. Where the file system has no such call,
            // glibc writes a byte to every block and Musl fails with EOPNOTSUPP. Trying again goes
            // on where it stopped.
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
        if let error = retrying({ fstat(descriptor, &status) }) { return .failure(error) }
        let kind = status.st_mode & S_IFMT
        return .success(
            FileStatus(
                size: Int(status.st_size), isRegular: kind == S_IFREG, isDirectory: kind == S_IFDIR)
        )
    }

    static func open(_ path: String, writable: Bool) -> Result<Int32, SystemError> {
        // Non-blocking, so that naming a FIFO is an error and not a wait; a terminal must not
        // become this process's own. Neither means anything for regular files.
        let flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        return PathBytes.withCString(path) { path in
            while true {
                #if canImport(Darwin)
                    let descriptor = Darwin.open(path, flags)
                #elseif canImport(Glibc)
                    let descriptor = Glibc.open(path, flags)
                #elseif canImport(Musl)
                    let descriptor = Musl.open(path, flags)
                #endif
                if descriptor >= 0 { return .success(descriptor) }
                if errno != EINTR { return .failure(SystemError(code: errno)) }
            }
        }
    }

    /// Whether a byte can be read at the file's beginning.
    static func hasByte(_ descriptor: Int32) -> Bool {
        var byte: UInt8 = 0
        while true {
            let count = pread(descriptor, &byte, 1, 0)
            if count >= 0 || errno != EINTR { return count > 0 }
        }
    }

    /// Not tried again when interrupted: the descriptor is gone on Linux even then, and may already
    /// be somebody else's.
    static func close(_ descriptor: Int32) {
        #if canImport(Darwin)
            _ = Darwin.close(descriptor)
        #elseif canImport(Glibc)
            _ = Glibc.close(descriptor)
        #elseif canImport(Musl)
            _ = Musl.close(descriptor)
        #endif
    }

    // MARK: Errors

    static let outOfMemory = SystemError(code: ENOMEM)
    static let inputOutput = SystemError(code: EIO)

    static func text(of code: Int32) -> String {
        // Not strerror, which may use one buffer for all threads.
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard strerror_r(code, buffer.baseAddress!, buffer.count) == 0 else {
                return "unknown error"
            }
            return String(cString: buffer.baseAddress!)
        }
    }

    /// Calls again what a signal interrupted; nil is success, of which every result but -1 is one.
    private static func retrying(_ call: () -> Int32) -> SystemError? {
        while call() == -1 {
            let code = errno
            if code != EINTR { return SystemError(code: code) }
        }
        return nil
    }
}
