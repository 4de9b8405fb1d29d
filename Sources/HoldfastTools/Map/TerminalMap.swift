/// A picture of a heap for a terminal: squares filled from below in the colours of the roots, and a
/// legend.
///
/// A pure function of the contents, the width and the colours. Without colours, ASCII letters
/// represent the roots.
public struct TerminalMap: Sendable {
    /// The colours that a terminal supports.
    public enum Colours: Sendable {
        /// Letters, for pipes and if `NO_COLOR` is set.
        case none
        /// The 256 colours of xterm.
        case palette256
    }

    private let map: HeapMap
    private let width: Int
    private let colours: Colours

    /// The minimum width. On a narrower terminal the lines are too long.
    public static let narrowest = 24
    private static let mostRows = 24

    /// Returns the lines of the picture, at most `width` columns wide (at least ``narrowest``).
    public static func lines(_ map: HeapMap, width: Int, colours: Colours) -> [String] {
        TerminalMap(map: map, width: max(width, narrowest), colours: colours).lines
    }

    private var lines: [String] {
        var lines = [styled(fitted(title), "1"), styled(fitted(summary), "2")]
        let layout = Layout(map, width: width, rows: Self.mostRows)
        let cells = map.cells(pagesPerCell: layout.pagesPerCell)
        lines.append(styled(fitted(scale(layout)), "2"))
        lines.append("")
        for start in stride(from: 0, to: cells.count, by: layout.columns) {
            let label =
                layout.labelWidth == 0
                ? ""
                : MapText.padded(
                    Figures.bytes(cells[start].pages.lowerBound * HeapMap.pageBytes),
                    layout.labelWidth - 1, right: true) + " "
            lines.append(
                styled(label, "2")
                    + row(cells[start ..< min(start + layout.columns, cells.count)], layout))
        }
        lines.append("")
        lines += legend
        lines += notes
        return lines
    }

    // MARK: Text

    private var title: String { MapText.visible(map.title) }

    private var summary: String {
        "\(Figures.bytes(map.byteCount)) in \(Figures.count(map.use.pageCount, "page")) of 4 KiB, "
            + "\(Figures.count(map.use.roots.count, "root"))"
    }

    private func scale(_ layout: Layout) -> String {
        let pages = layout.pagesPerCell
        let sign = layout.cellWidth == 1 ? "character" : "pair of characters"
        return pages == 1
            ? "a \(sign) is a page"
            : "a \(sign) is \(Figures.count(pages)) pages, "
                + "\(Figures.bytes(pages * HeapMap.pageBytes))"
    }

    private var legend: [String] {
        let widest = map.entries.map { DisplayText.width(MapText.visible($0.name)) }.max() ?? 0
        // Sign, name, bytes and percentage, separated by spaces.
        let nameWidth = max(min(widest, width - 4 - 12 - 9), 1)
        return map.entries.enumerated().map { index, entry in
            let sign = colours == .none ? "\(letter(index)) " : swatch(entry.use)
            let name = MapText.padded(
                MapText.fitted(MapText.visible(entry.name), nameWidth, ellipsis: ellipsis),
                nameWidth)
            let bytes = MapText.padded(Figures.bytes(entry.bytes), 11, right: true)
            let percent = MapText.padded(MapText.percent(tenths: entry.tenths), 9, right: true)
            return
                "\(sign)  \(name)\(width >= 4 + nameWidth + 20 ? bytes + percent : MapText.padded(MapText.percent(tenths: entry.tenths), 8, right: true))"
        }
    }

    private var notes: [String] {
        var notes: [String] = []
        let unfollowed = map.unfollowedRoots
        if !unfollowed.isEmpty {
            notes.append(
                "not followed, type not known to this program: "
                    + "\(unfollowed.map(MapText.visible).joined(separator: ", "))"
            )
        }
        if !map.use.damagedPages.isEmpty {
            let sign = colours == .none ? "! " : ""
            notes.append(
                "\(sign)\(Figures.count(map.use.damagedPages.count, "page")) with a wrong checksum")
        }
        if !map.use.problems.isEmpty {
            notes.append(
                "contradictions found: \(map.use.problems.count); the first: "
                    + "\(MapText.visible(map.use.problems[0]))"
            )
        }
        return notes.isEmpty ? [] : [""] + notes.map { styled(fitted($0), "31") }
    }

