/// A bar that fills as work goes on, with how much, how fast and how long still; drawn over itself
/// on a terminal, and nothing anywhere else.
///
///     check  ███████████▌              46%  120,320 of 262,144 pages  64,000/s  2 s left
///
/// One thread at a time. Call `finish` before other output.
package final class ProgressBar {
    private let output: Output
    private let title: String
    private let unit: String
    private let clock: () -> Double
    private let start: Double
    private var drawnAt: Double?
    private static let interval = 0.1
    /// Work that is done sooner is not worth a bar.
    private static let patience = 0.2

    /// `unit`: what is counted, in the plural. `clock`: seconds.
    package init(
        _ title: String, unit: String, on output: Output,
        clock: @escaping () -> Double = ProgressBar.seconds
    ) {
        self.output = output
        self.title = title
        self.unit = unit
        self.clock = clock
        start = clock()
    }

    package static func seconds() -> Double {
        let (seconds, attoseconds) = origin.duration(to: .now).components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }

    private static let origin = ContinuousClock.now

    /// Draws how far the work has come, if it is time to; cheap enough to be called often. `total`:
    /// 0 where it is not known.
    package func show(_ done: Int, of total: Int) {
        guard output.traits.canDraw else { return }
        let now = clock()
        guard now - start >= Self.patience, now - (drawnAt ?? -1) >= Self.interval else { return }
        drawnAt = now
        let line = Self.line(
            title: title, unit: unit, done: done, total: total, elapsed: now - start,
            width: output.traits.width,
            painter: output.painter)
        // What goes wrong on the error output has nowhere to be said.
        try? output.write("\r\u{1B}[K" + line)
        try? output.flush()
    }

    /// Takes the bar away.
    package func finish() {
        guard drawnAt != nil else { return }
        drawnAt = nil
        try? output.write("\r\u{1B}[K")
        try? output.flush()
    }

    /// The line, no wider than `width` less one column, so that no terminal breaks it.
    package static func line(
        title: String, unit: String, done: Int, total: Int, elapsed: Double, width: Int,
        painter: Painter
    ) -> String {
        let rate = elapsed > 0 ? Double(done) / elapsed : 0
        var figures: [String] = []
        if total > 0 {
            figures.append("\(min(100, done * 100 / total))%")
            figures.append("\(Figures.count(done)) of \(Figures.count(total)) \(unit)")
        } else {
            figures.append("\(Figures.count(done)) \(unit)")
        }
        if rate > 0 { figures.append("\(Figures.rounded(rate))/s") }
        if total > done, rate > 0 {
            figures.append("\(Figures.duration(seconds: Double(total - done) / rate)) left")
        }
        // What matters less goes first where the window is narrow.
        let limit = max(1, width - 1)
        var text = figures.joined(separator: "  ")
        while title.count + 2 + text.count > limit, figures.count > 1 {
            figures.removeLast()
            text = figures.joined(separator: "  ")
        }
        let room = limit - title.count - text.count - 4
        guard total > 0, room >= 8 else { return String("\(title)  \(text)".prefix(limit)) }
        let bar = bar(Double(done) / Double(total), columns: min(30, room))
        return "\(title)  \(painter(bar, .cyan))  \(text)"
    }

    /// Block characters in eighths of a column.
    private static func bar(_ part: Double, columns: Int) -> String {
        let eighths = Int(max(0, min(1, part)) * Double(columns * 8))
        let (full, rest) = eighths.quotientAndRemainder(dividingBy: 8)
        let parts: [Character] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"]
        var text = String(repeating: "█", count: full)
        if rest > 0 { text.append(parts[rest - 1]) }
        return text + String(repeating: " ", count: columns - text.count)
    }
}
