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
        let flags: Int32
        switch access {
        case .readOnly: flags = O_RDONLY
        case .readWrite: flags = O_RDWR
        case .createNew: flags = O_RDWR | O_CREAT | O_EXCL
        case .createOrKeep: flags = O_RDWR | O_CREAT
        }
        // O_NONBLOCK: opening a FIFO that nobody writes to must not hang; it means nothing for regular files.
        var descriptor: Int32
        repeat {
            #if canImport(Darwin)
                descriptor = Darwin.open(path, flags | O_CLOEXEC | O_NONBLOCK, 0o644)
            #elseif canImport(Musl)
                descriptor = Musl.open(path, flags | O_CLOEXEC | O_NONBLOCK, 0o644)
            #else
                descriptor = Glibc.open(path, flags | O_CLOEXEC | O_NONBLOCK, 0o644)
            #endif
        } while descriptor < 0 && errno == EINTR
        guard descriptor >= 0 else { throw DiskError(.open, path, code: errno) }
        return SystemFile(path: path, descriptor: descriptor)
    }

    public func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0
    }

    public func renameWithoutReplacing(_ source: String, to destination: String) throws(DiskError) {
        // A hard link fails with EEXIST where rename would replace; both names mean the same file in between.
        guard link(source, destination) == 0 else {
            let linkError = errno
            guard linkError == EPERM || linkError == EOPNOTSUPP || linkError == ENOSYS else {
                throw DiskError(.rename, destination, code: linkError)
            }
            // A file system without hard links (FAT, some network ones): the check and the rename are two steps there.
            guard !exists(destination) else { throw DiskError(.rename, destination, code: EEXIST) }
            guard rename(source, destination) == 0 else { throw DiskError(.rename, destination, code: errno) }
            return
        }
        _ = unlink(source)
    }

    public func renameReplacing(_ source: String, to destination: String) throws(DiskError) {
        guard rename(source, destination) == 0 else { throw DiskError(.rename, destination, code: errno) }
    }

    public func fileIdentity(at path: String) -> FileIdentity? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return FileIdentity(status)
    }

    public func remove(_ path: String) throws(DiskError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw DiskError(.remove, path, code: errno) }
    }

    public func syncDirectory(of path: String) throws(DiskError) {
        let folder = Self.folder(of: path)
        let directory = try open(folder, .readOnly)
        defer { directory.close() }
        try directory.sync()
    }

    public func resolve(_ path: String) -> String {
        var path = path
        // As many links as the system itself follows.
        for _ in 0 ..< 40 {
            if let found = Self.realPath(path) { return found }
            // What is not there yet has no real path; but a link to it says where it would be.
            guard let target = Self.linkTarget(path) else { break }
            path = target.hasPrefix("/") ? target : Self.folder(of: path) + "/" + target
        }
        guard let folder = Self.realPath(Self.folder(of: path)) else { return path }
        let name = path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
        return folder == "/" ? "/" + name : folder + "/" + name
    }

    private static func realPath(_ path: String) -> String? {
        guard let found = realpath(path, nil) else { return nil }
        defer { free(found) }
        return String(cString: found)
    }

    #if os(Linux)
        /// Not everywhere is there a `/proc`.
        private static let hasDescriptorPaths = access("/proc/self/fd", F_OK) == 0

        public var tellsPaths: Bool { Self.hasDescriptorPaths }
    #endif

    static func linkTarget(_ path: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = bytes.withUnsafeMutableBytes { readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count) }
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// An open file descriptor.
///
/// `@unchecked Sendable`: the descriptor is set once and closed once (the engine's lock orders `close` after every use);
/// `pread`, `pwrite` and `fdatasync` carry no shared position.
public final class SystemFile: DiskFile, @unchecked Sendable {
    public let path: String
    let descriptor: Int32
    private var isClosed = false
    var hasLocks = false
    private let generation = ForkGuard.generation

    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        close()
        #if canImport(Darwin)
            _ = Darwin.close(descriptor)
        #elseif canImport(Musl)
            _ = Musl.close(descriptor)
        #else
            _ = Glibc.close(descriptor)
        #endif
    }

    /// Gives back the locks. The descriptor goes with the object, so that a thread which still uses it meets no other file under its number.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        // A mapping keeps the open file alive, and with it its locks, until it is unmapped. After a fork the parent has the
        // same open file, and the locks are the parent's.
        // The opening lock last: whoever waits for it must not find the others still taken by someone who has gone.
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
            // A file that has lost its name says so behind the path; whoever uses the path sees that another file or none is there.
            SystemDisk.linkTarget("/proc/self/fd/\(descriptor)")
        #else
            nil
        #endif
    }

    func status() throws(DiskError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw DiskError(.status, path, code: errno) }
        return status
    }

    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
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
            let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
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
            // fsync leaves the data in the drive's cache on Darwin; F_FULLFSYNC does not. Untested: no Mac was at hand.
            // Only file systems that do not know the call may do with less; any other error is the disk's.
            guard fcntl(descriptor, F_FULLFSYNC) != 0 else { return }
            guard errno == ENOTSUP || errno == EINVAL || errno == ENOTTY, fsync(descriptor) == 0 else {
                throw DiskError(.sync, path, code: errno)
            }
        #else
            guard fdatasync(descriptor) == 0 else { throw DiskError(.sync, path, code: errno) }
        #endif
    }

    public func grow(from oldSize: Int, to newSize: Int, reservingBlocks: Bool) throws(DiskError) {
        do {
            try FileGrowth.grow(
                fileDescriptor: descriptor, from: oldSize, to: newSize, reservingBlocks: reservingBlocks)
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

    public func map(
        into reservation: AddressReservation, at offset: Int, fileOffset: Int, byteCount: Int, kind: MappingKind
    ) throws(DiskError) {
        do {
            try reservation.map(
                fileDescriptor: descriptor, fileOffset: fileOffset, byteCount: byteCount, at: offset, kind: kind)
        } catch {
            throw DiskError(.map, path, code: error.code)
        }
    }

    public func mapAlone(byteCount: Int, kind: MappingKind) throws(DiskError) -> AddressReservation {
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