    private var ellipsis: String { colours == .none ? "..." : "…" }

    private func fitted(_ text: String) -> String {
        MapText.fitted(text, width, ellipsis: ellipsis)
    }

    private func styled(_ text: String, _ code: String) -> String {
        colours == .none || text.isEmpty ? text : "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }

    private func letter(_ entry: Int) -> Character {
        map.entries[entry].use.letter(rootNumber: entry)
    }

    private func swatch(_ use: HeapMap.Use) -> String {
        if let colour = use.terminalColour { return "\u{1B}[38;5;\(colour)m██\u{1B}[0m" }
        return "··"
    }

    // MARK: Squares

    /// The number of columns and rows of squares.
    struct Layout {
        let pagesPerCell: Int
        let columns: Int
        /// The number of characters per square.
        let cellWidth: Int
        /// The width of the offsets at the left, including a space, or 0 if they do not fit.
        let labelWidth: Int

        init(_ map: HeapMap, width: Int, rows: Int) {
            labelWidth = width >= 48 ? 10 : 0
            let room = width - labelWidth
            // A power of two, so that the offsets at the left are round.
            var columns = 1
            while columns * 2 <= room { columns *= 2 }
            // Small heaps get squares two characters wide, which are roughly square.
            if map.use.pageCount <= columns / 2 * 8, columns > 1 {
                cellWidth = 2
                self.columns = columns / 2
            } else {
                cellWidth = 1
                self.columns = columns
            }
            pagesPerCell = map.pagesPerCell(limit: self.columns * rows)
        }
    }

    private func row(_ cells: ArraySlice<MapCell>, _ layout: Layout) -> String {
        var text = ""
        var present = ""
        for cell in cells {
            let (style, sign) = colours == .none ? ("", plain(cell)) : coloured(cell)
            if style != present {
                if !present.isEmpty { text += "\u{1B}[0m" }
                text += style
                present = style
            }
            text += String(repeating: sign, count: layout.cellWidth)
        }
        return present.isEmpty ? text : text + "\u{1B}[0m"
    }

    /// Returns the letter of the largest part, in lower case if that is less than half of the
    /// square.
    private func plain(_ cell: MapCell) -> String {
        if cell.damagedPages > 0 { return "!" }
        guard let main = mainPart(cell) else { return " " }
        let letter = String(letter(main.entry))
        return main.bytes * 2 < cell.byteCount ? letter.lowercased() : letter
    }

    /// Returns a block as high as the share of the square's largest part, on the background of the
    /// next largest.
    private func coloured(_ cell: MapCell) -> (style: String, sign: String) {
        if cell.damagedPages > 0 { return ("\u{1B}[1;38;5;231;48;5;160m", "!") }
        guard let main = mainPart(cell) else { return ("", " ") }
        guard let colour = map.entries[main.entry].use.terminalColour else {
            return ("\u{1B}[2m", "·")
        }
        let rest = cell.parts.filter { $0.entry != main.entry }.max {
            ($0.bytes, $1.entry) < ($1.bytes, $0.entry)
        }
        let eighths = min(max((main.bytes * 16 / cell.byteCount + 1) / 2, 1), 8)
        let under =
            rest.flatMap { map.entries[$0.entry].use.terminalColour }.map { ";48;5;\($0)" } ?? ""
        let sign = String("▁▂▃▄▅▆▇█"[String.Index(utf16Offset: eighths - 1, in: "▁▂▃▄▅▆▇█")])
        return ("\u{1B}[38;5;\(colour)\(eighths == 8 ? "" : under)m", sign)
    }

    /// Returns the largest part in use. Free space shows only if nothing is in use.
    private func mainPart(_ cell: MapCell) -> MapCell.Part? {
        func largest(_ parts: [MapCell.Part]) -> MapCell.Part? {
            parts.max { ($0.bytes, $1.entry) < ($1.bytes, $0.entry) }
        }
        let inUse = cell.parts.filter {
            map.entries[$0.entry].use != .free && map.entries[$0.entry].use != .slack
        }
        return largest(inUse) ?? largest(cell.parts)
    }
}
