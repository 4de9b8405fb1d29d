import CHoldfast
import Synchronization

/// A position that threads and processes can wait to see change: two words side by side, the position and whether anyone sleeps.
///
/// A commit costs no system call while nobody sleeps, and one that wakes all of them otherwise. A sleeper that is killed costs the next
/// commit one call too many, and no more.
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
    private var hasSleepers: UnsafeMutablePointer<Atomic<UInt64>> { (base + 8).assumingMemoryBound(to: Atomic<UInt64>.self) }

    var position: UInt64 { positionWord.pointee.load(ordering: .sequentiallyConsistent) }

    /// Stores a new position and wakes those who sleep until then.
    @inline(__always)
    func publish(_ position: UInt64) {
        // In order with the sleepers' own stores: either they see the new position, or this sees that they sleep.
        positionWord.pointee.store(position, ordering: .sequentiallyConsistent)
        if hasSleepers.pointee.load(ordering: .sequentiallyConsistent) != 0 { wake() }
    }

    @inline(never)
    func wake() {
        hasSleepers.pointee.store(0, ordering: .sequentiallyConsistent)
        holdfast_wake_word(futex)
    }

    /// Sleeps until the position differs from `position`, something wakes it early, or the time is up.
    func sleep(whileAt position: UInt64, nanoseconds: Int64) {
        if canAnnounce { hasSleepers.pointee.store(1, ordering: .sequentiallyConsistent) }
        guard self.position == position else { return }
        // Whoever cannot announce that it sleeps has to look again by itself.
        holdfast_wait_on_word(
            futex, UInt32(truncatingIfNeeded: position), canAnnounce ? nanoseconds : min(nanoseconds, 1_000_000))
    }

    /// The half of the position that changes with every commit (little-endian, as the format is).
    private var futex: UnsafePointer<UInt32> { UnsafePointer(base.assumingMemoryBound(to: UInt32.self)) }
}
