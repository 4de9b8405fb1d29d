import HoldfastSystem
import Synchronization

/// The lock that serialises checkpoints and header writes among all threads and processes.
final class CheckpointLock: Sendable {
    /// For how long a scrub yields to one request, in nanoseconds.
    static let longestWish: UInt64 = 50_000_000

    private let dataFile: DataFile
    private let participation: Participation
    /// File locks belong to the open file, which all threads of this process share, so threads need
    /// a mutex of their own.
    private let mutex = Mutex(())

    init(dataFile: DataFile, participation: Participation) {
        self.dataFile = dataFile
        self.participation = participation
    }

    /// Runs `body` while no other thread or process makes a checkpoint or writes a header. Returns
    /// nil if the lock is taken and `waits` is false.
    @discardableResult
    func holding<R>(waits: Bool, _ body: () throws(HeapError) -> R) throws(HeapError) -> R? {
        guard let file = dataFile.file else { throw HeapError.closed(path: dataFile.path) }
        var outcome: Result<R?, HeapError> = .success(nil)
        // A scrub takes this lock repeatedly. It yields to threads that announce that they wait.
        let shared = waits ? participation.sharedMemory : nil
        var hasAsked = false
        try dataFile.askAgain(
            waitingFor: "a checkpoint by another thread or process", longestPause: 2000
        ) { () throws(HeapError) in
            var isDone = false
            let _: Void? = mutex.withLockIfAvailable { _ in
                do throws(HeapError) {
                    let isFree = try dataFile.translating { () throws(SystemError) in
                        try file.tryLock(.checkpoint, exclusive: true)
                    }
                    guard isFree else { return }
                    defer { file.unlock(.checkpoint) }
                    isDone = true
                    outcome = .success(try body())
                } catch {
                    isDone = true
                    outcome = .failure(error)
                }
            }
            if !isDone, let shared, shared.isWritable {
                hasAsked = true
                shared.storeInOrder(Deadline.now &+ Self.longestWish, .checkpointWanted)
            }
            return isDone || !waits
        }
        if hasAsked { shared?.storeInOrder(0, .checkpointWanted) }
        return try outcome.get()
    }
}
