import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// Opens a heap: finds the file, takes the locks in their order, recovers, and determines the kind
/// of participation.
///
/// Also changes that kind later: a transient reader registers, and an unregistered reader notices
/// that the heap is in use.
final class Opener {
    let dataFile: DataFile
    let view: HeapView
    let participation: Participation
    let follower: LogFollower
    let checkpointer: Checkpointer

    init(
        dataFile: DataFile, view: HeapView, participation: Participation, follower: LogFollower,
        checkpointer: Checkpointer
    ) {
        self.dataFile = dataFile
        self.view = view
        self.participation = participation
        self.follower = follower
        self.checkpointer = checkpointer
    }

    private var recovery: Recovery {
        Recovery(dataFile: dataFile, view: view, participation: participation)
    }

    // MARK: Opening

    /// For every mode except `bulkBuild`. Opens the file under the opening lock, so that the state
    /// found here stays fixed: no other process opens, closes or recovers meanwhile. A reader of a
    /// heap at rest does not need the lock.
    func open() throws(HeapError) {
        if beginVisit() { return }
        view.image.endVisit()
        while try !openFileInPlace() { dataFile.file?.close() }
        try view.requireAllocatorRoot()
        view.committedPages = view.pagesInImage
    }

    /// False if the file was replaced or removed between its opening and the lock; the neighbour
    /// files then belong to another heap.
    private func openFileInPlace() throws(HeapError) -> Bool {
        let file = try HeapMaker(dataFile: dataFile).openOrCreate()
        dataFile.file = file
        dataFile.knownIdentity = nil
        dataFile.warnings = []
        try dataFile.requireSuitableFileSystem(file)
        return try takePart(file) { header in
            dataFile.identity = header.identity
            view.hashSeed = header.hashSeed
        }
    }

    /// Takes part in the sharing of the open file, under the opening lock, if it has its name;
    /// returns whether it has. `begin` gets the header first.
    func takePart(
        _ file: any DiskFile, _ begin: (HeapHeader) throws(HeapError) -> Void
    ) throws(HeapError) -> Bool {
        var isInPlace = false
        try dataFile.withOpeningLock(file) { () throws(HeapError) in
            isInPlace = try dataFile.isInPlace(file)
            guard isInPlace else { return }
            let header = try dataFile.readHeader(file)
            try begin(header)
            let isAlone = try dataFile.isAlone(file)
            if dataFile.isExclusive {
                let hasReaders = try dataFile.hasOtherReaders(file)
                guard isAlone, !hasReaders else { throw HeapError.busy(path: dataFile.path) }
            }
            if isAlone {
                try openAlone(file, header)
            } else {
                try join(file, header)
            }
        }
        return isInPlace
    }

    /// For a heap whose log no other process uses: first recovers from a crash.
    func openAlone(_ file: any DiskFile, _ header: HeapHeader) throws(HeapError) {
        let isWriter = dataFile.mode == .readWrite
        var header = header
        if isWriter { try requireNames(header) }
        if header.isPunchingHoles, isWriter {
            header = try dataFile.readHeader(file)
            _ = try checkpointer.punchHoles(file, header)
            header = try dataFile.readHeader(file)
        }
        try mapDataFile(file)
        let salvage = Salvage(recovery: recovery)
        if dataFile.options.salvages { try salvage.extendToHeader(header) }
        if !header.logInUse,
            let named = try LogFiles(dataFile: dataFile).headerOfForgottenLog(header)
        {
            header = named
        }
        if header.logInUse {
            if isWriter, try joinBesideReaders(file, header) { return }
            header = try salvage.recover(file, header)
            // A reader leaves the log unchanged, and must not be mistaken for a process that has it
            // in use.
            guard isWriter else {
                view.adoptCheckpoint(of: header)
                return try participation.becomeUnregisteredReader(file, givingUpPresence: true)
            }
        } else if isWriter {
            try dataFile.translating { () throws(SystemError) in
                try dataFile.replaceDamagedCopy(of: &header, file)
            }
        }
        view.adoptCheckpoint(of: header)
        try view.requireAllocatorRoot(pages: header.heapPages)
        try beginSharing(file, header)
    }

