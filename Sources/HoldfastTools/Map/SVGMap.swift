import Holdfast

/// A picture of a heap as a self-contained SVG file: a bar of all bytes, a square for each page or
/// group of pages, and a legend.
///
/// Readable on light and on dark screens. Squares have tooltips. Names may contain any characters.
public struct SVGMap: Sendable {
    let map: HeapMap
    let cells: [MapCell]
    let columns: Int
    let pagesPerCell: Int
    /// The side of a square, including the gap to the next.
    let side: Double

    static let width = 960.0
    static let margin = 40.0
    static let gridLeft = 120.0
    static let right = width - margin
    static let font = 13.0

    /// Returns the text of the file.
    public static func text(_ map: HeapMap) -> String { SVGMap(map).document(isInline: false) }

    init(_ map: HeapMap) {
        self.map = map
        // With more squares, each would be too small to be distinguished.
        pagesPerCell = map.pagesPerCell(limit: 64 * 32)
        cells = map.cells(pagesPerCell: pagesPerCell)
        columns = cells.count <= 16 * 8 ? 16 : cells.count <= 32 * 16 ? 32 : 64
        side = [16: 50.0, 32: 25, 64: 12.5][columns]!
    }

    private var rows: Int { (cells.count + columns - 1) / columns }

    /// `isInline` says that the result is part of an HTML page.
    func document(isInline: Bool) -> String {
        var body = ""
        var y = 44.0
        body += text(
            Self.margin, y,
            MapText.fitted(MapText.visible(map.title), pixels: Self.right - Self.margin, size: 22),
            "t", size: 22,
            weight: 600)
        y += 26
        body += text(Self.margin, y, summary, "d")
        y += 20
        body += text(Self.margin, y, details, "d")
        y += 16
        body += bar(at: y)
        y += 18 + 26
        body += squares(at: y)
        y += Double(rows) * side + 14
        for line in explanation {
            y += 16
            body += text(Self.gridLeft, y, line, "d", size: 12)
        }
        y += 20
        body += legend(at: &y)
        for line in notes {
            y += 20
            body += text(
                Self.margin, y,
                MapText.fitted(line, pixels: Self.right - Self.margin, size: Self.font), "warn")
        }
        let height = y + 28
        let name = MapText.escaped("Map of \(MapText.visible(map.title))")
        let size =
            isInline ? "" : " width=\"\(Self.short(Self.width))\" height=\"\(Self.short(height))\""
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.short(Self.width)) \(Self.short(height))"\(size) role="img" aria-label="\(name)">
            <title>\(name)</title>
            <style>\(Self.style)</style>
            \(Self.patterns(side: side))
            <rect class="bg" width="100%" height="100%"/>
            \(body)</svg>

