import Foundation

/// The lines of earlier runs, in a file. Each line is appended as it is entered, so that several
/// programs can share one file, and a killed program has saved its lines.
struct History {
    private let path: String?
    static let most = 1000

    /// `HEAP_REPL_HISTORY` names the file, or is empty for none. If it is not set, the file is
    /// `~/.heap_repl_history`.
    init() {
        if let named = unsafe getenv("HEAP_REPL_HISTORY") {
            let name = unsafe String(cString: named)
            path = name.isEmpty ? nil : name
        } else {
            path = unsafe getenv("HOME").map { unsafe String(cString: $0) + "/.heap_repl_history" }
        }
    }

    /// Returns the newest lines, oldest first. An unreadable file counts as empty.
    func lines() -> [String] {
        guard let path, let file = unsafe fopen(path, "r") else { return [] }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < 16 << 20 {
            let count = unsafe fread(&block, 1, block.count, file)
            if count == 0 { break }
            bytes += block[..<count]
        }
        let all = bytes.split(separator: UInt8(ascii: "\n")).map {
            String(decoding: $0, as: UTF8.self)
        }
        let newest = Array(all.suffix(Self.most))
        if all.count > 2 * Self.most { rewrite(newest) }
        return newest
    }

    /// Shortens the file. A concurrent reader finds the old file or the new one.
    private func rewrite(_ lines: [String]) {
        guard let path else { return }
        let temporary = path + ".\(getpid())"
        guard append(lines, to: temporary), unsafe rename(temporary, path) == 0 else {
            unsafe unlink(temporary)
            return
        }
    }

    /// Adds a line. A failure is ignored.
    func add(_ line: String) { if let path { _ = append([line], to: path) } }

    private func append(_ lines: [String], to path: String) -> Bool {
        // Only for the user: the input may be private.
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
        return unsafe write(descriptor, bytes, bytes.count) == bytes.count
    }
}
