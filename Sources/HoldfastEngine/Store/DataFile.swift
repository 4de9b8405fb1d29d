import HoldfastFormat
import HoldfastSystem
import MemoryMapping
import Synchronization

/// The heap file of one opening: its names, size, options, and warnings for the user.
///
/// For threads inside the latch, unless declared otherwise; set while the heap is opened.
final class DataFile: @unchecked Sendable {
    /// The path as given by the user, for error messages.
    let path: String
    let mode: OpenMode
    let options: EngineOptions
    let disk: any Disk
    /// The resolved location of the file, once it has been looked up.
    let place: Mutex<String?>

    /// Nil until it is opened, and for a build, which has a file without its name.
    var file: (any DiskFile)?
    /// Whether this opening may take exclusive locks of the file.
    var isWritable = true
    /// Whether this opening keeps all others out.
    var isExclusive: Bool { options.isExclusive && mode == .readWrite }
    /// The kind of the file system, once it is known to be suitable.
    private(set) var fileSystem = FileSystemKind.local
    /// The file's identity, if known.
    var knownIdentity: FileIdentity?
    /// The heap's permanent identity.
    var identity: HeapIdentity
    /// Problems that did not prevent opening the heap. Any thread may read them, also while the
    /// opening takes part again after a suspension.
    var warnings: [String] {
        get { noted.withLock { $0 } }
        set { noted.withLock { $0 = newValue } }
    }
    private let noted = Mutex<[String]>([])
    /// The file's length, as last seen by this opening.
    var byteCount = 0
    /// The length below which the file is not truncated, according to the last header read.
    var reservedBytes = 0
    /// Whether one copy of the header was damaged when this opening read it last.
    var hasDamagedHeader = false

    /// Throws, before anything is created, if there can be no heap at the path, or no neighbour
    /// files for a mode that needs them.
    init(path: String, mode: OpenMode, options: EngineOptions, disk: any Disk) throws(HeapError) {
        self.path = path
        self.mode = mode
        self.options = options
        self.disk = disk
        place = Mutex(try Self.place(of: path, mode: mode, disk: disk))
        // Otherwise read from the file's header.
        identity = mode == .bulkBuild ? .random() : HeapIdentity(high: 0, low: 0)
    }

    /// The same open file, for another image of the same opening. What a thread learns about the
    /// file stays with the image that it has.
    init(sharing other: DataFile) {
        path = other.path
        mode = other.mode
        options = other.options
        disk = other.disk
        place = Mutex(other.location)
        file = other.file
        isWritable = other.isWritable
        fileSystem = other.fileSystem
        knownIdentity = other.knownIdentity
        identity = other.identity
    }

    // MARK: Names

    /// The location of the file; nil if it can be looked up later.
    private static func place(of path: String, mode: OpenMode, disk: any Disk) throws(HeapError)
        -> String?
    {
        // Any name will do for a file in memory.
        if !disk.isVolatile, let objection = PathObjection(toText: path) {
            throw HeapError(objection, path: path)
        }
        if mode == .readWrite { try requirePages(ofBytes: SystemPage.size, path: path) }
        if mode == .readOnly, disk.tellsPaths { return nil }
        let place = disk.resolve(path)
        if mode == .readWrite || mode == .bulkBuild,
            let objection = disk.objection(to: place, suffixBytes: Neighbours.longestSuffixBytes)
        {
            throw HeapError(objection, path: path)
        }
        return place
    }

    /// The log's ring is mapped twice in succession, which requires whole pages. Systems whose
    /// pages are larger than the offset of the ring can read heaps but not write to them. The size
    /// is a parameter for tests.
    static func requirePages(ofBytes bytes: Int, path: String) throws(HeapError) {
        guard LogLayout.ringOffset % bytes != 0 else { return }
        throw HeapError.unsupportedPages(path: path, bytes: bytes, limit: LogLayout.ringOffset)
    }

    /// The absolute location of the file without links, as of the opening. The log lies beside it
    /// whatever path the heap was opened with, and a change of the working directory does not
    /// matter. Any thread.
    var location: String { place.withLock { $0 } ?? locate() }

    /// For a transient reader, which opened the file by the user's path: the system knows the
    /// location of an open file. If that has changed since, the file was replaced, or is in place
    /// under another name.
    private func locate() -> String {
        place.withLock { place in
            if let place { return place }
            var found = file?.currentPath() ?? disk.resolve(path)
            if let knownIdentity, disk.fileIdentity(at: found) != knownIdentity {
                found = disk.resolve(path)
            }
            place = found
            return found
        }
    }

    /// The heap's own files beside it.
    var neighbours: Neighbours { Neighbours(disk: disk, heapPath: location, identity: identity) }

    /// Identifies the file independently of its name. Any thread.
    var fileIdentity: FileIdentity? {
        mode == .readWrite || mode == .readOnly ? knownIdentity ?? (try? file?.fileIdentity()) : nil
    }

    /// Whether `file` is the one at the heap's path now.
    func isInPlace(_ file: any DiskFile) throws(HeapError) -> Bool {
        try translating { () throws(SystemError) in
            disk.fileIdentity(at: location) == (try file.fileIdentity())
        }
    }

    /// Throws `replaced` unless the open file still has its name: commits to another file would be
    /// lost when the last process closes it. Any thread.
    func requireInPlace() throws(HeapError) {
        guard let file, let mine = try? file.fileIdentity() else { return }
        guard disk.fileIdentity(at: location) == mine else { throw HeapError.replaced(path: path) }
    }

    func requireSuitableFileSystem(_ file: any DiskFile) throws(HeapError) {
        fileSystem = try translating { () throws(SystemError) in try file.fileSystemKind() }
        switch fileSystem {
        case .local: break
        case .layered:
            guard !isWritable else { break }
            warnings.append(
                "\(path) is on an overlay file system, and this process may not write it: if another "
                    + "process is the first to write it, this one goes on with the old contents.")
        case .network(let name):
            guard
                mode == .readOnly || mode == .privateCopy || options.allowsNetworkFileSystems
                    || options.isExclusive
            else {
                throw HeapError.networkFileSystem(path: path, name: name)
            }
            warnings.append(
                "\(path) is on a network file system (\(name)): processes on other machines do not "
                    + "see each other's changes."
            )
        case .unknown(let name):
            warnings.append(
                "\(path) is on a file system that may be shared with other machines (\(name)); if "
                    + "other machines use it, their changes are not seen.")
        }
    }

    // MARK: Errors

    /// Runs calls to the disk and converts their errors to the user's. Any thread.
    func translating<R>(_ body: () throws(SystemError) -> R) throws(HeapError) -> R {
        do throws(SystemError) { return try body() } catch { throw heapError(error) }
    }

    /// The user's error, which names the heap by the user's path. Any thread.
    func heapError(_ error: SystemError) -> HeapError {
        HeapError(
            error.path == location ? error.renamed(to: path) : error)
    }
}
