#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A failed mapping call: the operation, the file, and the system's error.
///
/// Thrown for external causes: files, limits, disks. A programming error traps instead.
public struct MappingError: Error, Equatable, Sendable {
    /// The operation that failed.
    public enum Operation: String, Sendable, CaseIterable {
        /// `reserve` reserves addresses, `status` queries a file's kind and size, `truncate` sets a
        /// size, `access` is the use of a mapped file's bytes; the other names are
        /// self-explanatory.
        case reserve, map, unmap, protect, advise, sync, grow, truncate, status, open, access
    }

    /// The operation that failed.
    public var operation: Operation
    /// The file, if known.
    public var path: String?
    /// The `errno` value.
    public var code: Int32

    /// An error from its parts. `code` is an `errno` value.
    public init(_ operation: Operation, path: String? = nil, code: Int32) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    init(_ operation: Operation, path: String? = nil, _ error: SystemError) {
        self.init(operation, path: path, code: error.code)
    }

    /// Whether addresses were refused because another mapping lies there, and not because addresses
    /// are scarce.
    public var isOfNeighbour: Bool { operation == .reserve && code == EEXIST }

    /// Calls `body` and adds the path, unknown to the layer below, to its error.
    static func naming<R>(
        _ path: String?, _ body: () throws(MappingError) -> R
    ) throws(MappingError) -> R {
        do throws(MappingError) {
            return try body()
        } catch {
            throw MappingError(error.operation, path: path, code: error.code)
        }
    }
}

extension MappingError: CustomStringConvertible {
    /// What happened, to which file, and what to do about it, in complete sentences.
    public var description: String {
        "Could not \(attempt): \(SystemCalls.text(of: code)) (error \(code)). \(advice)"
    }

    private var attempt: String {
        let path = path.map { PathBytes.display($0) }
        let object = path ?? "memory"
        switch operation {
        case .reserve: return "reserve addresses for \(path ?? "a mapping")"
        case .map: return "map \(object)"
        case .unmap: return "unmap \(object)"
        case .protect: return "change the protection of \(object)"
        case .advise: return "pass on advice for \(object)"
        case .sync: return "sync \(object)"
        case .grow: return "grow \(path ?? "a file or mapping")"
        case .truncate: return "set the size of \(path ?? "a file")"
        case .status: return "look up the kind and size of \(path ?? "a file")"
        case .open: return "open \(path ?? "a file")"
        case .access: return "use the mapped bytes of \(path ?? "a file")"
        }
    }

    /// Advice for the user.
    private var advice: String {
        switch code {
        case ENOSPC, EDQUOT: "The disk or the quota is full; free some space and try again."
        case EFBIG:
            "A limit for the size of files was reached; raise it (ulimit -f) or use another file "
                + "system."
        case EACCES, EPERM: "Check the permissions of the file and of the folders above it."
        case EROFS:
            "The file system is read-only; map the file as readOnly or privateCopy, or copy it "
                + "elsewhere."
        case ENOENT, ENOTDIR: "Check the path."
        case EISDIR: "Name a file, not a folder."
        case EINVAL where operation == .open, ENXIO where operation == .open:
            "Only regular files can be mapped; name one, not a device, pipe or socket."
        case ENODEV where operation == .map:
            "This file or its file system cannot be mapped; copy the file elsewhere, and use the "
                + "copy."
        case EOPNOTSUPP where operation == .grow:
            "This file system cannot reserve disk blocks; grow the file without reserving them."
        case EMFILE, ENFILE: "Too many files are open; close some, or raise the limit (ulimit -n)."
        case ENOMEM:
            "Too little memory or address space is left; free some, or raise the limit (ulimit -v)."
        case EIO where operation == .access:
            "The file was truncated, its disk failed, or was full for a hole of the file. Find out "
                + "which (size of the file, free space, the system's log), treat what was read or "
                + "written in this call as lost, and open the file again."
        case EIO:
            "The disk failed; check it and the system's log, and treat unsynced changes as lost."
        default: "See the system's documentation of this error."
        }
    }
}
