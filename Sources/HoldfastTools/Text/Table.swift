/// Rows of text under headings, in columns as wide as their widest cell.
package struct Table {
    package enum Alignment: Sendable {
        case left
        case right
    }

    private let headings: [String]
    private let alignments: [Alignment]
    /// The column that is truncated if the whole is too wide.
    private let flexible: Int?
    private var rows: [[String]] = []
    private var styles: [[Int: Painter.Style]] = []

    /// Creates a table with these columns. A column with an empty heading has no heading. The
    /// column `flexible` is truncated if the table is too wide.
    package init(_ columns: [(heading: String, alignment: Alignment)], flexible: Int? = nil) {
        headings = columns.map(\.heading)
        alignments = columns.map(\.alignment)
        self.flexible = flexible
    }

    package var isEmpty: Bool { rows.isEmpty }

    /// Adds a row, with `styles` by column. Cells are converted to one line.
    package mutating func add(_ cells: [String], styles: [Int: Painter.Style] = [:]) {
        rows.append(cells.map(DisplayText.oneLine))
        self.styles.append(styles)
    }

    /// Returns the lines, at most `width` wide if that is given, each indented by `indent` columns.
    package func lines(indent: Int = 0, width: Int? = nil, painter: Painter) -> [String] {
        var widths = headings.map(DisplayText.width)
        for row in rows {
            for (column, cell) in row.enumerated() {
                widths[column] = max(widths[column], DisplayText.width(cell))
            }
        }
        if let width, let flexible {
            let total = indent + widths.reduce(0, +) + 2 * (widths.count - 1)
            if total > width { widths[flexible] = max(8, widths[flexible] - (total - width)) }
        }
        var lines: [String] = []
        if headings.contains(where: { !$0.isEmpty }) {
            lines.append(line(headings, widths, [:], indent) { text, _ in painter.faint(text) })
        }
        for (row, styles) in zip(rows, styles) {
            lines.append(line(row, widths, styles, indent) { painter($0, $1) })
        }
        return lines
    }

    private func line(
        _ cells: [String], _ widths: [Int], _ styles: [Int: Painter.Style], _ indent: Int,
        _ paint: (String, Painter.Style?) -> String
    ) -> String {
        var text = String(repeating: " ", count: indent)
        for (column, cell) in cells.enumerated() {
            let shown = DisplayText.cut(cell, to: widths[column])
            let blanks = String(
                repeating: " ", count: max(0, widths[column] - DisplayText.width(shown)))
            if column > 0 { text += "  " }
            let painted = paint(shown, styles[column])
            // Trailing blanks have no style.
            text +=
                alignments[column] == .right
                ? blanks + painted : painted + (column == cells.count - 1 ? "" : blanks)
        }
        while text.last == " " { text.removeLast() }
        return text
    }
}
