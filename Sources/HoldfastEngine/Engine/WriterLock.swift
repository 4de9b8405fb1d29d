import HoldfastFormat
import HoldfastSystem

/// The locks of a write transaction in one image: the latch between this process's threads, which
/// the caller has taken, then the write lock between processes.
///
/// A writer needs no entry in the reader table: no checkpoint goes past the published position,
/// which cannot move while the lock is held.
final class WriterLock {
    private let latch: ReaderWriterLatch
    private let participation: Participation
    private let isShared: Bool
    private let timeout: Duration
    private let spin: Duration

    init(_ heap: OpenHeap) {
        latch = heap.latch
        participation = heap.participation
        isShared = heap.dataFile.mode == .readWrite
        timeout = heap.dataFile.options.timeout
        spin = heap.dataFile.options.spin
    }

    private var path: String { participation.dataFile.path }

    /// With the latch held exclusively: takes the write lock. On an error, releases the latch.
    @inline(__always)
    func lock() throws(HeapError) {
        guard isShared else { return }
        do throws(HeapError) {
            if try !lockBetweenProcesses(timeout) { throw timedOut }
        } catch {
            latch.unlockExclusively()
            throw error
        }
    }

    /// The same without waiting. If false, another process has the write lock, and the latch has
    /// been released.
    func tryToLock() throws(HeapError) -> Bool {
        guard isShared else { return true }
        var isLocked = false
        defer { if !isLocked { latch.unlockExclusively() } }
        isLocked = try lockBetweenProcesses(.zero)
        return isLocked
    }

    /// False if another process keeps the lock for longer than `timeout`.
    @inline(__always)
    private func lockBetweenProcesses(_ timeout: Duration) throws(HeapError) -> Bool {
        guard let shared = participation.fast.shared else {
            // The opening may have ended, or been suspended, while the thread waited.
            try participation.lifecycle.requireUsable()
            throw HeapError.readOnlyFolder(path: path)
        }
        let (locked, hasFailed, isLost) = shared._withUnsafeGuaranteedRef { shared in
            let locked = shared.writeLock.result(timeout: timeout, spinning: spin)
            return (locked, shared[.failed] != 0, shared.areWordsLost)
        }
        // After this loss, the lock is in memory that no other process sees.
        if isLost {
            throw HeapError.unreadable(
                path: participation.dataFile.location + LogLayout.sharedSuffix, offset: 0)
        }
        let outcome: LockOutcome
        do throws(SystemError) { outcome = try locked.get() } catch { throw lockError(error) }
        // A writer that died has published its whole commit or nothing, so there is nothing to
        // undo.
        if outcome == .timedOut { return false }
        guard !hasFailed else {
            shared._withUnsafeGuaranteedRef { $0.writeLock.unlock() }
            throw participation.fail(
                HeapError.failed(
                    path: path, reason: "a process that has it open could not write or sync it"))
        }
        return true
    }

    func unlock() {
        if isShared {
            participation.fast.shared?._withUnsafeGuaranteedRef { $0.writeLock.unlock() }
        }
        latch.unlockExclusively()
    }

    /// For the last process that closes the heap. It holds the latch and no other process has the
    /// heap open, so the lock is free or was left by a process that died.
    func lockAlone(_ shared: SharedMemory) throws(HeapError) {
        let outcome = try participation.dataFile.translating { () throws(SystemError) in
            try shared.writeLock.lock(timeout: timeout, spinning: spin)
        }
        if outcome == .timedOut { throw timedOut }
    }

    private var timedOut: HeapError {
        HeapError.timedOut(path: path, waitingFor: "another process's transaction")
    }

    private func lockError(_ error: SystemError) -> HeapError {
        guard error.errno != .deadlock else {
            Misuse.trap(
                "a transaction of a heap was started inside one that this thread has open through "
                    + "another opening of the same file", in: MisuseScene("heap.write", heap: path),
                "Use the transaction that is open, or end it first.")
        }
        return participation.dataFile.heapError(error)
    }
}
