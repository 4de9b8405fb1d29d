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
    private let isOwn: Bool

    init() throws {
        var template = Array(".build/benchmark-XXXXXX".utf8CString)
        mkdir(".build", 0o755)
        guard mkdtemp(&template) != nil else { throw WrongResult(description: "cannot make a folder in .build") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        isOwn = true
    }

    /// Another process's, which removes it.
    init(existing path: String) {
        self.path = path
        isOwn = false
    }

    /// The path of a file that is not there yet, nor those that Holdfast, LMDB and SQLite keep beside theirs.
    func fresh(_ name: String) -> String {
        let file = "\(path)/\(name)"
        for suffix in ["", "-log", "-shared", "-lock", "-wal", "-shm", "-journal"] { unlink(file + suffix) }
        return file
    }

    deinit {
        guard isOwn else { return }
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
