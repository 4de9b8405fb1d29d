import HoldfastEngine
import HoldfastSystem
import MemoryMapping
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The real disk, on which this process stops itself once, at a chosen point. So other processes
/// meet one that is stopped while it holds an internal lock of the engine.
final class StoppingDisk: Disk {
    enum Point: String {
        /// The opening lock has just been taken.
        case opening
        /// The log is about to be synced: the sync lock is held.
        case syncLog
        /// The heap file is about to be synced: the checkpoint lock is held.
        case syncHeap
    }

    private let armed = Mutex<Point?>(nil)

    func arm(_ point: Point) { armed.withLock { $0 = point } }

    func reach(_ point: Point) {
        let isHere = armed.withLock { armed -> Bool in
            guard armed == point else { return false }
            armed = nil
            return true
        }
        if isHere { kill(getpid(), SIGSTOP) }
    }

    func open(_ path: String, _ access: FileAccess) throws(SystemError) -> any DiskFile {
        StoppingFile(try SystemDisk.shared.open(path, access), disk: self)
    }

    func exists(_ path: String) -> Bool { SystemDisk.shared.exists(path) }
    func remove(_ path: String) throws(SystemError) { try SystemDisk.shared.remove(path) }
    func syncDirectory(of path: String) throws(SystemError) {
        try SystemDisk.shared.syncDirectory(of: path)
    }
    func names(inFolder path: String) throws(SystemError) -> [String] {
        try SystemDisk.shared.names(inFolder: path)
    }
    func createFolder(_ path: String) throws(SystemError) {
        try SystemDisk.shared.createFolder(path)
    }
    func resolve(_ path: String) -> String { SystemDisk.shared.resolve(path) }
    func fileIdentity(at path: String) -> FileIdentity? { SystemDisk.shared.fileIdentity(at: path) }

    func renameWithoutReplacing(_ source: String, to destination: String) throws(SystemError) {
        try SystemDisk.shared.renameWithoutReplacing(source, to: destination)
    }

    func renameReplacing(_ source: String, to destination: String) throws(SystemError) {
        try SystemDisk.shared.renameReplacing(source, to: destination)
    }
}

private final class StoppingFile: DiskFile {
    private let file: any DiskFile
    private let disk: StoppingDisk

    init(_ file: any DiskFile, disk: StoppingDisk) {
        self.file = file
        self.disk = disk
    }

    var path: String { file.path }

    func tryLock(_ lock: FileLock, exclusive: Bool) throws(SystemError) -> Bool {
        guard try file.tryLock(lock, exclusive: exclusive) else { return false }
        if lock == .opening { disk.reach(.opening) }
        return true
    }

    func sync() throws(SystemError) {
        disk.reach(path.hasSuffix("-log") ? .syncLog : .syncHeap)
        try file.sync()
    }

    func size() throws(SystemError) -> Int { try file.size() }
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SystemError) -> Int
    {
        try file.read(into: buffer, at: offset)
    }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SystemError) {
        try file.write(bytes, at: offset)
    }
    func grow(from oldSize: Int, to newSize: Int, reservingBlocks: Bool) throws(SystemError) {
        try file.grow(from: oldSize, to: newSize, reservingBlocks: reservingBlocks)
    }
    func truncate(to newSize: Int) throws(SystemError) { try file.truncate(to: newSize) }
    func map(
        into reservation: AddressReservation, at offset: Int, fileOffset: Int, byteCount: Int,
        kind: MappingKind
    ) throws(SystemError) {
        try file.map(
            into: reservation, at: offset, fileOffset: fileOffset, byteCount: byteCount, kind: kind)
    }
    func unlock(_ lock: FileLock) { file.unlock(lock) }
    func isLockedByOthers(_ lock: FileLock, exclusively: Bool) throws(SystemError) -> Bool {
        try file.isLockedByOthers(lock, exclusively: exclusively)
    }
    func zero(at offset: Int, byteCount: Int, keepsBlocks: Bool) throws(SystemError) {
        try file.zero(at: offset, byteCount: byteCount, keepsBlocks: keepsBlocks)
    }
    func nextData(from offset: Int) throws(SystemError) -> Int? { try file.nextData(from: offset) }
    func fileIdentity() throws(SystemError) -> FileIdentity { try file.fileIdentity() }
    func fileSystemKind() throws(SystemError) -> FileSystemKind { try file.fileSystemKind() }
    func requireRegularFile() throws(SystemError) { try file.requireRegularFile() }
    func close() { file.close() }
}
