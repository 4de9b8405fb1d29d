import Synchronization

/// Decides when a background checkpoint is due, from the number of bytes in the log.
///
/// A log of half its limit is always due. But each new page of the ring costs a page fault, and
/// memory that the kernel eventually writes to the disk, so a ring of moderate size is tried
/// earlier. If the commits since the last checkpoint have changed the same few pages repeatedly, as
/// most programs do, moving those pages to the data file costs less than a larger ring, and the
/// ring keeps its size. If they have changed many pages, or a snapshot is in the way, the early
/// checkpoint is *refused*, the ring grows to its limit, and pages are written less often.
///
/// Thread safety: any thread; each value was right a moment ago.
final class CheckpointPolicy: Sendable {
    private let moderate: Int
    private let limit: Int
    private let bytes: Atomic<Int>

    init(_ options: EngineOptions) {
        moderate = min(options.compactLogBytes, options.logLimit)
        limit = options.logLimit
        bytes = Atomic(options.logLimit / 2)
    }

    /// Whether a checkpoint is due for a log of this many bytes.
    @inline(__always)
    func isReached(by used: Int) -> Bool { used > bytes.load(ordering: .relaxed) }

    /// Whether a checkpoint of this many bytes may still be refused.
    func isEarly(_ used: Int) -> Bool { used <= limit / 2 }

    /// Adapts the threshold to the ring's new size.
    func ringIs(_ capacity: Int) {
        bytes.store(
            capacity <= moderate && moderate < limit ? moderate / 4 : limit / 2, ordering: .relaxed)
    }

    /// Lets the log grow to half its limit.
    func refuse() { bytes.store(limit / 2, ordering: .relaxed) }

    /// The next size of a growing ring.
    func nextCapacity(after capacity: Int) -> Int {
        capacity < moderate ? moderate : min(capacity * 4, limit)
    }
}
