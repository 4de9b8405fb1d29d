/// Finds the ends of comments, string literals and regex literals. Works without recursion,
/// however deeply strings are nested in interpolations.
enum LiteralScanner {
    private static let quote = UInt8(ascii: "\"")
    private static let hash = UInt8(ascii: "#")
    private static let backslash = UInt8(ascii: "\\")
    private static let slash = UInt8(ascii: "/")
    private static let newLine: UInt8 = 0x0a

    /// Returns the end of the comment that begins at `start`, or nil if none does.
    static func endOfComment(_ bytes: [UInt8], from start: Int) -> Int? {
        guard start + 1 < bytes.count, bytes[start] == slash else { return nil }
        if bytes[start + 1] == slash {
            return bytes[start...].firstIndex { $0 == newLine || $0 == 0x0d } ?? bytes.count
        }
        guard bytes[start + 1] == UInt8(ascii: "*") else { return nil }
        var index = start
        var depth = 0
        repeat {
            if isPair(bytes, at: index, slash, UInt8(ascii: "*")) {
                depth += 1
                index += 2
            } else if isPair(bytes, at: index, UInt8(ascii: "*"), slash) {
                depth -= 1
                index += 2
            } else {
                index += 1
            }
        } while depth > 0 && index < bytes.count
        return index
    }

    /// Whether two bytes stand there. Without slices: a plug-in that is built with a program is
    /// usually unoptimised, and looks at every byte of the source.
    static func isPair(_ bytes: [UInt8], at index: Int, _ first: UInt8, _ second: UInt8) -> Bool {
        index + 1 < bytes.count && bytes[index] == first && bytes[index + 1] == second
    }

    // MARK: Strings

    /// How a string literal begins and ends.
    private struct Delimiter {
        let hashes: Int
        let isMultiLine: Bool
        var quotes: Int { isMultiLine ? 3 : 1 }

        init?(_ bytes: [UInt8], at start: Int) {
            let afterHashes = start + LiteralScanner.hashes(bytes, from: start)
            guard afterHashes < bytes.count, bytes[afterHashes] == quote else { return nil }
            hashes = afterHashes - start
            isMultiLine = LiteralScanner.isDelimiter(bytes, at: afterHashes, quotes: 3, hashes: 0)
        }
    }

    /// Where the scan is: inside a string, or inside the parentheses of an interpolation.
    private enum Context {
        case string(Delimiter)
        case interpolation(depth: Int)
    }

    /// Returns the end of the string literal that begins at `start`, or nil if none does.
    static func endOfString(_ bytes: [UInt8], from start: Int) -> Int? {
        guard let outermost = Delimiter(bytes, at: start) else { return nil }
        var index = start + outermost.hashes + outermost.quotes
        var contexts = [Context.string(outermost)]
        while index < bytes.count, let context = contexts.last {
            switch context {
            case .string(let delimiter):
                if isDelimiter(
                    bytes, at: index, quotes: delimiter.quotes, hashes: delimiter.hashes)
                {
                    index += delimiter.quotes + delimiter.hashes
                    contexts.removeLast()
                } else if bytes[index] == newLine, !delimiter.isMultiLine {
                    // Unterminated: the compiler has refused it or will.
                    contexts.removeLast()
                } else if bytes[index] == backslash,
                    hashes(bytes, from: index + 1, atMost: delimiter.hashes) == delimiter.hashes
                {
                    index += 1 + delimiter.hashes
                    if index < bytes.count, bytes[index] == UInt8(ascii: "(") {
                        contexts.append(.interpolation(depth: 0))
                    } else {
                        index += 1
                    }
                } else {
                    index += 1
                }
            case .interpolation(let depth):
                if let end = endOfComment(bytes, from: index) {
                    index = end
                } else if let delimiter = Delimiter(bytes, at: index) {
                    contexts.append(.string(delimiter))
                    index += delimiter.hashes + delimiter.quotes
                } else {
                    contexts.removeLast()
                    let change =
                        bytes[index] == UInt8(ascii: "(")
                        ? 1 : bytes[index] == UInt8(ascii: ")") ? -1 : 0
                    if depth + change > 0 {
                        contexts.append(.interpolation(depth: depth + change))
                    }
                    index += 1
                }
            }
        }
        return min(index, bytes.count)
    }

    /// Counts at most 256, more than any program uses, so that a long row of them stays cheap.
    private static func hashes(_ bytes: [UInt8], from start: Int, atMost limit: Int = 256) -> Int {
        var count = 0
        while count < limit, start + count < bytes.count, bytes[start + count] == hash {
            count += 1
        }
        return count
    }

    private static func isDelimiter(_ bytes: [UInt8], at start: Int, quotes: Int, hashes: Int)
        -> Bool
    {
        guard start + quotes + hashes <= bytes.count else { return false }
        var index = start
        while index < start + quotes + hashes {
            guard bytes[index] == (index < start + quotes ? quote : hash) else { return false }
            index += 1
        }
        return true
    }

    // MARK: Regular expressions

    /// A bare regex is not searched for its end any further.
    private static let longestBareRegex = 4096

    /// Returns the end of the regex literal that begins at `start`, or nil if none does.
    ///
    /// As in the compiler, a bare slash begins a regex only where an operand can stand, before a
    /// character that is not a blank, and if the line has another slash. After `#/` there is no
    /// other choice, so a missing end is an unterminated literal.
    static func endOfRegex(
        _ bytes: [UInt8], from start: Int, isAfterOperand: @autoclosure () -> Bool
    ) -> Int? {
        let hashes = hashes(bytes, from: start)
        let open = start + hashes
        guard open + 1 < bytes.count, bytes[open] == slash, hashes > 0 || !isAfterOperand() else {
            return nil
        }
        let spansLines = hashes > 0 && (bytes[open + 1] == newLine || bytes[open + 1] == 0x0d)
        if hashes == 0, [0x20, 0x09, newLine, 0x0d, UInt8(ascii: ")")].contains(bytes[open + 1]) {
            return nil
        }
        let limit = hashes > 0 ? bytes.count : min(bytes.count, open + longestBareRegex)
        var index = open + 1
        while index < limit {
            if bytes[index] == newLine, !spansLines { return hashes > 0 ? index : nil }
            if bytes[index] == backslash {
                index += 2
            } else if bytes[index] == slash,
                LiteralScanner.hashes(bytes, from: index + 1, atMost: hashes) == hashes
            {
                return index + 1 + hashes
            } else {
                index += 1
            }
        }
        return hashes > 0 ? bytes.count : nil
    }
}
