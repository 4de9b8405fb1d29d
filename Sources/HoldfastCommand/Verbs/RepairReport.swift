import Holdfast
import HoldfastInspection
import HoldfastTools

/// The report of `check --repair`.
struct RepairReport {
    private let path: String
    private let destination: String
    private let report: CheckReport
    private let repair: HeapRepair

    init(_ call: Invocation, to destination: String, _ report: CheckReport) throws {
        path = call.path
        self.destination = destination
        self.report = report
        let progress = call.progress("repair", unit: "pages")
        defer { progress.finish() }
        repair = try PersistentHeap.repair(
            path, to: destination, engineOptions: try call.engineOptions()
        ) {
            progress.show($0, of: $1)
        }
    }

    var isComplete: Bool { repair.isComplete }

    /// One line that includes the next step.
    var conclusion: String {
        let doubtful = repair.kept.filter { !$0.damagedPages.isEmpty }.count
        var lost: [String] = []
        if !repair.leftOut.isEmpty {
            lost.append("\(Figures.count(repair.leftOut.count, "root")) could not be saved")
        }
        if doubtful > 0 { lost.append("\(Figures.count(doubtful, "root")) may hold wrong values") }
        if !repair.losses.isEmpty { lost.append("some commits are lost") }
        return
            "\(destination) contains the data that could be saved from \(path), but "
            + "\(lost.joined(separator: ", ")). Compare it with a backup before "
            + "replacing the heap."
    }

    func print(to call: Invocation) throws {
        if call.has("json") { return try call.print(json.indentedText) }
        for line in report.lines(call.output) { try call.print(line) }
        let painter = call.output.painter
        try call.print()
        try call.print("Saved in \(painter.bold(DisplayText.oneLine(destination)))")
        var table = Table([("", .left), ("", .left), ("", .left)])
        for kept in repair.kept {
            let isSure = kept.damagedPages.isEmpty
            let pages =
                kept.damagedPages.count == 1
                ? "page \(kept.damagedPages[0])" : "\(Figures.count(kept.damagedPages.count)) pages"
            table.add(
                [
                    kept.root.name, isSure ? "saved" : "doubtful",
                    isSure
                        ? kept.count.map { "count \(Figures.count($0))" } ?? ""
                        : "saved, but values in \(pages) may be wrong",
                ], styles: [0: .cyan, 1: isSure ? .green : .yellow])
        }
        for lost in repair.leftOut {
            table.add([lost.name, "left out", lost.reason], styles: [0: .cyan, 1: .boldRed])
        }
        for line in table.isEmpty
            ? ["  nothing: there are no roots"] : table.lines(indent: 2, painter: painter)
        {
            try call.print(line)
        }
        for kept in repair.kept {
            for problem in kept.rebuiltIndexes {
                try call.print("  \(painter("rebuilt", .yellow)): \(DisplayText.oneLine(problem))")
            }
        }
        for loss in repair.losses {
            try call.print("  \(painter("lost", .boldRed)): \(DisplayText.oneLine(loss))")
        }
    }

    private var json: JSONText {
        [
            "path": .string(path), "repaired": .string(destination),
            "complete": .bool(repair.isComplete),
            "kept": .array(
                repair.kept.map {
                    [
                        "name": .string($0.root.name), "type": .string($0.root.type.text),
                        "count": JSONText($0.count),
                        "damagedPages": .array($0.damagedPages.map { .integer($0) }),
                        "rebuiltIndexes": .array($0.rebuiltIndexes.map { .string($0) }),
                    ]
                }),
            "leftOut": .array(
                repair.leftOut.map { ["name": .string($0.name), "reason": .string($0.reason)] }),
            "losses": .array(repair.losses.map { .string($0) }),
            "check": report.json,
        ]
    }
}
