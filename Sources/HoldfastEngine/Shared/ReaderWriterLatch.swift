import HoldfastSystem
import Synchronization

/// A latch that admits many readers or one writer among this process's threads, which share one
/// image of the heap.
///
/// A reader that is admitted alone may bring the image up to date before it reads: it *prepares*,
/// with exclusive access like a writer. Readers that come while others read share their snapshot,
/// unless there are newer commits: then they wait for the others to end, but only for a limited
/// time.
///
/// **Fairness.** A thread that waits for exclusive access is not overtaken by later readers. When a
/// thread gives up exclusive access, all readers that wait at that moment are *due*: they are
/// admitted before the next exclusive thread, so a reader waits for at most one writer. Among
/// threads that want exclusive access, the running thread may pass the sleeping ones, which saves a
/// context switch per small transaction, but only a few times in a row.
///
/// One word holds the state: `readers << 2`, bit 0 for exclusive access, bit 1 for *guarded*. As
/// long as it is not guarded, a thread enters and leaves an empty latch with one
/// compare-and-exchange each. A thread that cannot do so guards the word under the mutex. From then
/// on, until there are no more waiters, only the holder of the mutex changes the word. The fast
/// paths all expect a word without that bit, so they cannot overtake a decision made under the
/// mutex.
///
/// `@unchecked Sendable`: the system's mutex guards the plain fields.
final class ReaderWriterLatch: @unchecked Sendable {
    enum Admission {
        /// Admitted with exclusive access; the caller brings the image up to date and calls
        /// `beginReading`.
        case mustPrepare
        /// Admitted beside other readers, sharing their snapshot.
        case joined
        /// Admitted as the only reader; the image is up to date.
        case first
        case timedOut
    }

    /// The result of a request for exclusive access.
    enum ExclusiveAdmission {
        case admitted, timedOut
        /// Readers have the latch, and the caller does not wait for readers; or it is retired.
        case isRead
    }

    private static let alone = 1
    private static let guarded = 2
    private static let oneReader = 4

    private let state = Atomic<Int>(0)
    private let mutex = ThreadMutex()
    /// For threads that wait for exclusive access, of which one is woken at a time, and for
    /// readers, which are woken together.
    private let mayBeAlone = MonotonicCondition()
    private let mayRead = MonotonicCondition()
    private var waitingForExclusive = 0
    /// How many of them leave as soon as there are readers.
    private var waitingBesideReaders = 0
    /// Whether the thread that has exclusive access keeps it for good; see `retire`.
    private var isRetired = false
    /// Waiting readers; how many of them are due; and how many of them keep later readers out until
    /// the current ones have left.
    private var waitingToRead = 0
    private var dueReaders = 0
    private var waitingForTheEnd = 0
    /// Counts how often exclusive access was given up while readers waited. Readers that came
    /// before the latest turn are due.
    private var turn = 0
    /// How often in a row a thread has got exclusive access while others waited for it.
    private var passes = 0
    private static let mostPasses = 16

    /// How long a reader waits for others to end before it shares their snapshot in spite of newer
    /// commits. Limited because a read may itself depend on one that another thread begins.
    private let patience: Duration

    init(patience: Duration = .milliseconds(100)) {
        self.patience = patience
    }

    deinit {
        mayRead.destroy()
        mayBeAlone.destroy()
        mutex.destroy()
    }

    /// The number of threads that wait for exclusive access and to read; for tests.
    var waiting: (exclusive: Int, readers: Int) {
        mutex.withLock { (waitingForExclusive, waitingToRead) }
    }

    // MARK: Reading

    /// Asks to read. `isFresh` says whether the image is the newest state; for the first reader it
    /// also opens the snapshot, and is called with exclusive access, so it must be short.
    @inline(__always)
    func enterReading(timeout: Duration, isFresh: (_ isFirst: Bool) -> Bool) -> Admission {
        guard exchange(0, for: Self.alone) else {
            return waitToRead(timeout: timeout, isFresh: isFresh)
        }
        return readFirst(isFresh)
    }

    /// For a thread that has entered the empty latch.
    @inline(__always)
    private func readFirst(_ isFresh: (_ isFirst: Bool) -> Bool) -> Admission {
        guard isFresh(true) else { return .mustPrepare }
        beginReading()
        return .first
    }

