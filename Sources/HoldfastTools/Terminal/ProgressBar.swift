/// A progress bar with the amount done, the rate and the remaining time. It is redrawn in place on
/// a terminal, and invisible on any other output.
///
///     check  ███████████▌              46%  120,320 of 262,144 pages  64,000/s  2 s left
///
/// Not thread-safe. Call `finish` before other output.
package final class ProgressBar {
    private let output: Output
    private let title: String
    private let unit: String
    private let clock: () -> Double
    private let start: Double
    private var drawnAt: Double?
    private static let interval = 0.1
    /// Shorter work is not worth a bar.
    private static let patience = 0.2

    /// `unit` is the plural of the counted thing. `clock` returns seconds.
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

    /// Draws the progress if an update is due. Cheap enough to be called often. `total` is 0 if it
    /// is unknown.
    package func show(_ done: Int, of total: Int) {
        guard output.traits.canDraw else { return }
        let now = clock()
        guard now - start >= Self.patience, now - (drawnAt ?? -1) >= Self.interval else { return }
        drawnAt = now
        let line = Self.line(
            title: title, unit: unit, done: done, total: total, elapsed: now - start,
            width: output.traits.width,
            painter: output.painter)
        // An error on the standard error cannot be reported anywhere.
        try? output.write("\r\u{1B}[K" + line)
        try? output.flush()
    }

    /// Removes the bar.
    package func finish() {
        guard drawnAt != nil else { return }
        drawnAt = nil
        try? output.write("\r\u{1B}[K")
        try? output.flush()
    }

    /// Returns the line, at most `width` less one column wide, so that no terminal wraps it.
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
        // In a narrow window, the less important parts are dropped first.
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

    /// Draws a bar of block characters, in eighths of a column.
    private static func bar(_ part: Double, columns: Int) -> String {
        let eighths = Int(max(0, min(1, part)) * Double(columns * 8))
        let (full, rest) = eighths.quotientAndRemainder(dividingBy: 8)
        let parts: [Character] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"]
        var text = String(repeating: "█", count: full)
        if rest > 0 { text.append(parts[rest - 1]) }
        return text + String(repeating: " ", count: columns - text.count)
    }
}
