/// The place of a row in a CSV file, and its cells, according to RFC 4180: cells end at commas and
/// rows at newlines, except inside quotes.
struct Row {
    /// The row's bytes, without its newline.
    private(set) var bytes = 0 ..< 0
    /// The start of the next row.
    private(set) var end = 0
    /// The cells' bytes, with their quotes.
    private(set) var cells: [Range<Int>] = []
    /// The place of an unclosed quote, if `read` has reached the end of the file inside it.
    private(set) var openQuote: Int?

    /// Reads the row that begins at `start`. Returns false if the file ends before the row does,
    /// because another program may be about to write the rest.
    ///
    /// `isLast` accepts such a row as it is.
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
                // A quote opens a cell at its beginning, and closes it anywhere. A doubled quote
                // inside closes and reopens it, with the same result.
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

    /// Returns the row as written in the file.
    func text(_ file: RawSpan) -> String { Self.text(file, bytes) }

    /// Returns the contents of the cell without its quotes, or an empty string if the row does not
    /// have it.
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

/// The value of a cell: a number if it is written as one, else a string.
enum Value: Comparable {
    case number(Double)
    case text(String)

    var isNumber: Bool { if case .number = self { true } else { false } }

    init(_ text: String) {
        // Words such as "nan" and "infinity" are strings.
        if let first = text.utf8.first, first < UInt8(ascii: ":"), let number = Double(text),
            number.isFinite
        {
            self = .number(number)
        } else {
            self = .text(text)
        }
    }

    /// Compares numbers by value and strings by their order. Numbers come before strings.
    static func < (left: Value, right: Value) -> Bool {
        switch (left, right) {
        case (.number(let left), .number(let right)): left < right
        case (.text(let left), .text(let right)): left < right
        case (.number, .text): true
        case (.text, .number): false
        }
    }
}
