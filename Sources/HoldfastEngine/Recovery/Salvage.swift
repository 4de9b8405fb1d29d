import HoldfastFormat
import HoldfastSystem

/// Opens a damaged heap to read the rest of its data; see `EngineOptions.salvages`.
struct Salvage {
    let recovery: Recovery

    private var dataFile: DataFile { recovery.dataFile }
    private var view: HeapView { recovery.view }

    /// Recovers; if the log is missing or foreign, opens the file without it, if the options
    /// permit.
    func recover(_ file: any DiskFile, _ header: HeapHeader) throws(HeapError) -> HeapHeader {
        do throws(HeapError) {
            return try recovery.recover(file, header)
        } catch {
            guard dataFile.options.salvages, dataFile.mode == .readOnly else { throw error }
            let path = dataFile.path
            switch error {
            case .logMissing(_, let logPath):
                dataFile.warnings.append(
                    "\(path): its log \(logPath) is missing, and what only the log held is lost.")
            case .foreignLog(_, let logPath):
                dataFile.warnings.append(
                    "\(path): the log \(logPath) does not belong to this heap, and what only its "
                        + "own log held is lost."
                )
            default: throw error
            }
            try view.requireAllocatorRoot()
            return header
        }
    }

    /// Adds zeros for the truncated part of the file.
    func extendToHeader(_ header: HeapHeader) throws(HeapError) {
        let expected = Int(header.heapPages) * HeapLayout.pageBytes
        guard expected > view.image.byteCount else { return }
        dataFile.warnings.append(
            "\(dataFile.path) is truncated by \(expected - view.image.byteCount) bytes, and their "
                + "contents are lost."
        )
        try view.image.extend(to: expected, path: dataFile.path, file: dataFile.file, mayMove: true)
    }
}
