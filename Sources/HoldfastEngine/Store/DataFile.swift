import HoldfastFormat
import HoldfastSystem
import MemoryMapping
import Synchronization

/// The heap file as one opening has it: its names, its size, its options and what the user should
/// know about it.
///
/// Behind the latch, but for what is said to be otherwise; set while the heap is opened.
final class DataFile: @unchecked Sendable {
    /// As the user has named the heap; errors contain it.
    let path: String
    let mode: OpenMode
    let options: EngineOptions
    let disk: any Disk
    /// Where the file is, once that has been looked up.
    let place: Mutex<String?>

    /// Nil for a heap in memory.
    var file: (any DiskFile)?
    /// Whether this opening may take exclusive locks of the file.
    var isWritable = true
    /// Which file it is, if that was asked before.
    var knownIdentity: FileIdentity?
    /// The heap's name for life.
    var identity: HeapIdentity
    /// What the user should know though the heap could be opened.
    var warnings: [String] = []
    /// The file's length, as this opening has seen it last.
    var byteCount = 0
    /// The length below which the file is not cut, as the header said last.
    var reservedBytes = 0
    /// Whether one copy of the header was damaged when this opening read it last.
    var hasDamagedHeader = false

    /// Throws, before anything is made, where there can be no heap, or no files beside it for a
    /// mode that needs them.
    init(path: String, mode: OpenMode, options: EngineOptions, disk: any Disk) throws(HeapError) {
        self.path = path
        self.mode = mode
        self.options = options
        self.disk = disk
        place = Mutex(try Self.place(of: path, mode: mode, disk: disk))
        // Read from the header of a heap that has a file.
        let isNew = mode == .inMemory || mode == .bulkBuild
        identity = isNew ? .random() : HeapIdentity(high: 0, low: 0)
    }

    // MARK: Names

    /// Where the file is; nil if that can be looked up later.
    private static func place(of path: String, mode: OpenMode, disk: any Disk) throws(HeapError)
        -> String?
    {
        guard mode != .inMemory else { return path }
        if let objection = PathObjection(toText: path) { throw HeapError(objection, path: path) }
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

    /// The log's ring is mapped twice, end to end, which only whole pages can be: systems whose
    /// pages are larger than the offset of the ring can read heaps, and not write to them. The size
    /// is a parameter for tests.
    static func requirePages(ofBytes bytes: Int, path: String) throws(HeapError) {
        guard LogLayout.ringOffset % bytes != 0 else { return }
        throw HeapError.unsupportedPages(path: path, bytes: bytes, limit: LogLayout.ringOffset)
    }

    /// Where the file is, from the root and without links, as of the opening. The log lies beside
    /// it by whatever name the heap was opened, and a change of the working folder does not matter.
    /// Any thread.
    var location: String { place.withLock { $0 } ?? locate() }

    /// For a transient reader, which opened the file by the user's path: the open file knows its
    /// place. Where that has changed since, the file is no longer in place, or in place by another
    /// name.
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

    /// Which file this is, whatever its name. Any thread.
    var fileIdentity: FileIdentity? {
        mode == .readWrite || mode == .readOnly ? knownIdentity ?? (try? file?.fileIdentity()) : nil
    }

    /// Whether `file` has the heap's name now.
    func isInPlace(_ file: any DiskFile) throws(HeapError) -> Bool {
        try translating { () throws(SystemError) in
            disk.fileIdentity(at: location) == (try file.fileIdentity())
        }
    }

    /// Throws `replaced` unless the file that is open still has its name: commits to another file
    /// are lost when the last process closes it. Any thread.
    func requireInPlace() throws(HeapError) {
        guard let file, let mine = try? file.fileIdentity() else { return }
        guard disk.fileIdentity(at: location) == mine else { throw HeapError.replaced(path: path) }
    }

    func requireSuitableFileSystem(_ file: any DiskFile) throws(HeapError) {
        switch try translating({ () throws(SystemError) in try file.fileSystemKind() }) {
        case .local: break
        case .network(let name):
            guard mode == .readOnly || mode == .privateCopy || options.allowsNetworkFileSystems
            else {
                throw HeapError.networkFileSystem(path: path, name: name)
            }
            warnings.append(
                "\(path) lies on a network file system (\(name)): processes on other machines do "
                    + "not see each other's changes."
            )
        case .unknown(let name):
            warnings.append(
                "\(path) lies on a file system of which it cannot be known whether other machines "
                    + "use it (\(name)); if they do, their changes are not seen.")
        }
    }

    // MARK: Errors

    /// Runs calls to the disk and turns what they throw into the user's error. Any thread.
    func translating<R>(_ body: () throws(SystemError) -> R) throws(HeapError) -> R {
        do throws(SystemError) { return try body() } catch { throw heapError(error) }
    }

    /// The user's error, which names the heap as the user does. Any thread.
    func heapError(_ error: SystemError) -> HeapError {
        HeapError(
            error.path == location ? error.renamed(to: path) : error)
    }
}
