import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// Opening and making heaps.
extension HeapEngine {
    func openInMemory() throws(HeapError) {
        let pages = AllocatorRoot.initialPages()
        try image.extend(to: pages.count, path: path)
        pages.withUnsafeBytes { image.apply(firstLine: 0, lines: $0) }
        didOpen()
    }

    /// Under the opening lock, so that the state that is found here does not change on the way:
    /// nobody else opens, closes or recovers meanwhile. A reader of a heap at rest can do without.
    func openFile() throws(HeapError) {
        if beginVisit() { return }
        image.endVisit()
        while try !openFileInPlace() { file?.close() }
        try checkAllocatorRoot()
        didOpen()
    }

    /// False if the file was replaced or removed between its opening and the lock: what lies beside
    /// it belongs to another one then.
    private func openFileInPlace() throws(HeapError) -> Bool {
        let file = try openOrCreate()
        self.file = file
        knownIdentity = nil
        warnings = []
        try requireSuitableFileSystem(file)
        var isInPlace = false
        try withOpeningLock(file) { () throws(HeapError) in
            isInPlace = try translating { () throws(SystemError) in
                disk.fileIdentity(at: location) == (try file.fileIdentity())
            }
            guard isInPlace else { return }
            let header = try readHeader(file)
            identity = header.identity
            seed = header.hashSeed
            if try isAlone(file) {
                try openAlone(file, header)
            } else {
                try join(file, header)
            }
        }
        return isInPlace
    }

    private func didOpen() {
        committedPages = pagesInImage
    }

    /// Nobody else uses the log: what a crash has left of it is put in order first.
    func openAlone(_ file: any DiskFile, _ header: HeapHeader) throws(HeapError) {
        var header = header
        if mode == .readWrite { try requireNames(header) }
        if header.isGivingBack, mode == .readWrite {
            _ = try giveBackFreePages(file)
            header = try readHeader(file)
        }
        try mapBase(file)
        if options.salvages { try extendToHeader(header) }
        if !header.logInUse, let named = try headerOfForgottenLog(file, header) { header = named }
        if header.logInUse {
            if mode == .readWrite, try joinBesideReaders(file, header) { return }
            header = try recoverOrSalvage(file, header)
            // A reader leaves the log as it was, and must not be taken for one who has it in use.
            guard mode == .readWrite else {
                take(header)
                return try becomeGuest(file, giveUpPresence: true)
            }
        }
        take(header)
        try checkAllocatorRoot(pages: header.heapPages)
        try beginSharing(file, header)
    }

    /// The heap's own files beside it.
    var neighbours: Neighbours { Neighbours(disk: disk, heapPath: location, identity: identity) }

    /// A writer needs both names, and is told at once if one of them is taken. Which log belongs to
    /// a heap in use is recovery's to find out.
    private func requireNames(_ header: HeapHeader) throws(HeapError) {
        try translating { () throws(SystemError) in
            try neighbours.requireOwn(.shared)
            if !header.logInUse { try neighbours.requireOwn(.log) }
        }
    }

    /// Makes the shared file, where the heap is at rest and nobody else has it open.
    func beginSharing(_ file: any DiskFile, _ header: HeapHeader) throws(HeapError) {
        // Without the right to write the file others cannot be kept out while the shared file is
        // made.
        guard isFileWritable, !options.salvages else {
            return try becomeGuest(file, giveUpPresence: true)
        }
        do throws(SharingError) {
            let shared = try SharingError.passing { () throws(SystemError) in
                try SharedFile.create(
                    disk: disk, heapPath: location, heapFile: file, header: header,
                    processes: options.processes)
            }
            try becomeMember(file, shared)
        } catch {
            // A reader can do without; a writer is told when it first writes that it may not.
            guard mode != .readWrite || error.isRefusal else { throw heapError(error) }
            try becomeGuest(file, giveUpPresence: true)
        }
    }

    /// Others have the heap in use: this opening starts from the base image, like everybody who
    /// comes later, and catches up.
    func join(_ file: any DiskFile, _ header: HeapHeader) throws(HeapError) {
        let needsEntry = mode == .readWrite
        do throws(SharingError) {
            let shared: SharedFile
            var mayWrite = true
            do throws(SharingError) {
                shared = try joinShared(file, header, isWritable: true)
            } catch  where !needsEntry && error.isRefusal {
                mayWrite = false
                shared = try joinShared(file, header, isWritable: false)
            }
            if mayWrite {
                try becomeMember(file, shared)
            } else {
                try SharingError.passing { () throws(SystemError) in
                    try protectAllViews(file)
                    try takePresence(file)
                }
                attachment = .observer(shared)
            }
        } catch { throw heapError(error) }
        openView()
        defer { if !isFixed { closeView() } }
        try startFromBase()
        try catchUp()
        if isFixed { openView() }
    }