    /// Admits a reader that does not wait; nil if it would have to, or if the image that other
    /// readers use is not the newest state. `isFresh` as in `enterReading`; `last` as in
    /// `leaveReading`.
    @inline(__always)
    func tryToRead(isFresh: (_ isFirst: Bool) -> Bool, last: () -> Void) -> Admission? {
        guard exchange(0, for: Self.alone) else { return tryToJoin(isFresh, last) }
        return readFirst(isFresh)
    }

    @inline(never)
    private func tryToJoin(_ isFresh: (Bool) -> Bool, _ last: () -> Void) -> Admission? {
        var word = state.load(ordering: .relaxed)
        while word >= Self.oneReader, word & (Self.alone | Self.guarded) == 0 {
            guard exchange(word, for: word + Self.oneReader) else {
                word = state.load(ordering: .relaxed)
                continue
            }
            // Compared as a reader: nobody changes the image meanwhile.
            if isFresh(false) { return .joined }
            leaveReading(last: last)
            return nil
        }
        return nil
    }

    /// Enters beside readers, whatever state the image has; false if there are none, or if another
    /// thread waits. The caller leaves as a reader does.
    func tryToJoin() -> Bool {
        tryToJoin({ _ in true }, {}) != nil
    }

    @inline(never)
    private func waitToRead(timeout: Duration, isFresh: (_ isFirst: Bool) -> Bool) -> Admission {
        lookForAMoment()
        lock()
        defer { unlock() }
        // Joining other readers is the common case, and needs no clock.
        if !isExclusive, readers > 0, waitingForExclusive == 0, waitingForTheEnd == 0,
            isFresh(false)
        {
            readers += 1
            return .joined
        }
        let deadline = Deadline(in: timeout)
        let patience = Deadline(in: min(self.patience, timeout))
        let arrival = turn
        waitingToRead += 1
        defer {
            waitingToRead -= 1
            if turn != arrival { dueReaders -= 1 }
        }
        while true {
            let yields = turn == arrival && (waitingForExclusive > 0 || waitingForTheEnd > 0)
            if !isExclusive, readers == 0, !yields {
                if isFresh(true) {
                    readers = 1
                    return .first
                }
                isExclusive = true
                return .mustPrepare
            }
            if !isExclusive, readers > 0 {
                // A read that the open ones depend on must not wait for them indefinitely.
                if !yields && isFresh(false) || patience.hasPassed {
                    readers += 1
                    return .joined
                }
                if yields {
                    _ = mayRead.wait(mutex, until: patience)
                } else {
                    // Keeps later readers from overtaking while the others end.
                    waitingForTheEnd += 1
                    while readers > 0 || isExclusive, mayRead.wait(mutex, until: patience) {}
                    waitingForTheEnd -= 1
                }
            } else if !mayRead.wait(mutex, until: deadline) {
                return .timedOut
            }
        }
    }

    /// Ends the preparation: this thread reads now, and others may.
    @inline(__always)
    func beginReading() {
        if !exchange(Self.alone, for: Self.oneReader) { beginReadingSlowly() }
    }

    @inline(never)
    private func beginReadingSlowly() {
        lock()
        isExclusive = false
        readers = 1
        unlock()
    }

    /// Ends a read; `last` is called for the only remaining reader, before another thread is
    /// admitted.
    @inline(__always)
    func leaveReading(last: () -> Void) {
        // Exclusive while `last` runs: otherwise the next reader's snapshot could be opened before
        // `last` and closed by it.
        guard exchange(Self.oneReader, for: Self.alone) else { return leaveSlowly(last: last) }
        last()
        unlockExclusively(isTurn: false)
    }

    @inline(never)
    private func leaveSlowly(last: () -> Void) {
        lock()
        readers -= 1
        if readers == 0 { last() }
        unlock()
    }

    // MARK: Exclusive access

    /// Waits for exclusive access; false on a timeout.
    @inline(__always)
    func lockExclusively(timeout: Duration) -> Bool {
        exchange(0, for: Self.alone) || waitToBeAlone(timeout: timeout) == .admitted
    }

    /// Waits for exclusive access, but never for a reader.
    @inline(__always)
    func lockBesideReaders(timeout: Duration) -> ExclusiveAdmission {
        if exchange(0, for: Self.alone) { return .admitted }
        return waitToBeAlone(timeout: timeout, waitsForReaders: false)
    }

    /// With exclusive access, which is kept: threads that do not wait for readers do not wait for
    /// this latch either, until `reinstate`.
    func retire() {
        mutex.withLock {
            isRetired = true
            mayBeAlone.broadcast()
        }
    }

