import HoldfastEngine
import HoldfastSystem
import MemoryMapping
import Synchronization

/// A wrapper of another disk with a callback before each call: a test can delay a call in one
/// thread while others continue, count calls, or refuse them.
///
/// Unlike `SimulatedDisk.fault`, the callback runs without any lock.
public final class TappedDisk: Disk, @unchecked Sendable {
    public struct Call: Sendable {
        public let operation: SimulatedDisk.Operation
        public let path: String
    }

    let disk: any Disk
    /// Called in the caller's thread; its error becomes the call's result. Set before the disk is
    /// used by several threads, or in the callback itself.
    public var tap: (@Sendable (Call) throws(SystemError) -> Void)?

    public init(_ disk: any Disk, tap: (@Sendable (Call) throws(SystemError) -> Void)? = nil) {
        self.disk = disk
        self.tap = tap
    }

    /// Called after a query whether others hold the lock, before the answer is returned.
    public var didAsk: (@Sendable (FileLock) -> Void)?

    func call(_ operation: SimulatedDisk.Operation, _ path: String) throws(SystemError) {
        try tap?(Call(operation: operation, path: path))
    }

    public func open(_ path: String, _ access: FileAccess) throws(SystemError) -> any DiskFile {
        try call(.open, path)
        return TappedFile(disk: self, file: try disk.open(path, access))
    }

    public func exists(_ path: String) -> Bool { disk.exists(path) }

    public func renameWithoutReplacing(_ source: String, to destination: String) throws(SystemError)
    {
        try call(.rename, destination)
        try disk.renameWithoutReplacing(source, to: destination)
    }

    public func renameReplacing(_ source: String, to destination: String) throws(SystemError) {
        try call(.rename, destination)
        try disk.renameReplacing(source, to: destination)
    }

    public func remove(_ path: String) throws(SystemError) {
        try call(.remove, path)
        try disk.remove(path)
    }

    public func syncDirectory(of path: String) throws(SystemError) {
        try call(.syncDirectory, path)
        try disk.syncDirectory(of: path)
    }

    public func names(inFolder path: String) throws(SystemError) -> [String] {
        try call(.read, path)
        return try disk.names(inFolder: path)
    }

    public func createFolder(_ path: String) throws(SystemError) {
        try call(.createFolder, path)
        try disk.createFolder(path)
    }

    public func fileIdentity(at path: String) -> FileIdentity? { disk.fileIdentity(at: path) }

    public func resolve(_ path: String) -> String { disk.resolve(path) }
}

final class TappedFile: DiskFile {
    let disk: TappedDisk
    let file: any DiskFile
    var path: String { file.path }

    init(disk: TappedDisk, file: any DiskFile) {
        self.disk = disk
        self.file = file
    }

    func wasRenamed(to path: String) { file.wasRenamed(to: path) }
    func size() throws(SystemError) -> Int { try file.size() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SystemError) -> Int
    {
        try disk.call(.read, path)
        return try file.read(into: buffer, at: offset)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SystemError) {
        try disk.call(.write, path)
        try file.write(bytes, at: offset)
    }

    func sync() throws(SystemError) {
        try disk.call(.sync, path)
        try file.sync()
    }

    func grow(from oldSize: Int, to newSize: Int, reservingBlocks: Bool) throws(SystemError) {
        try disk.call(.grow, path)
        try file.grow(from: oldSize, to: newSize, reservingBlocks: reservingBlocks)
    }

    func truncate(to newSize: Int) throws(SystemError) {
        try disk.call(.truncate, path)
        try file.truncate(to: newSize)
    }

    func map(
        into reservation: AddressReservation, at offset: Int, fileOffset: Int, byteCount: Int,
        kind: MappingKind
    ) throws(SystemError) {
        try disk.call(.map, path)
        try file.map(
            into: reservation, at: offset, fileOffset: fileOffset, byteCount: byteCount, kind: kind)
    }

    func tryLock(_ lock: FileLock, exclusive: Bool) throws(SystemError) -> Bool {
        try file.tryLock(lock, exclusive: exclusive)
    }
    func unlock(_ lock: FileLock) { file.unlock(lock) }
    func isLockedByOthers(_ lock: FileLock, exclusively: Bool) throws(SystemError) -> Bool {
        let isLocked = try file.isLockedByOthers(lock, exclusively: exclusively)
        disk.didAsk?(lock)
        return isLocked
    }

    func zero(at offset: Int, byteCount: Int, keepsBlocks: Bool) throws(SystemError) {
        try disk.call(.write, path)
        try file.zero(at: offset, byteCount: byteCount, keepsBlocks: keepsBlocks)
    }

    func nextData(from offset: Int) throws(SystemError) -> Int? { try file.nextData(from: offset) }
    func fileIdentity() throws(SystemError) -> FileIdentity { try file.fileIdentity() }
    func fileSystemKind() throws(SystemError) -> FileSystemKind {
        try disk.call(.status, path)
        return try file.fileSystemKind()
    }
    func requireRegularFile() throws(SystemError) { try file.requireRegularFile() }
    func close() { file.close() }
}

/// A barrier that can stop threads, with a count of the threads that have reached it.
public final class Barrier: Sendable {
    private let state = Mutex((isOpen: false, arrived: 0))

    public init() {}

    /// Waits until the barrier is open.
    public func pass() {
        state.withLock { $0.arrived += 1 }
        while !state.withLock({ $0.isOpen }) { pause() }
    }

    public func open() { state.withLock { $0.isOpen = true } }

    public var arrived: Int { state.withLock { $0.arrived } }

    /// Waits until that many threads have reached the barrier; ends the whole test program if none
    /// does for a minute.
    public func await(_ count: Int = 1) {
        var pauses = 0
        while arrived < count {
            pause()
            pauses += 1
            precondition(pauses < 300_000, "no thread has come to a call that a test waits for")
        }
    }

    private func pause() { usleep(200) }
}

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif
