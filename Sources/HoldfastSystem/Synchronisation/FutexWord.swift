import CHoldfast
import Synchronization

/// A word on which threads and processes sleep until they are woken.
///
/// The word is odd while a thread sleeps or is about to. Waking all sleepers advances it to the
/// next even number. A sleeper sleeps with the value of its announcement: a wake-up between the
/// announcement and the sleep has changed the word, so the sleep ends at once. (With a mere flag, a
/// wake-up meant for an earlier sleeper could clear a later announcement, and nothing would wake
/// that sleeper.)
///
/// Between the announcement and the sleep, a sleeper must check its condition once more. A thread
/// that makes the condition true must do so before it wakes sleepers. Both are in the single order
/// of sequentially consistent operations.
///
/// Safety: the creator keeps the address valid.
@safe @usableFromInline
package struct FutexWord: @unchecked Sendable {
    @usableFromInline let address: UnsafeMutableRawPointer
    /// Whether this process may store into the word.
    @usableFromInline let canAnnounce: Bool

    @inlinable @inline(__always)
    package init(at address: UnsafeMutableRawPointer, canAnnounce: Bool) {
        unsafe self.address = unsafe address
        self.canAnnounce = canAnnounce
    }

    @inlinable @inline(__always)
    var word: UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe address.assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inlinable @inline(__always)
    func step(_ effect: Interleaving.Effect) {
        unsafe Interleaving.step(effect, .init(wordAt: address))
    }

    /// The half of the word that changes with every wake-up (little-endian, like the format).
    private var futex: UnsafePointer<UInt32> {
        unsafe UnsafePointer(address.assumingMemoryBound(to: UInt32.self))
    }

    // MARK: Sleeping

    /// Announces that the thread is about to sleep.
    package func announce() -> UInt32 {
        step(canAnnounce ? .changes : .reads)
        guard canAnnounce else {
            return unsafe UInt32(
                truncatingIfNeeded: word.pointee.load(ordering: .sequentiallyConsistent))
        }
        return unsafe UInt32(
            truncatingIfNeeded: word.pointee.bitwiseOr(1, ordering: .sequentiallyConsistent)
                .newValue)
    }

    /// Sleeps unless there was a wake-up since `announcement`; returns whether the timeout expired.
    package func sleep(after announcement: UInt32, nanoseconds: Int64) -> Bool {
        KernelCalls.sleepCount.add(1, ordering: .relaxed)
        if let isTimeout = Interleaving.wait() { return isTimeout }
        // A process that cannot announce its sleep is not woken, and polls.
        return unsafe holdfast_wait_on_word(
            futex, announcement, canAnnounce ? nanoseconds : min(nanoseconds, 1_000_000))
    }

    // MARK: Waking

    /// Wakes all sleepers, if there are any.
    @inlinable @inline(__always)
    package func wakeIfAny() {
        step(.reads)
        if unsafe word.pointee.load(ordering: .sequentiallyConsistent) & 1 != 0 { wake() }
    }

    /// Wakes all threads that sleep or are about to.
    @usableFromInline @inline(never)
    package func wake() {
        KernelCalls.wakeCount.add(1, ordering: .relaxed)
        // One operation: an announcement either precedes it, and its sleeper sees the change, or
        // follows it and stays.
        exchange { ($0 | 1) &+ 1 }
        unsafe holdfast_wake_word(futex)
    }

    /// Wakes one sleeper, if there is any. A thread that is about to sleep checks again.
    package func wakeOne() {
        step(.reads)
        guard unsafe word.pointee.load(ordering: .sequentiallyConsistent) & 1 != 0 else { return }
        KernelCalls.wakeCount.add(1, ordering: .relaxed)
        // Still odd: others may continue to sleep.
        exchange { $0 &+ 2 }
        unsafe holdfast_wake_one(futex)
    }

    private func exchange(_ change: (UInt64) -> UInt64) {
        step(.releases)
        var seen = unsafe word.pointee.load(ordering: .relaxed)
        while true {
            let (exchanged, original) = unsafe word.pointee.compareExchange(
                expected: seen, desired: change(seen), ordering: .sequentiallyConsistent)
            if exchanged { return }
            seen = original
        }
    }
}