    func joinShared(_ file: any DiskFile, _ header: HeapHeader, isWritable: Bool)
        throws(SharingError) -> SharedFile
    {
        try SharedFile.join(
            disk: disk, heapPath: location, heapFile: file, identity: header.identity,
            processes: options.processes,
            isWritable: isWritable)
    }

    private func heapError(_ error: SharingError) -> HeapError {
        switch error {
        case .missing: .logMissing(path: path, logPath: location + LogLayout.sharedSuffix)
        case .otherNamespace: .otherNamespace(path: path)
        case .tooManyProcesses: .tooManyProcesses(path: path, limit: ViewTable.count)
        case .system(let error): heapError(error)
        }
    }

    private func takePresence(_ file: any DiskFile) throws(SystemError) {
        guard try file.tryLock(.presence, exclusive: false) else {
            throw SystemError(.lock, path, .resourceTemporarilyUnavailable)
        }
    }

    private func becomeMember(_ file: any DiskFile, _ shared: SharedFile) throws(SharingError) {
        let views = ViewTable(shared: shared)
        guard
            let entry = views.take(
                for: options.processes.current, isFixed: isFixed, directory: options.processes)
        else { throw .tooManyProcesses }
        if isFixed { ViewTable.open(entry, at: shared[.checkpoint], commit: 0, in: shared) }
        attachment = .member(shared, views, entry: entry)
        try SharingError.passing { () throws(SystemError) in try takePresence(file) }
    }

    /// Reads on without being known: then nothing may be moved into the base image at all.
    func becomeGuest(_ file: any DiskFile, giveUpPresence: Bool) throws(HeapError) {
        try translating { () throws(SystemError) in try protectAllViews(file) }
        if giveUpPresence { file.unlock(.presence) }
        attachment = .guest(headers: headerSequences)
    }

    func protectAllViews(_ file: any DiskFile) throws(SystemError) {
        guard try file.tryLock(.unregisteredReader, exclusive: false) else {
            throw SystemError(.lock, path, .resourceTemporarilyUnavailable)
        }
    }

    /// The sequence numbers in the header's copies as the mapping shows them; they change when
    /// anyone writes a header.
    var headerSequences: [UInt64] {
        (0 ..< Int(HeapLayout.headerPages)).map { headerSequence($0, at: image.base) }
    }

    func headerSequence(_ copy: Int, at headers: UnsafeRawPointer) -> UInt64 {
        (headers + copy * HeapLayout.pageBytes + HeapHeader.sequenceOffset).load(as: UInt64.self)
    }

    /// Takes over where the base image, or what recovery made of it, stands in the log.
    func take(_ header: HeapHeader) {
        applied = header.checkpointPosition
        chain = header.checkpointChain
        commitNumber = header.commitNumber
    }

    func isAlone(_ file: any DiskFile) throws(HeapError) -> Bool {
        do throws(SystemError) {
            return try file.tryLock(.presence, exclusive: true)
        } catch {
            // Opened for reading only: whether the lock is free can be asked, but not held against
            // others.
            guard error.errno == .badFileDescriptor else { throw heapError(error) }
            do throws(SystemError) { return !(try file.isLockedByOthers(.presence)) } catch {
                throw heapError(error)
            }
        }
    }