    func reinstate() { mutex.withLock { isRetired = false } }

    /// Exclusive access, if no thread has any.
    @inline(__always)
    func tryToLockExclusively() -> Bool { exchange(0, for: Self.alone) }

    @inline(never)
    private func waitToBeAlone(timeout: Duration, waitsForReaders: Bool = true)
        -> ExclusiveAdmission
    {
        lookForAMoment()
        lock()
        defer { unlock() }
        if !waitsForReaders {
            if readers > 0 || isRetired { return .isRead }
            waitingBesideReaders += 1
        }
        defer { if !waitsForReaders { waitingBesideReaders -= 1 } }
        if isFreeToBeAlone, waitingForExclusive == 0 || passes < Self.mostPasses {
            passes = waitingForExclusive == 0 ? 0 : passes + 1
            isExclusive = true
            return .admitted
        }
        let deadline = Deadline(in: timeout)
        waitingForExclusive += 1
        defer { waitingForExclusive -= 1 }
        // At least once: if the latch is empty, another waiter has been woken to take it.
        repeat {
            let isInTime = mayBeAlone.wait(mutex, until: deadline)
            if !waitsForReaders, readers > 0 || isRetired { return .isRead }
            guard isInTime || isFreeToBeAlone else { return .timedOut }
        } while !isFreeToBeAlone
        passes = 0
        isExclusive = true
        return .admitted
    }

    private var isFreeToBeAlone: Bool { !isExclusive && readers == 0 && dueReaders == 0 }

    /// `isTurn`: readers that wait now are admitted before the next exclusive thread.
    @inline(__always)
    func unlockExclusively(isTurn: Bool = true) {
        if !exchange(Self.alone, for: 0) { unlockSlowly(isTurn: isTurn) }
    }

    @inline(never)
    private func unlockSlowly(isTurn: Bool) {
        lock()
        isExclusive = false
        if isTurn, waitingToRead > 0 {
            turn &+= 1
            dueReaders = waitingToRead
        }
        unlock()
    }

    // MARK: The word

    /// Whether readers have the latch now, or had it a moment ago.
    var hasReaders: Bool { state.load(ordering: .relaxed) >= Self.oneReader }

    /// Whether no thread has the latch now, or had it a moment ago.
    var isFree: Bool { state.load(ordering: .relaxed) == 0 }

    @inline(__always)
    private func exchange(_ expected: Int, for desired: Int) -> Bool {
        state.compareExchange(
            expected: expected, desired: desired, ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// Spins briefly, because small transactions are shorter than going to sleep.
    private func lookForAMoment() {
        for _ in 0 ..< 8 where state.load(ordering: .relaxed) & Self.alone != 0 {
            AdaptiveSpin.pause()
        }
    }

    /// Takes the mutex and guards the word.
    private func lock() {
        mutex.lock()
        state.bitwiseOr(Self.guarded, ordering: .acquiringAndReleasing)
    }

    /// Wakes the threads that can be admitted now, clears the guard bit if there are no waiters,
    /// and releases the mutex.
    private func unlock() {
        wakeOthers()
        if waitingForExclusive == 0, waitingToRead == 0 {
            state.bitwiseAnd(~Self.guarded, ordering: .acquiringAndReleasing)
        }
        mutex.unlock()
    }

    private func wakeOthers() {
        guard !isExclusive else { return }
        if waitingBesideReaders > 0, readers > 0 {
            mayBeAlone.broadcast()
        } else if waitingForExclusive > 0, dueReaders == 0 {
            if readers == 0 { mayBeAlone.signal() }
        } else if waitingToRead > 0, readers == 0 || dueReaders > 0 || waitingForTheEnd == 0 {
            mayRead.broadcast()
        }
    }

    // Requires the mutex and a guarded word.

    private var readers: Int {
        get { state.load(ordering: .relaxed) >> 2 }
        set { store(readers: newValue, isExclusive: isExclusive) }
    }

    private var isExclusive: Bool {
        get { state.load(ordering: .relaxed) & Self.alone != 0 }
        set { store(readers: readers, isExclusive: newValue) }
    }

    private func store(readers: Int, isExclusive: Bool) {
        state.store(
            readers * Self.oneReader | Self.guarded | (isExclusive ? Self.alone : 0),
            ordering: .releasing)
    }
}
