import HoldfastSystem
import Synchronization

/// A position that threads and processes can wait to see change: two words side by side, the
/// position and who sleeps.
///
/// A commit costs no system call while nobody sleeps, and one that wakes all of them otherwise.
/// Whoever waits looks for a moment before it sleeps, so two that answer each other at once make no
/// call at all. A sleeper that is killed costs the next commit one call too many, and no more;
/// whoever is killed while it wakes others leaves them asleep until their time is up.
///
/// Safety: `SharedMemory` or `LocalSignal`, which make this, keep the address valid.
struct ChangeSignal: @unchecked Sendable {
    private let base: UnsafeMutableRawPointer
    private let sleepers: FutexWord

    @inline(__always)
    init(at base: UnsafeMutableRawPointer, canAnnounce: Bool) {
        self.base = base
        sleepers = FutexWord(at: base + 8, canAnnounce: canAnnounce)
    }

    @inline(__always)
    private var positionWord: UnsafeMutablePointer<Atomic<UInt64>> {
        base.assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    var position: UInt64 { positionWord.pointee.load(ordering: .sequentiallyConsistent) }

    /// Stores a new position and wakes those who sleep until then.
    @inline(__always)
    func publish(_ position: UInt64) {
        // In order with the sleepers' own stores: either they see the new position, or this sees
        // that they sleep.
        positionWord.pointee.store(position, ordering: .sequentiallyConsistent)
        sleepers.wakeIfAny()
    }

    /// Wakes everyone who sleeps or is about to.
    func wake() { sleepers.wake() }

    /// Looks for a moment whether the position becomes another than `position`; returns whether it
    /// has.
    func spin(whileAt position: UInt64, atMost duration: Duration) -> Bool {
        AdaptiveSpin.wait(atMost: duration) { self.position != position }
    }

    /// Sleeps until the position differs from `position`, something wakes it early, or the time is
    /// up; returns whether that was so.
    @discardableResult
    func sleep(whileAt position: UInt64, nanoseconds: Int64) -> Bool {
        let announcement = announce()
        guard self.position == position else { return false }
        return sleep(after: announcement, nanoseconds: nanoseconds)
    }

    /// Says that somebody is about to sleep. The position must be looked at once more between this
    /// and the sleep.
    func announce() -> UInt32 { sleepers.announce() }

    /// Sleeps unless there was a wake since `announcement`; returns whether the time was up.
    func sleep(after announcement: UInt32, nanoseconds: Int64) -> Bool {
        sleepers.sleep(after: announcement, nanoseconds: nanoseconds)
    }
}

/// A signal of one opening's own, in ordinary memory: for a heap that is not shared.
final class LocalSignal: Sendable {
    private let words: ChangeSignalWords
    let signal: ChangeSignal

    init() {
        words = ChangeSignalWords()
        signal = ChangeSignal(at: words.base, canAnnounce: true)
    }

    deinit { words.base.deallocate() }
}

/// Two words of zeros.
private struct ChangeSignalWords: @unchecked Sendable {
    let base: UnsafeMutableRawPointer

    init() {
        base = .allocate(byteCount: 16, alignment: 16)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: 16)
    }
}
