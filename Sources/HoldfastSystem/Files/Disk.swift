import MemoryMapping

/// The seam to the file system: every byte that is read from or written to a disk passes through
/// here.
///
/// There are two implementations. ``SystemDisk`` calls the operating system. The simulated disk of
/// the tests keeps a journal of every call, so that it can cut the power at any of them and drop,
/// keep or tear what was not synced. Both follow these rules:
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
    /// The same for a name that other programs may have used for anything. Only an ordinary file
    /// with this one name is opened, and no symbolic link is followed. Otherwise throws
    /// `SystemError.foreignFile`, and nothing is opened.
    func openBeside(_ path: String, _ access: FileAccess) throws(SystemError) -> any DiskFile
    /// The reason why no file can be made at `path`, with names beside it that are longer by
    /// `suffixBytes`; nil if there is none. Asked before anything is made.
    func objection(to path: String, suffixBytes: Int) -> PathObjection?
    /// Whether anything exists at `path`.
    func exists(_ path: String) -> Bool
    /// Gives the file at `source` the name `destination`, atomically. Throws `EEXIST` instead of
    /// replacing a file.
    func renameWithoutReplacing(_ source: String, to destination: String) throws(SystemError)
    /// Removes the name `path`. Not an error if it is missing.
    func remove(_ path: String) throws(SystemError)
    /// Gives the file at `source` the name `destination`, atomically, and replaces any file there.
    func renameReplacing(_ source: String, to destination: String) throws(SystemError)
    /// Makes new, renamed and removed names in the folder of `path` durable.
    func syncDirectory(of path: String) throws(SystemError)
    /// The identity of the file that has the name `path` now; nil if there is none.
    func fileIdentity(at path: String) -> FileIdentity?
    /// The absolute path, without links, that `path` leads to now, whether or not the file exists
    /// yet; `path` itself if that is unknown.
    func resolve(_ path: String) -> String
    /// Whether open files know their paths (`DiskFile.currentPath`), so that paths need not be
    /// resolved before.
    var tellsPaths: Bool { get }
}

extension Disk {
    /// For disks that do not say.
    public var tellsPaths: Bool { false }

    /// For disks without links and folders.
    public func openBeside(_ path: String, _ access: FileAccess) throws(SystemError)
        -> any DiskFile
    { try open(path, access) }

    /// For disks whose names can be anything.
    public func objection(to path: String, suffixBytes: Int) -> PathObjection? { nil }
}
