/// One line of a web server's log, in the combined format with the duration of the request at its
/// end:
///
///     203.0.113.9 - - [21/Nov/2026:11:02:07 +0000] "GET /index.html HTTP/1.1" 200 5120 0.004211
///
/// Parsed without creating strings: a log has millions of lines, and few different hours and paths.
struct LogLine {
    /// Byte ranges of the log: `21/Nov/2026:11` and `/index.html`.
    var hour = 0 ..< 0
    var path = 0 ..< 0
    var status = 0
    var bytes = 0
    var microseconds = 0

    /// Nil for a line in a different format.
    init?(_ log: RawSpan, _ line: Range<Int>) {
        var scanner = Scanner(place: line.lowerBound, end: line.upperBound)
        guard scanner.skip(behind: "[", log), let hour = scanner.word(before: ":", log) else {
            return nil
        }
        // The hour is the part of the timestamp after the first colon.
        guard let time = scanner.word(before: ":", log), scanner.skip(behind: "\"", log),
            scanner.skip(behind: " ", log),
            let path = scanner.word(before: " ", log), scanner.skip(behind: "\"", log),
            scanner.skip(behind: " ", log),
            let status = scanner.number(log), (100 ... 999).contains(status),
            scanner.skip(behind: " ", log),
            let bytes = scanner.number(log)
        else { return nil }
        self.hour = hour.lowerBound ..< time.upperBound
        self.path = path
        self.status = status
        self.bytes = bytes
        // Not every server writes the duration.
        if scanner.skip(behind: " ", log) { microseconds = scanner.microseconds(log) ?? 0 }
    }
}

/// Parses a line from left to right.
private struct Scanner {
    var place: Int
    let end: Int

    /// Advances past the next such character. Returns false if there is none.
    mutating func skip(behind character: Unicode.Scalar, _ log: RawSpan) -> Bool {
        let byte = UInt8(ascii: character)
        while place < end {
            place += 1
            if log[place - 1] == byte { return true }
        }
        return false
    }

    /// Returns the text before the next such character, and advances past it.
    mutating func word(before character: Unicode.Scalar, _ log: RawSpan) -> Range<Int>? {
        let start = place
        return skip(behind: character, log) ? start ..< place - 1 : nil
    }

    /// Up to twelve digits. No sum of such numbers comes near the maximum of `Int`.
    mutating func number(_ log: RawSpan) -> Int? {
        let start = place
        var number = 0
        while place < end, case let digit = log[place] &- UInt8(ascii: "0"), digit < 10 {
            number = number * 10 + Int(digit)
            place += 1
            if place - start > 12 { return nil }
        }
        return place > start ? number : nil
    }

    /// Seconds with a fraction, such as 0.004211.
    mutating func microseconds(_ log: RawSpan) -> Int? {
        guard let seconds = number(log), skip(behind: ".", log) else { return nil }
        let start = place
        guard var fraction = number(log) else { return nil }
        for _ in place - start ..< max(6, place - start) { fraction *= 10 }
        for _ in 6 ..< max(6, place - start) { fraction /= 10 }
        return seconds * 1_000_000 + fraction
    }
}

extension RawSpan {
    /// The byte at this offset. Traps outside of the span.
    subscript(offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

    func text(_ bytes: Range<Int>) -> String {
        extracting(bytes).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}
