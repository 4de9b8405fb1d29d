import HoldfastEngine
import HoldfastFormat
import HoldfastSystem

/// Brings a heap that follows an archive to the archive's newest state, one interval after the
/// other: each is a commit of the heap, so its readers see whole states of the original only.
package struct ArchiveFollower {
    private let engine: HeapEngine
    private let folder: ArchiveFolder

    package init(_ engine: HeapEngine, _ folder: ArchiveFolder) {
        self.engine = engine
        self.folder = folder
    }

    /// Stores everything that is new. Returns the place that the heap is at then.
    ///
    /// O(bytes of the segments). Killed anywhere, the heap is at the end of an interval, and the
    /// next call goes on. Throws `ArchiveError` and `HeapError`, and what `progress` throws.
    package func catchUp(progress: ((ArchiveProgress) throws -> Void)?) throws -> HistoryPlace {
        guard var place = try engine.followedPlace() else {
            throw ArchiveError.notFollowing(path: engine.path)
        }
        let identity = try engine.followedIdentity()
        while let segment = try next(after: place) {
            guard segment.header.identity == identity else {
                throw ArchiveError.otherHeap(
                    path: folder.path, identity: segment.header.identity.description,
                    expected: identity?.description ?? "")
            }
            try store(segment, from: place)
            guard let reached = try engine.followedPlace(), reached != place else {
                throw ArchiveError.notFollowing(path: engine.path)
            }
            place = reached
            try progress?(
                ArchiveProgress(doneBytes: segment.byteCount, totalBytes: segment.byteCount))
        }
        return place
    }

    /// The segment that continues from `place`, or has it between two of its intervals: the one of
    /// the lowest level, because each interval is held in the memory of one transaction. Nil at the
    /// end of the archive.
    private func next(after place: HistoryPlace) throws -> ArchivedSegment? {
        try folder.withCatalogue { catalogue in
            let next =
                catalogue.continuations(of: place).filter { !$0.isBase }.min {
                    $0.header.level < $1.header.level
                }
                ?? catalogue.segments.first {
                    $0.hasAllCommits && $0.before.commitNumber < place.commitNumber
                        && $0.after.commitNumber > place.commitNumber
                }
            if next == nil, let newest = catalogue.newest, newest > place.commitNumber {
                throw catalogue.error(after: place.commitNumber, towards: newest)
            }
            return next
        }
    }

    private func store(_ segment: ArchivedSegment, from start: HistoryPlace) throws {
        var reader = try segment.open(on: folder.disk)
        var place = segment.before
        while place != start {
            guard let item = try reader.next() else {
                throw ArchiveError.missingSegment(path: folder.path, after: start.commitNumber)
            }
            if case .intervalEnd(let end) = item { place = end.place }
        }
        // An interval begins a transaction, so its first item is read before it.
        while let first = try reader.next() {
            var end: IntervalEnd?
            let isStored = try engine.follow(from: place) { application in
                unsafe try application.take(first, reader.lines)
                while end == nil, let item = try reader.next() {
                    unsafe try application.take(item, reader.lines)
                    if case .intervalEnd(let found) = item { end = found }
                }
            }
            guard isStored, let end else { return }
            place = end.place
        }
    }
}
