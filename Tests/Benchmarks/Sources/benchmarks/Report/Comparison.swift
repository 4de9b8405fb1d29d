/// Holdfast beside one other system at one work, as every report shows it.
struct Comparison {
    let ours: Outcome
    /// Nil where nobody else does this.
    let theirs: Outcome?
    let target: Target?

    /// Ours over theirs, of the least of all rounds, which the machine's other work has disturbed
    /// least.
    var minimumRatio: Double? { theirs.map { ours.minimum / $0.minimum } }
    var medianRatio: Double? { theirs.map { ours.median / $0.median } }

    /// "≤ 0.50 met".
    var verdict: String {
        guard let target, let minimumRatio else { return "" }
        // As precise as it is printed.
        let rounded =
            (minimumRatio * (target.ratio < 0.1 ? 1000 : 100)).rounded()
            / (target.ratio < 0.1 ? 1000 : 100)
        return "≤ \(Format.ratio(target.ratio)) \(rounded <= target.ratio ? "met" : "missed")"
    }
}

/// All of them, in the order of the outcomes.
func comparisons(_ outcomes: [Outcome]) -> [Comparison] {
    outcomes.filter { $0.system == "holdfast" }.flatMap { ours in
        let others = outcomes.filter { $0.work == ours.work && $0.system != "holdfast" }
        var all = others.map { other in
            Comparison(
                ours: ours, theirs: other,
                target: allTargets.first {
                    $0.work == ours.work && $0.system == other.system && $0.against == nil
                })
        }
        // Against itself at another work.
        for target in allTargets where target.work == ours.work {
            guard let against = target.against,
                let other = outcomes.first(where: {
                    $0.work == against && $0.system == target.system
                })
            else { continue }
            all.append(Comparison(ours: ours, theirs: other, target: target))
        }
        return all.isEmpty ? [Comparison(ours: ours, theirs: nil, target: nil)] : all
    }
}

enum Format {
    static func tenths(_ value: Double) -> String { fixed(value, digits: 1) }
    static func ratio(_ value: Double) -> String {
        value < 0.0005 ? "< 0.001" : fixed(value, digits: value < 0.0995 ? 3 : 2)
    }

    static func fixed(_ value: Double, digits: Int) -> String {
        // A ratio to nothing.
        guard value.isFinite else { return "-" }
        var scale = 1
        for _ in 0 ..< digits { scale *= 10 }
        let scaled = Int((value * Double(scale)).rounded())
        let fraction = "\(scaled % scale)"
        return
            "\(grouped(scaled / scale)).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
    }

    /// 1,234,567.
    static func grouped(_ number: Int) -> String {
        var text = "\(number)"
        var place = text.endIndex
        while let next = text.index(place, offsetBy: -3, limitedBy: text.startIndex),
            next > text.startIndex
        {
            text.insert(",", at: next)
            place = next
        }
        return text
    }

    /// A figure with as many digits as are worth reading.
    static func figure(_ value: Double) -> String {
        value < 1000 ? tenths(value) : grouped(Int(value.rounded()))
    }
}
