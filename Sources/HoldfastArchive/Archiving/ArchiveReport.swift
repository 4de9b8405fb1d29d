/// What a run of the archive has done.
public struct ArchiveReport: Sendable {
    /// The number of the newest commit in the archive.
    public internal(set) var commit: UInt64
    /// Bytes of the segment that was added; 0 if nothing had been committed.
    public internal(set) var addedBytes = 0
    /// Whether that segment is a base, that is, the whole heap: the first one, and one after a gap.
    public internal(set) var isBase = false
    /// Segments that could not be merged. The archive works without that, but restoring needs more
    /// files.
    public internal(set) var problems: [ArchiveError] = []

    init(commit: UInt64) { self.commit = commit }

    mutating func add(_ segment: ArchivedSegment) {
        commit = segment.after.commitNumber
        addedBytes = segment.byteCount
        isBase = segment.isBase
    }
}
