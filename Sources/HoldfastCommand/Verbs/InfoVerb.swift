import Foundation
import Holdfast
import HoldfastInspection
import HoldfastTools

extension Verb {
    static let info = Verb(
        name: "info",
        summary: "report a heap's sizes, free space, log, roots and processes",
        operands: [heapFile],
        options: [
            json,
            Option(
                name: "quick",
                summary:
                    "leave out how many bytes each root has, which is found by reading all of "
                    + "them"),
            Option(name: "full", summary: "list free space by size class and by runs of pages too"),
            timeout,
        ],
        details: [
            "Reads only; readers and writers in other processes continue. A heap that was not "
                + "closed cleanly is shown as it will be when it is next opened, and its files are "
                + "not changed.",
            "Fragmentation is the share of the free space inside the heap that is not in its "
                + "longest run of free pages: 0% if it is all in one piece, near 100% if it lies "
                + "in many small ones. Bytes of roots are counted as they were allocated, with "
                + "everything nested in them.",
        ],
        examples: [
            Example(
                command: "info inventory.heap", meaning: "What the heap is, and what is in it."),
            Example(
                command: "info --json inventory.heap | jq .usedBytes",
                meaning: "One of the figures, for a script."),
        ]
    ) { call in
        let report = try HeapReport(call)
        if call.has("json") {
            try call.print(report.json.indentedText)
        } else {
            for line in report.lines(call.output, isFull: call.has("full")) { try call.print(line) }
        }
        guard let damaged = report.roots.first(where: { !$0.problems.isEmpty }) else {
            return .fine
        }
        throw CommandFailure(
            "\(call.path) is damaged: \(damaged.problems[0]). Find out more with: holdfast check "
                + "\(call.path)"
        )
    }
}

/// The report of `info`.
struct HeapReport {
    let path: String
    let statistics: HeapStatistics
    let roots: [RootStatistics]
    /// Without this command's own opening.
    let openings: [OpenView]

    init(_ call: Invocation) throws {
        path = call.path
        let heap = try call.openHeap(.readOnly)
        defer { try? heap.close() }
        try call.warn(of: heap)
        statistics = try heap.statistics()
        openings = statistics.openingsOfOthers
        let progress = call.progress("info", unit: "bytes")
        defer { progress.finish() }
        roots = try heap.rootStatistics(following: !call.has("quick")) { progress.show($0, of: $1) }
    }

    // MARK: JSON

    var json: JSONText {
        let figures = statistics
        return [
            "path": .string(path),
            "formatVersion": .integer(figures.formatVersion),
            "identity": .string(figures.identity),
            "state": .string(figures.condition.rawValue),
            "clean": .bool(figures.condition == .atRest),
            "fileBytes": .integer(figures.fileBytes),
            "diskBytes": .integer(figures.diskBytes),
            "usedBytes": .integer(figures.usedBytes),
            "overheadBytes": .integer(figures.overheadBytes),
            "freeBytes": .integer(figures.freeBytes),
            "freeTailBytes": .integer(figures.freeTailBytes),
            "fragmentation": .number(figures.fragmentation),
            "freeRuns": .array(
                figures.freeRuns.map {
                    [
                        "fromPages": .integer($0.pageCounts.lowerBound),
                        "toPages": .integer($0.pageCounts.upperBound - 1),
                        "count": .integer($0.count), "bytes": .integer($0.freeBytes),
                    ]
                }),
            "sizeClasses": .array(
                figures.blockClasses.map {
                    [
                        "blockBytes": .integer($0.blockBytes), "slabs": .integer($0.slabs),
                        "used": .integer($0.usedBlocks),
                        "free": .integer($0.freeBlocks),
                    ]
                }),
            "commits": .integer(figures.commits),
            "logBytes": .integer(figures.logBytes),
            "logCommits": .integer(figures.logCommits),
            "logFileBytes": .integer(figures.logFileBytes),
            "made": Self.json(figures.creationDate),
            "lastCheckpoint": Self.json(figures.lastCheckpoint),
            "roots": .array(
                roots.map {
                    [
                        "name": .string($0.root.name), "type": .string($0.root.type.text),
                        "count": JSONText($0.count),
                        "bytes": JSONText($0.bytes), "blocks": JSONText($0.blocks),
                        "problems": .array($0.problems.map { .string($0) }),
                    ]
                }),
            "processes": .array(
                openings.map {
                    [
                        "process": .integer(Int($0.processNumber)),
                        "command": JSONText(ProcessName.of($0)),
                        "otherNamespace": .bool($0.isInOtherNamespace),
                        "openSeconds": .number(Self.seconds($0.openFor)),
                        "viewOpen": .bool($0.isOpen),
                        "snapshot": .bool($0.isSnapshot), "writing": .bool($0.isWriting),
                        "viewSeconds": .number(Self.seconds($0.age)),
                        "bytesBehind": .integer($0.heldLogBytes),
                        "commitsBehind": .integer($0.commitsBehind),
                    ]
                }),
        ]
    }

