import CHoldfast
import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The real disk: the operating system's files. Stateless; safe to use from any thread.
public final class SystemDisk: Disk {
    public static let shared = SystemDisk()

    private init() {}

    public func open(_ path: String, _ access: FileAccess) throws(SystemError) -> any DiskFile {
        try open(path, access, flags: 0)
    }

    private func open(_ path: String, _ access: FileAccess, flags: Int32) throws(SystemError)
        -> SystemFile
    {
        var flags = flags
        var mode: mode_t = 0o644
        switch access {
        case .readOnly: flags |= O_RDONLY
        case .readWrite: flags |= O_RDWR
        case .createNew(let isPrivate):
            flags |= O_RDWR | O_CREAT | O_EXCL
            if isPrivate { mode = 0o600 }
        case .createOrKeep(let isPrivate):
            flags |= O_RDWR | O_CREAT
            if isPrivate { mode = 0o600 }
        }
        // O_NONBLOCK: opening a FIFO without a writer must not hang. It has no effect on regular
        // files.
        flags |= O_CLOEXEC | O_NONBLOCK
        let opened = unsafe Self.calling(path) { path in
            #if canImport(Darwin)
                Darwin.open(path, flags, mode)
            #elseif canImport(Musl)
                Musl.open(path, flags, mode)
            #else
                unsafe Glibc.open(path, flags, mode)
            #endif
        }
        if let errno = opened.errno { throw SystemError(.open, path, errno) }
        return SystemFile(path: path, descriptor: opened.value)
    }

    /// Makes a call that returns -1 on failure; repeats it if a signal interrupts it.
    private static func calling(_ path: String, _ call: (UnsafePointer<CChar>) -> Int32) -> (
        value: Int32, errno: Errno?
    ) {
        // A C string would end at the zero, and name another file.
        guard !path.utf8.contains(0) else { return (-1, .invalidArgument) }
        return unsafe PathBytes.withCString(path) { path in
            while true {
                let value = unsafe call(path)
                if value >= 0 { return (value, nil) }
                let errno = Errno.current
                if errno != .interrupted { return (value, errno) }
            }
        }
    }

    private static func calling(
        _ path: String, and other: String,
        _ call: (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Int32
    ) -> Errno? {
        guard !other.utf8.contains(0) else { return .invalidArgument }
        return unsafe PathBytes.withCString(other) { other in
            unsafe calling(path) { unsafe call($0, other) }.errno
        }
    }

    public func openBeside(_ path: String, _ access: FileAccess) throws(SystemError) -> any DiskFile
    {
        // Checked before opening: a process at the other end of a pipe would notice the opening,
        // and a device may act on it.
        var status = stat()
        if unsafe Self.calling(path, { unsafe lstat($0, &status) }).errno == nil {
            try Self.requireOwnable(status, path)
        }
        let file: SystemFile
        do throws(SystemError) { file = try open(path, access, flags: O_NOFOLLOW) } catch {
            // The name was given to another object since.
            switch error.errno {
            case .tooManySymbolicLinkLevels:
                throw SystemError.foreignFile(path: path, .symbolicLink)
            case .isDirectory: throw SystemError.foreignFile(path: path, .directory)
            case .noSuchAddressOrDevice: throw SystemError.foreignFile(path: path, .specialFile)
            default: throw error
            }
        }
        try Self.requireOwnable(try file.status(), path)
        return file
    }

    private static func requireOwnable(_ status: stat, _ path: String) throws(SystemError) {
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            if status.st_nlink > 1 { throw SystemError.foreignFile(path: path, .severalNames) }
        case S_IFLNK: throw SystemError.foreignFile(path: path, .symbolicLink)
        case S_IFDIR: throw SystemError.foreignFile(path: path, .directory)
        default: throw SystemError.foreignFile(path: path, .specialFile)
        }
    }

    public func objection(to path: String, suffixBytes: Int) -> PathObjection? {
        if let objection = PathObjection(toText: path) { return objection }
        let pathBytes = PathBytes.bytes(of: path).count + suffixBytes
        // The limit includes the terminating zero.
        if pathBytes >= Int(PATH_MAX) {
            return .pathTooLong(bytes: pathBytes, limit: Int(PATH_MAX) - 1)
        }
        let folder = PathBytes.folder(of: path)
        let nameBytes = PathBytes.bytes(of: PathBytes.name(of: path)).count + suffixBytes
        let limit = unsafe PathBytes.withCString(folder) {
            unsafe pathconf($0, Int32(_PC_NAME_MAX))
        }
        let longest = limit > 0 ? Int(limit) : 255
        if nameBytes > longest { return .nameTooLong(bytes: nameBytes, limit: longest) }
        var status = stat()
        switch unsafe Self.calling(folder, { unsafe stat($0, &status) }).errno {
        case nil: return status.st_mode & S_IFMT == S_IFDIR ? nil : .notAFolder
        case .noSuchFileOrDirectory: return .noFolder
        case .notDirectory: return .notAFolder
        default: return nil
        }
    }

