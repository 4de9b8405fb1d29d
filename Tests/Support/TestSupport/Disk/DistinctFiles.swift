/// What disks have been seen to contain: an image that is like an earlier one, and must hold the
/// same, need not be examined again.
///
/// Many power cuts leave the same bytes: nothing was pending, or none of it is kept. Images are
/// told apart by a hash of 64 bits with a seed that differs between runs.
public struct DistinctFiles {
    private var seen: Set<Int> = []

    public init() {}

    /// Whether no disk had `files` yet, with the same commits allowed.
    public mutating func insert(
        _ files: [String: [UInt8]], allowing commits: ClosedRange<Int> = 0 ... 0,
        at path: String = ""
    ) -> Bool {
        var hasher = Hasher()
        hasher.combine(commits)
        hasher.combine(path)
        for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
            hasher.combine(name)
            hasher.combine(bytes.count)
            bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        }
        return seen.insert(hasher.finalize()).inserted
    }
}
