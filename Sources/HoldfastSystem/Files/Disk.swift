import MemoryMapping

/// The seam to the file system: every byte that is read from or written to a disk passes through
/// here.
///
/// There are three implementations. ``SystemDisk`` calls the operating system. `MemoryDisk` keeps
/// its files in the memory of the process. The simulated disk of the tests keeps a journal of every
/// call, so that it can cut the power at any of them and drop, keep or tear what was not synced.
/// All follow these rules:
///
/// - A write is visible to reads and mappings of this machine at once, but durable only after
///   `sync()` of its file.
/// - After a power cut, unsynced bytes may be present, missing or torn, sector by sector, in any
///   order.
/// - A new or renamed name is durable only after `syncDirectory(of:)`.
public protocol Disk: AnyObject, Sendable {
    /// Opens the file at `path`. Throws `ENOENT` if it is missing (unless created) and `EEXIST` if
    /// `.createNew` finds one.
    func open(_ path: String, _ access: FileAccess) throws(SystemError) -> any DiskFile
    /// Opens a file whose name other programs may have used for something else. Only an ordinary
    /// file with this one name is opened, and no symbolic link is followed. Otherwise throws
    /// `SystemError.foreignFile`, and opens nothing.
    func openBeside(_ path: String, _ access: FileAccess) throws(SystemError) -> any DiskFile
    /// The reason why no file can be created at `path`, with neighbour names that are longer by
    /// `suffixBytes`; nil if there is none. Checked before any file is created.
    func objection(to path: String, suffixBytes: Int) -> PathObjection?
    /// Whether anything exists at `path`.
    func exists(_ path: String) -> Bool
    /// Renames the file at `source` to `destination`, atomically. Throws `EEXIST` instead of
    /// replacing a file.
    func renameWithoutReplacing(_ source: String, to destination: String) throws(SystemError)
    /// Removes the name `path`. Not an error if it is missing.
    func remove(_ path: String) throws(SystemError)
    /// Renames the file at `source` to `destination`, atomically, replacing any file there.
    func renameReplacing(_ source: String, to destination: String) throws(SystemError)
    /// Makes new, renamed and removed names in the folder of `path` durable.
    func syncDirectory(of path: String) throws(SystemError)
    /// The names of all that is in the folder at `path`, in any order. Throws `ENOENT` if there is
    /// no folder. A name that comes or goes meanwhile may be among them or not.
    func names(inFolder path: String) throws(SystemError) -> [String]
    /// Creates a folder. Throws `EEXIST` if anything exists at `path`. The name is durable after
    /// `syncDirectory(of: path)`.
    func createFolder(_ path: String) throws(SystemError)
    /// The identity of the file at `path` now; nil if there is none.
    func fileIdentity(at path: String) -> FileIdentity?
    /// The absolute path without links that `path` leads to now, whether or not the file exists
    /// yet; `path` itself if that is unknown.
    func resolve(_ path: String) -> String
    /// Whether open files know their paths (`DiskFile.currentPath`), so that paths need not be
    /// resolved on opening.
    var tellsPaths: Bool { get }
    /// Whether the files are gone with this object and the files that are still open: nothing needs
    /// to be made durable, or put in order for a later process.
    var isVolatile: Bool { get }
    /// The disk on which a user's path for a copy of a file lies.
    var diskOfCopies: any Disk { get }
}

extension Disk {
    /// The default: unknown.
    public var tellsPaths: Bool { false }

    /// The default, for disks that keep their files.
    public var isVolatile: Bool { false }

    /// The default: the same disk.
    public var diskOfCopies: any Disk { self }

    /// The default, for disks without links and folders.
    public func openBeside(_ path: String, _ access: FileAccess) throws(SystemError)
        -> any DiskFile
    { try open(path, access) }

    /// The default, for disks that accept any name.
    public func objection(to path: String, suffixBytes: Int) -> PathObjection? { nil }
}