    public func exists(_ path: String) -> Bool {
        unsafe Self.calling(path) { unsafe access($0, F_OK) }.errno == nil
    }

    public func renameWithoutReplacing(_ source: String, to destination: String) throws(SystemError)
    {
        // Never by a hard link and the removal of the old name: in between, the file would have two
        // names, and a file beside a heap that has two names counts as somebody else's.
        guard
            let errno = unsafe Self.calling(source, and: destination, unsafe Self.renameExclusively)
        else {
            return
        }
        guard [.invalidArgument, .notSupported, .noFunction].contains(errno) else {
            throw SystemError(.rename, destination, errno)
        }
        // A file system without such a call (some network file systems): there, the check and the
        // rename are two steps.
        guard !exists(destination) else { throw SystemError(.rename, destination, .fileExists) }
        try renameReplacing(source, to: destination)
    }

    private static func renameExclusively(
        _ source: UnsafePointer<CChar>, _ destination: UnsafePointer<CChar>
    ) -> Int32 {
        #if canImport(Darwin)
            renamex_np(source, destination, UInt32(RENAME_EXCL))
        #else
            unsafe holdfast_rename_exclusively(source, destination)
        #endif
    }

    public func renameReplacing(_ source: String, to destination: String) throws(SystemError) {
        if let errno = unsafe Self.calling(source, and: destination, { unsafe rename($0, $1) }) {
            throw SystemError(.rename, destination, errno)
        }
    }

    public func fileIdentity(at path: String) -> FileIdentity? {
        var status = stat()
        guard unsafe Self.calling(path, { unsafe stat($0, &status) }).errno == nil else {
            return nil
        }
        return FileIdentity(status)
    }

    public func remove(_ path: String) throws(SystemError) {
        if let errno = unsafe Self.calling(path, { unsafe unlink($0) }).errno,
            errno != .noSuchFileOrDirectory
        {
            throw SystemError(.remove, path, errno)
        }
    }

    public func syncDirectory(of path: String) throws(SystemError) {
        let directory = try open(PathBytes.folder(of: path), .readOnly, flags: 0)
        defer { directory.close() }
        try directory.syncNames()
    }

    public func createFolder(_ path: String) throws(SystemError) {
        if let errno = unsafe Self.calling(path, { unsafe mkdir($0, 0o777) }).errno {
            throw SystemError(.createFolder, path, errno)
        }
    }

    public func resolve(_ path: String) -> String {
        var path = path
        // The number of links that the kernel follows.
        for _ in 0 ..< 40 {
            if let found = Self.realPath(path) { return found }
            // A file that does not exist yet has no real path, but a link to it tells where it
            // would be.
            guard let target = Self.linkTarget(path) else { break }
            path = PathBytes.isAbsolute(target) ? target : PathBytes.folder(of: path) + "/" + target
        }
        guard let folder = Self.realPath(PathBytes.folder(of: path)) else { return path }
        return (folder == "/" ? "/" : folder + "/") + PathBytes.name(of: path)
    }

    private static func realPath(_ path: String) -> String? {
        var found: String?
        _ = unsafe calling(path) { path in
            guard let real = unsafe realpath(path, nil) else { return -1 }
            defer { unsafe free(real) }
            found = unsafe PathBytes.text(cString: real)
            return 0
        }
        return found
    }

    #if os(Linux)
        /// `/proc` may not be mounted.
        private static let hasDescriptorPaths = unsafe access("/proc/self/fd", F_OK) == 0

        public var tellsPaths: Bool { Self.hasDescriptorPaths }
    #endif

    package static func linkTarget(_ path: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = unsafe bytes.withUnsafeMutableBytes { bytes in
            let target = unsafe bytes.baseAddress!.assumingMemoryBound(to: CChar.self)
            return unsafe calling(path) { unsafe Int32(readlink($0, target, bytes.count)) }.value
        }
        return count > 0 ? PathBytes.text(bytes[..<Int(count)]) : nil
    }
}
