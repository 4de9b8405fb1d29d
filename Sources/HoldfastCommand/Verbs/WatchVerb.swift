import Foundation
import Holdfast
import HoldfastTools

extension Verb {
    static let watch = Verb(
        name: "watch", summary: "show commits per second, readers, log and size continuously",
        operands: [heapFile],
        options: [
            Option(name: "interval", value: "SECONDS", summary: "how often (default 1)"),
            Option(name: "count", value: "N", summary: "end after N times"),
            Option(name: "json", summary: "print a JSON object on a line of its own each time"),
            timeout,
        ],
        details: [
            "On a terminal the figures are updated in place; in a pipe or file, there is one line "
                + "each time. Ends with Ctrl-C, or after --count times, with status 0. Reads only; "
                + "readers and writers in other processes continue."
        ],
        examples: [
            Example(command: "watch inventory.heap", meaning: "Current activity."),
            Example(
                command: "watch inventory.heap --json --interval 10 >> figures.jsonl",
                meaning: "A log file."),
        ]
    ) { call in
        let interval = try call.seconds("interval") ?? .seconds(1)
        guard interval >= .milliseconds(10) else {
            throw UsageError("--interval takes 0.01 seconds or more", verb: "watch")
        }
        let count = try call.number("count", in: 1 ... Int.max) ?? Int.max
        let heap = try call.openHeap(.readOnly)
        defer { try? heap.close() }
        try call.warn(of: heap)
        var watch = HeapWatch(heap: heap, call: call, interval: interval)
        try watch.run(count)
        return .fine
    }
}

/// Periodic figures of a heap.
private struct HeapWatch {
    let heap: PersistentHeap
    let call: Invocation
    let interval: Duration
    private var last: (commits: Int, position: HeapVersion, at: ContinuousClock.Instant)?
    private var drawnLines = 0
    private var rates: [Double] = []

    init(heap: PersistentHeap, call: Invocation, interval: Duration) {
        self.heap = heap
        self.call = call
        self.interval = interval
    }

    private var isInPlace: Bool { call.output.traits.canDraw && !call.has("json") }

    mutating func run(_ count: Int) throws {
        if isInPlace { try call.output.write("\u{1B}[?25l") }
        defer { if isInPlace { try? call.output.write("\u{1B}[?25h") } }
        var next = ContinuousClock.now
        for number in 0 ..< count {
            try show(isFirst: number == 0)
            next += interval
            guard number + 1 < count, try wait(until: next) else { return }
        }
    }

    /// Returns false if the user has ended the program.
    private func wait(until deadline: ContinuousClock.Instant) throws -> Bool {
        var seen = heap.version
        while !Interruption.isRequested {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { return true }
            // Woken by a commit, and otherwise now and then, to check for interruption.
            if try heap.waitForChange(since: seen, timeout: min(left, .milliseconds(200))) {
                seen = heap.version
                // All commits until the next update count as one change.
                usleep(UInt32(max(0, min(left / .microseconds(1), 50_000))))
            }
        }
        // Ctrl-C is the normal way to end; other signals are interruptions.
        if Interruption.receivedSignal != SIGINT { try Interruption.check() }
        return false
    }

    private mutating func show(isFirst: Bool) throws {
        let figures = try heap.statistics()
        let now = ContinuousClock.now
        var rate: Double?
        var bytesRate: Double?
        if let last {
            let seconds = last.at.duration(to: now) / .seconds(1)
            rate = Double(figures.commits - last.commits) / seconds
            bytesRate = Double(heap.version.bytes(since: last.position)) / seconds
        }
        last = (figures.commits, heap.version, now)
        if let rate { rates = (rates + [rate]).suffix(60) }
        let others = figures.openingsOfOthers
        if call.has("json") {
            try call.print(json(figures, others, rate, bytesRate).text)
        } else if isInPlace {
            try draw(lines(figures, others, rate, bytesRate))
        } else {
            if isFirst { try call.print(Self.header) }
            try call.print(line(figures, others, rate, bytesRate))
        }
        try call.output.flush()
    }

    // MARK: In place

