import HoldfastSystem

/// Writes a file that gets its name when it is complete, or not at all. An existing file with that
/// name is replaced if it begins like the new one, because it is then an earlier file of the same
/// kind. Any other file is left unchanged, with `EEXIST`.
package enum WholeFile {
    private static var disk: SystemDisk { .shared }

    package static func write(_ text: String, to path: String) throws(OutputError) {
        guard mayReplace(path, by: text) else { throw .failed(name: path, .fileExists) }
        let temporary = "\(path)-\(CurrentProcess.number)"
        do throws(SystemError) {
            let file = try disk.open(temporary, .createNew(isPrivate: false))
            do throws(SystemError) {
                defer { file.close() }
                try file.write(Array(text.utf8), at: 0)
                try disk.renameReplacing(temporary, to: path)
            } catch {
                try? disk.remove(temporary)
                throw error
            }
        } catch {
            throw .failed(name: path, error.errno ?? .fileExists)
        }
    }

    private static func mayReplace(_ path: String, by text: String) -> Bool {
        let file: any DiskFile
        // Only a regular file is opened: the other end of a pipe would notice.
        do throws(SystemError) { file = try disk.openBeside(path, .readOnly) } catch {
            switch error {
            case .foreignFile(_, .severalNames):
                guard let found = try? disk.open(path, .readOnly) else { return false }
                file = found
            case .foreignFile: return false
            case .call: return !disk.exists(path)
            }
        }
        defer { file.close() }
        var start = [UInt8](repeating: 0, count: 5)
        let count = try? file.read(&start, at: 0)
        return count == start.count && text.utf8.prefix(start.count).elementsEqual(start)
    }
}
