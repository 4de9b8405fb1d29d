// The only file that calls the operating system, except for signals (SignalChain.swift). The code
// above it deals in bytes, kinds and errors.
//
// The Darwin branches were written with the Linux ones but never run, for lack of a Mac. The same
// holds for Musl.

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

    /// `mmap`, at a fixed address if one is given, replacing any mapping there.
    ///
    /// Private and anonymous mappings reserve no memory: a reservation is much larger than memory,
    /// and a copy of every page of a large file is rarely made.
    static func map(
        at address: UnsafeMutableRawPointer?, byteCount: Int, protection: Int32, isShared: Bool,
        descriptor: Int32?,
        fileOffset: Int
    ) -> Result<UnsafeMutableRawPointer, SystemError> {
        var flags = isShared ? MAP_SHARED : MAP_PRIVATE | MAP_NORESERVE
        if unsafe address != nil { flags |= MAP_FIXED }
        if descriptor == nil {
            #if canImport(Darwin)
                flags |= MAP_ANON
            #else
                flags |= MAP_ANONYMOUS
            #endif
        }
        let result = unsafe mmap(
            address, byteCount, protection, flags, descriptor ?? -1, off_t(fileOffset))
        guard let result = unsafe result, unsafe result != MAP_FAILED else {
            return unsafe .failure(SystemError(code: errno))
        }
        return unsafe .success(result)
    }

    /// Reserves addresses anywhere, without memory behind them.
    static func reserve(_ byteCount: Int) -> Result<UnsafeMutableRawPointer, SystemError> {
        unsafe map(
            at: nil, byteCount: byteCount, protection: noAccess, isShared: false, descriptor: nil,
            fileOffset: 0)
    }

    /// Reserves addresses at `address` only: EEXIST if a mapping lies there. A system without such
    /// a call treats the address as a hint.
    static func reserve(
        _ byteCount: Int, exactlyAt address: UnsafeMutableRawPointer
    ) -> SystemError? {
        #if canImport(Darwin)
            let flags = MAP_PRIVATE | MAP_NORESERVE | MAP_ANON
        #else
            // MAP_FIXED_NOREPLACE, which kernels before 4.17 ignore.
            let flags = MAP_PRIVATE | MAP_NORESERVE | MAP_ANONYMOUS | 0x10_0000
        #endif
        guard let found = unsafe mmap(address, byteCount, noAccess, flags, -1, 0),
            unsafe found != MAP_FAILED
        else {
            return SystemError(code: errno)
        }
        if unsafe found == address { return nil }
        unsafe unmap(found, byteCount)
        return SystemError(code: EEXIST)
    }

    static func unmap(_ address: UnsafeMutableRawPointer, _ byteCount: Int) {
        // Fails only for arguments that were never mapped, which the callers exclude.
        let result = unsafe munmap(address, byteCount)
        demand(result == 0, "munmap of a mapped range failed (error \(errno))")
    }

    static func protect(_ address: UnsafeMutableRawPointer, _ byteCount: Int, _ protection: Int32)
        -> SystemError?
    {
        unsafe mprotect(address, byteCount, protection) == 0 ? nil : SystemError(code: errno)
    }

    static func sync(_ address: UnsafeMutableRawPointer, _ byteCount: Int, waits: Bool)
        -> SystemError?
    {
        retrying { unsafe msync(address, byteCount, waits ? Int32(MS_SYNC) : Int32(MS_ASYNC)) }
    }

    static func advise(_ address: UnsafeMutableRawPointer, _ byteCount: Int, _ advice: MemoryAdvice)
        -> SystemError?
    {
        guard let value = number(of: advice), isKnown(value) else { return nil }
        // EAGAIN is a temporary shortage. Retries a few times; an endless loop could hang on a
        // machine without memory.
        var triesLeft = 16
        while unsafe madvise(address, byteCount, value) != 0 {
            let code = errno
            if code == EINTR { continue }
            guard code == EAGAIN, triesLeft > 0 else { return SystemError(code: code) }
            triesLeft -= 1
        }
        return nil
    }

    /// Whether this kernel knows the advice. Tested with an empty range, for which known advice
    /// does nothing and unknown advice is `EINVAL`; so an `EINVAL` for the real range keeps its
    /// meaning.
    private static func isKnown(_ value: Int32) -> Bool {
        #if canImport(Darwin)
            return true
        #else
            guard value > MADV_DONTNEED else { return true }
            return madvise(nil, 0, value) == 0
        #endif
    }

    /// The system's constant for an advice; nil if it has none, and the advice has no effect.
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
            // Constants of the kernel's interface, which older C libraries do not define.
            case .hugePage: return 14  // MADV_HUGEPAGE
            case .populateRead: return 22  // MADV_POPULATE_READ
            case .populateWrite: return 23  // MADV_POPULATE_WRITE
        #endif
        }
    }

    // MARK: Files

    /// Flushes the drive's own cache too, if the system has a call for it.
    static func syncThroughToDevice(_ descriptor: Int32) -> SystemError? {
        #if canImport(Darwin)
            guard let error = retrying({ fcntl(descriptor, F_FULLFSYNC) }) else { return nil }
            // Some network and foreign file systems do not support it; fsync is then the best
            // available. Any other failure is a failure of the disk, and must not be hidden by a
            // second call that succeeds.
            guard [ENOTSUP, EINVAL, ENOTTY].contains(error.code) else { return error }
            return retrying { fsync(descriptor) }
        #else
            return retrying { fdatasync(descriptor) }
        #endif
    }

    static func truncate(_ descriptor: Int32, to size: Int) -> SystemError? {
        retrying { ftruncate(descriptor, off_t(size)) }
    }

    /// The free bytes of the file's file system, if known: no program can get more, and most of
    /// them, without special rights, no more than `available`.
    static func freeBytes(_ descriptor: Int32) -> (all: Int, available: Int)? {
        var status = statvfs()
        guard retrying({ unsafe fstatvfs(descriptor, &status) }) == nil else { return nil }
        // Some file systems do not say.
        guard status.f_blocks > 0 else { return nil }
        func bytes(_ blocks: UInt64) -> Int {
            let (count, overflow) = blocks.multipliedReportingOverflow(by: UInt64(status.f_frsize))
            return overflow ? .max : Int(clamping: count)
        }
        return (bytes(UInt64(status.f_bfree)), bytes(UInt64(status.f_bavail)))
    }

    /// Allocates disk blocks for the bytes from `start` to `end`, and extends the file to `end` if
    /// it is shorter.
    static func allocate(_ descriptor: Int32, from start: Int, to end: Int, presentSize: Int)
        -> SystemError?
    {
        // The system would allocate all that is left before it fails, and other programs would find
        // the disk full meanwhile.
        let added = end - max(start, presentSize)
        if added >= 1 << 30, let free = freeBytes(descriptor),
            added > (geteuid() == 0 ? free.all : free.available)
        {
            // A limit of the file's size is the more helpful error; the caller restores the size.
            return truncate(descriptor, to: end) ?? SystemError(code: ENOSPC)
        }
        #if canImport(Darwin)
            guard end > presentSize else { return nil }
            // Blocks are counted from the file's end here, and allocating them does not move that
            // end.
            var request = fstore_t(
                fst_flags: UInt32(F_ALLOCATEALL), fst_posmode: F_PEOFPOSMODE, fst_offset: 0,
                fst_length: off_t(end - presentSize), fst_bytesalloc: 0)
            if let error = retrying({ fcntl(descriptor, F_PREALLOCATE, &request) }) { return error }
            return truncate(descriptor, to: end)
        #else
            // Returns its error instead of setting errno. If the file system has no such call,
            // glibc writes a byte to every block and Musl fails with EOPNOTSUPP. A retry continues
            // where the call stopped.
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
        if let error = retrying({ unsafe fstat(descriptor, &status) }) { return .failure(error) }
        let kind = status.st_mode & S_IFMT
        return .success(
            FileStatus(
                size: Int(status.st_size), isRegular: kind == S_IFREG, isDirectory: kind == S_IFDIR)
        )
    }

    static func open(_ path: String, writable: Bool) -> Result<Int32, SystemError> {
        // Non-blocking, so that opening a FIFO is an error and not a wait; a terminal must not
        // become this process's controlling terminal. Neither flag affects regular files.
        let flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        return unsafe PathBytes.withCString(path) { path in
            while true {
                #if canImport(Darwin)
                    let descriptor = Darwin.open(path, flags)
                #elseif canImport(Glibc)
                    let descriptor = unsafe Glibc.open(path, flags)
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
            let count = unsafe pread(descriptor, &byte, 1, 0)
            if count >= 0 || errno != EINTR { return count > 0 }
        }
    }

    /// Not retried after an interruption: on Linux the descriptor is closed even then, and may
    /// already have been reused.
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
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard unsafe strerror_r(code, buffer.baseAddress!, buffer.count) == 0 else {
                return "unknown error"
            }
            return unsafe String(cString: buffer.baseAddress!)
        }
    }

    /// Repeats a call that a signal interrupted; nil is success, which is every result except -1.
    private static func retrying(_ call: () -> Int32) -> SystemError? {
        while call() == -1 {
            let code = errno
            if code != EINTR { return SystemError(code: code) }
        }
        return nil
    }
}
