import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// An open file descriptor.
///
/// `@unchecked Sendable`: the descriptor is set once and closed once (the engine's lock orders
/// `close` after every use); `pread`, `pwrite` and `fdatasync` use no shared file position.
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

    /// Releases the locks. The descriptor is closed with the object, so that a thread that still
    /// uses it cannot access another file with the same number.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        // A mapping keeps the open file, and with it the locks, until it is unmapped. After a fork
        // the parent has the same open file, and the locks are the parent's. Slot 0 last; see
        // `FileLock`.
        if hasLocks, ForkGuard.generation == generation {
            unlockAllButFirst()
            unlock(FileLock(slot: 0))
        }
    }

    public func size() throws(SystemError) -> Int {
        Int(try status().st_size)
    }

    public func allocatedBytes() throws(SystemError) -> Int {
        // In units of 512 bytes, whatever the block size of the file system.
        Int(try status().st_blocks) * 512
    }

    public func requireRegularFile() throws(SystemError) { _ = try facts() }

    public func facts() throws(SystemError) -> FileFacts {
        let status = try status()
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw SystemError(.status, path, .isDirectory)
        default: throw SystemError(.status, path, .invalidArgument)
        }
        return FileFacts(
            size: Int(status.st_size), identity: FileIdentity(status), isNamed: status.st_nlink > 0)
    }

    public func currentPath() -> String? {
        #if os(Linux)
            // The system appends " (deleted)" to the path of a file without a name. Such a path
            // leads to no file.
            SystemDisk.linkTarget("/proc/self/fd/\(descriptor)")
        #else
            nil
        #endif
    }

    public func rights() throws(SystemError) -> FileRights? {
        let status = try status()
        return FileRights(mode: UInt32(status.st_mode), owner: status.st_uid, group: status.st_gid)
    }

    public func take(_ rights: FileRights) {
        guard let status = try? status() else { return }
        var mode = rights.mode
        if status.st_gid != rights.group, fchown(descriptor, uid_t.max, rights.group) != 0 {
            mode &= ~0o070 | (mode & 0o007) << 3
        }
        // A file system without modes (FAT) refuses, and uses those of its mount.
        if UInt32(status.st_mode) & 0o777 != mode { _ = fchmod(descriptor, mode_t(mode)) }
        // Last, since this process no longer owns the file afterwards. Only root may do this.
        if status.st_uid != rights.owner { _ = fchown(descriptor, rights.owner, gid_t.max) }
    }

    public func wasRenamed(to path: String) { self.path = path }

    func status() throws(SystemError) -> stat {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw SystemError(.status, path, .current)
        }
        return status
    }

    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SystemError)
        -> Int
    {
        var done = 0
        while done < buffer.count {
            let count = unsafe pread(
                descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
            if count > 0 {
                done += count
            } else if count == 0 {
                break
            } else if Errno.current != .interrupted {
                throw SystemError(.read, path, .current)
            }
        }
        return done
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let count = unsafe pwrite(
                descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
            if count > 0 {
                done += count
            } else if count == 0 {
                throw SystemError(.write, path, .noSpace)
            } else if Errno.current != .interrupted {
                throw SystemError(.write, path, .current)
            }
        }
    }

    public func sync() throws(SystemError) {
        #if canImport(Darwin)
            // fsync leaves the data in the drive's cache on Darwin; F_FULLFSYNC does not. Untested
            // on a Mac. Only file systems that do not support the call may use fsync; any other
            // error is an error of the disk.
            guard fcntl(descriptor, F_FULLFSYNC) != 0 else { return }
            guard errno == ENOTSUP || errno == EINVAL || errno == ENOTTY, fsync(descriptor) == 0
            else {
                throw SystemError(.sync, path, .current)
            }
        #else
            guard fdatasync(descriptor) == 0 else { throw SystemError(.sync, path, .current) }
        #endif
    }

    /// Syncs a folder: on some file systems fdatasync does not write names.
    func syncNames() throws(SystemError) {
        #if canImport(Darwin)
            try sync()
        #else
            guard fsync(descriptor) == 0 else { throw SystemError(.sync, path, .current) }
        #endif
    }

    public func grow(from oldSize: Int, to newSize: Int, reservingBlocks: Bool) throws(SystemError)
    {
        try mappingErrors(as: .grow) { () throws(MappingError) in
            try FileGrowth.grow(
                fileDescriptor: descriptor, from: oldSize, to: newSize,
                reservingBlocks: reservingBlocks)
        }
    }

    public func truncate(to newSize: Int) throws(SystemError) {
        try mappingErrors(as: .truncate) { () throws(MappingError) in
            try FileGrowth.truncate(fileDescriptor: descriptor, to: newSize)
        }
    }

    public func mapAlone(byteCount: Int, kind: MappingKind) throws(SystemError)
        -> AddressReservation
    {
        try mappingErrors { () throws(MappingError) in
            try AddressReservation(mapping: descriptor, byteCount: byteCount, kind: kind)
        }
    }
}

extension FileIdentity {
    init(_ status: stat) { self.init(device: UInt64(status.st_dev), number: UInt64(status.st_ino)) }
}
