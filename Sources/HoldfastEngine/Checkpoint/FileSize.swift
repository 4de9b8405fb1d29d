import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// The length of the data file: growth ahead of need, and truncation.
///
/// Every call requires the write lock.
final class FileSize {
    private let dataFile: DataFile
    private let view: HeapView
    private let participation: Participation
    private let log: JoinedLog
    private let lock: CheckpointLock
    /// Runs a closure while the opening has no other image, or not at all if one is in use: a
    /// truncation would leave its mapping without a file behind it.
    var withoutOtherImages: (() throws(HeapError) -> Void) throws(HeapError) -> Void = {
        (body) throws(HeapError) in try body()
    }
    /// The size up to which the log is not truncated.
    private let largestLogAtRest: Int

    init(
        dataFile: DataFile, view: HeapView, participation: Participation, log: JoinedLog,
        lock: CheckpointLock
    ) {
        self.dataFile = dataFile
        self.view = view
        self.participation = participation
        self.log = log
        self.lock = lock
        largestLogAtRest = RingMapping.roundedCapacity(
            max(dataFile.options.logLimit, dataFile.options.initialLogBytes))
    }

    /// Rounds `bytes` up to a reservation. Throws for sizes that no file can have.
    func roundedReservation(_ bytes: Int) throws(HeapError) -> Int {
        guard bytes >= 0 else {
            throw HeapError.unusableNumber(
                path: dataFile.path, what: "\(bytes) bytes to reserve",
                wanted: "a size of 0 or more"
            )
        }
        guard bytes <= HeapImage.maximumBytes else {
            throw HeapError.tooLarge(
                path: dataFile.path, limitBytes: UInt64(HeapImage.maximumBytes))
        }
        return SystemPage.roundUp(bytes, to: HeapLayout.fileGranule)
    }

    /// Makes `bytes`, a multiple of the file granule, the length below which the file is not
    /// truncated.
    func reserve(_ bytes: Int) throws(HeapError) {
        guard let file = dataFile.file else { throw HeapError.noFile(path: dataFile.path) }
        try dataFile.requireInPlace()
        // A file too large to be mapped could not be opened again.
        try view.image.provide(bytes, path: dataFile.path, file: file, mayMove: true)
        try lock.holding(waits: true) { () throws(HeapError) in
            let header = try dataFile.readHeader(file)
            if bytes != dataFile.reservedBytes { try reserve(bytes, header, file) }
        }
    }

    private func reserve(_ bytes: Int, _ old: HeapHeader, _ file: any DiskFile) throws(HeapError) {
        if bytes > dataFile.byteCount {
            try dataFile.translating { () throws(SystemError) in
                // Under the write lock, no commit grows the file meanwhile. A remainder behind the
                // last granule does not count as room.
                let current = dataFile.byteCount - dataFile.byteCount % HeapLayout.fileGranule
                try file.grow(
                    from: current, to: bytes, reservingBlocks: dataFile.options.reservesBlocks)
                try file.sync()
            }
        }
        var header = old
        header.reservedBytes = UInt64(bytes)
        do throws(SystemError) {
            try dataFile.writeNextHeader(&header, file)
            if !header.logInUse { try dataFile.repeatHeader(header, to: file) }
        } catch { throw participation.fail(error) }
        dataFile.reservedBytes = bytes
        dataFile.byteCount = max(dataFile.byteCount, bytes)
    }

    // MARK: Truncation

    /// The target size of the file at rest.
    private var bytesAtRest: Int {
        max(
            SystemPage.roundUp(
                Int(view.committedPages) * HeapLayout.pageBytes, to: HeapLayout.fileGranule),
            dataFile.reservedBytes)
    }

    /// The size up to which the file is not truncated while it is in use.
    private var bytesInUse: Int {
        let exact = bytesAtRest
        let comfortable = DataFile.roomySize(current: exact, needed: exact + 1)
        return dataFile.byteCount > comfortable ? exact : dataFile.byteCount
    }

    /// Truncates the file and the log if no other process has the heap open; truncation would leave
    /// another process's mapping without a file behind it. Call after a complete checkpoint: until
    /// its header is durable, recovery may need the old end.
    func giveBackSpace() throws(HeapError) {
        guard let file = dataFile.file, let log = log.joined else { return }
        let limit = RingMapping.roundedCapacity(dataFile.options.logLimit)
        try readSize(file)
        guard dataFile.byteCount > bytesInUse || log.capacity > largestLogAtRest else { return }
        try whileAlone(file) { () throws(HeapError) in
            try truncate(to: bytesInUse)
            guard log.capacity > largestLogAtRest else { return }
            do throws(HeapError) {
                try lock.holding(waits: true) { () throws(HeapError) in try log.shrink(to: limit) }
            } catch { throw participation.fail(error) }
        }
    }

    /// Whether the log is much longer than its limit without need, and may be truncated. This is
    /// so after a snapshot or a long transaction that let it grow has ended.
    ///
    /// Up to twice the limit is no reason: the ring grows by multiples of its capacity, and so
    /// beyond the limit by less than the limit. The transaction that truncates makes a checkpoint
    /// itself, and waits for the disk.
    func isLogOversized(usedBytes: Int) throws(HeapError) -> Bool {
        // While a checkpoint is due, every transaction asks this.
        guard let shared = participation.fast.shared,
            shared._withUnsafeGuaranteedRef({ Int($0[.capacity]) }) >= 2 * largestLogAtRest,
            usedBytes <= largestLogAtRest, log.joined != nil, let file = dataFile.file
        else { return false }
        return try dataFile.translating { () throws(SystemError) in
            try !file.isLockedByOthers(.presence)
        }
    }

    /// Truncates the file to the heap's size if no other process has it open. The whole log must be
    /// in the data file.
    func giveBackTail() throws(HeapError) {
        guard let file = dataFile.file else { return }
        try readSize(file)
        guard dataFile.byteCount > bytesAtRest, log.ifJoined?.usedBytes ?? 0 == 0 else { return }
        try whileAlone(file) { () throws(HeapError) in try truncate(to: bytesAtRest) }
    }

    /// Does the same for the last process that closes the heap.
    func truncateAtRest(_ file: any DiskFile) throws(HeapError) {
        try readSize(file)
        try truncate(to: bytesAtRest)
    }

    private func readSize(_ file: any DiskFile) throws(HeapError) {
        dataFile.byteCount = try dataFile.translating { () throws(SystemError) in try file.size() }
    }

    /// Runs `body` if no other process has the heap open and this one has no other image, and
    /// prevents new openings meanwhile.
    private func whileAlone(_ file: any DiskFile, _ body: () throws(HeapError) -> Void)
        throws(HeapError)
    {
        try withoutOtherImages { () throws(HeapError) in
            try dataFile.withOpeningLock(file) { () throws(HeapError) in
                let isAlone = try dataFile.translating { () throws(SystemError) in
                    try file.tryLock(.presence, exclusive: true)
                }
                guard isAlone else { return }
                defer { _ = try? file.tryLock(.presence, exclusive: false) }
                try body()
            }
        }
    }

    private func truncate(to bytes: Int) throws(HeapError) {
        guard let file = dataFile.file, bytes < dataFile.byteCount else { return }
        try view.image.shrink(to: bytes, path: dataFile.path)
        do throws(SystemError) { try file.truncate(to: bytes) } catch {
            throw participation.fail(error)
        }
        dataFile.byteCount = bytes
    }
}
