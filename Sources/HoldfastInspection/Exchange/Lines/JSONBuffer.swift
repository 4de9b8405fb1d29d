/// A line of JSON that is being written, as bytes of UTF-8. Written exactly as `JSONEncoder` writes
/// with sorted keys and without escaped slashes.
struct JSONBuffer {
    private(set) var bytes: [UInt8] = []

    var count: Int { bytes.count }
    var text: String { String(decoding: bytes, as: UTF8.self) }

    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    mutating func write(_ byte: UInt8) { bytes.append(byte) }

    mutating func write(_ text: StaticString) {
        text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
    }

    mutating func write(raw more: some Collection<UInt8>) { bytes.append(contentsOf: more) }

    // MARK: Numbers

    mutating func write(_ number: some FixedWidthInteger) {
        guard let small = Int64(exactly: number) else {
            return bytes.append(contentsOf: "\(number)".utf8)
        }
        var rest = small.magnitude
        if small < 0 { bytes.append(UInt8(ascii: "-")) }
        let start = bytes.count
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest != 0
        bytes[start...].reverse()
    }

    /// The shortest digits that read as the same number, without a fraction of zero.
    mutating func write(_ number: some BinaryFloatingPoint & CustomStringConvertible) {
        if number.isNaN { return write("\"nan\"") }
        if number.isInfinite { return number < 0 ? write("\"-inf\"") : write("\"+inf\"") }
        let text = number.description
        bytes.append(contentsOf: text.hasSuffix(".0") ? text.utf8.dropLast(2) : text.utf8[...])
    }

    // MARK: Strings

    mutating func write(string: String) {
        var string = string
        string.withUTF8 { unsafe write(string: UnsafeRawBufferPointer($0)) }
    }

    /// Writes a string literal of valid UTF-8.
    mutating func write(string utf8: UnsafeRawBufferPointer) {
        bytes.append(UInt8(ascii: "\""))
        var start = 0
        for index in 0 ..< utf8.count {
            let byte = unsafe utf8[index]
            guard Self.isEscaped(byte) else { continue }
            unsafe bytes.append(contentsOf: utf8[start ..< index])
            write(escaped: byte)
            start = index + 1
        }
        unsafe bytes.append(contentsOf: utf8[start...])
        bytes.append(UInt8(ascii: "\""))
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func write(escaped byte: UInt8) {
        switch byte {
        case 0x08: write("\\b")
        case 0x09: write("\\t")
        case 0x0a: write("\\n")
        case 0x0c: write("\\f")
        case 0x0d: write("\\r")
        case ..<0x20:
            write(byte < 0x10 ? "\\u000" : "\\u001")
            let digit = byte & 0xf
            bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        default:
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(byte)
        }
    }

    // MARK: Order

    /// A part of the line that has been written.
    typealias Part = Range<Int>

    /// Puts parts that follow each other, from `parts.first` to the end of the line, into another
    /// order, with commas between them.
    mutating func arrange(_ parts: [Part], _ order: some Sequence<Int>) {
        guard let start = parts.first?.lowerBound else { return }
        var arranged: [UInt8] = []
        arranged.reserveCapacity(bytes.count - start + parts.count)
        for number in order {
            if !arranged.isEmpty { arranged.append(UInt8(ascii: ",")) }
            arranged.append(contentsOf: bytes[parts[number]])
        }
        bytes.replaceSubrange(start..., with: arranged)
    }
}
