#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A mapping call that failed: what was tried, on which file, with which system error.
public struct MappingError: Error, Equatable, Sendable {
    /// What was tried.
    public enum Operation: String, Sendable {
        case reserve, map, unmap, protect, advise, sync, grow, truncate, status, open
    }

    public var operation: Operation
    /// The file, where one is known.
    public var path: String?
    /// The `errno` value.
    public var code: Int32

    public init(_ operation: Operation, path: String? = nil, code: Int32) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    init(_ operation: Operation, path: String? = nil, _ error: SystemError) {
        self.init(operation, path: path, code: error.code)
    }
}

extension MappingError: CustomStringConvertible {
    public var description: String {
        "Could not \(operation.rawValue) \(path ?? "memory"): \(SystemCalls.text(of: code)) (error \(code)). \(advice)"
    }

    /// What the user can do.
    private var advice: String {
        switch code {
        case ENOSPC, EDQUOT: "The disk is full; free some space and try again."
        case EFBIG: "A limit for the size of files was reached; raise it (ulimit -f) and try again."
        case EACCES, EPERM: "Check the file's permissions."
        case ENOENT: "Check the path."
        case EISDIR: "Name a file, not a folder."
        case EINVAL where operation == .open: "Name a regular file."
        case ENOMEM: "Too little memory or address space is left; free some, or raise the limit (ulimit -v)."
        case EIO: "The disk failed; check it and the system's log."
        default: "See the system's documentation of this error."
        }
    }
}
