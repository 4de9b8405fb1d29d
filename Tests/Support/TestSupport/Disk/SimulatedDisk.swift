import HoldfastEngine
import HoldfastSystem
import MemoryMapping

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A disk in memory with a journal of every call, so that a test can determine the effects of a
/// power cut after any of them.
///
/// The page cache, which programs see at once, is real: each file is an anonymous file of the
/// system, so private and shared mappings, reads and writes behave as usual. Only durability is
/// simulated; see `CrashImages`.
///
/// `@unchecked Sendable`: a lock orders the calls.
public final class SimulatedDisk: Disk, @unchecked Sendable {
    /// One call that changes the disk's contents or their durability. Files are numbered in the
    /// order of their creation.
    public enum Call {
        case create(name: String, file: Int)
        case write(file: Int, offset: Int, bytes: [UInt8])
        case zero(file: Int, offset: Int, count: Int)
        case resize(file: Int, size: Int)
        case sync(file: Int)
        /// The system has tried to write the file's changes and failed: its cache shows them and
        /// counts them as written, and the disk does not have them.
        case failedSync(file: Int)
        case rename(from: String, to: String)
        case remove(name: String)
        case createFolder(name: String)
        case syncDirectory(folder: String)
    }

    /// The result of a call that is not carried out.
    public enum Fault: Sendable {
        case error(Int32)
        /// Writes only: half of the bytes are written, then the error is thrown.
        case shortWrite(Int32)
    }

    public enum Operation: Equatable, Sendable {
        case open, status, read, write, grow, truncate, map, sync, rename, remove, syncDirectory
        case createFolder
    }

    private let lock = RecursiveLock()
    private var names: [String: SimulatedFile.Contents] = [:]
    /// The folders that were made. A file needs none: its folder is there with it.
    private var folders: Set<String> = []
    private var nextFile = 0
    public private(set) var journal: [Call] = []
    /// Reads and maps, which are not in the journal: (file name, bytes).
    public private(set) var reads: [(path: String, bytes: Int)] = []
    public private(set) var maps: [(path: String, bytes: Int)] = []
    /// Contents of files that are mapped shared, at the time of each call; they change without
    /// calls.
    public private(set) var sharedSnapshots: [[Int: [UInt8]]] = []

    /// Called before each journaled call takes effect, with its number.
    public var onCall: ((Int) -> Void)?
    /// Called before each call that could fail; `attempts` counts them.
    public var fault: ((_ attempt: Int, _ operation: Operation, _ path: String) -> Fault?)?
    public private(set) var attempts = 0
    /// Syncs of files with this suffix do nothing: a deliberately broken ordering that tests must
    /// detect.
    public var liesAboutSyncOf: String?
    /// The kind of file system that the disk claims to be.
    public var fileSystemKind = FileSystemKind.local
    /// Mappings of these kinds do not show later changes, if the file is mapped already.
    public var staleMappings: [MappingKind] = []
    /// The total size of all files in bytes; growing beyond it throws `ENOSPC`.
    public var capacity = Int.max
    /// Additional names, like symbolic links, and their targets.
    public var links: [String: String] = [:]
    /// Whether the journal keeps the written bytes and the shared files' snapshots: only needed to
    /// make crash images.
    public var recordsContents = true

    public init() {}

    /// A disk with these files, as after a restart. A name that ends with a slash is a folder.
    public init(files: [String: [UInt8]]) {
        for (name, bytes) in files {
            if name.hasSuffix("/") {
                folders.insert(String(name.dropLast()))
                journal.append(.createFolder(name: String(name.dropLast())))
                continue
            }
            let contents = SimulatedFile.Contents(number: nextFile)
            nextFile += 1
            contents.replace(with: bytes)
            names[name] = contents
            journal.append(.create(name: name, file: contents.number))
            journal.append(.write(file: contents.number, offset: 0, bytes: bytes))
            journal.append(.sync(file: contents.number))
        }
        let places = Set(files.keys.map { PathBytes.folder(of: CrashImages.path(of: $0)) })
        for place in places { journal.append(.syncDirectory(folder: place)) }
        sharedSnapshots = Array(repeating: [:], count: journal.count)
    }

    /// The disk after the process that used `other` was killed at this moment: the contents of the
    /// page cache are still there, and unsynced changes are still unsynced, so that a power cut may
    /// yet lose them.
    public init(afterKillOf other: SimulatedDisk) {
        other.lock.run {
            nextFile = other.nextFile
            journal = other.journal
            sharedSnapshots = other.sharedSnapshots
            folders = other.folders
            for (name, old) in other.names {
                let contents = SimulatedFile.Contents(number: old.number)
                contents.replace(with: old.bytes())
                contents.isMappedShared = old.isMappedShared
                names[name] = contents
            }
        }
    }

    /// The complete current contents, as a killed process leaves them. A name that ends with a
    /// slash is a folder.
    public func currentFiles() -> [String: [UInt8]] {
        lock.run {
            var files = names.mapValues { $0.bytes() }
            for folder in folders { files[folder + "/"] = [] }
            return files
        }
    }

    public func clearCounts() {
        lock.run {
            reads = []
            maps = []
        }
    }

    // MARK: Recording

