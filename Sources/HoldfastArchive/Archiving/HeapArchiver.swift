import HoldfastEngine
import HoldfastFormat
import HoldfastSystem

/// Adds the history of an open heap to an archive.
package struct HeapArchiver {
    private let engine: HeapEngine
    private let folder: ArchiveFolder
    private let queueLimit: Int

    /// `queueLimit`: the most bytes that the heap keeps for the archive until the next run.
    package init(_ engine: HeapEngine, _ folder: ArchiveFolder, queueLimit: Int) {
        self.engine = engine
        self.folder = folder
        self.queueLimit = queueLimit
    }

    /// Archives everything that has been committed, merges segments, and removes what is older than
    /// `retention` keeps. O(bytes that have changed), or O(heap) for a base.
    ///
    /// Throws `ArchiveError` and `HeapError`, and what `progress` throws to cancel the work. What
    /// has been archived until then stays archived.
    package func run(
        retention: Retention?, progress: ((ArchiveProgress) throws -> Void)?
    ) throws -> ArchiveReport {
        try folder.create()
        let change = try ArchiveChange(folder)
        defer { change.end() }
        let newest = try folder.newest()
        if let newest, newest.header.identity != engine.identity {
            throw ArchiveError.otherHeap(
                path: folder.path, identity: newest.header.identity.description,
                expected: engine.identity.description)
        }
        var report = ArchiveReport(commit: newest?.after.commitNumber ?? 0)
        switch try pendingHistory(after: newest) {
        case .changes(let history):
            if !history.isEmpty {
                let segment = try add(.changes, after: history.before, to: change) { appender in
                    try history.forEach(&appender)
                }
                report.add(segment)
            }
            try engine.archiveHas(history)
        case .base(let base):
            defer { base.close() }
            // The heap may have lost its queue since the last run, and nothing else.
            if base.place != newest?.after {
                let total = base.pageCount * HeapLayout.pageBytes
                let segment = try add(.base, after: .nothing, to: change) { appender in
                    try base.forEach(&appender) { pages in
                        try progress?(
                            ArchiveProgress(
                                doneBytes: pages * HeapLayout.pageBytes, totalBytes: total))
                    }
                }
                report.add(segment)
            }
        }
        report.problems = try ArchiveMerger(change).mergeDue(progress: progress).problems
        if let retention {
            _ = try ArchivePruner(change).prune(
                retention, now: CalendarClock.seconds, isForced: false, progress: progress)
        }
        return report
    }

    /// A queue that is damaged counts as none.
    private func pendingHistory(after newest: ArchivedSegment?) throws(HeapError) -> PendingHistory
    {
        let found = try engine.pendingHistory(after: newest?.after, limit: queueLimit)
        guard case .changes(let history) = found, !(try history.isSound()) else { return found }
        try engine.endArchive(forGood: false)
        return try engine.pendingHistory(after: newest?.after, limit: queueLimit)
    }

    private func add(
        _ kind: SegmentHeader.Kind, after place: HistoryPlace, to change: ArchiveChange,
        _ body: (inout SegmentAppender) throws -> Void
    ) throws -> ArchivedSegment {
        let header = SegmentHeader(
            identity: engine.identity, hashSeed: engine.hashSeed,
            heapCreationTime: try engine.creationTime, kind: kind, before: place)
        var appender = try change.append(header)
        defer { appender.cancel() }
        try body(&appender)
        return try appender.commit()
    }
}
