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

    public func open(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile {
        try open(path, access, flags: 0)
    }

    private func open(_ path: String, _ access: FileAccess, flags: Int32) throws(DiskError)
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
        // O_NONBLOCK: opening a FIFO that nobody writes to must not hang; it means nothing for
        // regular files.
        flags |= O_CLOEXEC | O_NONBLOCK
        let opened = Self.calling(path) { path in
            #if canImport(Darwin)
                Darwin.open(path, flags, mode)
            #elseif canImport(Musl)
                Musl.open(path, flags, mode)
            #else
                Glibc.open(path, flags, mode)
            #endif
        }
        guard opened.code == 0 else { throw DiskError(.open, path, code: opened.code) }
        return SystemFile(path: path, descriptor: opened.value)
    }

    /// Makes a call that answers -1 if it fails; `code` is then the `errno`, and 0 otherwise.
    private static func calling(_ path: String, _ call: (UnsafePointer<CChar>) -> Int32) -> (
        value: Int32, code: Int32
    ) {
        // C would stop at the zero and take another file than the one named.
        guard !path.utf8.contains(0) else { return (-1, EINVAL) }
        return PathBytes.withCString(path) { path in
            while true {
                let value = call(path)
                if value >= 0 { return (value, 0) }
                let code = errno
                if code != EINTR { return (value, code) }
            }
        }
    }

    private static func calling(
        _ path: String, and other: String,
        _ call: (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Int32
    ) -> Int32 {
        guard !other.utf8.contains(0) else { return EINVAL }
        return PathBytes.withCString(other) { other in calling(path) { call($0, other) }.code }
    }

    public func openBeside(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile {
        // Looked at before it is opened: whoever waits at the other end of a pipe would notice, and
        // a device may do something.
        var status = stat()
        if Self.calling(path, { lstat($0, &status) }).code == 0 {
            try Self.requireOwnable(status, path)
        }
        let file: SystemFile
        do throws(DiskError) { file = try open(path, access, flags: O_NOFOLLOW) } catch {
            guard [ELOOP, EISDIR, ENXIO].contains(error.code) else { throw error }
            throw DiskError(.claim, path, code: error.code == ENXIO ? EINVAL : error.code)
        }
        try Self.requireOwnable(try file.status(), path)
        return file
    }

    private static func requireOwnable(_ status: stat, _ path: String) throws(DiskError) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: if status.st_nlink > 1 { throw DiskError(.claim, path, code: EMLINK) }
        case S_IFLNK: throw DiskError(.claim, path, code: ELOOP)
        case S_IFDIR: throw DiskError(.claim, path, code: EISDIR)
        default: throw DiskError(.claim, path, code: EINVAL)
        }
    }

    public func objection(to path: String, suffixBytes: Int) -> PathObjection? {
        if let objection = PathObjection(toText: path) { return objection }
        let pathBytes = PathBytes.bytes(of: path).count + suffixBytes
        // The system counts the zero at the end too.
        if pathBytes >= Int(PATH_MAX) {
            return .pathTooLong(bytes: pathBytes, limit: Int(PATH_MAX) - 1)
        }
        let folder = PathBytes.folder(of: path)
        let nameBytes = PathBytes.bytes(of: PathBytes.name(of: path)).count + suffixBytes
        let limit = PathBytes.withCString(folder) { pathconf($0, Int32(_PC_NAME_MAX)) }
        let longest = limit > 0 ? Int(limit) : 255
        if nameBytes > longest { return .nameTooLong(bytes: nameBytes, limit: longest) }
        var status = stat()
        switch Self.calling(folder, { stat($0, &status) }).code {
        case 0: return status.st_mode & S_IFMT == S_IFDIR ? nil : .notAFolder
        case ENOENT: return .noFolder
        case ENOTDIR: return .notAFolder
        default: return nil
        }
    }

    public func exists(_ path: String) -> Bool { Self.calling(path) { access($0, F_OK) }.code == 0 }

    public func renameWithoutReplacing(_ source: String, to destination: String) throws(DiskError) {
        // A hard link fails with EEXIST where rename would replace; both names mean the same file
        // in between.
        let linkError = Self.calling(source, and: destination) { link($0, $1) }
        guard linkError == 0 else {
            guard linkError == EPERM || linkError == EOPNOTSUPP || linkError == ENOSYS else {
                throw DiskError(.rename, destination, code: linkError)
            }
            // A file system without hard links (FAT, some network ones): the check and the rename
            // are two steps there.
            guard !exists(destination) else { throw DiskError(.rename, destination, code: EEXIST) }
            return try renameReplacing(source, to: destination)
        }
        _ = Self.calling(source) { unlink($0) }
    }

    public func renameReplacing(_ source: String, to destination: String) throws(DiskError) {
        let code = Self.calling(source, and: destination) { rename($0, $1) }
        guard code == 0 else { throw DiskError(.rename, destination, code: code) }
    }

    public func fileIdentity(at path: String) -> FileIdentity? {
        var status = stat()
        guard Self.calling(path, { stat($0, &status) }).code == 0 else { return nil }
        return FileIdentity(status)
    }

    public func remove(_ path: String) throws(DiskError) {
        let code = Self.calling(path) { unlink($0) }.code
        guard code == 0 || code == ENOENT else { throw DiskError(.remove, path, code: code) }
    }

    public func syncDirectory(of path: String) throws(DiskError) {
        let directory = try open(PathBytes.folder(of: path), .readOnly, flags: 0)
        defer { directory.close() }
        try directory.syncNames()
    }

    public func resolve(_ path: String) -> String {
        var path = path
        // As many links as the system itself follows.
        for _ in 0 ..< 40 {
            if let found = Self.realPath(path) { return found }
            // What is not there yet has no real path; but a link to it says where it would be.
            guard let target = Self.linkTarget(path) else { break }
            path = PathBytes.isAbsolute(target) ? target : PathBytes.folder(of: path) + "/" + target
        }
        guard let folder = Self.realPath(PathBytes.folder(of: path)) else { return path }
        return (folder == "/" ? "/" : folder + "/") + PathBytes.name(of: path)
    }

    private static func realPath(_ path: String) -> String? {
        var found: String?
        _ = calling(path) { path in
            guard let real = realpath(path, nil) else { return -1 }
            defer { free(real) }
            found = PathBytes.text(cString: real)
            return 0
        }
        return found
    }

    #if os(Linux)
        /// Not everywhere is there a `/proc`.
        private static let hasDescriptorPaths = access("/proc/self/fd", F_OK) == 0

        public var tellsPaths: Bool { Self.hasDescriptorPaths }
    #endif

    static func linkTarget(_ path: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = bytes.withUnsafeMutableBytes { bytes in
            let target = bytes.baseAddress!.assumingMemoryBound(to: CChar.self)
            return calling(path) { Int32(readlink($0, target, bytes.count)) }.value
        }
        return count > 0 ? PathBytes.text(bytes[..<Int(count)]) : nil
    }
}

