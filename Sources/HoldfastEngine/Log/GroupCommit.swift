import HoldfastSystem

/// Syncs of the log that all threads and processes share: whoever commits while one is under way
/// waits for the next, and one of those makes that for all.
///
/// Syncs come in *rounds*. The holder of the sync lock begins one by saying how far it will reach,
/// in one word together with the round's number, so that everybody else knows whether to wait for
/// this round or for the next. Those who wait for the same round sleep on the same one of two
/// words. When a round is done, all who waited for it are woken with one call, and *one* of those
/// who wait for the next, which then begins it. (Waiting for the lock instead, each is woken by the
/// one before, goes through the lock, finds its commit durable, and wakes the next: with eight
/// threads that took longer than the sync.)
///
/// Nobody relies on being woken: a process that is killed in the middle of a round leaves the lock
/// to whoever looks first after some milliseconds.
///
/// **Gathering.** Those who were in a round come back with their next commits together, a moment
/// after it has ended, and would just miss the round that the first of them begins. So a round
/// waits for as many as there were in the one before and arrived during it, but no longer than half
/// of what a sync takes, and never where only one commits.
extension RedoLog {
    /// How long a waiter sleeps before it looks by itself: only after a process was killed in the
    /// middle of a sync does that make a difference.
    private static let longestSleep: Int64 = 20_000_000
    /// Nanoseconds that a round waits for others at most.
    private static let longestGathering: UInt64 = 50_000

    /// Makes every commit below `target` durable: one write (two where the ring wraps) and one
    /// sync, by whichever thread or process comes first, for all who wait; nothing if they are.
    ///
    /// `check` is called once, behind the commit: by whoever has to wait, while it waits, since in
    /// between two rounds everybody's time counts.
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
            // Whoever has ended a round in between has not seen this one; and what ends from here
            // on wakes it.
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

    /// Makes a round if nobody else holds the sync lock; returns whether that was so.
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
            // Before others begin to wait for this round: this process may have no memory for it.
            _ = try shared.ring()
            let round = SyncRound(shared).next(upTo: end)
            round.begin(in: shared)
            let start = Deadline.now
            try writeRecords(upTo: end)
            try fillAhead(from: end)
            try durableFile.sync()
            shared.storeInOrder(end, .durable)
            // Who was in this round, and who has come while it was under way.
            let expected = shared[.arrivals] &- shared[.gathered]
            shared[.gathered] = arrivals
            shared[.expected] = arrivals &+ expected
            shared[.patience] = min((Deadline.now &- start) / 2, Self.longestGathering)
        }
        return true
    }

    /// Waits a moment for those who are likely to come; see above.
    private func gather() {
        let expected = shared[.expected]
        // Numbers of arrivals go up only, so "not yet" is a small difference; anything else is what
        // a killed process has left.
        guard isExpected(expected) else { return }
        let end = Deadline.now &+ shared[.patience]
        while isExpected(expected), Deadline.now < end { SystemThread.yield() }
    }

    private func isExpected(_ expected: UInt64) -> Bool {
        Int64(bitPattern: expected &- shared[.arrivals]) > 0
    }

    // MARK: The sync lock

    /// Whether someone waits for the lock itself. Rounds follow each other so closely that it would
    /// hardly ever find the lock free.
    private var isWanted: Bool {
        let until = shared.loadInOrder(.wanted)
        // Whoever was killed while it waited holds nobody up for longer than this.
        return until != 0 && until > Deadline.now
    }

    /// Waits for the sync lock; for what is no round. A failure in `body` that leaves the disk's
    /// state unknown marks the heap failed, for every process.
    func withSyncLock(_ body: () throws(SystemError) -> Void) throws(HeapError) {
        let outcome: LockOutcome
        do throws(SystemError) {
            if let free = try shared.syncLock.lockIfFree() {
                outcome = free
            } else {
                shared.storeInOrder(Deadline.now &+ 1_000_000_000, .wanted)
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
        try requireNotFailed()
        do throws(SystemError) {
            if outcome == .acquiredFromTheDead { try readBackHeader() }
            try body()
        } catch {
            if !error.isOfThisProcessAlone { shared[.failed] = 1 }
            throw HeapError(error)
        }
    }

    /// After the lock has been let go: whoever is woken may take it.
    private func wakeWaiters(since before: SyncRound) {
        let round = SyncRound(shared)
        if round != before, shared[.failed] == 0 {
            // The next round's first, so that the disk is not idle while the others are woken.
            round.sleepers(in: shared, next: true).wakeOne()
            round.sleepers(in: shared, next: false).wakeIfAny()
        } else {
            // Nobody's round: a checkpoint may have made durable what anyone waits for, and a
            // failure is everybody's.
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

/// A round of syncing: the position up to which it makes commits durable, a multiple of 8, and in
/// the low bits its number.
private struct SyncRound: Equatable {
    private let word: UInt64

    /// The round that was begun last.
    init(_ shared: SharedMemory) { word = shared.loadInOrder(.syncRound) }

    private init(word: UInt64) { self.word = word }

    var end: UInt64 { word & ~7 }

    func next(upTo end: UInt64) -> SyncRound { SyncRound(word: end | (word &+ 1) & 7) }

    func begin(in shared: SharedMemory) { shared.storeInOrder(word, .syncRound) }

    /// Those who wait for this round, or for the next.
    func sleepers(in shared: SharedMemory, next: Bool) -> FutexWord {
        shared.sleepers((word & 1 != 0) != next ? .oddRoundSleepers : .evenRoundSleepers)
    }
}
