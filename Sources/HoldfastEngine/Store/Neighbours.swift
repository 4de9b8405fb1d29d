import HoldfastFormat
import HoldfastSystem

/// The files beside a heap while it is in use, and the test whether the files under those names are
/// the heap's. Only its own files are ever opened for writing, replaced or removed. Any other file
/// stays, and an operation that needs its name is refused.
///
/// Apart from being an ordinary file with one name, this proves that a file is the heap's:
/// - the log: a header with the heap's identity. A log gets its name only when it is durable as a
///   whole, so a file under that name without such a header is not the heap's.
/// - the shared file: a header with the heap's identity; or no header at all, that is, a first
///   sector of zeros in a file of whole pages. The file is never synced, so a power cut may lose
///   its beginning; an interrupted creation looks the same.
struct Neighbours {
    enum Kind: CaseIterable {
        case shared, log

        var suffix: String {
            switch self {
            case .shared: LogLayout.sharedSuffix
            case .log: LogLayout.durableSuffix
            }
        }
    }

    /// Bytes of the longest suffix.
    static let longestSuffixBytes = Kind.allCases.map(\.suffix.utf8.count).max()!

    let disk: any Disk
    let heapPath: String
    let identity: HeapIdentity

    func path(_ kind: Kind) -> String { heapPath + kind.suffix }

    /// The log's name until it is complete.
    var workingLogPath: String { WorkingName.path(for: heapPath, suffix: LogLayout.durableSuffix) }

    /// Removes the remains of an interrupted start of the log.
    func clearWorkingLog() throws(SystemError) {
        try WorkingName.clear(workingLogPath, disk: disk, headersAt: LogLayout.headerOffsets) {
            LogHeader.decode($0) != .none
        }
    }

    /// Throws `foreignFile` if the file under that name is not the heap's. False if there is none.
    @discardableResult
    func requireOwn(_ kind: Kind) throws(SystemError) -> Bool {
        let file: any DiskFile
        do throws(SystemError) { file = try disk.openBeside(path(kind), .readOnly) } catch {
            if error.errno == .noSuchFileOrDirectory { return false }
            throw error
        }
        defer { file.close() }
        guard try isOwn(kind, file) else {
            throw SystemError.foreignFile(path: path(kind), .otherContents)
        }
        return true
    }

    /// Whether the heap may use the name; false also if that cannot be determined.
    func isOwn(_ kind: Kind) -> Bool { (try? requireOwn(kind)) ?? false }

    private func isOwn(_ kind: Kind, _ file: any DiskFile) throws(SystemError) -> Bool {
        switch kind {
        case .log:
            for offset in LogLayout.headerOffsets {
                let (sector, _) = try Self.sector(of: file, at: offset)
                if sector.withUnsafeBytes({ LogHeader.names(identity, $0) }) { return true }
            }
            return false
        case .shared:
            let (sector, isBlank) = try Self.sector(of: file, at: 0)
            if sector.withUnsafeBytes({ SharedHeader.names(identity, $0) }) { return true }
            let bytes = try file.size()
            guard isBlank, bytes % HeapLayout.pageBytes == 0 else { return false }
            // Logs and heaps may begin with zeros too; the other copy of their header is here.
            let (second, _) = try Self.sector(of: file, at: LogLayout.headerOffsets[1])
            return second.withUnsafeBytes {
                LogHeader.decode($0) == .none && HeapHeader.decode($0) == .notAHeader
            }
        }
    }

    /// The unit that a disk writes atomically, padded with zeros behind the end of the file.
    private static func sector(
        of file: any DiskFile, at offset: Int
    ) throws(SystemError) -> (bytes: [UInt8], isBlank: Bool) {
        var bytes = [UInt8](repeating: 0, count: 512)
        _ = try file.read(&bytes, at: offset)
        return (bytes, !bytes.contains { $0 != 0 })
    }

    /// Frees the name for a new file: removes the heap's old one. Throws `foreignFile` if the file
    /// is not the heap's.
    func clear(_ kind: Kind) throws(SystemError) {
        if try requireOwn(kind) { try disk.remove(path(kind)) }
    }

    /// Removes the heap's unneeded files, and leaves files of others alone.
    func remove() throws(SystemError) {
        for kind in Kind.allCases {
            try leavingOthers { () throws(SystemError) in try clear(kind) }
        }
        try leavingOthers { () throws(SystemError) in try clearWorkingLog() }
    }

    private func leavingOthers(_ body: () throws(SystemError) -> Void) throws(SystemError) {
        do throws(SystemError) { try body() } catch  where error.isForeignFile {}
    }
}
