import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// Builds a complete heap file under a working name and renames it: a crash at any moment leaves
/// the old file, no file, or the new one.
///
/// The working name is always the same for one path (`WorkingName`), and a builder holds a lock on
/// the file. So the next builder finds the remains of a crash, and two builders cannot interfere.
final class HeapFileBuilder {
    /// The final path, and the path as given by the user.
    let path: String
    private let name: String
    let temporary: String
    let file: any DiskFile
    private let disk: any Disk
    private var isDone = false

    static let workingSuffix = "-new"

    /// `rights`: the permissions of the new file; nil: those of the process's umask.
    init(path: String, named name: String, rights: FileRights?, disk: any Disk) throws(HeapError) {
        self.path = path
        self.name = name
        self.disk = disk
        temporary = WorkingName.path(for: path, suffix: Self.workingSuffix)
        if let objection = disk.objection(to: path, suffixBytes: 0) {
            throw HeapError(objection, path: name)
        }
        var opened: (any DiskFile)?
        var current: (any DiskFile)?
        do throws(SystemError) {
            var patience = 1000
            var hasRemoved = false
            while opened == nil {
                let file = try disk.openBeside(
                    temporary, .createOrKeep(isPrivate: rights != nil))
                current = file
                let mine = try file.fileIdentity()
                // Openers wait for this lock: the file gets its name before its builder releases
                // the lock.
                if try file.tryLock(.opening, exclusive: true) {
                    // A file that was renamed between the opening and the lock is no longer this
                    // builder's.
                    if disk.fileIdentity(at: temporary) == mine {
                        if try Self.isNew(file, for: rights, mayHaveOthers: hasRemoved) {
                            opened = file
                            break
                        } else {
                            // A leftover is removed as a whole: another process may have it open,
                            // and must not see the new contents.
                            guard try Self.isLeftover(file) else {
                                throw SystemError.foreignFile(path: temporary, .otherContents)
                            }
                            try disk.remove(temporary)
                            hasRemoved = true
                        }
                    }
                } else {
                    // Another process is opening, closing or building the heap.
                    patience -= 1
                    guard disk.fileIdentity(at: path) == mine, patience > 0 else {
                        file.close()
                        throw SystemError(.lock, path, .resourceBusy)
                    }
                    SystemThread.sleep(microseconds: 1000)
                }
                file.close()
            }
            file = opened!
        } catch {
            // An empty file that could not be locked counts as not created.
            if let current, error.errno != .resourceBusy, !error.isForeignFile,
                (try? current.size()) == 0,
                let mine = try? current.fileIdentity(), disk.fileIdentity(at: temporary) == mine
            {
                try? disk.remove(temporary)
            }
            opened?.close()
            switch error.errno {
            case nil: throw HeapError(error)
            case _ where error.isRefusal: throw HeapError.readOnlyFolder(path: name)
            case .resourceBusy: throw HeapError.busy(path: name)
            case .noSuchFileOrDirectory: throw HeapError.folderNotFound(path: name)
            default: throw HeapError(error.renamed(to: name))
            }
        }
        if let rights { file.take(rights) }
    }

    /// Whether the file is as this process would have created it, so that only its owner can have
    /// it open. `mayHaveOthers`: for file systems with their own permissions, a newly created file
    /// is the best available.
    private static func isNew(
        _ file: any DiskFile, for rights: FileRights?, mayHaveOthers: Bool
    ) throws(SystemError) -> Bool {
        guard try file.size() == 0 else { return false }
        guard rights != nil, !mayHaveOthers, let found = try file.rights() else { return true }
        return found.mode & 0o066 == 0 && found.owner == CurrentProcess.user
    }

    private static func isLeftover(_ file: any DiskFile) throws(SystemError) -> Bool {
        try WorkingName.isLeftover(
            file, headersAt: (0 ..< Int(HeapLayout.headerPages)).map { $0 * HeapLayout.pageBytes }
        ) {
            // Also a header of which a short write has stored only a part.
            HeapHeader.decode($0) != .notAHeader
        }
    }

    /// The user's error for a failed step of the building.
    func heapError(_ error: SystemError) -> HeapError {
        switch error.errno {
        case .fileExists: .alreadyExists(path: name)
        case .resourceBusy: .busy(path: name)
        default: HeapError(error.renamed(to: name))
        }
    }

    /// Runs a step of the building, and converts its error to the user's.
    func translating<R>(_ body: () throws(SystemError) -> R) throws(HeapError) -> R {
        do throws(SystemError) { return try body() } catch { throw heapError(error) }
    }

    func requireReplaceable() throws(HeapError) {
        try translating { () throws(SystemError) in try lockReplaced()?.close() }
    }

    /// Prevents other processes from opening the file that will be replaced, until it is closed;
    /// nil if there is none, or if this process cannot use it. Throws `EBUSY` if any process has it
    /// open, because that process would continue to commit to a file without a name. A process that
    /// waits to open it finds the new file instead (`Opener.open`).
    private func lockReplaced() throws(SystemError) -> (any DiskFile)? {
        let old: any DiskFile
        do throws(SystemError) { old = try disk.open(path, .readWrite) } catch { return nil }
        do throws(SystemError) {
            guard try old.tryLock(.opening, exclusive: true),
                try old.tryLock(.presence, exclusive: true),
                try !old.isLockedByOthers(.unregisteredReader),
                try !old.isLockedByOthers(.transientReader)
            else { throw SystemError(.lock, path, .resourceBusy) }
        } catch {
            old.close()
            throw error
        }
        return old
    }

    /// Writes the header's copies; everything else is already in the file, and durable after this.
    /// Then renames the file.
    func finish(_ header: HeapHeader, replacing: Bool) throws(SystemError) {
        let old = replacing ? try lockReplaced() : nil
        defer { old?.close() }
        var header = header
        // The replaced heap was not closed, so its log goes with it. If a crash keeps that log, it
        // must not be taken for another heap's log beside this one. So this heap takes over the
        // identity, with a checksum that the log's first record cannot follow.
        let left: Neighbours? = if let old { try leftBeside(old) } else { nil }
        if let left {
            header.identity = left.identity
            header.checkpointChain = .random(in: 1 ... .max)
        }
        for copy in 0 ..< Int(HeapLayout.headerPages) {
            try file.write(header.encoded(), at: copy * HeapLayout.pageBytes)
        }
        try file.sync()
        if replacing {
            // The replaced heap's log was removed when the heap was closed. Until the folder is
            // synced, a power cut can bring the log's name back, beside a heap that it does not
            // belong to.
            if left == nil { try disk.syncDirectory(of: path) }
            try disk.renameReplacing(temporary, to: path)
        } else {
            try disk.renameWithoutReplacing(temporary, to: path)
        }
        isDone = true
        try disk.syncDirectory(of: path)
        try left?.remove()
    }

    /// The neighbour files of the heap that will be replaced, if it has left any.
    private func leftBeside(_ old: any DiskFile) throws(SystemError) -> Neighbours? {
        guard case .header(let header) = HeapHeader.current(try old.headerReadings()) else {
            return nil
        }
        let neighbours = Neighbours(disk: disk, heapPath: path, identity: header.identity)
        return Neighbours.Kind.allCases.contains { neighbours.isOwn($0) } ? neighbours : nil
    }

    /// Removes an unfinished file.
    func end() {
        if !isDone { try? disk.remove(temporary) }
        file.close()
    }
}
