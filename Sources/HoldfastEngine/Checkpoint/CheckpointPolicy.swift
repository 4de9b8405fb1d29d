import Synchronization

/// When a checkpoint in the background falls due, by the bytes that the log holds.
///
/// A log of half its limit is due in any case. But each new page of the ring costs a fault, and
/// memory that the kernel writes to the disk sooner or later; so a ring that has reached a moderate
/// size is tried earlier: where the commits since the last checkpoint have changed the same few
/// pages again and again, as most programs' do, moving those into the base image costs less than a
/// larger ring, and the ring stays as it is. Where they have changed many, or a view is in the way,
/// the early checkpoint is *refused*, the ring grows to its limit, and the pages are written less
/// often.
///
/// Thread safety: any thread; each value is one that was right a moment ago.
final class CheckpointPolicy: Sendable {
    private let moderate: Int
    private let limit: Int
    private let bytes: Atomic<Int>

    init(_ options: EngineOptions) {
        moderate = min(options.compactLogBytes, options.logLimit)
        limit = options.logLimit
        bytes = Atomic(options.logLimit / 2)
    }

    /// Whether a log of so many bytes is to be moved into the base image.
    @inline(__always)
    func isReached(by used: Int) -> Bool { used > bytes.load(ordering: .relaxed) }

    /// Whether a checkpoint of so many bytes may still be refused.
    func isEarly(_ used: Int) -> Bool { used <= limit / 2 }

    /// The ring has got this size.
    func ringIs(_ capacity: Int) {
        bytes.store(
            capacity <= moderate && moderate < limit ? moderate / 4 : limit / 2, ordering: .relaxed)
    }

    /// The log is left to grow.
    func refuse() { bytes.store(limit / 2, ordering: .relaxed) }

    /// The size that a ring of this capacity grows to next.
    func nextCapacity(after capacity: Int) -> Int {
        capacity < moderate ? moderate : min(capacity * 4, limit)
    }
}
