/// The figures of a portion of the log, in ordinary Swift values. Counting in them is faster than
/// in persistent ones. They are stored when the portion is complete.
struct Portion {
    /// The end of the last counted line.
    private(set) var end: Int
    var lines = 0
    var strangeLines = 0
    var bytesSent = 0
    var byStatus: [Int: Int] = [:]
    var byHour: [String: Int] = [:]
    var byPath: [String: PathFigures] = [:]
    /// The slowest requests of the portion, the slowest first.
    var slowest: [(microseconds: Int, line: String)] = []

    /// Counts whole lines from `start` on, until they are at least `bytes` bytes or there are no
    /// more.
    init(_ log: RawSpan, from start: Int, bytes: Int) {
        end = start
        var place = start
        while place < log.byteCount {
            if log[place] == UInt8(ascii: "\n") {
                count(log, end ..< place)
                end = place + 1
                if end - start >= bytes { return }
            }
            place += 1
        }
    }

    private mutating func count(_ log: RawSpan, _ bytes: Range<Int>) {
        lines += 1
        guard let line = LogLine(log, bytes) else {
            strangeLines += 1
            return
        }
        bytesSent += line.bytes
        byStatus[line.status, default: 0] += 1
        byHour[log.text(line.hour), default: 0] += 1
        let path =
            line.path.lowerBound
            ..< (line.path.first { log[$0] == UInt8(ascii: "?") } ?? line.path.upperBound)
        byPath[log.text(path), default: PathFigures()].add(line)
        if slowest.count < Statistics.slowestKept || line.microseconds > slowest.last!.microseconds
        {
            slowest.insert(
                (line.microseconds, log.text(bytes)),
                at: slowest.firstIndex { $0.microseconds < line.microseconds } ?? slowest.endIndex)
            if slowest.count > Statistics.slowestKept { slowest.removeLast() }
        }
    }
}

extension PathFigures {
    mutating func add(_ line: LogLine) {
        requests += 1
        bytes += line.bytes
    }
}
