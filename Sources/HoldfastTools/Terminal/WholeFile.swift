#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A file of text that has its name when it is complete, or not at all; a file that has the name already is replaced.
package enum WholeFile {
    package static func write(_ text: String, to path: String) throws(OutputError) {
        let temporary = "\(path)-\(getpid())"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .failed(name: path, code: errno) }
        do throws(OutputError) {
            defer { close(descriptor) }
            let output = Output(descriptor: descriptor, name: path)
            try output.write(text)
            try output.flush()
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let code = errno
            unlink(temporary)
            throw .failed(name: path, code: code)
        }
    }
}