    func record(_ call: Call) {
        onCall?(journal.count)
        journal.append(call)
        if recordsContents {
            var snapshot: [Int: [UInt8]] = [:]
            for contents in names.values where contents.isMappedShared {
                let bytes = contents.bytes()
                // An unchanged file shares the earlier snapshot's storage.
                if let last = sharedSnapshots.last?[contents.number], last.isSame(as: bytes) {
                    snapshot[contents.number] = last
                } else {
                    snapshot[contents.number] = bytes
                }
            }
            sharedSnapshots.append(snapshot)
        }
    }

    func recordRead(_ path: String, _ bytes: Int) { lock.run { reads.append((path, bytes)) } }
    func recordMap(_ path: String, _ bytes: Int) { lock.run { maps.append((path, bytes)) } }

    func attempt(_ operation: Operation, _ path: String) -> Fault? {
        attempts += 1
        return fault?(attempts - 1, operation, path)
    }

    func check(_ operation: Operation, _ path: String, as name: SystemError.Operation)
        throws(SystemError)
    {
        switch attempt(operation, path) {
        case .error(let code), .shortWrite(let code): throw SystemError(name, path, Errno(code))
        case nil: break
        }
    }

    func locked<R>(_ body: () throws(SystemError) -> R) throws(SystemError) -> R {
        try lock.run(body)
    }

    func requireSpace(for more: Int, _ path: String, as operation: SystemError.Operation)
        throws(SystemError)
    {
        guard capacity < Int.max else { return }
        let used = names.values.reduce(0) { $0 + $1.size() }
        if used + more > capacity { throw SystemError(operation, path, .noSpace) }
    }

    // MARK: Disk

    public func open(_ path: String, _ access: FileAccess) throws(SystemError) -> any DiskFile {
        try locked { () throws(SystemError) in
            let existing = names[path]
            switch access {
            case .readOnly, .readWrite:
                guard let existing else { throw SystemError(.open, path, .noSuchFileOrDirectory) }
                return SimulatedFile(disk: self, path: path, contents: existing)
            case .createNew where existing != nil: throw SystemError(.open, path, .fileExists)
            case .createNew, .createOrKeep:
                try check(.open, path, as: .open)
                if let existing {
                    return SimulatedFile(disk: self, path: path, contents: existing)
                }
                let contents = SimulatedFile.Contents(number: nextFile)
                nextFile += 1
                record(.create(name: path, file: contents.number))
                names[path] = contents
                return SimulatedFile(disk: self, path: path, contents: contents)
            }
        }
    }

    public func exists(_ path: String) -> Bool { lock.run { names[path] != nil } }

    public func renameWithoutReplacing(_ source: String, to destination: String) throws(SystemError)
    {
        try locked { () throws(SystemError) in
            try check(.rename, destination, as: .rename)
            guard names[destination] == nil else {
                throw SystemError(.rename, destination, .fileExists)
            }
            record(.rename(from: source, to: destination))
            names[destination] = names.removeValue(forKey: source)
        }
    }

    public func renameReplacing(_ source: String, to destination: String) throws(SystemError) {
        try locked { () throws(SystemError) in
            try check(.rename, destination, as: .rename)
            record(.rename(from: source, to: destination))
            names[destination] = names.removeValue(forKey: source)
        }
    }

    public func fileIdentity(at path: String) -> FileIdentity? {
        lock.run { names[path].map { FileIdentity(device: 0, number: UInt64($0.number)) } }
    }

    /// There are no links and no working directory here.
    public func resolve(_ path: String) -> String { links[path] ?? path }

    public func remove(_ path: String) throws(SystemError) {
        try locked { () throws(SystemError) in
            try check(.remove, path, as: .remove)
            guard names[path] != nil else { return }
            record(.remove(name: path))
            names[path] = nil
        }
    }

    public func syncDirectory(of path: String) throws(SystemError) {
        try locked { () throws(SystemError) in
            try check(.syncDirectory, path, as: .syncDirectory)
            record(.syncDirectory(folder: PathBytes.folder(of: path)))
        }
    }

    public func names(inFolder path: String) throws(SystemError) -> [String] {
        try locked { () throws(SystemError) in
            let paths = Array(names.keys) + folders
            let found = paths.filter { PathBytes.folder(of: $0) == path }
            guard !found.isEmpty || folders.contains(path) else {
                throw SystemError(.list, path, .noSuchFileOrDirectory)
            }
            return found.map(PathBytes.name(of:))
        }
    }

    public func createFolder(_ path: String) throws(SystemError) {
        try locked { () throws(SystemError) in
            try check(.createFolder, path, as: .createFolder)
            guard names[path] == nil, !folders.contains(path) else {
                throw SystemError(.createFolder, path, .fileExists)
            }
            record(.createFolder(name: path))
            folders.insert(path)
        }
    }
}

/// A recursive lock of the system, for a disk whose callbacks may call it.
final class RecursiveLock: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    init() {
        mutex = .allocate(capacity: 1)
        var attributes = pthread_mutexattr_t()
        pthread_mutexattr_init(&attributes)
        pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_RECURSIVE))
        pthread_mutex_init(mutex, &attributes)
        pthread_mutexattr_destroy(&attributes)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func run<R, Failure: Error>(_ body: () throws(Failure) -> R) throws(Failure) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }
}
