import MemoryMapping

/// One open file of a ``MemoryDisk``.
///
/// `@unchecked Sendable`: the path changes only before the file is shared; the storage serialises
/// its locks.
final class MemoryFile: DiskFile, @unchecked Sendable {
    private(set) var path: String
    private let storage: MemoryStorage
    private let generation = ForkGuard.generation

    init(path: String, _ storage: MemoryStorage) {
        self.path = path
        self.storage = storage
    }

    deinit { close() }

    /// Releases the locks.
    func close() {
        // After a fork, a thread that does not exist in the child may hold the mutex.
        guard ForkGuard.generation == generation else { return }
        storage.unlockAll(for: ObjectIdentifier(self))
    }

    func wasRenamed(to path: String) { self.path = path }

    // MARK: Contents

    func size() throws(SystemError) -> Int { try storage.file.size() }

    func allocatedBytes() throws(SystemError) -> Int { try storage.file.allocatedBytes() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SystemError) -> Int
    {
        unsafe try storage.file.read(into: buffer, at: offset)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SystemError) {
        do throws(SystemError) { unsafe try storage.file.write(bytes, at: offset) } catch {
            throw error.errno == .noSpace ? SystemError(.write, error.path, .noMemory) : error
        }
    }

    func sync() {}

    /// Takes no memory before it is used.
    func grow(from oldSize: Int, to newSize: Int, reservingBlocks: Bool) throws(SystemError) {
        try storage.file.grow(from: oldSize, to: newSize, reservingBlocks: false)
    }

    func truncate(to newSize: Int) throws(SystemError) { try storage.file.truncate(to: newSize) }

    /// Returns the memory.
    func zero(at offset: Int, byteCount: Int, keepsBlocks: Bool) throws(SystemError) {
        try storage.file.zero(at: offset, byteCount: byteCount, keepsBlocks: false)
    }

    func nextData(from offset: Int) throws(SystemError) -> Int? {
        try storage.file.nextData(from: offset)
    }

    // MARK: Mappings

    func map(
        into reservation: AddressReservation, at offset: Int, fileOffset: Int, byteCount: Int,
        kind: MappingKind
    ) throws(SystemError) {
        try storage.file.map(
            into: reservation, at: offset, fileOffset: fileOffset, byteCount: byteCount, kind: kind)
    }

    func mapAlone(byteCount: Int, kind: MappingKind) throws(SystemError) -> AddressReservation {
        try storage.file.mapAlone(byteCount: byteCount, kind: kind)
    }

    // MARK: Locks

    func tryLock(_ lock: FileLock, exclusive: Bool) -> Bool {
        storage.tryLock(lock, exclusive: exclusive, for: ObjectIdentifier(self))
    }

    func unlock(_ lock: FileLock) { storage.unlock(lock, for: ObjectIdentifier(self)) }

    func isLockedByOthers(_ lock: FileLock, exclusively: Bool) -> Bool {
        storage.isLocked(lock, exclusively: exclusively, byOthersThan: ObjectIdentifier(self))
    }

    // MARK: Identity

    func fileIdentity() -> FileIdentity { storage.identity }

    func fileSystemKind() -> FileSystemKind { .local }

    func requireRegularFile() {}
}
