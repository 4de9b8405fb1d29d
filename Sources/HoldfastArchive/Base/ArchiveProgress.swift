/// How far the work has come, in bytes of segments.
public struct ArchiveProgress: Equatable, Sendable {
    public var doneBytes: Int
    public var totalBytes: Int

    /// Counts what is reported, and passes it on.
    static func counting(
        _ total: Int, _ progress: ((ArchiveProgress) throws -> Void)?
    ) -> (Int) throws -> Void {
        guard let progress else { return { _ in } }
        var done = 0
        return { bytes in
            done += bytes
            try progress(ArchiveProgress(doneBytes: min(done, total), totalBytes: total))
        }
    }
}
