import CHoldfast
import Synchronization

/// The result of waiting for a lock between processes.
@usableFromInline
package enum LockOutcome {
    case acquired
    /// The last holder died while it held the lock. The caller has the lock, and the state that it
    /// guards may be half changed.
    case acquiredFromTheDead
    case timedOut
}

/// A lock between the threads of several processes, which passes on when its holder dies.
///
/// A word in shared memory names the holder by its *member*, a number that the users of the lock
/// agree on. Whether a member is alive is asked of a function of the user, which must be right in
/// every namespace, and must not take back that a member is dead. (A robust mutex of the C library
/// names its holder by a thread ID, which means something else in another PID namespace: a process
/// that dies while it waits there frees the mutex of a living holder that has the same ID.)
///
/// Without contention, locking is one compare-and-exchange and unlocking one exchange. A waiter
/// polls, and then sleeps until a holder that knows of waiters wakes one of them. It looks by
/// itself after each `longestSleep`, because neither a holder nor a woken waiter that was killed
/// wakes anyone. Timeouts use the monotonic clock.
///
///     offset size
///        0     4   bits 0 to 29: the member; bit 30: held; bit 31: somebody sleeps. 0: free
///        8     8   the thread that holds the lock, among all threads of all processes; 0: unknown
///
/// Source of the three states of the word: U. Drepper, Futexes Are Tricky, 2011.
///
/// Safety: the owner keeps the address mapped for as long as the object lives; the words are used
/// only as atomics, for which zero bytes are valid. `@unchecked Sendable`: designed for sharing;
/// `become` is called before the first use.
@safe @usableFromInline
package final class ProcessLock: @unchecked Sendable {
    /// A holder's number: 30 bits.
    package typealias Member = UInt32

    package static var memberBits: Int { 30 }

    @usableFromInline static var held: UInt32 { 1 << 30 }
    @usableFromInline static var waiting: UInt32 { 1 << 31 }
    /// Nanoseconds.
    private static let longestSleep: UInt64 = 20_000_000

    @usableFromInline let word: UnsafeMutablePointer<Atomic<UInt32>>
    @usableFromInline let thread: UnsafeMutablePointer<Atomic<UInt64>>
    private var isAlive: @Sendable (Member) -> Bool = { _ in true }
    /// This process; a forked child is another.
    @usableFromInline let process: UInt64
    @usableFromInline let forks: Int
    /// The word while this user holds the lock and nobody waits.
    @usableFromInline var mine = ProcessLock.held

    /// The lock in the sixteen zero bytes at `address`, or in those that others use already.
    package init(at address: UnsafeMutableRawPointer) {
        unsafe word = unsafe address.assumingMemoryBound(to: Atomic<UInt32>.self)
        unsafe thread = unsafe (address + 8).assumingMemoryBound(to: Atomic<UInt64>.self)
        forks = ForkGuard.generation
        process = ForkGuard.processNumber
    }

    /// Sets the member as which this object locks, and how to ask about others. Before the first
    /// use.
    package func become(_ member: Member, isAlive: @escaping @Sendable (Member) -> Bool) {
        mine = member | Self.held
        self.isAlive = isAlive
    }

    // MARK: Locking

    /// Takes the lock, waiting at most for `timeout`. Polls for up to `spinning` before it sleeps:
    /// worthwhile for a lock that is held for microseconds. Throws `EDEADLK` if the calling thread
    /// holds the lock, through whichever object.
    @inlinable @inline(__always)
    package func lock(timeout: Duration, spinning: Duration = .zero) throws(SystemError)
        -> LockOutcome
    {
        if exchange(0, mine) { return .acquired }
        return try wait(timeout: timeout, spinning: spinning)
    }

    /// Takes the lock if it is free, or its holder dead; nil if it is not.
    package func lockIfFree() throws(SystemError) -> LockOutcome? {
        try take()
    }

    @inlinable @inline(__always)
    package func unlock() {
        // In a forked child, the lock belongs to the parent.
        guard ForkGuard.current == forks else { return }
        guard isMine else { return }
        unsafe thread.pointee.store(0, ordering: .relaxed)
        step(.releases)
        let (isFree, old) = unsafe word.pointee.compareExchange(
            expected: mine, desired: 0, ordering: .releasing)
        if !isFree { unlockAndWake(old) }
    }

    @usableFromInline @inline(never)
    func unlockAndWake(_ seen: UInt32) {
        // Only waiters change the word of a living holder.
        step(.releases)
        guard seen == mine | Self.waiting,
            unsafe word.pointee.compareExchange(expected: seen, desired: 0, ordering: .releasing)
                .exchanged
        else { return }
        wakeOne()
    }

    /// Whether this member has the lock. Sequentially consistent, like the taking of the lock: a
    /// member that first says that it leaves, and then looks, either sees its other thread that has
    /// the lock, or that thread sees that the member leaves.
    @inlinable @inline(__always)
    package var isMine: Bool {
        step(.reads)
        return unsafe word.pointee.load(ordering: .sequentiallyConsistent) & ~Self.waiting == mine
    }

    /// If true, the calling thread has the lock.
    @inlinable @inline(__always)
    func exchange(_ expected: UInt32, _ new: UInt32) -> Bool {
        step(.changes)
        guard
            unsafe word.pointee.compareExchange(
                expected: expected, desired: new, ordering: .sequentiallyConsistent
            ).exchanged
        else { return false }
        unsafe thread.pointee.store(currentThread, ordering: .relaxed)
        return true
    }

    @inlinable @inline(__always)
    func step(_ effect: Interleaving.Effect) {
        unsafe Interleaving.step(effect, .init(wordAt: word))
    }

    @inlinable @inline(__always)
    var currentThread: UInt64 { process &+ UInt64(holdfast_thread_number()) }

    @usableFromInline @inline(never)
    func wait(timeout: Duration, spinning: Duration) throws(SystemError) -> LockOutcome {
        let deadline = Deadline(in: timeout)
        let isTaken = AdaptiveSpin.wait(atMost: min(spinning, timeout)) {
            step(.reads)
            return unsafe word.pointee.load(ordering: .relaxed) & Self.held == 0
                && exchange(0, mine)
        }
        if isTaken { return .acquired }
        KernelCalls.lockWaitCount.add(1, ordering: .relaxed)
        // A thread that has slept does not know whether others still do.
        var asleep: UInt32 = 0
        while true {
            if let outcome = try take(asleep) { return outcome }
            if deadline.hasPassed { return .timedOut }
            step(.changes)
            let (old, new) = unsafe word.pointee.bitwiseOr(Self.waiting, ordering: .relaxed)
            // Freed meanwhile; the mark may stay, for whoever locks next.
            guard old & Self.held != 0 else { continue }
            asleep = Self.waiting
            let slice = min(deadline.remaining, Int64(Self.longestSleep))
            if Interleaving.wait() == nil {
                _ = unsafe holdfast_wait_on_word(futex, new, max(slice, 1))
            }
        }
    }

    /// Takes the lock from nobody or from a dead holder; nil if its holder is alive. `asleep`: the
    /// bit of waiters, if it is to be set.
    private func take(_ asleep: UInt32 = 0) throws(SystemError) -> LockOutcome? {
        while true {
            // Acquiring, and the exchange releasing: who is alive is judged by words that the
            // holder has stored before.
            step(.reads)
            let seen = unsafe word.pointee.load(ordering: .acquiring)
            let isHeld = seen & Self.held != 0
            if isHeld, isAlive(seen & (Self.held - 1)) {
                guard unsafe thread.pointee.load(ordering: .relaxed) != currentThread else {
                    throw SystemError(.lock, "the heap's shared log", .deadlock)
                }
                return nil
            }
            // The word still names the dead holder, so nobody else has taken the lock from it.
            if exchange(seen, mine | (seen & Self.waiting) | asleep) {
                return isHeld ? .acquiredFromTheDead : .acquired
            }
        }
    }

    @usableFromInline @inline(never)
    func wakeOne() { unsafe holdfast_wake_one(futex) }

    private var futex: UnsafePointer<UInt32> {
        unsafe UnsafePointer(UnsafeMutableRawPointer(word).assumingMemoryBound(to: UInt32.self))
    }

    // MARK: The holder

    /// The member that holds the lock. For display: a moment later it may be another.
    package var holder: Member? {
        let seen = unsafe word.pointee.load(ordering: .relaxed)
        return seen & Self.held != 0 ? seen & (Self.held - 1) : nil
    }
}

extension ProcessLock {
    /// `lock` with its error as a value, for closures in functions that do not allow typed errors.
    @inlinable @inline(__always)
    package func result(timeout: Duration, spinning: Duration) -> Result<LockOutcome, SystemError> {
        do throws(SystemError) {
            return .success(try lock(timeout: timeout, spinning: spinning))
        } catch { return .failure(error) }
    }
}
