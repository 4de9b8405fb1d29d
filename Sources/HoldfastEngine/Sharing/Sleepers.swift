import CHoldfast
import Synchronization

/// A word on which threads and processes sleep until they are woken.
///
/// It is odd while someone sleeps or is about to, and every wake of all makes it the next even
/// number. Sleepers sleep with the value that they announced themselves with: a wake between the
/// announcement and the sleep has changed it, so the sleep ends at once. (Were it a mere flag, a
/// wake meant for an earlier sleeper could take an announcement back, and nobody would wake that
/// one.)
///
/// Between the announcement and the sleep, a sleeper must look once more at what it waits for; and
/// whoever brings that about must do so before it wakes. Both are in the one order of sequentially
/// consistent operations.
///
/// Safety: the address is valid as long as whoever made this sees to; `SharedMemory` or the engine.
struct Sleepers: @unchecked Sendable {
    private let address: UnsafeMutableRawPointer
    /// Whether this process may store into the word.
    private let canAnnounce: Bool

    @inline(__always)
    init(at address: UnsafeMutableRawPointer, canAnnounce: Bool) {
        self.address = address
        self.canAnnounce = canAnnounce
    }

    @inline(__always)
    private var word: UnsafeMutablePointer<Atomic<UInt64>> {
        address.assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// The half of the word that changes with every wake (little-endian, as the format is).
    private var futex: UnsafePointer<UInt32> {
        UnsafePointer(address.assumingMemoryBound(to: UInt32.self))
    }

    // MARK: Sleeping

    /// Says that somebody is about to sleep.
    func announce() -> UInt32 {
        guard canAnnounce else {
            return UInt32(truncatingIfNeeded: word.pointee.load(ordering: .sequentiallyConsistent))
        }
        return UInt32(
            truncatingIfNeeded: word.pointee.bitwiseOr(1, ordering: .sequentiallyConsistent)
                .newValue)
    }

    /// Sleeps unless there was a wake since `announcement`; returns whether the time was up.
    func sleep(after announcement: UInt32, nanoseconds: Int64) -> Bool {
        KernelCalls.sleepCount.add(1, ordering: .relaxed)
        // Whoever cannot announce that it sleeps has to look again by itself.
        return holdfast_wait_on_word(
            futex, announcement, canAnnounce ? nanoseconds : min(nanoseconds, 1_000_000))
    }

    // MARK: Waking

    /// Wakes everyone, if anyone sleeps.
    @inline(__always)
    func wakeIfAny() {
        if word.pointee.load(ordering: .sequentiallyConsistent) & 1 != 0 { wake() }
    }

    /// Wakes everyone who sleeps or is about to.
    @inline(never)
    func wake() {
        KernelCalls.wakeCount.add(1, ordering: .relaxed)
        // One operation, so that an announcement is either counted away here, and its sleeper sees
        // that, or comes later and stays.
        exchange { ($0 | 1) &+ 1 }
        holdfast_wake_word(futex)
    }

    /// Wakes one sleeper, if there is any; whoever is about to sleep looks again.
    func wakeOne() {
        guard word.pointee.load(ordering: .sequentiallyConsistent) & 1 != 0 else { return }
        KernelCalls.wakeCount.add(1, ordering: .relaxed)
        // Still odd: others may sleep on.
        exchange { $0 &+ 2 }
        holdfast_wake_one(futex)
    }

    private func exchange(_ change: (UInt64) -> UInt64) {
        var seen = word.pointee.load(ordering: .relaxed)
        while true {
            let (exchanged, original) = word.pointee.compareExchange(
                expected: seen, desired: change(seen), ordering: .sequentiallyConsistent)
            if exchanged { return }
            seen = original
        }
    }
}
