import MemoryMapping

/// The seam to the operating system: every byte that a heap reads from or puts on a disk passes
/// through here.
///
/// There are two implementations: ``SystemDisk`` calls the operating system, and the tests'
/// simulated disk keeps a journal of every call, so that it can cut the power at any of them and
/// drop, keep or tear what was not synced. The rules that both follow, and that the engine relies
/// on:
///
/// - a write is seen at once by reads and mappings of this machine, but is durable only after
///   `sync()` of its file;
/// - what was not synced may after a power cut be there, be missing or be torn, sector by sector,
///   in any order;
/// - a new or renamed name is durable only after `syncDirectory(of:)`.
public protocol Disk: AnyObject, Sendable {
    /// Opens the file at `path`. Throws `ENOENT` if it is missing (unless created) and `EEXIST` if
    /// `.createNew` finds one.
    func open(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile
    /// The same for a file beside a heap, whose name may have been given to anything by anybody:
    /// only an ordinary file comes through, which has this one name and is no link. Otherwise
    /// throws `DiskError.Operation.claim`, with `ELOOP` for a symbolic link, `EMLINK` for a file
    /// with several names, `EISDIR` for a folder and `EINVAL` for pipes and devices; none of them
    /// is opened.
    func openBeside(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile
    /// Why no heap can lie at `path`, with names that are longer by `suffixBytes` beside it; nil if
    /// nothing is against it. Asked before anything is made.
    func objection(to path: String, suffixBytes: Int) -> PathObjection?
    /// Whether anything exists at `path`.
    func exists(_ path: String) -> Bool
    /// Gives the file at `source` the name `destination`, atomically; throws `EEXIST` rather than
    /// replace a file.
    func renameWithoutReplacing(_ source: String, to destination: String) throws(DiskError)
    /// Removes the name `path`; not an error if it is missing.
    func remove(_ path: String) throws(DiskError)
    /// Gives the file at `source` the name `destination`, atomically, in place of whatever had it.
    func renameReplacing(_ source: String, to destination: String) throws(DiskError)
    /// Makes new, renamed and removed names in the folder of `path` durable.
    func syncDirectory(of path: String) throws(DiskError)
    /// Which file has the name `path` now; nil if none has.
    func fileIdentity(at path: String) -> FileIdentity?
    /// The path from the root, without links, that `path` leads to now, whether or not there is a
    /// file yet; `path` itself if that cannot be told.
    func resolve(_ path: String) -> String
    /// Whether open files know their paths (`DiskFile.currentPath`), so that nobody need resolve
    /// them before.
    var tellsPaths: Bool { get }
}

extension Disk {
    /// For disks that do not say.
    public var tellsPaths: Bool { false }

    /// For disks without links and folders.
    public func openBeside(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile {
        try open(path, access)
    }

    /// For disks whose names can be anything.
    public func objection(to path: String, suffixBytes: Int) -> PathObjection? { nil }
}

/// What is wrong with a path before anything is done with it.
public enum PathObjection: Equatable, Sendable {
    case isEmpty
    /// A byte of zero, where the system would see its end.
    case hasZero
    /// The folder that it lies in is not there.
    case noFolder
    /// What should be a folder is none.
    case notAFolder
    /// The bytes of the name, or of the whole path, with the longest name beside it, and how many
    /// there may be.
    case nameTooLong(bytes: Int, limit: Int)
    case pathTooLong(bytes: Int, limit: Int)

    /// What can be said without asking the system; nil if nothing.
    public init?(toText path: String) {
        if path.isEmpty {
            self = .isEmpty
        } else if path.utf8.contains(0) {
            self = .hasZero
        } else {
            return nil
        }
    }
}

/// Who may read and write a file.
public struct FileRights: Equatable, Sendable {
    /// The permission bits of reading and writing, as in `chmod`.
    public var mode: UInt32
    public var owner: UInt32
    public var group: UInt32

    public init(mode: UInt32, owner: UInt32, group: UInt32) {
        self.mode = mode & 0o666
        self.owner = owner
        self.group = group
    }
}

/// Tells files apart whatever their names are: device and inode.
public struct FileIdentity: Hashable, Sendable {
    public var device: UInt64
    public var number: UInt64

    public init(device: UInt64, number: UInt64) {
        self.device = device
        self.number = number
    }
}

/// What an opening asks of a file first.
public struct FileFacts: Equatable, Sendable {
    /// Bytes.
    public var size: Int
    public var identity: FileIdentity
    /// Whether it has any name left. Said of a file that has one now it may be wrong a moment
    /// later.
    public var isNamed: Bool

    public init(size: Int, identity: FileIdentity, isNamed: Bool) {
        self.size = size
        self.identity = identity
        self.isNamed = isNamed
    }
}

/// What is known of the file system that a file lies on.
public enum FileSystemKind: Equatable, Sendable {
    /// On this machine: mappings and locks mean the same to every process.
    case local
    /// On another machine too, where a mapping of this one cannot be seen; with the file system's
    /// name.
    case network(String)
    /// It cannot be known (FUSE and the like).
    case unknown(String)
}

/// How a file is opened.
public enum FileAccess: Sendable {
    case readOnly
    case readWrite
    /// For reading and writing; made empty, and an error if it exists. A private file is its user's
    /// alone until it takes other rights (`DiskFile.take`); others get the usual ones, less what
    /// the process's mask forbids.
    case createNew(isPrivate: Bool)
    /// For reading and writing; made if it is missing, with rights as above.
    case createOrKeep(isPrivate: Bool)
}

/// One open file of a ``Disk``. Offsets and counts are bytes.
public protocol DiskFile: AnyObject, Sendable {
    var path: String { get }
    func size() throws(DiskError) -> Int
    /// Bytes of the disk that the file takes: less than its size where it has holes.
    func allocatedBytes() throws(DiskError) -> Int
    /// Fills `buffer` from `offset`; returns the bytes read, fewer than asked for only at the end
    /// of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int
    /// Writes the whole of `bytes` at `offset`, or throws.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError)
    /// Makes everything written so far durable (`fdatasync`; `F_FULLFSYNC` on Darwin). A failure is
    /// final: the kernel may have marked the pages clean, so the caller must never take a later
    /// success for this data.
    func sync() throws(DiskError)
    /// Makes the file longer. With `reservingBlocks` the disk space is really there afterwards.
    func grow(from oldSize: Int, to newSize: Int, reservingBlocks: Bool) throws(DiskError)
    /// Makes the file shorter.
    func truncate(to newSize: Int) throws(DiskError)
    /// Maps `byteCount` bytes from `fileOffset` at `offset` of the reservation.
    func map(
        into reservation: AddressReservation, at offset: Int, fileOffset: Int, byteCount: Int,
        kind: MappingKind
    ) throws(DiskError)
    /// Maps the first `byteCount` bytes, whole granules of the file, somewhere, with no room to
    /// grow.
    func mapAlone(byteCount: Int, kind: MappingKind) throws(DiskError) -> AddressReservation
    /// Takes a lock without waiting, or changes one that this open file holds; false if another
    /// open file, of this process or another, holds it in a conflicting way. The kernel releases it
    /// when the file is closed or the process ends in any way. Exclusive locks need a file that was
    /// opened for writing (`EBADF`).
    func tryLock(_ lock: FileLock, exclusive: Bool) throws(DiskError) -> Bool
    /// Gives a lock back.
    func unlock(_ lock: FileLock)
    /// Whether another open file holds the lock, exclusively or not.
    func isLockedByOthers(_ lock: FileLock) throws(DiskError) -> Bool
    /// Makes the range read as zeros, keeping its disk blocks if `keepsBlocks`, else giving them
    /// back where the file system can.
    func zero(at offset: Int, byteCount: Int, keepsBlocks: Bool) throws(DiskError)
    /// The first offset from `offset` on that is not known to be in a hole of the file; nil if only
    /// holes follow.
    func nextData(from offset: Int) throws(DiskError) -> Int?
    func fileIdentity() throws(DiskError) -> FileIdentity
    func fileSystemKind() throws(DiskError) -> FileSystemKind
    /// What `stat` says of the kind of file and the rights: an error for directories and other
    /// non-files.
    func requireRegularFile() throws(DiskError)
    /// All that in one call; throws as `requireRegularFile` does.
    func facts() throws(DiskError) -> FileFacts
    /// The path from the root, without links, by which the file was opened, as it is now; nil if
    /// that cannot be told.
    func currentPath() -> String?
    /// Who may read and write it; nil where the disk knows no such thing.
    func rights() throws(DiskError) -> FileRights?
    /// Gives the file the group, mode and owner of another one, as far as this process may. Where
    /// the group cannot be had, its members get no more than everybody: they are not those whom the
    /// rights were meant for. To be called while the file is empty.
    func take(_ rights: FileRights)
    /// The file has got another name, which errors are to tell.
    func wasRenamed(to path: String)
    func close()
}

/// The locks of a heap file: single bytes far beyond any heap's end, which are never written.
public enum FileLock: Int, Sendable, CaseIterable {
    /// Held for as long as the heap is opened or closed, exclusively by whoever may change the
    /// file.
    case opening = 0
    /// Shared by every process that uses the log. Who gets it exclusively is alone.
    case presence = 1
    /// Shared by readers that cannot register their views: nothing may be moved into the base image
    /// meanwhile.
    case unregisteredReader = 2
    /// Held exclusively while a checkpoint writes to the base image.
    case checkpoint = 3
    /// Where the platform has no robust mutex: the write lock and the sync lock.
    case write = 4
    case sync = 5
    /// Shared by readers that have the heap open as it was at rest, without being registered.
    /// Whoever would put another file in its place finds them by it.
    case visitor = 6
    /// Shared by those of them that have a read transaction open: nothing may be written to the
    /// base image meanwhile.
    case visitorsRead = 7

    /// The byte's place in the file.
    var offset: Int { 1 << 62 + rawValue }
}

/// A call to the operating system that failed: which, on which file, with which `errno`.
public struct DiskError: Error, Equatable, Sendable {
    public enum Operation: String, Sendable {
        case open, status, read, write, sync, grow, truncate, map, rename, remove, lock,
            syncDirectory
        /// A name is another file's that the heap needs for one of its own; `code` says what that
        /// is.
        case claim

        var concernsThisProcessAlone: Bool {
            switch self {
            case .open, .status, .map, .lock: true
            default: false
            }
        }
    }

    public var operation: Operation
    public var path: String
    /// Whether it says nothing of what is on the disk: this process got no descriptor, no
    /// addresses, no memory or no lock. Others are none the worse for it, and this one may try
    /// again.
    var isOfThisProcessAlone: Bool { operation.concernsThisProcessAlone }
    /// The `errno` value.
    public var code: Int32

    public init(_ operation: Operation, _ path: String, code: Int32) {
        self.operation = operation
        self.path = path
        self.code = code
    }
}

extension DiskFile {
    /// For disks that do not say: as if the file had no holes.
    public func allocatedBytes() throws(DiskError) -> Int { try size() }

    /// Made of the other calls.
    public func facts() throws(DiskError) -> FileFacts {
        try requireRegularFile()
        return FileFacts(size: try size(), identity: try fileIdentity(), isNamed: true)
    }

    public func currentPath() -> String? { nil }

    public func rights() throws(DiskError) -> FileRights? { nil }

    public func take(_ rights: FileRights) {}

    public func wasRenamed(to path: String) {}

    public func mapAlone(byteCount: Int, kind: MappingKind) throws(DiskError) -> AddressReservation
    {
        let reservation: AddressReservation
        do {
            reservation = try AddressReservation(preferredBytes: byteCount, minimumBytes: byteCount)
        } catch {
            throw DiskError(.map, path, code: error.code)
        }
        try map(into: reservation, at: 0, fileOffset: 0, byteCount: byteCount, kind: kind)
        return reservation
    }
}
