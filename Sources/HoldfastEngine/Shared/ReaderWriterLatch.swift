import HoldfastSystem
import Synchronization

/// Many readers or one writer among the threads of this process, who share one image of the heap.
///
/// The first reader finds nobody else there and may bring the image up to date before it reads (it
/// *prepares*, alone like a writer); those who come while others read share their view, unless
/// there are newer commits: then they wait for the others to end, but not for long.
///
/// **Fairness.** A thread that waits to be alone is not overtaken by readers that come later. When
/// a thread that was alone leaves, all readers that wait at that moment are *due*: they go in
/// before anyone else can be alone, so a reader waits for one writer and never for the next. Among
/// those who want to be alone the running thread may pass the sleeping ones, which spares a change
/// of threads for each small transaction, but only a few times in a row.
///
/// One word says who is in: `readers << 2`, bit 0 for whoever is alone, bit 1 for *guarded*. As
/// long as it is not guarded, whoever finds nobody in goes in and out again with one
/// compare-and-exchange each. Whoever cannot guards the word under the mutex, and from then on
/// until nobody waits any more only the holder of the mutex changes it. So the fast ways, which all
/// expect a word without that bit, can never overtake a decision made under the mutex.
///
/// `@unchecked Sendable`: the system's mutex guards the plain fields.
final class ReaderWriterLatch: @unchecked Sendable {
    enum Admission {
        /// Nobody else is in; the caller has the image for itself and calls `beginReading` when it
        /// is up to date.
        case mustPrepare
        /// In, beside other readers and with their view.
        case joined
        /// In, alone so far, and the image is as it should be.
        case first
        case timedOut
    }

    private static let alone = 1
    private static let guarded = 2
    private static let oneReader = 4

    private let state = Atomic<Int>(0)
    private let mutex = ThreadMutex()
    /// For those who wait to be alone, one of whom is woken at a time, and for readers, who are
    /// woken together.
    private let mayBeAlone = MonotonicCondition()
    private let mayRead = MonotonicCondition()
    private var waitingForExclusive = 0
    /// Readers that wait; how many of them are due; and how many of them keep later ones out until
    /// those inside are gone.
    private var waitingToRead = 0
    private var dueReaders = 0
    private var waitingForTheEnd = 0
    /// Counts the times that someone who was alone has left while readers waited: who has come
    /// before is due.
    private var turn = 0
    /// How often in a row a thread has become alone while others waited for that.
    private var passes = 0
    private static let mostPasses = 16

    /// How long a reader waits for others to end before it shares their view, although there are
    /// newer commits: a read may itself be waiting for one that another thread begins.
    private let patience: Duration

    init(patience: Duration = .milliseconds(100)) {
        self.patience = patience
    }

    deinit {
        mayRead.destroy()
        mayBeAlone.destroy()
        mutex.destroy()
    }

    /// How many threads wait to be alone, and how many to read; for tests.
    var waiting: (exclusive: Int, readers: Int) {
        mutex.withLock { (waitingForExclusive, waitingToRead) }
    }

    // MARK: Reading

    /// Asks to read. `isFresh` says whether the image is the newest state; for the first reader it
    /// also registers the view, and is called alone, so it must be short.
    @inline(__always)
    func enterReading(timeout: Duration, isFresh: (_ isFirst: Bool) -> Bool) -> Admission {
        guard exchange(0, for: Self.alone) else {
            return waitToRead(timeout: timeout, isFresh: isFresh)
        }
        guard isFresh(true) else { return .mustPrepare }
        if !exchange(Self.alone, for: Self.oneReader) { beginReadingSlowly() }
        return .first
    }

    @inline(never)
    private func waitToRead(timeout: Duration, isFresh: (_ isFirst: Bool) -> Bool) -> Admission {
        lookForAMoment()
        lock()
        defer { unlock() }
        // Beside others is the usual case, and needs no clock.
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
                // A read that the open ones depend on must not wait for them for ever.
                if !yields && isFresh(false) || patience.hasPassed {
                    readers += 1
                    return .joined
                }
                if yields {
                    _ = mayRead.wait(mutex, until: patience)
                } else {
                    // Not overtaken by later readers while the others end.
                    waitingForTheEnd += 1
                    while readers > 0 || isExclusive, mayRead.wait(mutex, until: patience) {}
                    waitingForTheEnd -= 1
                }
            } else if !mayRead.wait(mutex, until: deadline) {
                return .timedOut
            }
        }
    }

    /// The preparing reader is done: it reads now, and others may.
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

    /// Ends a read; `last` is called if nobody else reads, before anyone else can be let in.
    @inline(__always)
    func leaveReading(last: () -> Void) {
        // Alone for as long as `last` takes: the next reader's view must not be opened before it
        // and closed by it.
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

    // MARK: Being alone

    /// Waits to be alone; false if the time ran out.
    @inline(__always)
    func lockExclusively(timeout: Duration) -> Bool {
        exchange(0, for: Self.alone) || waitToBeAlone(timeout: timeout)
    }

    @inline(never)
    private func waitToBeAlone(timeout: Duration) -> Bool {
        lookForAMoment()
        lock()
        defer { unlock() }
        if isFreeToBeAlone, waitingForExclusive == 0 || passes < Self.mostPasses {
            passes = waitingForExclusive == 0 ? 0 : passes + 1
            isExclusive = true
            return true
        }
        let deadline = Deadline(in: timeout)
        waitingForExclusive += 1
        defer { waitingForExclusive -= 1 }
        // Once at least: where nobody is in, one of the others has been woken for that.
        repeat {
            let isInTime = mayBeAlone.wait(mutex, until: deadline)
            guard isInTime || isFreeToBeAlone else { return false }
        } while !isFreeToBeAlone
        passes = 0
        isExclusive = true
        return true
    }

    private var isFreeToBeAlone: Bool { !isExclusive && readers == 0 && dueReaders == 0 }

    /// `isTurn`: readers that wait now go in before the next one can be alone.
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

    @inline(__always)
    private func exchange(_ expected: Int, for desired: Int) -> Bool {
        state.compareExchange(
            expected: expected, desired: desired, ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// Small transactions take less time than falling asleep: whoever finds one looks a few times
    /// more.
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

    /// Wakes whoever can go in now, lets the fast ways have the word if nobody waits, and lets go
    /// of the mutex.
    private func unlock() {
        wakeOthers()
        if waitingForExclusive == 0, waitingToRead == 0 {
            state.bitwiseAnd(~Self.guarded, ordering: .acquiringAndReleasing)
        }
        mutex.unlock()
    }

    private func wakeOthers() {
        guard !isExclusive else { return }
        if waitingForExclusive > 0, dueReaders == 0 {
            if readers == 0 { mayBeAlone.signal() }
        } else if waitingToRead > 0, readers == 0 || dueReaders > 0 || waitingForTheEnd == 0 {
            mayRead.broadcast()
        }
    }

    // Under the mutex, with the word guarded.

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
