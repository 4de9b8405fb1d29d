import HoldfastEngine

/// The changes of one commit after the other, from a position on.
struct ChangeFollower {
    private let engine: HeapEngine
    private let reader: CommitReader
    /// Whether `reader` continues at `position`.
    private var isFollowing = false
    /// The changes up to here have been returned.
    private(set) var position: UInt64

    init(engine: HeapEngine, from start: UInt64) {
        self.engine = engine
        reader = engine.makeCommitReader()
        position = start
        follow()
        // A commit since then is unknown.
        isFollowing = isFollowing && reader.position == start
    }

    /// Returns what the commits after `position` and up to `target`, or later ones too, have
    /// changed. It is unknown if their records are gone, and for an opening without a log.
    mutating func changes(upTo target: UInt64) -> ChangedLines {
        if isFollowing, let changes = reader.changes(upTo: target) {
            position = max(position, reader.position)
            return changes
        }
        follow()
        position = max(target, isFollowing ? reader.position : 0)
        return .unknown
    }

    /// Lets the reader continue after the newest commit, if an image shows that without waiting.
    private mutating func follow() {
        isFollowing = false
        guard let context = try? engine.tryToBeginRead() else { return }
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        reader.begin(after: access)
        isFollowing = access.position == reader.position
        engine.endRead(context)
    }
}
