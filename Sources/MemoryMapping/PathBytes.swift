/// Lossless conversion between paths, which are bytes, and `String`.
///
/// A path is any bytes except zero; a `String` is valid Unicode. Bytes that are not valid UTF-8 are
/// escaped: the noncharacter U+10FFFE, which no text contains, followed by the character with the
/// byte's number. All other paths are unchanged. Slashes are searched for among the bytes: as a
/// `Character`, a slash may be combined with an accent that follows.
///
/// Thread safety: any thread may call anything.
public enum PathBytes {
    private static let mark: Unicode.Scalar = "\u{10FFFE}"
    private static let markBytes: [UInt8] = [0xf4, 0x8f, 0xbf, 0xbe]

    /// The string for a path. O(bytes).
    public static func text(_ bytes: some Sequence<UInt8>) -> String {
        let bytes = Array(bytes)
        if let text = String(validating: bytes, as: UTF8.self), !contains(bytes, markBytes) {
            return text
        }
        var text = String.UnicodeScalarView()
        var start = 0
        while start < bytes.count {
            let end = min(start + length(bytes[start]), bytes.count)
            let piece = bytes[start ..< end]
            if let scalar = String(validating: piece, as: UTF8.self)?.unicodeScalars.first,
                scalar != mark
            {
                text.append(scalar)
                start = end
            } else {
                text.append(mark)
                text.append(Unicode.Scalar(bytes[start]))
                start += 1
            }
        }
        return String(text)
    }

    /// The string for a path that ends with a zero byte. O(bytes).
    public static func text(cString: UnsafePointer<CChar>) -> String {
        var bytes: [UInt8] = []
        var at = unsafe cString
        while unsafe at.pointee != 0 {
            unsafe bytes.append(UInt8(bitPattern: at.pointee))
            unsafe at += 1
        }
        return text(bytes)
    }

    /// The bytes of the path `text`, without a terminating zero. O(bytes).
    public static func bytes(of text: String) -> [UInt8] {
        let spelled = Array(text.utf8)
        guard contains(spelled, markBytes) else { return spelled }
        var bytes: [UInt8] = []
        var isEscaped = false
        for scalar in text.unicodeScalars {
            if isEscaped, let byte = UInt8(exactly: scalar.value) {
                bytes.append(byte)
                isEscaped = false
            } else if scalar == mark {
                isEscaped = true
            } else {
                bytes.append(contentsOf: String(scalar).utf8)
                isEscaped = false
            }
        }
        return bytes
    }

    /// Calls `body` with the bytes of the path and a terminating zero. The path must not contain a
    /// zero itself.
    public static func withCString<R>(_ text: String, _ body: (UnsafePointer<CChar>) -> R) -> R {
        // Ordinary paths have no such byte, and need no copy.
        guard text.utf8.contains(markBytes[0]) else { return unsafe text.withCString(body) }
        return unsafe (bytes(of: text) + [0]).withUnsafeBufferPointer { bytes in
            unsafe bytes.withMemoryRebound(to: CChar.self) { unsafe body($0.baseAddress!) }
        }
    }

    /// The path for display: bytes that are not valid UTF-8 as `\xE9`, and zeros as `\0`. O(bytes).
    public static func display(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == markBytes[0] || $0 == 0 }) else { return text }
        var shown = ""
        var isEscaped = false
        for scalar in text.unicodeScalars {
            if isEscaped, let byte = UInt8(exactly: scalar.value) {
                let digits = String(byte, radix: 16, uppercase: true)
                shown += "\\x" + (digits.count < 2 ? "0" : "") + digits
                isEscaped = false
            } else if scalar == mark {
                isEscaped = true
            } else {
                shown += scalar.value == 0 ? "\\0" : String(scalar)
                isEscaped = false
            }
        }
        return shown
    }

    /// The command line arguments without the program's name, lossless.
    public static func commandLineArguments() -> [String] {
        (1 ..< max(Int(CommandLine.argc), 1)).compactMap { index in
            unsafe CommandLine.unsafeArgv[index].map { unsafe text(cString: $0) }
        }
    }

    // MARK: Parts

    /// The path of the folder that contains `path`.
    public static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: separator) else { return "." }
        return slash == path.utf8.startIndex
            ? "/" : String(decoding: path.utf8[..<slash], as: UTF8.self)
    }

    /// The part behind the last slash.
    public static func name(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: separator) else { return path }
        return String(decoding: path.utf8[path.utf8.index(after: slash)...], as: UTF8.self)
    }

    /// Whether the path is absolute.
    public static func isAbsolute(_ path: String) -> Bool { path.utf8.first == separator }

    private static let separator = UInt8(ascii: "/")

    /// The length of the UTF-8 sequence that begins with `byte`, if it is valid.
    private static func length(_ byte: UInt8) -> Int {
        switch byte {
        case 0xc2 ... 0xdf: 2
        case 0xe0 ... 0xef: 3
        case 0xf0 ... 0xf4: 4
        default: 1
        }
    }

    private static func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
        guard bytes.contains(part[0]) else { return false }
        return bytes.indices.contains { bytes[$0...].starts(with: part) }
    }
}
