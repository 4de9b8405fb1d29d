import ExampleSupport
import Holdfast
import MemoryMapping

func count(_ arguments: inout Arguments) throws {
    let kilobytes = try arguments.option("--portion", in: 1 ... 1_000_000) ?? 16_000
    let path = try arguments.next("HEAP")
    let log = try MappedFile(path: arguments.next("LOG"))
    try arguments.end()
    try withHeap(path, Analysis.self) { heap in
        let ((lines, bytes), seconds) = try timed {
            try Reading(log: log, heap: heap, portionBytes: kilobytes * 1000).run()
        }
        say(
            "\(lines) lines, \(megabytes(bytes)) counted in \(milliseconds(seconds)): "
                + "\(rate(bytes, seconds) / 1_000_000) MB/s"
        )
    }
}

func show(_ arguments: inout Arguments) throws {
    let path = try arguments.next("HEAP")
    try arguments.end()
    let lines = try withHeap(path, Analysis.self, .readOnly) { heap in
        try heap.read { summary($0.statistics) }
    }
    say(lines.joined(separator: "\n"))
}

private func summary(_ statistics: PersistentValue<Statistics>) -> [String] {
    var lines = [
        "\(statistics.lines) lines, \(megabytes(statistics.position)) of log; "
            + "\(megabytes(statistics.bytesSent)) sent"
    ]
    if statistics.strangeLines > 0 {
        lines.append("\(statistics.strangeLines) lines are not as a web server writes them")
    }
    lines.append("by status:")
    lines += statistics.byStatus.sorted { $0.key < $1.key }.map { "  \($0.key)  \($0.value)" }
    lines.append("busiest hours, of \(statistics.byHour.count):")
    let hours = statistics.byHour.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(5)
    lines += hours.map { "  \($0.key)h  \($0.value)" }
    lines.append("most wanted paths, of \(statistics.byPath.count):")
    let paths = statistics.byPath.sorted {
        ($1.value.requests, $0.key) < ($0.value.requests, $1.key)
    }.prefix(5)
    lines += paths.map { "  \($0.key)  \($0.value.requests), \(megabytes($0.value.bytes))" }
    lines.append("slowest requests:")
    lines += statistics.slowest.map {
        "  \(milliseconds(Double($0.microseconds) / 1e6))  \($0.line)"
    }
    return lines
}

private func milliseconds(_ seconds: Double) -> String { "\(Int((seconds * 1e3).rounded())) ms" }
