import Holdfast

/// The figures counted from a log.
@Persistable struct Statistics {
    static let slowestKept = 5

    /// The offset up to which the log has been read, always after a whole line. Committed together
    /// with the figures of those lines.
    var position = 0
    /// A fingerprint of the log's first line, to detect that the log has been replaced.
    var firstLine: UInt64 = 0

    var lines = 0
    /// The number of lines that are not in a web server's format.
    var strangeLines = 0
    /// The number of bytes that the server has sent.
    var bytesSent = 0
    var byStatus = PersistentMap<Int, Int>()
    /// By hours such as 2026-11-21 11, in order.
    var byHour = PersistentSortedMap<String, Int>()
    var byPath = PersistentMap<String, PathFigures>()
    /// The slowest first; the number is limited.
    var slowest = PersistentArray<SlowRequest>()
}

/// What the heap holds.
@HeapSchema struct Analysis {
    var statistics: PersistentValue<Statistics> = PersistentValue(Statistics())
}

@Persistable(.plain) struct PathFigures {
    var requests = 0
    var bytes = 0
}

@Persistable struct SlowRequest {
    var microseconds: Int
    var line: String
}
