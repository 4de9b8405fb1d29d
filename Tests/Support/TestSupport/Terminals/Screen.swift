/// A terminal's screen, for the control sequences that this package's programs write: cursor
/// movement, erasing, inserting and deleting characters, and colours, which are dropped. Lines that
/// scroll off the top are kept.
public struct Screen {
    private enum State {
        case text
        case escape
        case sequence(String)
    }

    private let columns: Int
    private let rows: Int
    private var lines: [[Character]] = [[]]
    private var row = 0
    private var column = 0
    private var state = State.text
    /// Whether the cursor is visible.
    public private(set) var showsCursor = true

    public init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
    }

    /// All lines ever shown, without trailing blanks.
    public var text: String {
        lines.map { line in String(line[..<((line.lastIndex { $0 != " " } ?? -1) + 1)]) }.joined(
            separator: "\n")
    }

    public mutating func write(_ text: String) {
        for scalar in text.unicodeScalars { write(scalar) }
    }

    private mutating func write(_ scalar: Unicode.Scalar) {
        switch state {
        case .escape: state = scalar == "[" ? .sequence("") : .text
        case .sequence(let parameters):
            if ("@" ... "~").contains(scalar) {
                state = .text
                perform(scalar, parameters)
            } else {
                state = .sequence(parameters + String(scalar))
            }
        case .text:
            switch scalar {
            case "\u{1B}": state = .escape
            case "\r": column = 0
            case "\n": moveDown()
            case "\u{8}": column = max(0, column - 1)
            case "\u{7}": break
            default: put(Character(scalar))
            }
        }
    }

    private mutating func put(_ character: Character) {
        if column == columns {
            column = 0
            moveDown()
        }
        while lines[row].count <= column { lines[row].append(" ") }
        lines[row][column] = character
        column += 1
    }

    private mutating func moveDown() {
        row += 1
        if row == lines.count { lines.append([]) }
    }

    private mutating func perform(_ command: Unicode.Scalar, _ parameters: String) {
        let number = Int(parameters) ?? (command == "J" || command == "K" ? 0 : 1)
        switch command {
        case "A": row = max(max(0, lines.count - rows), row - number)
        case "B": row = min(lines.count - 1, row + number)
        case "C": column = min(columns - 1, column + number)
        case "D": column = max(0, column - number)
        case "G": column = max(0, number - 1)
        case "H":
            row = max(0, lines.count - rows)
            column = 0
        case "K": lines[row] = number == 2 ? [] : Array(lines[row].prefix(column))
        case "J":
            lines[row] = Array(lines[row].prefix(column))
            lines.removeSubrange((row + 1)...)
        case "P":
            lines[row] = Array(lines[row].prefix(column)) + lines[row].dropFirst(column + number)
        case "@":
            while lines[row].count < column { lines[row].append(" ") }
            lines[row].insert(contentsOf: repeatElement(" ", count: number), at: column)
        case "h" where parameters == "?25": showsCursor = true
        case "l" where parameters == "?25": showsCursor = false
        default: break
        }
    }
}
