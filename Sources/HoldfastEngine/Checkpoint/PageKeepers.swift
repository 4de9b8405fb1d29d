import HoldfastFormat
import HoldfastSystem
import Synchronization

/// Keeps the pages that the snapshots of one opening need when a checkpoint is about to write newer
/// ones. Any thread.
protocol PageKeeping: AnyObject, Sendable {
    /// Makes private copies of the pages that the opening's snapshots still have in common with the
    /// data file, as far as that is worthwhile and takes no more than `room` bytes. Returns whether
    /// more room would have been needed. The caller has the checkpoint lock.
    func keep(_ pages: PagesOfCheckpoint, isUrgent: Bool, room: Int) -> Bool

    /// Bytes of the copies.
    var keptBytes: Int { get }

    /// The position of a snapshot that nobody reads, and that may be ended; nil if there is none.
    var idlePosition: UInt64? { get }

    /// Ends that snapshot, unless it is read now; returns whether it has.
    func endIdle() -> Bool
}

/// The keepers of all openings of this process.
final class PageKeepers: Sendable {
    static let shared = PageKeepers()

    /// The openings of one heap. Tests run several processes' openings in one.
    struct Key: Hashable {
        let identity: HeapIdentity
        let process: ProcessIdentity
    }

    private let all = Mutex<[Key: [any PageKeeping]]>([:])

    func add(_ keeper: any PageKeeping, _ key: Key) {
        all.withLock { $0[key, default: []].append(keeper) }
    }

    func remove(_ keeper: any PageKeeping, _ key: Key) {
        all.withLock {
            $0[key]?.removeAll { $0 === keeper }
            if $0[key]?.isEmpty == true { $0[key] = nil }
        }
    }

    /// Has the pages kept for all snapshots of the heap in this process. Where that would take more
    /// than `budget` bytes in all, snapshots that nobody reads are ended, the oldest first. The
    /// caller has the checkpoint lock.
    func keep(_ pages: PagesOfCheckpoint, for key: Key, isUrgent: Bool, budget: Int) {
        let keepers = all.withLock { $0[key] ?? [] }
        for keeper in keepers {
            while keeper.keep(
                pages, isUrgent: isUrgent, room: budget - Self.keptBytes(of: keepers)),
                Self.endOldest(of: keepers)
            {}
        }
    }

    /// Bytes that are kept for snapshots of the heap in this process.
    func keptBytes(for key: Key) -> Int { Self.keptBytes(of: all.withLock { $0[key] ?? [] }) }

    private static func keptBytes(of keepers: [any PageKeeping]) -> Int {
        keepers.reduce(0) { $0 + $1.keptBytes }
    }

    private static func endOldest(of keepers: [any PageKeeping]) -> Bool {
        let idle = keepers.compactMap { keeper in
            keeper.idlePosition.map { (position: $0, keeper: keeper) }
        }
        return idle.sorted { $0.position < $1.position }.contains { $0.keeper.endIdle() }
    }
}
