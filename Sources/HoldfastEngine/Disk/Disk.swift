import MemoryMapping

/// The seam to the operating system: every byte that a heap reads from or puts on a disk passes through here.
///
/// There are two implementations: ``SystemDisk`` calls the operating system, and the tests' simulated disk keeps a
/// journal of every call, so that it can cut the power at any of them and drop, keep or tear what was not synced.
/// The rules that both follow, and that the engine relies on:
///
/// - a write is seen at once by reads and mappings of this machine, but is durable only after `sync()` of its file;
/// - what was not synced may after a power cut be there, be missing or be torn, sector by sector, in any order;
/// - a new or renamed name is durable only after `syncDirectory(of:)`.
public protocol Disk: AnyObject, Sendable {
    /// Opens the file at `path`. Throws `ENOENT` if it is missing (unless created) and `EEXIST` if `.createNew` finds one.
    func open(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile
    /// Whether anything exists at `path`.
    func exists(_ path: String) -> Bool
    /// Gives the file at `source` the name `destination`, atomically; throws `EEXIST` rather than replace a file.
    func renameWithoutReplacing(_ source: String, to destination: String) throws(DiskError)
    /// Removes the name `path`; not an error if it is missing.
    func remove(_ path: String) throws(DiskError)
    /// Makes new, renamed and removed names in the folder of `path` durable.
    func syncDirectory(of path: String) throws(DiskError)
}

/// How a file is opened.
public enum FileAccess: Sendable {
    case readOnly
    case readWrite
    /// For reading and writing; made empty, and an error if it exists.
    case createNew
    /// For reading and writing; made, or emptied if it exists.
    case createOrEmpty
}

/// One open file of a ``Disk``. Offsets and counts are bytes.
public protocol DiskFile: AnyObject, Sendable {
    var path: String { get }
    func size() throws(DiskError) -> Int
    /// Fills `buffer` from `offset`; returns the bytes read, fewer than asked for only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int
    /// Writes the whole of `bytes` at `offset`, or throws.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError)
    /// Makes everything written so far durable (`fdatasync`; `F_FULLFSYNC` on Darwin). A failure is final: the kernel may
    /// have marked the pages clean, so the caller must never take a later success for this data.
    func sync() throws(DiskError)
    /// Makes the file longer. With `reservingBlocks` the disk space is really there afterwards.
    func grow(from oldSize: Int, to newSize: Int, reservingBlocks: Bool) throws(DiskError)
    /// Makes the file shorter.
    func truncate(to newSize: Int) throws(DiskError)
    /// Maps `byteCount` bytes from `fileOffset` at `offset` of the reservation.
    func map(
        into reservation: AddressReservation, at offset: Int, fileOffset: Int, byteCount: Int, kind: MappingKind
    ) throws(DiskError)
    /// Takes the whole-file lock without waiting; false if another open file holds it in a conflicting way. The kernel
    /// releases it when the file is closed or the process ends in any way.
    func tryLock(exclusive: Bool) throws(DiskError) -> Bool
    /// What `stat` says of the kind of file and the rights: an error for directories and other non-files.
    func requireRegularFile() throws(DiskError)
    func close()
}

/// A call to the operating system that failed: which, on which file, with which `errno`.
public struct DiskError: Error, Equatable, Sendable {
    public enum Operation: String, Sendable {
        case open, status, read, write, sync, grow, truncate, map, rename, remove, lock, syncDirectory
    }

    public var operation: Operation
    public var path: String
    /// The `errno` value.
    public var code: Int32

    public init(_ operation: Operation, _ path: String, code: Int32) {
        self.operation = operation
        self.path = path
        self.code = code
    }
}
