import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A file that is open only while something is done with it, so that it takes none of the process's
/// descriptors: for files that are mapped once and seldom looked at again. It has no locks, which
/// would go with the descriptor.
///
/// It is found again by its path. Another file there is an error (`ESTALE`): the one that is meant
/// has lost its name. Thread safety: any thread, like the files that it opens.
final class RestingFile: DiskFile {
    let path: String
    private let disk: any Disk
    private let access: FileAccess
    private let identity: FileIdentity

    /// Takes over `file`, which is open for reading, and for writing too if `isWritable`; closes
    /// it.
    init(_ file: any DiskFile, on disk: any Disk, isWritable: Bool) throws(DiskError) {
        path = file.path
        self.disk = disk
        access = isWritable ? .readWrite : .readOnly
        identity = try file.fileIdentity()
        file.close()
    }

    /// `file`, or what stands for it on a disk that finds files by their paths again.
    static func resting(
        _ file: any DiskFile, on disk: any Disk, isWritable: Bool
    ) throws(DiskError) -> any DiskFile {
        guard disk.tellsPaths else { return file }
        return try RestingFile(file, on: disk, isWritable: isWritable)
    }

    private func opened<R>(_ body: (any DiskFile) throws(DiskError) -> R) throws(DiskError) -> R {
        let file = try disk.open(path, access)
        defer { file.close() }
        guard try file.fileIdentity() == identity else { throw DiskError(.open, path, code: ESTALE) }
        return try body(file)
    }

    func fileIdentity() throws(DiskError) -> FileIdentity { identity }

    func close() {}

    func size() throws(DiskError) -> Int {
        try opened { (file) throws(DiskError) in try file.size() }
    }

    func allocatedBytes() throws(DiskError) -> Int {
        try opened { (file) throws(DiskError) in try file.allocatedBytes() }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        try opened { (file) throws(DiskError) in try file.read(into: buffer, at: offset) }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) {
        try opened { (file) throws(DiskError) in try file.write(bytes, at: offset) }
    }

    func sync() throws(DiskError) {
        try opened { (file) throws(DiskError) in try file.sync() }
    }

    func grow(from oldSize: Int, to newSize: Int, reservingBlocks: Bool) throws(DiskError) {
        try opened { (file) throws(DiskError) in
            try file.grow(from: oldSize, to: newSize, reservingBlocks: reservingBlocks)
        }
    }

    func truncate(to newSize: Int) throws(DiskError) {
        try opened { (file) throws(DiskError) in try file.truncate(to: newSize) }
    }

    func map(
        into reservation: AddressReservation, at offset: Int, fileOffset: Int, byteCount: Int,
        kind: MappingKind
    ) throws(DiskError) {
        try opened { (file) throws(DiskError) in
            try file.map(
                into: reservation, at: offset, fileOffset: fileOffset, byteCount: byteCount, kind: kind)
        }
    }

    func tryLock(_ lock: FileLock, exclusive: Bool) throws(DiskError) -> Bool {
        throw DiskError(.lock, path, code: EBADF)
    }

    func unlock(_ lock: FileLock) {}

    func isLockedByOthers(_ lock: FileLock) throws(DiskError) -> Bool {
        try opened { (file) throws(DiskError) in try file.isLockedByOthers(lock) }
    }

    func zero(at offset: Int, byteCount: Int, keepsBlocks: Bool) throws(DiskError) {
        try opened { (file) throws(DiskError) in
            try file.zero(at: offset, byteCount: byteCount, keepsBlocks: keepsBlocks)
        }
    }

    func nextData(from offset: Int) throws(DiskError) -> Int? {
        try opened { (file) throws(DiskError) in try file.nextData(from: offset) }
    }

    func fileSystemKind() throws(DiskError) -> FileSystemKind {
        try opened { (file) throws(DiskError) in try file.fileSystemKind() }
    }

    func requireRegularFile() throws(DiskError) {
        try opened { (file) throws(DiskError) in try file.requireRegularFile() }
    }
}
