import HoldfastSystem
import Synchronization

/// This opening's reference to the log, once a process has started it.
final class JoinedLog: @unchecked Sendable {
    private let dataFile: DataFile
    private let participation: Participation
    /// The reference of threads outside the latch, such as those that sync or make checkpoints.
    private let current = Mutex<RedoLog?>(nil)
    /// The reference of threads inside the latch.
    private(set) var joined: RedoLog? { didSet { forgetTail() } }
    /// The state of the log that commits need, as last found, and the mapping that it points into.
    private(set) var tail: LogTail?
    private(set) var tailRing: RingMapping?

    init(dataFile: DataFile, participation: Participation) {
        self.dataFile = dataFile
        self.participation = participation
    }

    /// The log, if this opening has joined it. Any thread.
    var ifJoined: RedoLog? { current.withLock { $0 } }

    /// The log started by any process; nil if there is none. For threads inside the latch.
    func join() throws(HeapError) -> RedoLog? {
        if let joined { return joined }
        guard let shared = participation.shared, shared[.epoch] != 0 else { return nil }
        let log = try dataFile.translating { () throws(SystemError) in
            try RedoLog(
                joining: shared, disk: dataFile.disk, heapPath: dataFile.location,
                identity: dataFile.identity, isWritable: dataFile.mode == .readWrite,
                timeout: dataFile.options.timeout)
        }
        adopt(log)
        return log
    }

    /// Records that this opening has started the log.
    func adopt(_ log: RedoLog) {
        joined = log
        current.withLock { $0 = log }
    }

    func leave() {
        joined = nil
        current.withLock { $0 = nil }
    }

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
