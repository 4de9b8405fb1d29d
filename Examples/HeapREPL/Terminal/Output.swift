import Foundation

/// Where answers go, at once, whoever reads them; and errors, beside them.
struct Output {
    /// That nobody takes what is written, or there is no room for it.
    struct Failure: Error, CustomStringConvertible {
        let code: Int32
        var description: String {
            "the output could not be written: \(String(cString: strerror(code)))"
        }
    }

    private let isColoured: Bool

    init() {
        let isPlain = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
        let terminal = getenv("TERM").map { String(cString: $0) } ?? "dumb"
        isColoured = isatty(1) == 1 && isatty(2) == 1 && !isPlain && terminal != "dumb"
    }

    enum Style: String {
        case error = "31"
        case note = "2"
        case added = "32"
        case removed = "33"
    }

    func styled(_ text: String, _ style: Style) -> String {
        isColoured ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    func print(_ line: String) throws(Failure) { try Self.write(line + "\n", to: 1) }
    func print(_ text: String, terminator: String) throws(Failure) {
        try Self.write(text + terminator, to: 1)
    }

    /// What a script's reader should not find among the answers; lost if it cannot be written,
    /// since there is nobody else to tell.
    static func complain(_ line: String) { try? write(line + "\n", to: 2) }

    private static func write(_ text: String, to descriptor: Int32) throws(Failure) {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes {
                writeBytes(descriptor, $0.baseAddress!, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failure(code: count == 0 ? EIO : errno) }
            done += count
        }
    }
}

private func writeBytes(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
