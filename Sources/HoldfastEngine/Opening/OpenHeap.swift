import HoldfastSystem
import MemoryMapping

/// The parts of one opening of a heap. Each can be used without the parts that it does not name.
struct OpenHeap {
    let latch = ReaderWriterLatch()
    let lifecycle: Lifecycle
    let dataFile: DataFile
    let view: HeapView
    let participation: Participation
    let log: JoinedLog
    let follower: LogFollower
    let checkpointer: Checkpointer
    let fileSize: FileSize
    let opener: Opener
    /// Publishes the commits of a private copy, and that another opening has ended its suspension.
    let localSignal: LocalSignal

    /// Opens nothing yet. Throws if there can be no heap at `path`.
    init(path: String, mode: OpenMode, options: EngineOptions, disk: any Disk) throws(HeapError) {
        var (mode, options, disk) = (mode, options.inRange, disk)
        if mode == .inMemory {
            // From here on it is like any other heap.
            mode = .readWrite
            options = options.ofHeapInMemory
            disk = MemoryDisk(named: path, diskOfCopies: disk)
        }
        let dataFile = try DataFile(path: path, mode: mode, options: options, disk: disk)
        self.init(dataFile, Lifecycle(path: path, mode: mode), index: 0, of: nil)
    }

    /// A further image of `first`, not opened yet, with the parts that keep it current and write
    /// through it. What concerns the whole opening is shared.
    init(image index: Int, of first: OpenHeap) {
        self.init(DataFile(sharing: first.dataFile), first.lifecycle, index: index, of: first)
        view.hashSeed = first.view.hashSeed
    }

    private init(_ dataFile: DataFile, _ lifecycle: Lifecycle, index: Int, of first: OpenHeap?) {
        self.dataFile = dataFile
        self.lifecycle = lifecycle
        view = Self.view(of: dataFile, lifecycle, index: index)
        participation = Participation(
            dataFile: dataFile, view: view, lifecycle: lifecycle,
            former: first?.participation.former ?? FormerMemory())
        log = JoinedLog(dataFile: dataFile, participation: participation, origin: first?.log)
        follower = LogFollower(
            dataFile: dataFile, view: view, participation: participation, log: log)
        checkpointer =
            first?.checkpointer
            ?? Checkpointer(
                dataFile: dataFile, participation: participation, log: log,
                policy: CheckpointPolicy(dataFile.options))
        fileSize = FileSize(
            dataFile: dataFile, view: view, participation: participation, log: log,
            lock: checkpointer.lock)
        opener = Opener(
            dataFile: dataFile, view: view, participation: participation, follower: follower,
            checkpointer: checkpointer)
        localSignal = first?.localSignal ?? LocalSignal()
    }

    private static func view(of dataFile: DataFile, _ lifecycle: Lifecycle, index: Int) -> HeapView
    {
        let view = HeapView(
            path: dataFile.path, mode: dataFile.mode, declaredRoots: dataFile.options.rootNames,
            lifecycle: lifecycle, index: index)
        let pattern = dataFile.options.accessPattern
        view.image.advice = { pattern.advice(fileBytes: $0, memory: MemoryLimit.bytes) }
        view.dirty.budget = dataFile.options.transactionLimit
        view.dirty.exceedsBudget = { [unowned view] in
            guard view.shortage == nil else { return }
            view.shortage = Shortage(error: .outOfMemory(path: view.path))
        }
        return view
    }

    /// Releases everything that other processes could notice.
    func detach() {
        participation.leave()
        dataFile.file?.close()
        log.leave()
    }

    /// Releases the same, and keeps the file and its mapping. False if a thread is still in a sync:
    /// the entry in the reader table then stays with it.
    func withdraw() -> Bool {
        let hasLeft = participation.leave()
        for lock in FileLock.allOfHeap where lock != .opening { dataFile.file?.unlock(lock) }
        log.leave()
        return hasLeft
    }
}