    /// Runs `body` while no other process opens or closes the heap. Whoever cannot write the file
    /// changes nothing and may share the lock.
    func withOpeningLock(_ file: any DiskFile, _ body: () throws(HeapError) -> Void)
        throws(HeapError)
    {
        try askAgain(waitingFor: "another process that opens or closes it") {
            () throws(HeapError) in
            do throws(SystemError) {
                return try file.tryLock(.opening, exclusive: true)
            } catch {
                guard error.errno == .badFileDescriptor else { throw heapError(error) }
                return try translating { () throws(SystemError) in
                    try file.tryLock(.opening, exclusive: false)
                }
            }
        }
        defer { file.unlock(.opening) }
        try body()
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
                    + "use it (\(name)); if they do, "
                    + "their changes are not seen.")
        }
    }

    private func openOrCreate() throws(HeapError) -> any DiskFile {
        let deadline = Deadline(in: options.timeout)
        var file: (any DiskFile)?
        while file == nil {
            do throws(SystemError) {
                file = try openFileForMode()
            } catch {
                guard error.errno == .noSuchFileOrDirectory, mode == .readWrite,
                    options.createsIfMissing
                else {
                    throw openingError(error)
                }
                do throws(HeapError) {
                    try create()
                } catch {
                    // Another process is making it just now.
                    guard case .busy = error, !deadline.hasPassed else { throw error }
                    SystemThread.sleep(microseconds: 1000)
                }
            }
        }
        guard let file else { throw HeapError.notFound(path: path) }
        do throws(SystemError) {
            try file.requireRegularFile()
        } catch {
            file.close()
            throw heapError(error)
        }
        return file
    }

    private func openingError(_ error: SystemError) -> HeapError {
        switch error.errno {
        case .permissionDenied, .notPermitted:
            .permissionDenied(path: path, operation: mode == .readWrite ? "write" : "read")
        case .noSuchFileOrDirectory, .notDirectory, .fileNameTooLong:
            disk.objection(to: location, suffixBytes: 0).map { HeapError($0, path: path) }
                ?? heapError(error)
        default: heapError(error)
        }
    }

    /// Readers open the file for writing too if they may, though they write nothing: exclusive
    /// locks ask for it.
    private func openFileForMode() throws(SystemError) -> any DiskFile {
        do throws(SystemError) {
            isFileWritable = true
            return try disk.open(location, .readWrite)
        } catch {
            guard mode != .readWrite, error.isRefusal || error.errno == .textFileBusy else {
                throw error
            }
            isFileWritable = false
            return try disk.open(location, .readOnly)
        }
    }

    /// Makes an empty heap under another name and moves it into place whole: a crash leaves no
    /// half-made heap, and of two processes that make the same one, the second opens what the first
    /// made.
    private func create() throws(HeapError) {
        let header = HeapHeader.made(identity: .random(), hashSeed: .random())
        let pages = AllocatorRoot.initialPages()
        let builder = try HeapFileBuilder(
            path: location, named: path, rights: options.rightsOfNewFiles, disk: disk)
        defer { builder.end() }
        // Before there is a file that could not be opened.
        try requireSuitableFileSystem(builder.file)
        do throws(SystemError) {
            try builder.file.grow(
                from: 0, to: HeapLayout.fileGranule, reservingBlocks: options.reservesBlocks)
            try builder.file.write(pages, at: 0)
            do throws(SystemError) {
                try builder.finish(header, replacing: false)
            } catch  where error.errno == .fileExists {
                // Another process was faster, and its heap is as good.
            }
        } catch {
            throw HeapError(error.renamed(to: path))
        }
    }

    func readHeader(_ file: any DiskFile) throws(HeapError) -> HeapHeader {
        let (header, bytes) = try headerAndSize(of: file)
        fileBytes = bytes
        reservedBytes = Int(header.reservedBytes)
        return header
    }

    /// The current header and the size of the file, which may have grown since. Changes nothing of
    /// this opening.
    func headerAndSize(of file: any DiskFile) throws(HeapError) -> (HeapHeader, fileBytes: Int) {
        let readings: [HeapHeader.Reading]
        let fileBytes: Int
        do throws(SystemError) {
            readings = try file.headerReadings()
            // After the header: the file is always made longer before a header says that the heap
            // is.
            fileBytes = try file.size()
        } catch {
            throw heapError(error)
        }
        guard fileBytes > 0 else { throw HeapError.emptyFile(path: path) }
        switch HeapHeader.current(readings) {
        case .header(let header):
            // Anyone may have grown the file since its size was asked for, but nobody cuts it while
            // it is in use.
            let expected = SystemPage.roundUp(
                Int(header.heapPages) * HeapLayout.pageBytes, to: HeapLayout.fileGranule)
            guard fileBytes >= expected || options.salvages else {
                throw HeapError.truncated(
                    path: path, expectedBytes: UInt64(expected), actualBytes: UInt64(fileBytes))
            }
            return (header, fileBytes)
        case .newerFormat(let version):
            throw HeapError.newerFormat(
                path: path, found: version, supported: HeapLayout.formatVersion)
        case .foreignByteOrder: throw HeapError.foreignByteOrder(path: path)
        case .damaged: throw HeapError.damagedHeader(path: path)
        case .notAHeader: throw HeapError.notAHeap(path: path)
        }
    }

    func mapBase(_ file: any DiskFile) throws(HeapError) {
        // A file may have a rest behind the last granule (another program's doing); it holds
        // nothing and is not mapped.
        fileBytes -= fileBytes % HeapLayout.fileGranule
        try image.mapFile(file, byteCount: fileBytes)
    }

    /// `pages`: how many the header or the log's last record says that there are, where that is
    /// known.
    func checkAllocatorRoot(pages: UInt64? = nil) throws(HeapError) {
        guard image.byteCount >= Int(HeapLayout.initialPages) * HeapLayout.pageBytes else {
            throw HeapError.damaged(path: path, what: "it is too short for a heap")
        }
        let magic = (image.base + Int(AllocatorRoot.offset)).load(as: UInt64.self)
        guard magic == AllocatorRoot.magic, pagesInImage >= HeapLayout.initialPages,
            pagesInImage <= UInt64(image.byteCount / HeapLayout.pageBytes)
        else { throw HeapError.damaged(path: path, what: "the allocator's root page is not one") }
        if let pages, pages != pagesInImage {
            throw HeapError.damaged(
                path: path,
                what:
                    "the allocator's root page speaks of \(pagesInImage) pages, and the header or "
                    + "log of \(pages)"
            )
        }
    }
}
