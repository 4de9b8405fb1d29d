import HoldfastSystem

/// Group commit: syncs of the log shared by all threads and processes. A commit that finds a sync
/// running waits for the next one, and one of the waiters runs that for all.
///
/// Syncs come in *rounds*. The holder of the sync lock begins a round by storing its end position
/// and its number in one word, which tells others whether to wait for this round or for the next.
/// The waiters for one round sleep on the same one of two futex words. At the end of a round, all
/// of its waiters are woken with one call, and *one* of the waiters for the next round, which
/// begins it. (Waiting for the lock instead would wake each waiter in turn, only for it to take the
/// lock, find its commit durable, and wake the next: with eight threads that took longer than the
/// sync.)
///
/// No thread depends on being woken: if a process is killed in the middle of a round, the lock goes
/// to the first waiter that looks after some milliseconds.
///
/// **Gathering.** The threads of a round return with their next commits together, a moment after it
/// has ended, and would just miss the round that the first of them begins. So a round waits for as
/// many requests as the previous round had, including those that arrived during it. It waits for at
/// most half the time of a sync, and never if there is only one committer.
extension RedoLog {
    /// How long a waiter sleeps before it looks by itself. Matters only after a process was killed
    /// in the middle of a sync.
    private static let longestSleep: Int64 = 20_000_000
    /// The maximum wait of a round for others, in nanoseconds.
    private static let longestGathering: UInt64 = 50_000
    /// For how long rounds yield to one request for the lock itself, in nanoseconds.
    private static let longestWish: UInt64 = 1_000_000_000

    /// Makes every commit below `target` durable: one write (two where the ring wraps) and one
    /// sync, by the first thread or process, for all waiters; nothing if they already are durable.
    ///
    /// `check` is called once, after the commit. A thread that has to wait calls it while it waits,
    /// because time between two rounds is shared by all.
    func makeDurable(below target: UInt64, check: () throws(HeapError) -> Void = {})
        throws(HeapError)
    {
        guard durablePosition < target else { return }
        shared.addInOrder(1, .arrivals)
        var deadline: Deadline?
        var looksItself = false
        var isChecked = false
        while shared.loadInOrder(.durable) < target {
            try requireNotFailed()
            let seen = SyncRound(shared)
            let isCovered = seen.end >= target
            if !isCovered && !isWanted || looksItself, try syncIfFree(below: target) { continue }
            if !isChecked {
                isChecked = true
                try check()
                continue
            }
            let sleepers = seen.sleepers(in: shared, next: !isCovered)
            let announcement = sleepers.announce()
            // A thread that ended a round in between has not seen this waiter; one that ends a
            // round from here on wakes it.
            guard shared.loadInOrder(.durable) < target, SyncRound(shared) == seen else { continue }
            if !isCovered, !isWanted, try syncIfFree(below: target) { continue }
            let end = deadline ?? Deadline(in: timeout)
            deadline = end
            guard !end.hasPassed else { throw timedOut }
            looksItself = sleepers.sleep(
                after: announcement, nanoseconds: max(1, min(end.remaining, Self.longestSleep)))
        }
        if !isChecked { try check() }
    }

    /// Runs a round if the sync lock is free; returns whether it was.
    private func syncIfFree(below target: UInt64) throws(HeapError) -> Bool {
        let outcome: LockOutcome?
        do throws(SystemError) { outcome = try shared.syncLock.lockIfFree() } catch {
            throw HeapError(error)
        }
        guard let outcome else { return false }
        try holdingSyncLock(outcome) { () throws(SystemError) in
            guard durablePosition < target else { return }
            gather()
            let arrivals = shared[.arrivals]
            let end = published
            // Before others begin to wait for this round, because this process may have no memory
            // for it.
            _ = try shared.ring()
            let round = SyncRound(shared).next(upTo: end)
            round.begin(in: shared)
            let start = Deadline.now
            try writeRecords(upTo: end)
            try fillAhead(from: end)
            try durableFile.sync()
            shared.storeInOrder(end, .durable)
            // The requests in this round, and those that arrived while it was running.
            let expected = shared[.arrivals] &- shared[.gathered]
            shared[.gathered] = arrivals
            shared[.expected] = arrivals &+ expected
            shared[.patience] = min((Deadline.now &- start) / 2, Self.longestGathering)
        }
        return true
    }

