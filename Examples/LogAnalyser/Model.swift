import Holdfast

/// The figures counted from a log.
struct Statistics: PersistableRecord {
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

struct PathFigures: PersistableStruct {
    var requests = 0
    var bytes = 0
}

struct SlowRequest: PersistableRecord {
    var microseconds: Int
    var line: String
}
