#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A folder for the benchmark's files, on the disk of the current folder (not in a memory file system), removed at the end.
final class Folder {
    let path: String

    init() throws {
        var template = Array(".build/benchmark-XXXXXX".utf8CString)
        mkdir(".build", 0o755)
        guard mkdtemp(&template) != nil else { throw WrongResult(description: "cannot make a folder in .build") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The path of a heap file that is not there yet.
    func fresh(_ name: String) -> String {
        let file = "\(path)/\(name)"
        for suffix in ["", "-log", "-shared"] { unlink(file + suffix) }
        return file
    }

    deinit {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != "." && name != ".." { unlink("\(path)/\(name)") }
            }
            closedir(directory)
        }
        rmdir(path)
    }
}
