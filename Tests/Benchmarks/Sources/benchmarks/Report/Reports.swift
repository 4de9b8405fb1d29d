#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// One object a line.
func printJSON(_ outcomes: ArraySlice<Outcome>) {
    defer { fflush(nil) }
    for outcome in outcomes {
        // Without the comma of thousands.
        func number(_ value: Double) -> String { Format.tenths(value).filter { $0 != "," } }
        let unit = outcome.unit.rawValue
        print(
            "{\"work\": \"\(outcome.work)\", \"system\": \"\(outcome.system)\", \"\(unit)\": \(number(outcome.median)), "
                + "\"min_\(unit)\": \(number(outcome.minimum))}")
    }
}

private let heading = [
    "work", "holdfast min", "median", "against", "min", "median", "ratio of min", "of median",
    "target",
]

private func cells(_ comparison: Comparison) -> [String] {
    let ours = comparison.ours
    var cells = [ours.work, Format.figure(ours.minimum), Format.figure(ours.median)]
    guard let theirs = comparison.theirs, let minimumRatio = comparison.minimumRatio,
        let medianRatio = comparison.medianRatio
    else { return cells }
    let name = theirs.system == "holdfast" ? theirs.work : theirs.system
    cells += [
        name, Format.figure(theirs.minimum), Format.figure(theirs.median),
        Format.ratio(minimumRatio), Format.ratio(medianRatio),
    ]
    return cells + [comparison.verdict]
}

func printTable(_ outcomes: [Outcome]) {
    let rows = [heading] + comparisons(outcomes).map(cells)
    let widths = heading.indices.map { column in
        rows.map { column < $0.count ? $0[column].count : 0 }.max()!
    }
    print(
        "ns per operation, or bytes where the work's name says so; ratio: Holdfast over the other, whose target is judged by the least of all rounds"
    )
    for row in rows {
        let line = row.enumerated().map { column, text in
            let fill = String(repeating: " ", count: widths[column] - text.count)
            return [0, 3, 8].contains(column) ? text + fill : fill + text
        }
        print(line.joined(separator: "  "))
    }
    let judged = comparisons(outcomes).filter { $0.target != nil }
    if !judged.isEmpty {
        print(
            "\(judged.filter { $0.verdict.hasSuffix("met") }.count) of \(judged.count) targets met")
    }
}

/// For `Tests/Benchmarks/results`, from which `Docs/Performance.md` quotes.
func printMarkdown(_ outcomes: [Outcome]) {
    print("| work | Holdfast | against | | ratio | target |")
    print("|---|---|---|---|---|---|")
    for comparison in comparisons(outcomes) {
        let ours = comparison.ours
        let us = "\(Format.figure(ours.minimum)) (\(Format.figure(ours.median)))"
        guard let theirs = comparison.theirs, let ratio = comparison.minimumRatio else {
            print("| `\(ours.work)` | \(us) | | | | |")
            continue
        }
        let name = theirs.system == "holdfast" ? "`\(theirs.work)`" : theirs.system
        let them = "\(Format.figure(theirs.minimum)) (\(Format.figure(theirs.median)))"
        print(
            "| `\(ours.work)` | \(us) | \(name) | \(them) | \(Format.ratio(ratio)) | \(comparison.verdict) |"
        )
    }
}
