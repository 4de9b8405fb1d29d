#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A folder for the benchmark's files, on the disk of the current folder (not in a memory file
/// system), removed at the end.
final class Folder {
    let path: String
    private let isOwn: Bool

    init() throws {
        mkdir(".build", 0o755)
        for name in Self.names(in: ".build") where Self.isAbandoned(name) {
            Self.remove(".build/\(name)")
        }
        var template = Array(".build/benchmark-\(getpid())-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw WrongResult(description: "cannot make a folder in .build")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        isOwn = true
    }

    /// Another process's, which removes it.
    init(existing path: String) {
        self.path = path
        isOwn = false
    }

    /// The path of a file that is not there yet, nor those that Holdfast, LMDB and SQLite keep
    /// beside theirs.
    func fresh(_ name: String) -> String {
        let file = "\(path)/\(name)"
        for suffix in ["", "-log", "-shared", "-lock", "-wal", "-shm", "-journal"] {
            unlink(file + suffix)
        }
        return file
    }

    deinit {
        guard isOwn else { return }
        Self.remove(path)
    }

    // MARK: Removing

    /// What a killed run has left behind: a folder that names a process which is gone.
    private static func isAbandoned(_ name: String) -> Bool {
        let parts = name.split(separator: "-")
        guard parts.count == 3, parts[0] == "benchmark", let process = pid_t(parts[1]) else {
            return false
        }
        return kill(process, 0) != 0 && errno == ESRCH
    }

    private static func remove(_ path: String) {
        for name in names(in: path) { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    private static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}