    /// Waits briefly for likely requests; see above.
    private func gather() {
        let expected = shared[.expected]
        // The counter of arrivals only grows, so "not yet" is a small difference; any other value
        // was left by a killed process.
        guard isExpected(expected) else { return }
        let end = Deadline.now &+ shared[.patience]
        while isExpected(expected), Deadline.now < end { SystemThread.yield() }
    }

    private func isExpected(_ expected: UInt64) -> Bool {
        Int64(bitPattern: expected &- shared[.arrivals]) > 0
    }

    // MARK: The sync lock

    /// Whether a thread waits for the lock itself. Rounds follow each other so closely that it
    /// would hardly ever find the lock free.
    private var isWanted: Bool {
        // A thread that was killed while it waited delays others no longer than this.
        Deadline.isAhead(shared.loadInOrder(.wanted), byAtMost: Self.longestWish)
    }

    /// Waits for the sync lock, for work other than a round. A failure in `body` that leaves the
    /// disk's state unknown marks the heap as failed, for every process.
    func withSyncLock(_ body: () throws(SystemError) -> Void) throws(HeapError) {
        let outcome: LockOutcome
        do throws(SystemError) {
            if let free = try shared.syncLock.lockIfFree() {
                outcome = free
            } else {
                shared.storeInOrder(Deadline.now &+ Self.longestWish, .wanted)
                outcome = try shared.syncLock.lock(timeout: timeout)
                shared.storeInOrder(0, .wanted)
            }
        } catch { throw HeapError(error) }
        guard outcome != .timedOut else { throw timedOut }
        try holdingSyncLock(outcome, body)
    }

    private func holdingSyncLock(_ outcome: LockOutcome, _ body: () throws(SystemError) -> Void)
        throws(HeapError)
    {
        let before = SyncRound(shared)
        defer {
            shared.syncLock.unlock()
            wakeWaiters(since: before)
        }
        guard !shared.hasLeftLocks else { throw HeapError.closed(path: heapPath) }
        try requireNotFailed()
        do throws(SystemError) {
            if outcome == .acquiredFromTheDead { try readBackHeader() }
            try body()
        } catch {
            if !error.isOfThisProcessAlone { shared[.failed] = 1 }
            throw HeapError(error)
        }
    }

    /// Called after the lock was released: a woken thread may take it.
    private func wakeWaiters(since before: SyncRound) {
        let round = SyncRound(shared)
        if round != before, shared[.failed] == 0 {
            // The next round's first, so that the disk is not idle while the others are woken.
            round.sleepers(in: shared, next: true).wakeOne()
            round.sleepers(in: shared, next: false).wakeIfAny()
        } else {
            // Not a round: a checkpoint may have made commits durable that others wait for, and a
            // failure concerns all waiters.
            for isNext in [true, false] { round.sleepers(in: shared, next: isNext).wakeIfAny() }
        }
    }

    private func requireNotFailed() throws(HeapError) {
        guard shared[.failed] == 0 else {
            throw HeapError.failed(
                path: heapPath, reason: "another process or thread could not write or sync it")
        }
    }

    private var timedOut: HeapError {
        HeapError.timedOut(path: heapPath, waitingFor: "another process's sync of the log")
    }
}

/// A round of syncing: the position up to which it makes commits durable, a multiple of 8, and its
/// number in the low bits.
private struct SyncRound: Equatable {
    private let word: UInt64

    /// The newest round.
    init(_ shared: SharedMemory) { word = shared.loadInOrder(.syncRound) }

    private init(word: UInt64) { self.word = word }

    var end: UInt64 { word & ~7 }

    func next(upTo end: UInt64) -> SyncRound { SyncRound(word: end | (word &+ 1) & 7) }

    func begin(in shared: SharedMemory) { shared.storeInOrder(word, .syncRound) }

    /// The waiters for this round, or for the next.
    func sleepers(in shared: SharedMemory, next: Bool) -> FutexWord {
        shared.sleepers((word & 1 != 0) != next ? .oddRoundSleepers : .evenRoundSleepers)
    }
}
