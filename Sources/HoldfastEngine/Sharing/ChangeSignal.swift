import CHoldfast
import Synchronization

/// A position that threads and processes can wait to see change: two words side by side, the position and who sleeps.
///
/// The second word is odd while someone sleeps or is about to, and every wake makes it the next even number. Sleepers sleep on that word, with the
/// value that they announced themselves with: a wake between the announcement and the sleep has changed it, so the sleep ends at once. (Were
/// it a mere flag, a wake meant for an earlier sleeper could take an announcement back, and nobody would wake that one.)
///
/// A commit costs no system call while nobody sleeps, and one that wakes all of them otherwise. Whoever waits looks for a moment before it
/// sleeps, so two that answer each other at once make no call at all. A sleeper that is killed costs the next
/// commit one call too many, and no more; whoever is killed while it wakes others leaves them asleep until their time is up.
///
/// Safety: the address is valid as long as whoever made this sees to; `SharedFile` or the engine.
struct ChangeSignal: @unchecked Sendable {
    private let base: UnsafeMutableRawPointer
    /// Whether this process may store into the words.
    private let canAnnounce: Bool

    @inline(__always)
    init(at base: UnsafeMutableRawPointer, canAnnounce: Bool) {
        self.base = base
        self.canAnnounce = canAnnounce
    }

    @inline(__always)
    private var positionWord: UnsafeMutablePointer<Atomic<UInt64>> { base.assumingMemoryBound(to: Atomic<UInt64>.self) }

    @inline(__always)
    private var sleepers: UnsafeMutablePointer<Atomic<UInt64>> { (base + 8).assumingMemoryBound(to: Atomic<UInt64>.self) }

    var position: UInt64 { positionWord.pointee.load(ordering: .sequentiallyConsistent) }

    /// Stores a new position and wakes those who sleep until then.
    @inline(__always)
    func publish(_ position: UInt64) {
        // In order with the sleepers' own stores: either they see the new position, or this sees that they sleep.
        positionWord.pointee.store(position, ordering: .sequentiallyConsistent)
        if sleepers.pointee.load(ordering: .sequentiallyConsistent) & 1 != 0 { wake() }
    }

    /// Wakes everyone who sleeps or is about to.
    @inline(never)
    func wake() {
        KernelCalls.wakeCount.add(1, ordering: .relaxed)
        // One operation, so that an announcement is either counted away here, and its sleeper sees that, or comes later and stays.
        var word = sleepers.pointee.load(ordering: .relaxed)
        while true {
            let (exchanged, original) = sleepers.pointee.compareExchange(
                expected: word, desired: (word | 1) &+ 1, ordering: .sequentiallyConsistent)
            if exchanged { break }
            word = original
        }
        holdfast_wake_word(futex)
    }

    /// Looks for a moment whether the position becomes another than `position`; returns whether it has.
    func spin(whileAt position: UInt64, atMost duration: Duration) -> Bool {
        BriefSpin.wait(atMost: duration) { self.position != position }
    }

    /// Sleeps until the position differs from `position`, something wakes it early, or the time is up; returns whether that was so.
    @discardableResult
    func sleep(whileAt position: UInt64, nanoseconds: Int64) -> Bool {
        let announcement = announce()
        guard self.position == position else { return false }
        return sleep(after: announcement, nanoseconds: nanoseconds)
    }

    /// Says that somebody is about to sleep. The position must be looked at once more between this and the sleep.
    func announce() -> UInt32 {
        guard canAnnounce else { return UInt32(truncatingIfNeeded: sleepers.pointee.load(ordering: .sequentiallyConsistent)) }
        let word = sleepers.pointee.bitwiseOr(1, ordering: .sequentiallyConsistent).newValue
        return UInt32(truncatingIfNeeded: word)
    }

    /// Sleeps unless there was a wake since `announcement`; returns whether the time was up.
    func sleep(after announcement: UInt32, nanoseconds: Int64) -> Bool {
        KernelCalls.sleepCount.add(1, ordering: .relaxed)
        // Whoever cannot announce that it sleeps has to look again by itself.
        return holdfast_wait_on_word(futex, announcement, canAnnounce ? nanoseconds : min(nanoseconds, 1_000_000))
    }

    /// The half of the sleepers' word that changes with every wake (little-endian, as the format is).
    private var futex: UnsafePointer<UInt32> { UnsafePointer((base + 8).assumingMemoryBound(to: UInt32.self)) }
}