    private static func json(_ date: Date?) -> JSONText { JSONText(date?.formatted(.iso8601)) }

    private static func seconds(_ duration: Duration) -> Double {
        (duration / .milliseconds(1)).rounded() / 1000
    }

    // MARK: Text

    func lines(_ output: Output, isFull: Bool) -> [String] {
        let painter = output.painter
        let width = output.traits.canDraw ? output.traits.width : nil
        var lines = [painter.bold(DisplayText.oneLine(path))]
        var facts = Table([("", .left), ("", .left)])
        for (name, value) in describeFile() { facts.add([name, value], styles: [0: .faint]) }
        lines += facts.lines(indent: 2, painter: painter)
        lines += ["", painter.bold("Space")] + space(painter, width)
        lines += ["", painter.bold("Roots")] + rootLines(painter, width)
        lines += ["", painter.bold("Processes")] + processLines(painter, width)
        if isFull { lines += freeSpace(painter, width) }
        return lines
    }

    private func describeFile() -> [(String, String)] {
        let figures = statistics
        let state =
            switch figures.condition {
            case .atRest:
                openings.isEmpty
                    ? "at rest: everything is in this one file" : "at rest, and open for reading"
            case .inUse: "in use"
            case .notClosed:
                "not closed cleanly; the log will be replayed when it is next opened for writing"
            case .inMemory: "in memory"
            }
        var facts = [
            ("format", "version \(figures.formatVersion)"), ("identity", figures.identity),
            ("state", state),
        ]
        if let made = figures.creationDate { facts.append(("made", Self.moment(made))) }
        if let checkpoint = figures.lastCheckpoint {
            facts.append(("last checkpoint", Self.moment(checkpoint)))
        }
        facts.append(("commits", Figures.count(figures.commits)))
        if figures.condition != .atRest {
            let content =
                figures.logBytes == 0
                ? "empty"
                : "\(Figures.bytes(figures.logBytes)), "
                    + "\(Figures.count(figures.logCommits, "commit")) that the file does not "
                    + "have yet"
            facts.append(("log", "\(content) (\(Figures.bytes(figures.logFileBytes)) of files)"))
        }
        return facts
    }

    static func moment(_ date: Date) -> String {
        let seconds = Date.now.timeIntervalSince(date)
        let form = DateFormatter()
        form.locale = Locale(identifier: "en_US_POSIX")
        form.dateFormat = "yyyy-MM-dd HH:mm:ss"
        let ago = seconds < 1 ? "just now" : "\(Figures.duration(seconds: seconds.rounded())) ago"
        return "\(form.string(from: date)), \(ago)"
    }