    private func mapDataFile(_ file: any DiskFile) throws(HeapError) {
        // A file may have a remainder behind the last granule (made by another program); it holds
        // nothing and is not mapped.
        dataFile.byteCount -= dataFile.byteCount % HeapLayout.fileGranule
        try view.image.mapFile(file, byteCount: dataFile.byteCount)
    }

    /// A writer needs both names, and learns at once if one of them is taken. Which log belongs to
    /// a heap in use is determined by recovery.
    private func requireNames(_ header: HeapHeader) throws(HeapError) {
        let neighbours = dataFile.neighbours
        try dataFile.translating { () throws(SystemError) in
            try neighbours.requireOwn(.shared)
            if !header.logInUse { try neighbours.requireOwn(.log) }
        }
    }

    // MARK: Participation

    /// Creates the shared file, for a heap at rest that no other process has open.
    func beginSharing(_ file: any DiskFile, _ header: HeapHeader) throws(HeapError) {
        // Without write permission for the file, other processes cannot be kept out while the
        // shared file is created.
        guard dataFile.isWritable, !dataFile.options.salvages else {
            return try participation.becomeUnregisteredReader(file, givingUpPresence: true)
        }
        do throws(SharingError) {
            let shared = try SharingError.passing { () throws(SystemError) in
                try SharedMemory.create(
                    disk: dataFile.disk, heapPath: dataFile.location, heapFile: file,
                    header: header, process: dataFile.options.process)
            }
            try requireCoherence(shared)
            try participation.register(file, shared)
        } catch {
            if case .incoherent = error {
                try? dataFile.neighbours.clear(.shared)
                throw heapError(error)
            }
            // A reader works without it; a writer gets the error from its first write, but could
            // not keep others out.
            guard dataFile.mode != .readWrite || error.isRefusal else { throw heapError(error) }
            if dataFile.isExclusive { throw HeapError.readOnlyFolder(path: dataFile.path) }
            return try participation.becomeUnregisteredReader(file, givingUpPresence: true)
        }
        try prepareToKeepPages()
    }

    /// An image that is only read has no table of private pages yet, and cannot get one while it
    /// is read.
    private func prepareToKeepPages() throws(HeapError) {
        try view.image.preparePrivateCopies(path: dataFile.path)
    }

    /// For a heap in use by other processes: starts from the data file, like every later opening,
    /// and catches up.
    func join(_ file: any DiskFile, _ header: HeapHeader) throws(HeapError) {
        do throws(SharingError) { try takePart(file, header) } catch { throw heapError(error) }
        try beginToFollow()
        if participation.isFixed { participation.openSnapshot() }
    }

    /// Maps the data file and catches up, under a snapshot, which stays open if it is fixed.
    private func beginToFollow() throws(HeapError) {
        let seat = participation.takeSeat()
        participation.openSnapshot()
        defer {
            if !participation.isFixed { participation.closeSnapshot() }
            seat?.leave()
        }
        try follower.startFromDataFile()
        try prepareToKeepPages()
        try follower.catchUp()
    }

    /// Opens a further image of an opening that is registered with `shared`. On an error, nothing
    /// has changed. The caller has exclusive access to the image, and no other thread of the
    /// process uses the opening lock.
    func openImage(_ file: any DiskFile, _ shared: SharedMemory) throws(HeapError) {
        try dataFile.withOpeningLock(file) { () throws(HeapError) in
            do throws(SharingError) { try participation.registerImage(shared) } catch {
                throw heapError(error)
            }
        }
        do throws(HeapError) { try beginToFollow() } catch {
            closeImage()
            throw error
        }
        if dataFile.options.verifiesDirtyTracking { view.verifyDirtyTracking(PageWalk.freePages) }
    }

    /// Releases a further image: its entry in the reader table, and its memory.
    func closeImage() {
        participation.leave()
        view.forgetImage()
    }

    private func takePart(_ file: any DiskFile, _ header: HeapHeader) throws(SharingError) {
        let (shared, mayWrite) = try joinShared(header)
        guard mayWrite else { return try participation.becomeLockedReader(file, shared) }
        try requireCoherence(shared)
        try participation.register(file, shared)
    }

