/// Why an operation on files, locks or mappings failed.
public enum SystemError: Error, Equatable, Sendable {
    /// A call to the operating system failed.
    case call(Operation, path: String, Errno)
    /// The name is taken by a file that is not the caller's; it was not changed.
    case foreignFile(path: String, FileObstacle)

    public enum Operation: String, Sendable {
        case open, status, read, write, sync, grow, truncate, map, rename, remove, lock,
            syncDirectory, list, createFolder

        /// Whether the failure says nothing about the contents of the disk: this process could not
        /// get a descriptor, addresses, memory or a lock. Other processes are not affected, and
        /// this one may retry.
        package var concernsThisProcessAlone: Bool {
            switch self {
            case .open, .status, .map, .lock, .list: true
            default: false
            }
        }
    }

    /// The error of a call that failed.
    public init(_ operation: Operation, _ path: String, _ errno: Errno) {
        self = .call(operation, path: path, errno)
    }

    public var path: String {
        switch self {
        case .call(_, let path, _), .foreignFile(let path, _): path
        }
    }

    /// Nil if no call has failed.
    public var errno: Errno? {
        if case .call(_, _, let errno) = self { errno } else { nil }
    }

    /// The same failure, reported for another name of the same file.
    public func renamed(to path: String) -> SystemError {
        switch self {
        case .call(let operation, _, let errno): .call(operation, path: path, errno)
        case .foreignFile(_, let obstacle): .foreignFile(path: path, obstacle)
        }
    }

    package var isOfThisProcessAlone: Bool {
        if case .call(let operation, _, _) = self {
            operation.concernsThisProcessAlone
        } else {
            false
        }
    }

    package var isForeignFile: Bool {
        if case .foreignFile = self { true } else { false }
    }

    /// Whether the process lacks a permission (`Errno.isRefusal`).
    package var isRefusal: Bool { errno?.isRefusal ?? false }

    /// One phrase for logs and reasons.
    package var summary: String {
        switch self {
        case .call(let operation, let path, let errno):
            "\(operation.rawValue) of \(path) failed with error \(errno.rawValue)"
        case .foreignFile(let path, let obstacle):
            "\(path) is not a file of this heap (\(obstacle.rawValue))"
        }
    }
}

/// The kind of object found under a name that should be the caller's file, or free.
public enum FileObstacle: String, Sendable {
    case symbolicLink
    case directory
    /// A file that has other names too (hard links).
    case severalNames
    /// A pipe, a device or a socket.
    case specialFile
    /// An ordinary file with other contents.
    case otherContents
}

/// An error of a layer above, with a case for errors of the system.
package protocol SystemErrorConvertible: Error {
    static func system(_ error: SystemError) -> Self
}

extension SystemErrorConvertible {
    /// Runs `body` and throws its error as one of this type.
    package static func passing<R>(_ body: () throws(SystemError) -> R) throws(Self) -> R {
        do throws(SystemError) { return try body() } catch { throw .system(error) }
    }
}
