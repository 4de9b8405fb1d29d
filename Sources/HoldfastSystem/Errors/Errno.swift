#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// An error number of the operating system (`errno`). The names are those of swift-system.
public struct Errno: Error, RawRepresentable, Hashable, Sendable {
    public var rawValue: Int32

    @inlinable
    public init(rawValue: Int32) { self.rawValue = rawValue }

    @inlinable
    public init(_ rawValue: Int32) { self.rawValue = rawValue }

    /// The calling thread's `errno`. Read it directly after the call that failed.
    public static var current: Errno { Errno(errno) }
}

extension Errno {
    /// `EPERM`
    public static var notPermitted: Errno { Errno(EPERM) }
    /// `ENOENT`
    public static var noSuchFileOrDirectory: Errno { Errno(ENOENT) }
    /// `ESRCH`
    public static var noSuchProcess: Errno { Errno(ESRCH) }
    /// `EINTR`
    public static var interrupted: Errno { Errno(EINTR) }
    /// `EIO`
    public static var ioError: Errno { Errno(EIO) }
    /// `ENXIO`
    public static var noSuchAddressOrDevice: Errno { Errno(ENXIO) }
    /// `EBADF`
    public static var badFileDescriptor: Errno { Errno(EBADF) }
    /// `EDEADLK`
    public static var deadlock: Errno { Errno(EDEADLK) }
    /// `ENOMEM`
    public static var noMemory: Errno { Errno(ENOMEM) }
    /// `EACCES`
    public static var permissionDenied: Errno { Errno(EACCES) }
    /// `EBUSY`
    public static var resourceBusy: Errno { Errno(EBUSY) }
    /// `EEXIST`
    public static var fileExists: Errno { Errno(EEXIST) }
    /// `EXDEV`
    public static var improperLink: Errno { Errno(EXDEV) }
    /// `ENOTDIR`
    public static var notDirectory: Errno { Errno(ENOTDIR) }
    /// `EISDIR`
    public static var isDirectory: Errno { Errno(EISDIR) }
    /// `EINVAL`
    public static var invalidArgument: Errno { Errno(EINVAL) }
    /// `ENFILE`
    public static var tooManyOpenFilesInSystem: Errno { Errno(ENFILE) }
    /// `EMFILE`
    public static var tooManyOpenFiles: Errno { Errno(EMFILE) }
    /// `ENOTTY`
    public static var inappropriateIOCTLForDevice: Errno { Errno(ENOTTY) }
    /// `ETXTBSY`
    public static var textFileBusy: Errno { Errno(ETXTBSY) }
    /// `EFBIG`
    public static var fileTooLarge: Errno { Errno(EFBIG) }
    /// `ENOSPC`
    public static var noSpace: Errno { Errno(ENOSPC) }
    /// `EROFS`
    public static var readOnlyFileSystem: Errno { Errno(EROFS) }
    /// `EMLINK`
    public static var tooManyLinks: Errno { Errno(EMLINK) }
    /// `EPIPE`
    public static var brokenPipe: Errno { Errno(EPIPE) }
    /// `EAGAIN`
    public static var resourceTemporarilyUnavailable: Errno { Errno(EAGAIN) }
    /// `ENAMETOOLONG`
    public static var fileNameTooLong: Errno { Errno(ENAMETOOLONG) }
    /// `ENOSYS`
    public static var noFunction: Errno { Errno(ENOSYS) }
    /// `ELOOP`
    public static var tooManySymbolicLinkLevels: Errno { Errno(ELOOP) }
    /// `EOPNOTSUPP`
    public static var notSupportedOnSocket: Errno { Errno(EOPNOTSUPP) }
    /// `ENOTSUP`
    public static var notSupported: Errno { Errno(ENOTSUP) }
    /// `ETIMEDOUT`
    public static var timedOut: Errno { Errno(ETIMEDOUT) }
    /// `EDQUOT`
    public static var diskQuotaExceeded: Errno { Errno(EDQUOT) }
}

extension Errno {
    /// Whether the process lacks a permission: `EACCES`, `EPERM`, or `EROFS`, which no permission
    /// helps with.
    public var isRefusal: Bool {
        [.permissionDenied, .notPermitted, .readOnlyFileSystem].contains(self)
    }
}

extension Errno: CustomStringConvertible {
    /// The system's description of the error.
    public var description: String {
        // Not strerror, which may use one buffer for all threads.
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard unsafe strerror_r(rawValue, buffer.baseAddress!, buffer.count) == 0 else {
                return "unknown error"
            }
            return unsafe String(cString: buffer.baseAddress!)
        }
    }
}
