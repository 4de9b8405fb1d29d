import HoldfastFormat
import HoldfastSystem

/// Opening what cannot be opened as it should be, to read what is left of it; see
/// `EngineOptions.salvages`.
extension HeapEngine {
    /// Recovery; where the log is missing or belongs to something else, the file without it, if
    /// that may be.
    func recoverOrSalvage(_ file: any DiskFile, _ header: HeapHeader) throws(HeapError)
        -> HeapHeader
    {
        do throws(HeapError) {
            return try recover(file, header)
        } catch {
            guard options.salvages, mode == .readOnly else { throw error }
            switch error {
            case .logMissing(_, let logPath):
                warnings.append(
                    "\(path): its log \(logPath) is missing, and what only the log held is lost.")
            case .foreignLog(_, let logPath):
                warnings.append(
                    "\(path): the log \(logPath) is not of this heap, and what only its own log "
                        + "held is lost."
                )
            default: throw error
            }
            try checkAllocatorRoot()
            return header
        }
    }

    /// Zeros for what was cut off a file.
    func extendToHeader(_ header: HeapHeader) throws(HeapError) {
        let expected = Int(header.heapPages) * HeapLayout.pageBytes
        guard expected > image.byteCount else { return }
        warnings.append(
            "\(path) has been cut short by \(expected - image.byteCount) bytes, and what they held "
                + "is lost."
        )
        try image.extend(to: expected, path: path, file: file, mayMove: true)
    }
}
