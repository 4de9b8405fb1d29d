import Holdfast

/// What has been counted of a log.
struct Statistics: PersistableRecord {
    static let slowestKept = 5

    /// How far the log has been read: bytes from its start, always behind a whole line. Committed
    /// together with what those lines have added to the figures.
    var position = 0
    /// A fingerprint of the log's first line, so that another log in its place is noticed.
    var firstLine: UInt64 = 0

    var lines = 0
    /// Lines that are not as a web server writes them.
    var strangeLines = 0
    /// Bytes that the server has sent.
    var bytesSent = 0
    var byStatus = PersistentMap<Int, Int>()
    /// By hours such as 2026-11-21 11, in their order.
    var byHour = PersistentSortedMap<String, Int>()
    var byPath = PersistentMap<String, PathFigures>()
    /// The slowest first; only so many are kept.
    var slowest = PersistentArray<SlowRequest>()
}

struct PathFigures: PersistableStruct {
    var requests = 0
    var bytes = 0
}

struct SlowRequest: PersistableRecord {
    var microseconds: Int
    var line: String
}
