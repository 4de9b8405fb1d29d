import HoldfastSystem
import Synchronization

/// An image's reference to the log, once a process has started it. The images of one opening have
/// the log in common.
final class JoinedLog: @unchecked Sendable {
    private let dataFile: DataFile
    private let participation: Participation
    /// That of the opening's first image; nil if this is it.
    private let origin: JoinedLog?
    private struct Reference {
        var log: RedoLog?
        /// Whether the opening has given up its part in the sharing. A thread that still sees the
        /// former shared memory must not join the log that it describes.
        var hasLeft = false
    }

    /// The reference of threads outside the latch, such as those that sync or make checkpoints.
    private let current = Mutex(Reference())
    /// The reference of threads inside the latch.
    private(set) var joined: RedoLog? { didSet { forgetTail() } }
    /// The state of the log that commits need, as last found, and the mapping that it points into.
    private(set) var tail: LogTail?
    private(set) var tailRing: RingMapping?

    init(dataFile: DataFile, participation: Participation, origin: JoinedLog?) {
        self.dataFile = dataFile
        self.participation = participation
        self.origin = origin
    }

    /// The log, if this opening has joined it. Any thread.
    var ifJoined: RedoLog? {
        if let origin { return origin.ifJoined }
        return current.withLock { $0.log }
    }

    /// The log started by any process; nil if there is none. For threads inside the latch.
    func join() throws(HeapError) -> RedoLog? {
        if let joined { return joined }
        joined = try joinForAll()
        return joined
    }

    /// The same for any thread: joins the log for the opening, and not for the image.
    func joinForAll() throws(HeapError) -> RedoLog? {
        if let origin { return try origin.joinForAll() }
        let result = current.withLock { current -> Result<RedoLog?, HeapError> in
            guard !current.hasLeft, let shared = participation.sharedMemory, shared[.epoch] != 0
            else { return .success(nil) }
            if let log = current.log, log.shared === shared { return .success(log) }
            do throws(HeapError) {
                let log = try open(shared)
                current.log = log
                return .success(log)
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func open(_ shared: SharedMemory) throws(HeapError) -> RedoLog {
        try dataFile.translating { () throws(SystemError) in
            try RedoLog(
                joining: shared, disk: dataFile.disk, heapPath: dataFile.location,
                identity: dataFile.identity, isWritable: dataFile.mode == .readWrite,
                timeout: dataFile.options.timeout)
        }
    }

    /// Records that this opening has started the log.
    func adopt(_ log: RedoLog) {
        joined = log
        (origin ?? self).current.withLock { $0.log = log }
    }

    /// Releases the log, for the image.
    func forget() { joined = nil }

    /// Releases the log, for the opening, which takes no part in the sharing until `takePart`.
    func leave() {
        forget()
        current.withLock { $0 = Reference(log: nil, hasLeft: true) }
    }

    /// The opening is about to take part in the sharing again.
    func takePart() { current.withLock { $0.hasLeft = false } }

    // MARK: The tail

    /// Stores the place of the next record.
    func keepTail(_ found: LogTail, in ring: RingMapping) {
        tail = found
        tailRing = ring
    }

    /// Releases the tail and its ring. The ring may have shrunk; unmapping the old one takes a
    /// millisecond per 50 MiB, which the next commit should not pay.
    func forgetTail() {
        tail = nil
        tailRing = nil
    }
}
