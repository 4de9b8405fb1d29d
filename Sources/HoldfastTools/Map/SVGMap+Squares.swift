import Holdfast
import HoldfastInspection

extension SVGMap {
    /// Adjacent squares of one row with the same contents.
    private struct Segment {
        var cells: Range<Int>
        var isDamaged: Bool
    }

    /// Draws the squares with the offsets of their rows.
    func squares(at y: Double) -> String {
        var body = ""
        let labelled = side >= 25 ? 1 : 4
        for row in stride(from: 0, to: (cells.count + columns - 1) / columns, by: labelled) {
            let offset = cells[row * columns].pages.lowerBound * HeapMap.pageBytes
            let baseline = y + Double(row) * side + min(side, 20) / 2 + 4
            body += text(
                Self.gridLeft - 10, baseline, offset == 0 ? "0" : Figures.bytes(offset), "d",
                size: 11, anchor: "end")
        }
        body += "<g transform=\"translate(\(Self.short(Self.gridLeft)) \(Self.short(y)))\">\n"
        for segment in segments { body += square(segment) }
        body += gaps
        return body + "</g>\n"
    }

    /// Lines in the background colour, so that squares with the same contents can be one shape.
    private var gaps: String {
        let rows = (cells.count + columns - 1) / columns
        let width = Double(min(columns, cells.count)) * side
        return
            "<rect class=\"gaps\" width=\"\(Self.short(width))\" "
            + "height=\"\(Self.short(Double(rows) * side))\"/>\n"
    }

    private var segments: [Segment] {
        var segments: [Segment] = []
        for index in cells.indices {
            let isDamaged = cells[index].damagedPages > 0
            if let last = segments.last, index % columns != 0, !isDamaged, !last.isDamaged,
                isAlike(cells[last.cells.lowerBound], cells[index])
            {
                segments[segments.count - 1].cells = last.cells.lowerBound ..< index + 1
            } else {
                segments.append(Segment(cells: index ..< index + 1, isDamaged: isDamaged))
            }
        }
        return segments
    }

    private func isAlike(_ one: MapCell, _ other: MapCell) -> Bool {
        // A block or a slab has a tooltip of its own, as long as it has squares of its own.
        if pagesPerCell == 1, one.stretches != other.stretches { return false }
        return one.parts == other.parts
    }

    private func square(_ segment: Segment) -> String {
        let cell = cells[segment.cells.lowerBound]
        let x = Double(segment.cells.lowerBound % columns) * side
        let top = Double(segment.cells.lowerBound / columns) * side
        let width = Double(segment.cells.count) * side
        var body = "<g><title>\(MapText.escaped(tooltip(segment)))</title>"
        var sum = 0
        for (index, part) in cell.parts.enumerated() {
            // In quarters of a unit, from the bottom.
            let from = (side * 4 * Double(sum) / Double(cell.byteCount)).rounded() / 4
            sum += part.bytes
            let to =
                index == cell.parts.count - 1
                ? side : (side * 4 * Double(sum) / Double(cell.byteCount)).rounded() / 4
            guard to > from else { continue }
            body +=
                "<path class=\"\(map.entries[part.entry].use.styleClass)\" d=\"M\(Self.short(x)) "
                + "\(Self.short(top + side - to))h\(Self.short(width))v\(Self.short(to - from))h\(Self.short(-width))z\"/>"
        }
        if segment.isDamaged {
            let inset = side * 0.2
            let length = side - 2 * inset
            body +=
                "<path class=\"cross\" d=\"M\(Self.short(x + inset)) "
                + "\(Self.short(top + inset))l\(Self.short(length)) \(Self.short(length))m0 "
                + "\(Self.short(-length))l\(Self.short(-length)) \(Self.short(length))\"/>"
        }
        return body + "</g>\n"
    }

    // MARK: Tooltips

    private func tooltip(_ segment: Segment) -> String {
        let cell = cells[segment.cells.lowerBound]
        var lines: [String] = []
        if pagesPerCell == 1 {
            let stretch = map.use[cell.stretches.lowerBound]
            lines = ["\(Self.pages(stretch.pages)): \(Self.words(stretch))"]
            for part in map.parts(of: stretch) where Self.needsNaming(stretch) {
                lines.append(words(part, of: stretch.pages.count))
            }
        } else {
            let pages =
                cell.pages.lowerBound ..< cells[segment.cells.upperBound - 1].pages.upperBound
            lines = [
                "\(Self.pages(pages)), from "
                    + "\(Figures.bytes(pages.lowerBound * HeapMap.pageBytes)) on"
            ]
            for part in cell.parts {
                let tenths = part.bytes * 1000 / max(cell.byteCount, 1)
                lines.append(
                    "\(MapText.visible(map.entries[part.entry].name)) "
                        + "\(MapText.percent(tenths: tenths))"
                )
            }
        }
        if segment.isDamaged {
            lines.append(
                cell.pages.count == 1
                    ? "wrong checksum"
                    : "\(Figures.count(cell.damagedPages, "page")) with a wrong checksum")
        }
        return lines.joined(separator: "\n")
    }

    private static func pages(_ pages: Range<Int>) -> String {
        pages.count == 1
            ? "page \(Figures.count(pages.lowerBound))"
            : "pages \(Figures.count(pages.lowerBound)) to \(Figures.count(pages.upperBound - 1))"
    }

    /// Returns whether the kind of the range does not already imply its owner.
    private static func needsNaming(_ stretch: HeapPages.Stretch) -> Bool {
        switch stretch.kind {
        case .run, .slab: true
        case .header, .allocator, .checksums, .free, .damagedSlab, .unaccounted: false
        }
    }

    private func words(_ part: MapCell.Part, of pages: Int) -> String {
        "\(MapText.visible(map.entries[part.entry].name)): \(Figures.bytes(part.bytes))"
    }

    private static func words(_ stretch: HeapPages.Stretch) -> String {
        switch stretch.kind {
        case .header: "the header, two copies"
        case .allocator: "records of the allocator"
        case .checksums: "checksums of pages"
        case .free: "free"
        case .run: "one block of \(Figures.bytes(stretch.pages.count * HeapMap.pageBytes))"
        case .slab(let slab):
            "slab of slots of \(Figures.bytes(slab.slotBytes)), \(slab.usedSlots) of \(slab.slots) "
                + "in use"
        case .damagedSlab: "a slab with a damaged header"
        case .unaccounted: "not accounted for, the page map is damaged"
        }
    }
}
