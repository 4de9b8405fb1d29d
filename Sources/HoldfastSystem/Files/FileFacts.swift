/// How a file is opened.
public enum FileAccess: Sendable {
    case readOnly
    case readWrite
    /// For reading and writing. The file is created, and it is an error if it exists. A private
    /// file can be used by its owner alone until it gets other permissions (`DiskFile.take`); other
    /// files get the usual permissions minus the process's umask.
    case createNew(isPrivate: Bool)
    /// For reading and writing. The file is created if it is missing, with permissions as above.
    case createOrKeep(isPrivate: Bool)
}

/// The permissions of a file, with its owner and group.
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

/// Identifies a file independently of its names: device and inode.
public struct FileIdentity: Hashable, Sendable {
    public var device: UInt64
    public var number: UInt64

    public init(device: UInt64, number: UInt64) {
        self.device = device
        self.number = number
    }
}

/// The facts about a file that an opening needs first, from one system call.
public struct FileFacts: Equatable, Sendable {
    /// In bytes.
    public var size: Int
    public var identity: FileIdentity
    /// Whether the file has any name left. True may be out of date a moment later.
    public var isNamed: Bool

    public init(size: Int, identity: FileIdentity, isNamed: Bool) {
        self.size = size
        self.identity = identity
        self.isNamed = isNamed
    }
}

/// The kind of file system that a file lies on.
public enum FileSystemKind: Equatable, Sendable {
    /// On this machine: mappings and locks mean the same to every process.
    case local
    /// Shared with other machines, to which a mapping on this one is invisible. With the name of
    /// the file system.
    case network(String)
    /// Unknown (FUSE and the like).
    case unknown(String)
    /// Local, but the first process that opens a file for writing gives it a new place (overlayfs):
    /// who has it open for reading only goes on with the old contents.
    case layered

    package var name: String {
        switch self {
        case .network(let name), .unknown(let name): name
        case .layered: "overlay"
        case .local: "local"
        }
    }
}
