import ExampleSupport
import Holdfast
import MemoryMapping

/// Counts a log into a heap, starting where the last run stopped.
struct Reading {
    let log: MappedFile
    let heap: TypedHeap<Analysis>
    /// The number of bytes of log that are counted in one transaction.
    let portionBytes: Int

    /// Returns the number of new lines and bytes.
    func run() throws -> (lines: Int, bytes: Int) {
        // The system reads far ahead, and soon drops pages that have been read: the log may be
        // larger than the memory.
        try log.advise(.sequential)
        let start = try begin()
        var position = start
        var lines = 0
        while true {
            // If the log is truncated in the meantime, this throws, and figures from the missing
            // pages are not stored.
            let portion = try log.withBytes { bytes throws(MappingError) in
                Portion(bytes, from: position, bytes: portionBytes)
            }
            if portion.lines == 0 { return (lines, position - start) }
            // The whole portion together with its position, or nothing. No line is counted twice or
            // skipped, at whatever moment this process is killed.
            try heap.write { analysis in
                let statistics = analysis.statistics
                guard statistics.position == position else {
                    throw Problem("another process counts into \(heap.path) at the same time")
                }
                add(portion, to: statistics)
            }
            lines += portion.lines
            position = portion.end
        }
    }

    /// Returns the position to continue at. Checks that the log is the one that was counted before.
    private func begin() throws -> Int {
        let first = try log.withBytes { bytes throws(MappingError) in fingerprint(bytes) }
        return try heap.write { analysis in
            let statistics = analysis.statistics
            if statistics.position == 0 { statistics.firstLine = first }
            guard statistics.firstLine == first, statistics.position <= log.count else {
                throw Problem(
                    "\(log.path) is not the log that was counted into \(heap.path); count it into "
                        + "another heap"
                )
            }
            return statistics.position
        }
    }

    /// The hash of Fowler, Noll and Vo, of the first line.
    private func fingerprint(_ bytes: RawSpan) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for place in 0 ..< bytes.byteCount {
            if bytes[place] == UInt8(ascii: "\n") { break }
            hash = (hash ^ UInt64(bytes[place])) &* 0x100_0000_01b3
        }
        return hash
    }
}

/// Adds the figures of a portion, each in place: unchanged data is not touched.
private func add(_ portion: Portion, to statistics: PersistentValue<Statistics>) {
    statistics.position = portion.end
    statistics.lines += portion.lines
    statistics.strangeLines += portion.strangeLines
    statistics.bytesSent += portion.bytesSent
    statistics.byStatus.merge(portion.byStatus, uniquingKeysWith: +)
    for (hour, requests) in portion.byHour {
        statistics.byHour[sortable(hour), default: 0] += requests
    }
    statistics.byPath.merge(portion.byPath) {
        PathFigures(requests: $0.requests + $1.requests, bytes: $0.bytes + $1.bytes)
    }
    let slowest = statistics.slowest
    for request in portion.slowest {
        let place =
            slowest.firstIndex { $0.microseconds < request.microseconds } ?? slowest.endIndex
        guard place < Statistics.slowestKept else { break }
        slowest.insert(
            SlowRequest(microseconds: request.microseconds, line: request.line), at: place)
        if slowest.count > Statistics.slowestKept {
            slowest.removeElement(at: Statistics.slowestKept)
        }
    }
}

/// Returns 21/Nov/2026:11 as 2026-11-21 11, which sorts chronologically.
private func sortable(_ hour: String) -> String {
    let parts = hour.split { $0 == "/" || $0 == ":" }
    let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    guard parts.count == 4, let month = months.firstIndex(of: String(parts[1])) else { return hour }
    return "\(parts[2])-\(month < 9 ? "0" : "")\(month + 1)-\(parts[0]) \(parts[3])"
}
