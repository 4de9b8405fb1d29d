import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// Makes a whole heap file under another name and moves it into place: a crash at any moment leaves
/// the old file, or none, or the new one.
///
/// The working name is always the same for one path (`WorkingName`), and whoever builds holds a
/// lock on it; so what a crash leaves is found by the next
/// one, and two builders cannot get into each other's way.
final class HeapFileBuilder {
    /// Where the file is to be, and how the user calls that.
    let path: String
    private let name: String
    let temporary: String
    let file: any DiskFile
    private let disk: any Disk
    private var isDone = false

    static let workingSuffix = "-new"

    /// `rights`: who may read and write the file; nil: whom the process's mask lets.
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
                let file = try Self.openWorking(temporary, of: path, isPrivate: rights != nil, disk)
                current = file
                let mine = try file.fileIdentity()
                // Who died between giving the heap its name and taking this one away has left one
                // file with both.
                var isHeap: Bool { disk.fileIdentity(at: path) == mine }
                // The lock that those who open the heap wait for: the file gets its name before its
                // maker lets go of it.
                if try file.tryLock(.opening, exclusive: true) {
                    // The heap's second name is taken away under the lock, or else it might be
                    // another builder's by now; and a name that was moved away between the opening
                    // and the lock is not this builder's any more.
                    if disk.fileIdentity(at: temporary) == mine {
                        if isHeap {
                            try disk.remove(temporary)
                        } else if try Self.isNew(file, for: rights, mayHaveOthers: hasRemoved) {
                            opened = file
                            break
                        } else {
                            // A leftover goes as a whole: somebody may have it open, who is not to
                            // see what is written now.
                            guard try Self.isLeftover(file) else {
                                throw SystemError.foreignFile(path: temporary, .otherContents)
                            }
                            try disk.remove(temporary)
                            hasRemoved = true
                        }
                    }
                } else {
                    // Somebody opens or closes the heap just now, or somebody builds.
                    patience -= 1
                    guard isHeap, patience > 0 else {
                        file.close()
                        throw SystemError(.lock, path, .resourceBusy)
                    }
                    SystemThread.sleep(microseconds: 1000)
                }
                file.close()
            }
            file = opened!
        } catch {
            // An empty file that could not be locked is as good as not made.
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

    private static func openWorking(
        _ temporary: String, of path: String, isPrivate: Bool, _ disk: any Disk
    ) throws(SystemError) -> any DiskFile {
        do throws(SystemError) {
            return try disk.openBeside(temporary, .createOrKeep(isPrivate: isPrivate))
        } catch {
            // Two names, one of which is the heap's.
            guard case .foreignFile(_, .severalNames) = error,
                let heap = disk.fileIdentity(at: path),
                heap == disk.fileIdentity(at: temporary)
            else { throw error }
            return try disk.open(temporary, .readWrite)
        }
    }

    /// Whether the file is as this process would have made it just now, so that nobody but its user
    /// can have it open. `mayHaveOthers`: where a file system has rights of its own, a file that
    /// was made anew is all that there can be.
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
            // Also one that a short write has left cut in two.
            HeapHeader.decode($0) != .notAHeader
        }
    }

    /// What the user is told when a step of the building has failed.
    func heapError(_ error: SystemError) -> HeapError {
        switch error.errno {
        case .fileExists: .alreadyExists(path: name)
        case .resourceBusy: .busy(path: name)
        default: HeapError(error.renamed(to: name))
        }
    }

    /// Runs a step of the building, and turns the error that it throws into the user's.
    func translating<R>(_ body: () throws(SystemError) -> R) throws(HeapError) -> R {
        do throws(SystemError) { return try body() } catch { throw heapError(error) }
    }

    func requireReplaceable() throws(HeapError) {
        try translating { () throws(SystemError) in try lockReplaced()?.close() }
    }

    /// Keeps everybody from opening the file that is to be replaced until it is closed; nil if
    /// there is none, or none that this process could use. Throws `EBUSY` if it is open anywhere:
    /// whoever has it open would go on committing to a file that has lost its name. Who waits to
    /// open it finds the new file instead (`Opener.open`).
    private func lockReplaced() throws(SystemError) -> (any DiskFile)? {
        let old: any DiskFile
        do throws(SystemError) { old = try disk.open(path, .readWrite) } catch { return nil }
        do throws(SystemError) {
            guard try old.tryLock(.opening, exclusive: true),
                try old.tryLock(.presence, exclusive: true),
                try !old.isLockedByOthers(.unregisteredReader), try !old.isLockedByOthers(.visitor)
            else { throw SystemError(.lock, path, .resourceBusy) }
        } catch {
            old.close()
            throw error
        }
        return old
    }

    /// Writes the header's copies; everything else is in the file, and after this durable. Then the
    /// file gets its name.
    func finish(_ header: HeapHeader, replacing: Bool) throws(SystemError) {
        let old = replacing ? try lockReplaced() : nil
        defer { old?.close() }
        var header = header
        // The log of the replaced heap, which nobody closed, goes with it. A crash before it is
        // gone must not leave it as another heap's beside this one: so this heap takes over the
        // identity, and with a checksum that the log's first record cannot follow.
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
            // The replaced heap's log went when that was closed; until its folder is synced, a
            // power cut can bring its name back, beside a heap that it does not belong to.
            if left == nil { try disk.syncDirectory(of: path) }
            try disk.renameReplacing(temporary, to: path)
        } else {
            try disk.renameWithoutReplacing(temporary, to: path)
        }
        isDone = true
        try disk.syncDirectory(of: path)
        try left?.remove()
    }

    /// The files beside the heap that is to be replaced, if it has left any.
    private func leftBeside(_ old: any DiskFile) throws(SystemError) -> Neighbours? {
        guard case .header(let header) = HeapHeader.current(try old.headerReadings()) else {
            return nil
        }
        let neighbours = Neighbours(disk: disk, heapPath: path, identity: header.identity)
        return Neighbours.Kind.allCases.contains { neighbours.isOwn($0) } ? neighbours : nil
    }

    /// Removes what is not finished.
    func end() {
        if !isDone { try? disk.remove(temporary) }
        file.close()
    }
}