/// An open file descriptor.
///
/// `@unchecked Sendable`: the descriptor is set once and closed once (the engine's lock orders
/// `close` after every use); `pread`, `pwrite` and `fdatasync` carry no shared position.
public final class SystemFile: DiskFile, @unchecked Sendable {
    /// Changes only before the file is shared.
    public private(set) var path: String
    let descriptor: Int32
    private var isClosed = false
    var hasLocks = false
    private let generation = ForkGuard.generation

    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
        InheritedFiles.add(descriptor)
    }

    deinit {
        close()
        InheritedFiles.remove(descriptor)
        #if canImport(Darwin)
            _ = Darwin.close(descriptor)
        #elseif canImport(Musl)
            _ = Musl.close(descriptor)
        #else
            _ = Glibc.close(descriptor)
        #endif
    }

    /// Gives back the locks. The descriptor goes with the object, so that a thread which still uses
    /// it meets no other file under its number.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        // A mapping keeps the open file alive, and with it its locks, until it is unmapped. After a
        // fork the parent has the same open file, and the locks are the parent's. The opening lock
        // last: whoever waits for it must not find the others still taken by someone who has gone.
        if hasLocks, ForkGuard.generation == generation {
            unlockAllBehind(.opening)
            unlock(.opening)
        }
    }

    public func size() throws(DiskError) -> Int {
        Int(try status().st_size)
    }

    public func allocatedBytes() throws(DiskError) -> Int {
        // Blocks of 512 bytes, whatever those of the file system are.
        Int(try status().st_blocks) * 512
    }

    public func requireRegularFile() throws(DiskError) { _ = try facts() }

    public func facts() throws(DiskError) -> FileFacts {
        let status = try status()
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw DiskError(.status, path, code: EISDIR)
        default: throw DiskError(.status, path, code: EINVAL)
        }
        return FileFacts(
            size: Int(status.st_size), identity: FileIdentity(status), isNamed: status.st_nlink > 0)
    }

    public func currentPath() -> String? {
        #if os(Linux)
            // A file that has lost its name says so behind the path; whoever uses the path sees
            // that another file or none is there.
            SystemDisk.linkTarget("/proc/self/fd/\(descriptor)")
        #else
            nil
        #endif
    }

    public func rights() throws(DiskError) -> FileRights? {
        let status = try status()
        return FileRights(mode: UInt32(status.st_mode), owner: status.st_uid, group: status.st_gid)
    }

    public func take(_ rights: FileRights) {
        guard let status = try? status() else { return }
        var mode = rights.mode
        if status.st_gid != rights.group, fchown(descriptor, uid_t.max, rights.group) != 0 {
            mode &= ~0o070 | (mode & 0o007) << 3
        }
        // A file system without modes of its own (FAT) refuses, and has what its mount says.
        if UInt32(status.st_mode) & 0o777 != mode { _ = fchmod(descriptor, mode_t(mode)) }
        // Last, since the file is not this process's any more then. Only root may.
        if status.st_uid != rights.owner { _ = fchown(descriptor, rights.owner, gid_t.max) }
    }

    public func wasRenamed(to path: String) { self.path = path }

    func status() throws(DiskError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw DiskError(.status, path, code: errno) }
        return status
    }

    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError)
        -> Int
    {
        var done = 0
        while done < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
            if count > 0 {
                done += count
            } else if count == 0 {
                break
            } else if errno != EINTR {
                throw DiskError(.read, path, code: errno)
            }
        }
        return done
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) {
        var done = 0
        while done < bytes.count {
            let count = pwrite(
                descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
            if count > 0 {
                done += count
            } else if count == 0 {
                throw DiskError(.write, path, code: ENOSPC)
            } else if errno != EINTR {
                throw DiskError(.write, path, code: errno)
            }
        }
    }

    public func sync() throws(DiskError) {
        #if canImport(Darwin)
            // fsync leaves the data in the drive's cache on Darwin; F_FULLFSYNC does not. Untested:
            // no Mac was at hand. Only file systems that do not know the call may do with less; any
            // other error is the disk's.
            guard fcntl(descriptor, F_FULLFSYNC) != 0 else { return }
            guard errno == ENOTSUP || errno == EINVAL || errno == ENOTTY, fsync(descriptor) == 0
            else {
                throw DiskError(.sync, path, code: errno)
            }
        #else
            guard fdatasync(descriptor) == 0 else { throw DiskError(.sync, path, code: errno) }
        #endif
    }

    /// For folders, whose names are not data: all of them, on every file system.
    func syncNames() throws(DiskError) {
        #if canImport(Darwin)
            try sync()
        #else
            guard fsync(descriptor) == 0 else { throw DiskError(.sync, path, code: errno) }
        #endif
    }

    public func grow(from oldSize: Int, to newSize: Int, reservingBlocks: Bool) throws(DiskError) {
        do {
            try FileGrowth.grow(
                fileDescriptor: descriptor, from: oldSize, to: newSize,
                reservingBlocks: reservingBlocks)
        } catch {
            throw DiskError(.grow, path, code: error.code)
        }
    }

    public func truncate(to newSize: Int) throws(DiskError) {
        do {
            try FileGrowth.truncate(fileDescriptor: descriptor, to: newSize)
        } catch {
            throw DiskError(.truncate, path, code: error.code)
        }
    }

    public func mapAlone(byteCount: Int, kind: MappingKind) throws(DiskError) -> AddressReservation
    {
        do {
            return try AddressReservation(mapping: descriptor, byteCount: byteCount, kind: kind)
        } catch {
            throw DiskError(.map, path, code: error.code)
        }
    }
}

extension FileIdentity {
    /// As the system tells it.
    init(_ status: stat) { self.init(device: UInt64(status.st_dev), number: UInt64(status.st_ino)) }
}
