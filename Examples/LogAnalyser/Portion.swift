/// What a portion of the log has to say, in ordinary Swift values: they are faster to count in than
/// anything that is to be kept, and are kept only when the portion is done.
struct Portion {
    /// Behind the last line that is counted here.
    private(set) var end: Int
    var lines = 0
    var strangeLines = 0
    var bytesSent = 0
    var byStatus: [Int: Int] = [:]
    var byHour: [String: Int] = [:]
    var byPath: [String: PathFigures] = [:]
    /// The slowest of the portion, the slowest first.
    var slowest: [(microseconds: Int, line: String)] = []

    /// Counts whole lines from `start` on, until they are at least so many bytes or there are no
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
