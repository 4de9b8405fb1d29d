import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A file of text that has its name when it is complete, or not at all. A file that has the name
/// already is replaced if it begins as the new one does, as an earlier one of the same kind; any
/// other file is left as it is, with `EEXIST`.
package enum WholeFile {
    package static func write(_ text: String, to path: String) throws(OutputError) {
        guard mayReplace(path, by: text) else { throw .failed(name: path, code: EEXIST) }
        let temporary = "\(path)-\(getpid())"
        let descriptor = PathBytes.withCString(temporary) {
            open($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        }
        guard descriptor >= 0 else { throw .failed(name: path, code: errno) }
        do throws(OutputError) {
            defer { close(descriptor) }
            let output = Output(descriptor: descriptor, name: path)
            try output.write(text)
            try output.flush()
        } catch {
            remove(temporary)
            throw error
        }
        let result = PathBytes.withCString(temporary) { temporary in
            PathBytes.withCString(path) { rename(temporary, $0) }
        }
        guard result == 0 else {
            let code = errno
            remove(temporary)
            throw .failed(name: path, code: code)
        }
    }

    private static func mayReplace(_ path: String, by text: String) -> Bool {
        // Opened only if it is an ordinary file: a pipe would notice.
        var status = stat()
        guard PathBytes.withCString(path, { lstat($0, &status) }) == 0 else { return true }
        guard status.st_mode & S_IFMT == S_IFREG else { return false }
        let descriptor = PathBytes.withCString(path) { open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) }
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var start = [UInt8](repeating: 0, count: 5)
        let count = read(descriptor, &start, start.count)
        return count == start.count && text.utf8.prefix(start.count).elementsEqual(start)
    }

    private static func remove(_ path: String) { _ = PathBytes.withCString(path) { unlink($0) } }
}
