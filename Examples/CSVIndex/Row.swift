/// Where a row of a CSV file lies, and its cells, as RFC 4180 has it: cells end at commas and rows
/// at line ends, but for those inside of quotes.
struct Row {
    /// The row's bytes, without its line end.
    private(set) var bytes = 0 ..< 0
    /// Where the next row begins.
    private(set) var end = 0
    /// The cells' bytes, with their quotes.
    private(set) var cells: [Range<Int>] = []
    /// Where the quote is that the file ends inside of, if `read` came to its end so.
    private(set) var openQuote: Int?

    /// Reads the row that begins at `start`; returns false if the file ends before the row does:
    /// another program may be about to write the rest.
    ///
    /// `isLast` takes such a row as it is.
    mutating func read(_ file: RawSpan, at start: Int, isLast: Bool = false) -> Bool {
        cells.removeAll(keepingCapacity: true)
        openQuote = nil
        var isQuoted = false
        var quote = start
        var cell = start
        var place = start
        while place < file.byteCount {
            let byte = file.unsafeLoad(fromByteOffset: place, as: UInt8.self)
            if byte == UInt8(ascii: "\"") {
                // Opens a cell at its beginning, and closes it anywhere. A doubled one inside
                // closes and opens it again, which comes to the same.
                if isQuoted || place == cell || isQuotedCell(file, cell) {
                    isQuoted.toggle()
                    if isQuoted, place == cell { quote = place }
                }
            } else if byte == UInt8(ascii: ","), !isQuoted {
                cells.append(cell ..< place)
                cell = place + 1
            } else if byte == UInt8(ascii: "\n"), !isQuoted {
                finish(file, start, cell, place, next: place + 1)
                return true
            }
            place += 1
        }
        if isQuoted { openQuote = quote }
        guard isLast, start < place else { return false }
        finish(file, start, cell, place, next: place)
        return true
    }

    private mutating func finish(
        _ file: RawSpan, _ start: Int, _ cell: Int, _ place: Int, next: Int
    ) {
        var last = place
        if last > cell,
            file.unsafeLoad(fromByteOffset: last - 1, as: UInt8.self) == UInt8(ascii: "\r")
        {
            last -= 1
        }
        cells.append(cell ..< last)
        bytes = start ..< last
        end = next
    }

    private func isQuotedCell(_ file: RawSpan, _ cell: Int) -> Bool {
        file.unsafeLoad(fromByteOffset: cell, as: UInt8.self) == UInt8(ascii: "\"")
    }

    /// The row as it stands in the file.
    func text(_ file: RawSpan) -> String { Self.text(file, bytes) }

    /// What the cell says, without its quotes; nothing if the row does not have it.
    func cell(_ number: Int, _ file: RawSpan) -> String {
        guard number < cells.count else { return "" }
        let text = Self.text(file, cells[number])
        guard text.utf8.first == UInt8(ascii: "\"") else { return text }
        let inside = text.dropFirst().dropLast(text.count > 1 && text.last == "\"" ? 1 : 0)
        return String(inside).replacing("\"\"", with: "\"")
    }

    func value(_ number: Int, _ file: RawSpan) -> Value { Value(cell(number, file)) }

    private static func text(_ file: RawSpan, _ bytes: Range<Int>) -> String {
        file.extracting(bytes).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}

/// What a cell says: a number if it is written as one, else a text.
enum Value: Comparable {
    case number(Double)
    case text(String)

    var isNumber: Bool { if case .number = self { true } else { false } }

    init(_ text: String) {
        // Words such as "nan" and "infinity" are texts.
        if let first = text.utf8.first, first < UInt8(ascii: ":"), let number = Double(text),
            number.isFinite
        {
            self = .number(number)
        } else {
            self = .text(text)
        }
    }

    /// By number, or as texts are ordered; numbers come before texts.
    static func < (left: Value, right: Value) -> Bool {
        switch (left, right) {
        case (.number(let left), .number(let right)): left < right
        case (.text(let left), .text(let right)): left < right
        case (.number, .text): true
        case (.text, .number): false
        }
    }
}