            """
    }

    // MARK: Words

    private var summary: String {
        let pages = Figures.count(map.use.pageCount, "page")
        return
            "\(Figures.bytes(map.byteCount)) in \(pages) of 4 KiB, "
            + "\(Figures.count(map.use.roots.count, "root"))"
    }

    private var details: String {
        var parts: [String] = []
        let slots = map.slabClasses.reduce(0) { $0 + $1.slots }
        let used = map.slabClasses.reduce(0) { $0 + $1.usedSlots }
        if slots > 0 {
            parts.append("Slabs: \(Figures.count(used)) of \(Figures.count(slots, "slot")) in use.")
        }
        if map.freeRuns > 0 {
            let longest = Figures.bytes(map.longestFreeRun * HeapMap.pageBytes)
            parts.append(
                map.freeRuns == 1
                    ? "Free pages in one run of \(longest)."
                    : "Free pages in \(Figures.count(map.freeRuns, "run")), the longest of "
                        + "\(longest)."
            )
        } else {
            parts.append("No free pages.")
        }
        return parts.joined(separator: " ")
    }

    private var explanation: [String] {
        let many =
            "\(Figures.count(pagesPerCell)) pages, "
            + "\(Figures.bytes(pagesPerCell * HeapMap.pageBytes))"
        return [
            "One square is \(pagesPerCell == 1 ? "one page of 4 KiB" : many). They run from left "
                + "to right, then down; the file offset of each row is at its left.",
            "A square is filled from below with what is in use, in the colours of the roots that "
                + "own it.",
        ]
    }

    private var notes: [String] {
        var notes: [String] = []
        let unfollowed = map.unfollowedRoots
        if !unfollowed.isEmpty {
            let names = unfollowed.map(MapText.visible).joined(separator: ", ")
            notes.append("Not followed, because this program does not know their types: \(names)")
        }
        if !map.use.damagedPages.isEmpty {
            notes.append(
                "\(Figures.count(map.use.damagedPages.count, "page")) with a wrong checksum, "
                    + "crossed out above."
            )
        }
        if let first = map.use.problems.first {
            let count = map.use.problems.count
            notes.append(
                count == 1
                    ? "A contradiction: \(MapText.visible(first))"
                    : "\(count) contradictions; the first: \(MapText.visible(first))")
        }
        return notes
    }

    func text(
        _ x: Double, _ y: Double, _ text: String, _ style: String, size: Double = font,
        weight: Int = 400, anchor: String? = nil
    ) -> String {
        let anchored = anchor.map { " text-anchor=\"\($0)\"" } ?? ""
        let sized = size == Self.font ? "" : " font-size=\"\(Self.short(size))\""
        let weighted = weight == 400 ? "" : " font-weight=\"\(weight)\""
        return
            "<text class=\"\(style)\" x=\"\(Self.short(x))\" "
            + "y=\"\(Self.short(y))\"\(sized)\(weighted)\(anchored)>\(MapText.escaped(text))</text>\n"
    }

    /// Formats a number with at most two decimals and no trailing zeros.
    static func short(_ value: Double) -> String {
        (value < 0 ? "-" : "") + MapText.decimal(abs(value), 2)
    }

    // MARK: Bar and legend

    private func bar(at y: Double) -> String {
        var body = "<g transform=\"translate(\(Self.short(Self.margin)) \(Self.short(y)))\">\n"
        let width = Self.right - Self.margin
        var sum = 0
        for entry in map.entries {
            let x = width * Double(sum) / Double(max(map.byteCount, 1))
            sum += entry.bytes
            let end = width * Double(sum) / Double(max(map.byteCount, 1))
            let title =
                "\(MapText.visible(entry.name)): \(Figures.bytes(entry.bytes)), "
                + "\(MapText.percent(tenths: entry.tenths))"
            body +=
                "<rect class=\"\(entry.use.styleClass)\" x=\"\(Self.short(x))\" "
                + "width=\"\(Self.short(end - x))\" "
                + "height=\"18\"><title>\(MapText.escaped(title))</title></rect>\n"
        }
        return body + "</g>\n"
    }

    private func legend(at y: inout Double) -> String {
        var body = ""
        let columnWidth = (Self.right - Self.margin - 40) / 2
        let lines = (map.entries.count + 1) / 2
        for (index, entry) in map.entries.enumerated() {
            let x = Self.margin + (index < lines ? 0 : columnWidth + 40)
            let line = y + Double(index % lines) * 22 + 12
            let name = MapText.visible(entry.name)
            body +=
                "<g data-use=\"\(entry.use.styleClass)\"><title>\(MapText.escaped(name))</title>"
            body +=
                "<rect class=\"\(entry.use.styleClass) swatch\" x=\"\(Self.short(x + 0.5))\" "
                + "y=\"\(Self.short(line - 11.5))\" width=\"14\" height=\"14\"/>"
            body += text(
                x + 24, line, MapText.fitted(name, pixels: columnWidth - 24 - 160, size: Self.font),
                "t")
            body += text(x + columnWidth - 75, line, Figures.bytes(entry.bytes), "t", anchor: "end")
            body += text(
                x + columnWidth, line, MapText.percent(tenths: entry.tenths), "d", anchor: "end")
            body += "</g>\n"
        }
        y += Double(lines) * 22
        return body
    }
}
