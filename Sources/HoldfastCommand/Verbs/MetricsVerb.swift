import Holdfast
import HoldfastInspection
import HoldfastTools

extension Verb {
    static let metrics = Verb(
        name: "metrics",
        summary: "print a heap's figures in the text form that Prometheus reads",
        operands: [heapFile],
        options: [timeout],
        details: [
            "Reads only; readers and writers in other processes continue. A collector for text "
                + "files, or a small server, can run it at each scrape. It takes as long as info "
                + "--quick.",
            "Durations and counters of a running program come from the program: "
                + "PersistentHeap.Options.metrics.",
        ],
        examples: [
            Example(
                command: "metrics inventory.heap > inventory.prom",
                meaning: "For the text file collector of the node exporter.")
        ]
    ) { call in
        let heap = try call.openHeap(.readOnly)
        defer { try? heap.close() }
        try call.warn(of: heap)
        let statistics = try heap.statistics()
        for family in MetricFamily.all {
            for line in family.lines(of: statistics, heap: call.path) { try call.print(line) }
        }
        return .fine
    }
}

/// A figure with its name and meaning, in the exposition format of Prometheus (version 0.0.4).
struct MetricFamily {
    private let name: String
    private let kind: String
    private let meaning: String
    private let value: (HeapStatistics) -> Double

    private static func gauge(
        _ name: String, _ meaning: String, _ value: @escaping (HeapStatistics) -> Double
    ) -> MetricFamily {
        MetricFamily(name: "holdfast_" + name, kind: "gauge", meaning: meaning, value: value)
    }

    private static func bytes(
        _ name: String, _ meaning: String, _ value: @escaping (HeapStatistics) -> Int
    ) -> MetricFamily {
        gauge(name + "_bytes", meaning) { Double(value($0)) }
    }

    static var all: [MetricFamily] {
        [
            bytes("file", "Length of the heap file.") { $0.fileBytes },
            bytes("disk", "Disk space of the heap file.") { $0.diskBytes },
            bytes("live", "Blocks and pages in use, as allocated.") { $0.usedBytes },
            bytes("overhead", "Headers, page map, checksums and unusable remainders.") {
                $0.overheadBytes
            },
            bytes("free", "Free space of the heap file, inside and behind the heap.") {
                $0.freeBytes
            },
            bytes("free_tail", "The part of the free space behind the heap's end.") {
                $0.freeTailBytes
            },
            gauge("fragmentation_ratio", "Share of the free space outside its longest run.") {
                $0.fragmentation
            },
            MetricFamily(
                name: "holdfast_commits_total", kind: "counter",
                meaning: "Commits since the heap was created."
            ) { Double($0.commits) },
            bytes("log", "Log that the heap file does not have yet.") { $0.logBytes },
            gauge("log_commits", "Commits that the heap file does not have yet.") {
                Double($0.logCommits)
            },
            bytes("log_file", "Length of the files beside the heap file.") { $0.logFileBytes },
            gauge("last_checkpoint_timestamp_seconds", "When the last checkpoint was made.") {
                Double($0.checkpointSeconds)
            },
            gauge("openings", "Registered openings of other processes.") {
                Double($0.openingsOfOthers.count)
            },
            gauge("views", "Open views of other processes.") {
                Double(openViews($0).count)
            },
            gauge("oldest_view_seconds", "Age of the oldest open view.") {
                openViews($0).map { $0.age / .seconds(1) }.max() ?? 0
            },
            bytes("held_log", "Log that the view which is furthest behind holds.") {
                openViews($0).map(\.heldLogBytes).max() ?? 0
            },
        ]
    }

    private static func openViews(_ statistics: HeapStatistics) -> [OpenView] {
        statistics.openingsOfOthers.filter(\.isOpen)
    }

    func lines(of statistics: HeapStatistics, heap path: String) -> [String] {
        var label = ""
        for character in path {
            switch character {
            case "\\": label += #"\\"#
            case "\"": label += #"\""#
            case "\n": label += #"\n"#
            default: label.append(character)
            }
        }
        let number = value(statistics)
        let text = number == number.rounded() ? "\(Int(number))" : "\(number)"
        return [
            "# HELP \(name) \(meaning)", "# TYPE \(name) \(kind)",
            "\(name){heap=\"\(label)\"} \(text)",
        ]
    }
}
