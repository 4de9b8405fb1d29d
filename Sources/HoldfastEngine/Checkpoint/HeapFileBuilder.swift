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
            if case .header = HeapHeader.decode($0) { true } else { false }
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

    func requireReplaceable() throws(HeapError) {
        do throws(SystemError) { try lockReplaced()?.close() } catch { throw heapError(error) }
    }

    /// Keeps everybody from opening the file that is to be replaced until it is closed; nil if
    /// there is none, or none that this process could use. Throws `EBUSY` if it is open anywhere:
    /// whoever has it open would go on committing to a file that has lost its name. Who waits to
    /// open it finds the new file instead (`HeapEngine.openFile`).
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

/// Copying and compacting.
extension HeapEngine {
    /// Writes this opening's view to a new heap file at `destination`: whole, at rest, with an
    /// identity of its own. Free pages are left out.
    ///
    /// The view must stay where it is meanwhile: this is for snapshots
    /// (`EngineOptions.isSnapshot`).
    public func writeCopy(
        to destination: String, replacing: Bool = false,
        progress: ((_ done: Int, _ of: Int) -> Void)? = nil
    ) throws(HeapError) {
        let context = try beginRead()
        defer { endRead(context) }
        if let objection = PathObjection(toText: destination) {
            throw HeapError(objection, path: destination)
        }
        let place = disk.resolve(destination)
        if !replacing, disk.exists(place) { throw HeapError.alreadyExists(path: destination) }
        let rights = try translating { () throws(SystemError) in try file?.rights() }
        let builder = try HeapFileBuilder(
            path: place, named: destination, rights: rights, disk: disk)
        defer { builder.end() }
        if replacing { try builder.requireReplaceable() }
        do throws(CopyError) {
            let table = PageChecksums(
                root: UnsafeRawBufferPointer(
                    start: image.base + Int(AllocatorRoot.offset), count: HeapLayout.pageBytes))
            let size = SystemPage.roundUp(
                Int(committedPages) * HeapLayout.pageBytes, to: HeapLayout.fileGranule)
            try CopyError.passing { () throws(SystemError) in
                try builder.file.grow(from: 0, to: size, reservingBlocks: false)
            }
            var writer = BaseWriter(
                file: builder.file, old: table, new: table, mends: true, keepsBlocks: false)
            var walk = PageWalk(base: image.base, end: committedPages)
            let reserved = table.allPages
            while let run = walk.next() {
                if run.kind != .free { try copy(run.pages, leavingOut: reserved, &writer) }
                progress?(run.pages.upperBound, Int(committedPages))
            }
            guard !walk.isBroken else { throw .brokenPageMap }
            try CopyError.passing { () throws(SystemError) in
                try writer.finish()
                // Two syncs: a header that names pages which are not there yet would be a damaged
                // heap, should the name already be durable.
                try builder.file.sync()
            }
            var header = HeapHeader.made(identity: .random(), hashSeed: hashSeed)
            header.checkpointPosition = applied
            header.checkpointChain = chain
            header.commitNumber = commitNumber
            header.heapPages = committedPages
            header.pageMapParts = table.parts
            if image.fault != nil { throw .fault }
            try CopyError.passing { () throws(SystemError) in
                try builder.finish(header, replacing: replacing)
            }
        } catch {
            switch error {
            case .brokenPageMap:
                throw HeapError.damaged(path: path, what: "the page map is not one")
            case .fault: throw HeapError.unreadable(path: path, offset: UInt64(image.fault ?? 0))
            case .cancelled: throw HeapError.cancelled(path: destination)
            case .system(let error): throw builder.heapError(error)
            }
        }
    }

    /// Writes the pages, a mebibyte at a time, but for those that hold checksums and those that
    /// have never been written.
    private func copy(
        _ pages: Range<Int>, leavingOut reserved: [Range<Int>], _ writer: inout BaseWriter
    ) throws(CopyError) {
        var page = max(pages.lowerBound, Int(HeapLayout.headerPages))
        while page < pages.upperBound {
            if let range = reserved.first(where: { $0.contains(page) }) {
                page = range.upperBound
                continue
            }
            if !image.isPrivate(page: page), let file, page * HeapLayout.pageBytes < fileBytes {
                let data = try CopyError.passing { () throws(SystemError) in
                    try file.nextData(from: page * HeapLayout.pageBytes) ?? Int.max
                }
                if data >= (page + 1) * HeapLayout.pageBytes {
                    page = nextPrivate(
                        from: page, before: min(pages.upperBound, data / HeapLayout.pageBytes))
                    continue
                }
            }
            let limit = min(
                pages.upperBound, page + 256,
                reserved.filter { $0.lowerBound > page }.map(\.lowerBound).min() ?? Int.max)
            try CopyError.passing { () throws(SystemError) in
                try writer.write(
                    firstPage: page,
                    UnsafeRawBufferPointer(
                        start: image.base + page * HeapLayout.pageBytes,
                        count: (limit - page) * HeapLayout.pageBytes))
            }
            page = limit
            if options.isCancelled?() == true { throw .cancelled }
        }
    }

    private func nextPrivate(from page: Int, before end: Int) -> Int {
        var page = page
        while page < end, !image.isPrivate(page: page) { page += 1 }
        return page
    }

    /// Makes the file take less of the disk: a checkpoint, the end of the file cut if nobody else
    /// has the heap open, and the blocks of free pages given back to the file system. Nothing
    /// moves, so handles of other processes stay what they are. Returns the bytes of free pages
    /// given back.
    @discardableResult
    public func compact() throws(HeapError) -> Int {
        demandNoOpenTransaction(for: "heap.compact")
        try requireWritable()
        guard mode == .readWrite, let file else { return 0 }
        try lockForWriting()
        defer { unlockAfterWriting() }
        try catchUp()
        try trimAllocator()
        guard try moveLogIntoBase(waits: true) else { return 0 }
        var freed = 0
        try withCheckpointLock(waits: true) { () throws(HeapError) in
            let header = try readHeader(file)
            // The write lock is held, so what is free here is free for everybody who comes later;
            // and no view is older, or the checkpoint would not have been complete.
            guard header.checkpointPosition == applied else { return }
            freed = try giveBackFreePages(file)
        }
        try runCheckpoint()
        return freed
    }
}