    /// Proves what is not known of the file system. Requires the opening lock.
    private func requireCoherence(_ shared: SharedMemory) throws(SharingError) {
        guard dataFile.fileSystem != .local else { return }
        let isCoherent = try SharingError.passing { () throws(SystemError) in
            try shared.isCoherent()
        }
        guard isCoherent else { throw .incoherent }
    }

    /// The shared file of the processes that use the heap, and whether this process may write it.
    private func joinShared(_ header: HeapHeader) throws(SharingError)
        -> (SharedMemory, mayWrite: Bool)
    {
        do throws(SharingError) {
            return (try joinShared(header, isWritable: true), true)
        } catch  where dataFile.mode != .readWrite && error.isRefusal {
            return (try joinShared(header, isWritable: false), false)
        }
    }

    private func joinShared(_ header: HeapHeader, isWritable: Bool) throws(SharingError)
        -> SharedMemory
    {
        try SharedMemory.join(
            disk: dataFile.disk, heapPath: dataFile.location, identity: header.identity,
            process: dataFile.options.process, isWritable: isWritable)
    }

    private func heapError(_ error: SharingError) -> HeapError {
        let path = dataFile.path
        return switch error {
        case .missing: .logMissing(path: path, logPath: dataFile.location + LogLayout.sharedSuffix)
        case .otherVersion(let found):
            .usedByOtherVersion(path: path, found: found.version, features: found.features)
        case .unknownBoot: .unknownBoot(path: path)
        case .exclusive: .busy(path: path)
        case .incoherent: .incoherentFileSystem(path: path, name: dataFile.fileSystem.name)
        case .tooManyProcesses: .tooManyProcesses(path: path, limit: ReaderTable.count)
        case .system(let error): dataFile.heapError(error)
        }
    }

    /// Joins the shared file that the last process left, instead of recovering, as long as an
    /// unregistered or transient reader is active: its pages of the data file must not change. A
    /// process that outlives the others always continues from these files, and the log can wait
    /// there. False if there is no such reader, or if no usable files are left.
    private func joinBesideReaders(_ file: any DiskFile, _ header: HeapHeader) throws(HeapError)
        -> Bool
    {
        guard try dataFile.hasUnregisteredReaders(file) else { return false }
        var isUsable = false
        do throws(SharingError) {
            let left = try joinShared(header, isWritable: false)
            isUsable = left[.epoch] == header.logEpoch && left[.failed] == 0
            left.close()
        } catch {
            // Nor is it recovered: the readers began before the dead processes wrote.
            if case .unknownBoot = error { throw HeapError.unknownBoot(path: dataFile.path) }
        }
        // A damaged copy of the header is for recovery to judge.
        guard isUsable, !dataFile.hasDamagedHeader else { return false }
        // Writes the same header again: unregistered readers that have applied the log to their
        // images wait for a changed header, and no commit to an existing log writes one.
        var repeated = header
        try dataFile.translating { () throws(SystemError) in
            try dataFile.writeNextHeader(&repeated, file)
        }
        try join(file, repeated)
        return true
    }

    // MARK: Changing the participation

    /// Brings the image up to date, for every kind of participation; see `LogFollower.catchUp`.
    func catchUp() throws(HeapError) {
        if participation.fast.isTransient { return try register() }
        if participation.fast.isUnregistered { return try joinOrReadAgain() }
        try follower.catchUp()
    }

    /// Called when an unregistered reader notices that the heap is or was in use: it joins, or
    /// reads the current state.
    private func joinOrReadAgain() throws(HeapError) {
        guard let file = dataFile.file else { return }
        try dataFile.withOpeningLock(file) { () throws(HeapError) in
            var header = try dataFile.readHeader(file)
            let isAlone = try dataFile.translating { () throws(SystemError) in
                dataFile.isWritable
                    ? try file.tryLock(.presence, exclusive: true)
                    : !(try file.isLockedByOthers(.presence))
            }
            guard isAlone else {
                try join(file, header)
                if participation.isRegistered { file.unlock(.unregisteredReader) }
                return
            }
            try view.image.dropPrivatePages(file, fileBytes: dataFile.byteCount)
            if header.logInUse { header = try recovery.recover(file, header) }
            view.adoptCheckpoint(of: header)
            view.committedPages = view.pagesInImage
            file.unlock(.presence)
            participation.readHeadersAgain()
        }
    }
}
