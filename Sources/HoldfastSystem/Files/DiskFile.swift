import MemoryMapping

/// One open file of a ``Disk``. Offsets and counts are bytes.
public protocol DiskFile: AnyObject, Sendable {
    var path: String { get }
    func size() throws(SystemError) -> Int
    /// The disk space of the file in bytes: less than its size if it has holes.
    func allocatedBytes() throws(SystemError) -> Int
    /// Fills `buffer` from `offset`. Returns the bytes read, fewer than asked for only at the end
    /// of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SystemError) -> Int
    /// Writes all of `bytes` at `offset`, or throws.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SystemError)
    /// Makes everything written so far durable (`fdatasync`; `F_FULLFSYNC` on Darwin). A failure is
    /// final: the kernel may have marked the pages clean, so the caller must not trust a later
    /// success for this data.
    func sync() throws(SystemError)
    /// Extends the file. With `reservingBlocks`, allocates the disk space.
    func grow(from oldSize: Int, to newSize: Int, reservingBlocks: Bool) throws(SystemError)
    /// Truncates the file.
    func truncate(to newSize: Int) throws(SystemError)
    /// Maps `byteCount` bytes from `fileOffset` at `offset` of the reservation.
    func map(
        into reservation: AddressReservation, at offset: Int, fileOffset: Int, byteCount: Int,
        kind: MappingKind
    ) throws(SystemError)
    /// Maps the first `byteCount` bytes, whole granules of the file, at any address, without room
    /// to grow.
    func mapAlone(byteCount: Int, kind: MappingKind) throws(SystemError) -> AddressReservation
    /// Takes a lock without waiting, or changes the mode of a lock that this open file holds. False
    /// if another open file, of this process or another, holds it in a conflicting mode. The kernel
    /// releases it when the file is closed or the process ends. Exclusive locks need a file that
    /// was opened for writing (`EBADF`).
    func tryLock(_ lock: FileLock, exclusive: Bool) throws(SystemError) -> Bool
    /// Releases a lock.
    func unlock(_ lock: FileLock)
    /// Whether another open file holds the lock, exclusively or, unless that is asked, in any mode.
    func isLockedByOthers(_ lock: FileLock, exclusively: Bool) throws(SystemError) -> Bool
    /// Makes the range read as zeros. Keeps its disk blocks if `keepsBlocks`; otherwise frees them
    /// if the file system can.
    func zero(at offset: Int, byteCount: Int, keepsBlocks: Bool) throws(SystemError)
    /// The first offset from `offset` on that may hold data; nil if only holes follow.
    func nextData(from offset: Int) throws(SystemError) -> Int?
    func fileIdentity() throws(SystemError) -> FileIdentity
    func fileSystemKind() throws(SystemError) -> FileSystemKind
    /// Throws `EISDIR` for folders, and `EINVAL` for pipes and devices.
    func requireRegularFile() throws(SystemError)
    /// Size, identity and names in one call. Throws as `requireRegularFile` does.
    func facts() throws(SystemError) -> FileFacts
    /// The absolute path, without links, of the file that was opened, as it is now; nil if that is
    /// unknown.
    func currentPath() -> String?
    /// The permissions of the file; nil if the disk has none.
    func rights() throws(SystemError) -> FileRights?
    /// Gives the file the group, mode and owner of another file, as far as this process may. If the
    /// group cannot be set, it gets only the permissions of all users, because it is not the group
    /// that the permissions were meant for. Call this while the file is empty.
    func take(_ rights: FileRights)
    /// Records the file's new name, for error messages.
    func wasRenamed(to path: String)
    func close()
}

extension DiskFile {
    /// Whether another open file holds the lock in any mode.
    public func isLockedByOthers(_ lock: FileLock) throws(SystemError) -> Bool {
        try isLockedByOthers(lock, exclusively: false)
    }

    /// The default: as if the file had no holes.
    public func allocatedBytes() throws(SystemError) -> Int { try size() }

    /// The default, composed of the other calls.
    public func facts() throws(SystemError) -> FileFacts {
        try requireRegularFile()
        return FileFacts(size: try size(), identity: try fileIdentity(), isNamed: true)
    }

    public func currentPath() -> String? { nil }

    public func rights() throws(SystemError) -> FileRights? { nil }

    public func take(_ rights: FileRights) {}

    public func wasRenamed(to path: String) {}

    public func mapAlone(byteCount: Int, kind: MappingKind) throws(SystemError)
        -> AddressReservation
    {
        let reservation = try mappingErrors { () throws(MappingError) in
            try AddressReservation(preferredBytes: byteCount, minimumBytes: byteCount)
        }
        try map(into: reservation, at: 0, fileOffset: 0, byteCount: byteCount, kind: kind)
        return reservation
    }

    /// Runs `body` and converts its error to one of this file.
    package func mappingErrors<R>(
        as operation: SystemError.Operation = .map, _ body: () throws(MappingError) -> R
    ) throws(SystemError) -> R {
        do throws(MappingError) { return try body() } catch {
            throw SystemError(operation, path, Errno(error.code))
        }
    }
}
