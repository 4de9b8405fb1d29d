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
    /// Publishes the commits of a heap that is not shared.
    let localSignal = LocalSignal()

    /// Opens nothing yet. Throws if there can be no heap at `path`.
    init(path: String, mode: OpenMode, options: EngineOptions, disk: any Disk) throws(HeapError) {
        let options = options.inRange
        dataFile = try DataFile(path: path, mode: mode, options: options, disk: disk)
        lifecycle = Lifecycle(path: path, mode: mode)
        view = HeapView(path: path, mode: mode, declaredRoots: options.rootNames)
        let pattern = options.accessPattern
        view.image.advice = { pattern.advice(fileBytes: $0, memory: MemoryLimit.bytes) }
        participation = Participation(dataFile: dataFile, view: view, lifecycle: lifecycle)
        log = JoinedLog(dataFile: dataFile, participation: participation)
        follower = LogFollower(
            dataFile: dataFile, view: view, participation: participation, log: log)
        checkpointer = Checkpointer(
            dataFile: dataFile, participation: participation, log: log,
            policy: CheckpointPolicy(options))
        fileSize = FileSize(
            dataFile: dataFile, view: view, participation: participation, log: log,
            lock: checkpointer.lock)
        opener = Opener(
            dataFile: dataFile, view: view, participation: participation, follower: follower,
            checkpointer: checkpointer)
    }

    /// Releases everything that other processes could notice.
    func detach() {
        participation.leave()
        dataFile.file?.close()
        log.leave()
    }
}
