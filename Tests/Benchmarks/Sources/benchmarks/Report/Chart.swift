#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Bars of some works' figures, as an SVG picture: a group for each work, a bar for each system,
/// shorter is better.
struct Chart {
    let file: String
    let title: String
    let works: [String]
    /// A system that is left out.
    var without: String?
    /// Says what the bars mean.
    var caption =
        "nanoseconds per operation, least of all rounds; the scale is logarithmic, shorter is better"

    static let all = [
        Chart(
            file: "maps.svg", title: "A map of a million entries",
            works: [
                "map.insert.u64.1e6", "map.get.u64.1e6", "map.miss.u64.1e6", "map.iterate.u64.1e6",
                "map.get.string.1e6",
            ]),
        Chart(
            file: "sorted-maps.svg", title: "A sorted map of a million entries",
            works: [
                "sorted.insert.u64.1e6", "sorted.get.u64.1e6", "sorted.scan.u64.1e6",
                "sorted.range.u64.1e6",
                "sorted.get.string.1e6",
            ]),
        // PMDK with a sync of each change, thousands of times as slow, would leave no room for the
        // others.
        Chart(
            file: "blocks.svg", title: "Blocks of memory",
            works: [
                "alloc.64", "free.64", "churn.16-1024", "alloc.larson.threads.2",
                "alloc.handed.over.64",
            ], without: "pmdk"),
        Chart(
            file: "transactions.svg", title: "Small transactions that survive kill -9",
            works: ["tx.2words", "tx.map.update", "tx.map.insert"]),
        Chart(
            file: "durable.svg", title: "Durable transactions of one, two and eight threads",
            works: [
                "tx.durable", "tx.durable.threads.1", "tx.durable.threads.2",
                "tx.durable.threads.8",
            ]),
        Chart(
            file: "ycsb.svg", title: "YCSB, every operation a transaction",
            works: ["a", "b", "c", "d", "e", "f"].map { "ycsb.\($0)" }),
        Chart(
            file: "opening.svg", title: "From a path to the first value of a million",
            works: ["open.get.1e6", "open.get.1TiB"]),
        Chart(
            file: "building.svg", title: "Filling a new file, durable at the end",
            works: ["build.map.u64.1e6", "build.sorted.u64.1e6"]),
        Chart(
            file: "bytes.svg", title: "Bytes on the disk",
            works: [
                "bytes.disk.map.u64.1e6", "bytes.disk.map.string.1e6", "bytes.disk.sorted.u64.1e6",
                "bytes.written.8",
            ],
            caption:
                "bytes of the file at rest, and given to the disk for a durable change of 8; the scale is logarithmic, shorter is better"
        ),
    ]

    /// Writes the charts of all works that were measured into `folder`; returns their names.
    static func write(_ outcomes: [Outcome], to folder: String) throws -> [String] {
        mkdir(folder, 0o755)
        return try all.compactMap { chart in
            guard let text = chart.picture(outcomes) else { return nil }
            let path = "\(folder)/\(chart.file)"
            guard let file = fopen(path, "w") else {
                throw WrongResult(description: "cannot write \(path)")
            }
            defer { fclose(file) }
            fputs(text, file)
            return path
        }
    }

    // MARK: Drawing

    private static let (left, right, top, barHeight, rowHeight, groupGap, width) = (
        150.0, 90.0, 64.0, 14.0, 18.0, 30.0, 760.0
    )