    private func space(_ painter: Painter, _ width: Int?) -> [String] {
        let figures = statistics
        var table = Table([("", .left), ("", .right), ("", .right), ("", .left)])
        func add(_ name: String, _ bytes: Int, _ note: String) {
            let share =
                figures.fileBytes > 0
                ? Figures.percent(Double(bytes) / Double(figures.fileBytes)) : ""
            table.add(
                [name, Figures.bytes(bytes), name == "file" ? "" : share, note], styles: [0: .faint]
            )
        }
        let disk =
            figures.diskBytes >= figures.fileBytes
            ? "" : "\(Figures.bytes(figures.diskBytes)) of it on the disk"
        add("file", figures.fileBytes, disk)
        add("in use", figures.usedBytes, "in \(Figures.count(figures.usedBlocks, "block"))")
        add("records", figures.overheadBytes, "headers, page map, checksums, slabs")
        add("free", figures.freeBytes, "fragmentation \(Figures.percent(figures.fragmentation))")
        return table.lines(indent: 2, width: width, painter: painter)
    }

    private func rootLines(_ painter: Painter, _ width: Int?) -> [String] {
        guard !roots.isEmpty else { return ["  none"] }
        var table = Table(
            [("name", .left), ("type", .left), ("count", .right), ("bytes", .right)], flexible: 1)
        for root in roots {
            let isDamaged = !root.problems.isEmpty
            table.add(
                [
                    root.root.name, TypeNames.short(root.root.type),
                    root.count.map { Figures.count($0) } ?? "?",
                    isDamaged ? "damaged" : root.bytes.map { Figures.bytes($0) } ?? "?",
                ], styles: [0: .cyan, 3: isDamaged ? .boldRed : .bold])
        }
        return table.lines(indent: 2, width: width, painter: painter)
    }

    private func processLines(_ painter: Painter, _ width: Int?) -> [String] {
        guard !openings.isEmpty else { return ["  none"] }
        var table = Table([
            ("number", .right), ("command", .left), ("open for", .left), ("view", .left),
        ])
        for opening in openings {
            table.add([
                "\(opening.processNumber)", ProcessName.shown(opening),
                Figures.duration(seconds: (opening.openFor / .seconds(1)).rounded()),
                Self.view(opening),
            ])
        }
        return table.lines(indent: 2, width: width, painter: painter)
    }

    static func view(_ opening: OpenView) -> String {
        guard opening.isOpen else { return opening.isWriting ? "writing" : "none open" }
        let kind = opening.isSnapshot ? "snapshot" : "open"
        let age = "for \(Figures.duration(seconds: (opening.age / .seconds(1)).rounded()))"
        guard opening.heldLogBytes > 0 else { return "\(kind) \(age), newest" }
        return
            "\(kind) \(age), \(Figures.count(opening.commitsBehind, "commit")) behind "
            + "(\(Figures.bytes(opening.heldLogBytes)) of log)"
    }

    private func freeSpace(_ painter: Painter, _ width: Int?) -> [String] {
        let figures = statistics
        var lines = ["", painter.bold("Blocks by size class")]
        var classes = Table([
            ("bytes each", .right), ("slabs", .right), ("used", .right), ("free", .right),
            ("free bytes", .right),
        ])
        for found in figures.blockClasses {
            classes.add([
                Figures.count(found.blockBytes), Figures.count(found.slabs),
                Figures.count(found.usedBlocks),
                Figures.count(found.freeBlocks),
                Figures.bytes(found.freeBytes),
            ])
        }
        lines +=
            classes.isEmpty ? ["  none"] : classes.lines(indent: 2, width: width, painter: painter)
        lines += ["", painter.bold("Free runs of pages")]
        var runs = Table([("pages each", .right), ("runs", .right), ("free bytes", .right)])
        for found in figures.freeRuns {
            let length =
                found.pageCounts.count == 1
                ? "\(found.pageCounts.lowerBound)"
                : "\(Figures.count(found.pageCounts.lowerBound)) to "
                    + "\(Figures.count(found.pageCounts.upperBound - 1))"
            runs.add([length, Figures.count(found.count), Figures.bytes(found.freeBytes)])
        }
        if figures.freeTailBytes > 0 {
            runs.add(["after the end", "1", Figures.bytes(figures.freeTailBytes)])
        }
        return lines
            + (runs.isEmpty ? ["  none"] : runs.lines(indent: 2, width: width, painter: painter))
    }
}
