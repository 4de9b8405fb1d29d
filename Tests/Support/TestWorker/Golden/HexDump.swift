import Foundation

/// Files as text, in the format that `xxd -c 32` writes and `xxd -r -c 32` reads: lines of 32
/// bytes, without the lines that are all zeros.
///
/// Golden heaps are stored like this, because nearly all of a small heap's bytes are zeros, and a
/// change of the format is visible in the difference of two texts.
public enum HexDump {
    static let lineBytes = 32

    public static func text(of bytes: Data) -> String {
        var text = ""
        for start in stride(from: 0, to: bytes.count, by: lineBytes) {
            let line = [UInt8](bytes[start ..< min(start + lineBytes, bytes.count)])
            let isLast = start + lineBytes >= bytes.count
            // The last line is always written: it determines the file's length.
            guard isLast || line.contains(where: { $0 != 0 }) else { continue }
            var words = hex(start, 8) + ":"
            for (index, byte) in line.enumerated() {
                words += (index % 2 == 0 ? " " : "") + hex(Int(byte), 2)
            }
            text += words + "\n"
        }
        return text
    }

    /// The bytes of such a text; nil if it is invalid.
    public static func bytes(of text: String) -> Data? {
        var bytes = Data()
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":")
            guard parts.count == 2, let start = Int(parts[0], radix: 16), start >= bytes.count
            else { return nil }
            bytes.append(Data(count: start - bytes.count))
            let digits = Array(parts[1].utf8.filter { $0 != UInt8(ascii: " ") })
            guard digits.count % 2 == 0, digits.count <= lineBytes * 2 else { return nil }
            for index in stride(from: 0, to: digits.count, by: 2) {
                guard
                    let byte = UInt8(
                        String(decoding: digits[index ..< index + 2], as: UTF8.self), radix: 16)
                else {
                    return nil
                }
                bytes.append(byte)
            }
        }
        return bytes
    }

    private static func hex(_ number: Int, _ digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