    /// Nil if none of the works was measured.
    func picture(_ outcomes: [Outcome]) -> String? {
        let groups = works.map { work in
            (work, outcomes.filter { $0.work == work && $0.system != without })
        }.filter {
            !$0.1.isEmpty
        }
        let values = groups.flatMap { $0.1.map(\.minimum) }.filter { $0 > 0 }
        guard let least = values.min(), let largest = values.max() else { return nil }
        let first = floor(log10(least)) - (log10(least) - floor(log10(least)) < 0.1 ? 1 : 0)
        let last = max(first + 1, ceil(log10(largest)))
        let plot = Self.width - Self.left - Self.right
        func x(_ value: Double) -> Double {
            Self.left + (log10(max(value, pow(10, first))) - first) / (last - first) * plot
        }
        var body = ""
        var y = Self.top
        for (work, outcomes) in groups {
            body += text(16, y + 12, "work", work)
            y += 22
            for outcome in outcomes.sorted(by: { $0.minimum < $1.minimum }) {
                let end = x(outcome.minimum)
                let mark = outcome.system == "holdfast" ? "ours" : "other"
                body += text(Self.left - 8, y + 11, "name \(mark)", outcome.system, anchor: "end")
                body +=
                    "<rect class=\"bar \(mark)\" x=\"\(Self.left)\" y=\"\(number(y))\" width=\"\(number(max(1, end - Self.left)))\" "
                body +=
                    "height=\"\(number(Self.barHeight))\" rx=\"2\"><title>\(escaped("\(outcome.system), \(work)"))</title></rect>\n"
                body += text(end + 6, y + 11, "value", Self.label(outcome.minimum, outcome.unit))
                y += Self.rowHeight
            }
            y += Self.groupGap - Self.rowHeight
        }
        var grid = ""
        for power in stride(from: first, through: last, by: 1) {
            let place = x(pow(10, power))
            grid +=
                "<line class=\"grid\" x1=\"\(number(place))\" x2=\"\(number(place))\" y1=\"\(number(Self.top))\" y2=\"\(number(y))\"/>\n"
            grid += text(
                place, y + 16, "axis", Self.label(pow(10, power), groups[0].1[0].unit),
                anchor: "middle")
        }
        let height = y + 30
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(number(Self.width))" height="\(number(height))" \
            viewBox="0 0 \(number(Self.width)) \(number(height))" role="img" aria-label="\(escaped(title))">
            <style>
            text { font: 12px system-ui, sans-serif; fill: #333; }
            .title { font-size: 16px; font-weight: 600; } .caption, .axis { fill: #666; font-size: 11px; }
            .work { font-family: ui-monospace, monospace; font-weight: 600; } .name.ours { font-weight: 600; }
            .bar.ours { fill: #c2410c; } .bar.other { fill: #94a3b8; } .grid { stroke: #e2e8f0; } .ground { fill: #fff; }
            @media (prefers-color-scheme: dark) { text { fill: #ddd; } .caption, .axis { fill: #999; } .bar.ours { fill: #fb923c; }
            .bar.other { fill: #64748b; } .grid { stroke: #334155; } .ground { fill: #0d1117; } }
            </style>
            <rect class="ground" width="100%" height="100%"/>
            \(text(16, 26, "title", title))\(text(16, 46, "caption", caption))\(grid)\(body)</svg>

            """
    }

    private func text(
        _ x: Double, _ y: Double, _ kind: String, _ words: String, anchor: String = "start"
    ) -> String {
        "<text class=\"\(kind)\" x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\">\(escaped(words))</text>\n"
    }

    private func number(_ value: Double) -> String { Format.tenths(value).filter { $0 != "," } }

    private func escaped(_ text: String) -> String {
        text.map {
            $0 == "&"
                ? "&amp;"
                : $0 == "<" ? "&lt;" : $0 == ">" ? "&gt;" : $0 == "\"" ? "&quot;" : String($0)
        }.joined()
    }

    /// "1.2 µs", "35 MB".
    private static func label(_ value: Double, _ unit: Unit) -> String {
        let steps =
            unit == .bytes
            ? [(1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB")]
            : [(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")]
        let (scale, name) = steps.last { value >= $0.0 } ?? steps[0]
        let shown = value / scale
        return
            "\(shown >= 100 || shown == shown.rounded() ? "\(Int(shown.rounded()))" : Format.tenths(shown)) \(name)"
    }
}