    private mutating func draw(_ lines: [String]) throws {
        let shown = lines.prefix(max(4, call.output.traits.height - 1))
        var text = drawnLines > 0 ? "\u{1B}[\(drawnLines)A" : ""
        for line in shown { text += "\r\u{1B}[K\(line)\n" }
        // Clears the rest of a longer earlier list.
        text += "\u{1B}[J"
        drawnLines = shown.count
        try call.output.write(text)
    }

    private func lines(
        _ figures: HeapStatistics, _ others: [OpenView], _ rate: Double?, _ bytesRate: Double?
    ) -> [String] {
        let painter = call.output.painter
        let width = call.output.traits.width
        var facts = Table([("", .left), ("", .left)])
        let commits = rate.map { "\(Figures.rounded($0))/s" } ?? "…"
        facts.add(
            ["commits", "\(commits)  \(Figures.count(figures.commits)) in all  \(spark(width))"],
            styles: [0: .faint, 1: .bold])
        let written = bytesRate.map { "  \(Figures.bytes(Int($0)))/s written" } ?? ""
        facts.add(["log", "\(Figures.bytes(figures.logBytes))\(written)"], styles: [0: .faint])
        facts.add(
            [
                "file",
                "\(Figures.bytes(figures.fileBytes)), \(Figures.bytes(figures.usedBytes)) in use, "
                    + "\(Figures.bytes(figures.freeBytes)) free",
            ], styles: [0: .faint])
        let readers = others.filter(\.isOpen).count
        facts.add(
            [
                "open",
                "in \(Figures.count(others.count, "place")), \(Figures.count(readers, "view")) "
                    + "open",
            ], styles: [0: .faint])
        var lines = [
            "\(painter.bold(DisplayText.oneLine(call.path)))  \(painter.faint("Ctrl-C ends"))"
        ]
        lines += facts.lines(indent: 2, width: width - 1, painter: painter)
        guard !others.isEmpty else { return lines }
        var table = Table(
            [("number", .right), ("command", .left), ("open for", .left), ("view", .left)],
            flexible: 3)
        for opening in others {
            table.add([
                "\(opening.processNumber)", ProcessName.shown(opening),
                Figures.duration(seconds: (opening.openFor / .seconds(1)).rounded()),
                HeapReport.view(opening),
            ])
        }
        return lines + table.lines(indent: 2, width: width - 1, painter: painter)
    }

    /// The last minute of rates, as small columns.
    private func spark(_ width: Int) -> String {
        let columns: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
        guard let most = rates.max(), most > 0 else { return "" }
        return String(
            rates.suffix(max(0, min(40, width - 50))).map {
                columns[min(7, Int($0 / most * 7.999))]
            })
    }

    // MARK: Lines

    private static let header =
        "time      commits/s     commits   log written/s         log        file  places  views"

    private func line(
        _ figures: HeapStatistics, _ others: [OpenView], _ rate: Double?, _ bytesRate: Double?
    ) -> String {
        func right(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        let time = Date.now.formatted(
            Date.VerbatimFormatStyle(
                format:
                    "\(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits):\(second: .twoDigits)",
                timeZone: .current, calendar: .current))
        return [
            right(time, 8), right(rate.map { Figures.rounded($0) } ?? "-", 10),
            right(Figures.count(figures.commits), 11),
            right(bytesRate.map { Figures.bytes(Int($0)) } ?? "-", 15),
            right(Figures.bytes(figures.logBytes), 11),
            right(Figures.bytes(figures.fileBytes), 11), right("\(others.count)", 7),
            right("\(others.filter(\.isOpen).count)", 6),
        ].joined(separator: " ")
    }

    private func json(
        _ figures: HeapStatistics, _ others: [OpenView], _ rate: Double?, _ bytesRate: Double?
    ) -> JSONText {
        [
            "time": .string(Date.now.formatted(.iso8601)), "commits": .integer(figures.commits),
            "commitsPerSecond": rate.map { .number(($0 * 1000).rounded() / 1000) } ?? .null,
            "logBytesPerSecond": bytesRate.map { .integer(Int($0)) } ?? .null,
            "logBytes": .integer(figures.logBytes),
            "fileBytes": .integer(figures.fileBytes),
            "usedBytes": .integer(figures.usedBytes), "freeBytes": .integer(figures.freeBytes),
            "openings": .integer(others.count),
            "openViews": .integer(others.filter(\.isOpen).count),
        ]
    }
}
