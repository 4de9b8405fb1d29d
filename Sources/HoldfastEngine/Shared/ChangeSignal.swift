import HoldfastSystem
import Synchronization

/// A position whose changes threads and processes can wait for: two adjacent words, the position
/// and the futex word of the sleepers.
///
/// A commit makes no system call while there are no sleepers, and one call to wake all of them
/// otherwise. A waiter spins briefly before it sleeps, so two processes that answer each other at
/// once make no calls. If a sleeper is killed, the next commit makes one unnecessary call. If a
/// process is killed while it wakes others, they sleep until their timeout.
///
/// Safety: `SharedMemory` or `LocalSignal`, which create this, keep the address valid.
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

    var position: UInt64 {
        Interleaving.step(.reads, .init(wordAt: base))
        return positionWord.pointee.load(ordering: .sequentiallyConsistent)
    }

    /// Stores a new position and wakes the threads that wait for it.
    @inline(__always)
    func publish(_ position: UInt64) {
        // Sequentially consistent with the sleepers' stores: either they see the new position, or
        // this call sees that they sleep.
        Interleaving.step(.changes, .init(wordAt: base))
        positionWord.pointee.store(position, ordering: .sequentiallyConsistent)
        sleepers.wakeIfAny()
    }

    /// Wakes all threads that sleep or are about to.
    func wake() { sleepers.wake() }

    /// Spins until the position differs from `position`; returns whether it does.
    func spin(whileAt position: UInt64, atMost duration: Duration) -> Bool {
        AdaptiveSpin.wait(atMost: duration) { self.position != position }
    }

    /// Sleeps until the position differs from `position`, the timeout expires, or an early wake-up;
    /// returns whether the timeout expired.
    @discardableResult
    func sleep(whileAt position: UInt64, nanoseconds: Int64) -> Bool {
        let announcement = announce()
        guard self.position == position else { return false }
        return sleep(after: announcement, nanoseconds: nanoseconds)
    }

    /// Announces a sleeper. The position must be loaded once more between this call and the sleep.
    func announce() -> UInt32 { sleepers.announce() }

    /// Sleeps unless there was a wake-up since `announcement`; returns whether the timeout expired.
    func sleep(after announcement: UInt32, nanoseconds: Int64) -> Bool {
        sleepers.sleep(after: announcement, nanoseconds: nanoseconds)
    }
}

/// The signal of a single opening, in ordinary memory: for a private copy.
final class LocalSignal: Sendable {
    private let words: ChangeSignalWords
    let signal: ChangeSignal

    init() {
        words = ChangeSignalWords()
        signal = ChangeSignal(at: words.base, canAnnounce: true)
    }

    deinit { words.base.deallocate() }
}

/// Two words, initially zero.
private struct ChangeSignalWords: @unchecked Sendable {
    let base: UnsafeMutableRawPointer

    init() {
        base = .allocate(byteCount: 16, alignment: 16)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: 16)
    }
}
