/// Making files longer and shorter for mappings.
public enum FileGrowth {
    /// Makes the file `newSize` bytes long, from `oldSize`.
    ///
    /// With `reservingBlocks` the disk blocks are taken now (`posix_fallocate`; `F_PREALLOCATE` on Darwin), so a full disk is
    /// an error here and never a `SIGBUS` at a later store through the mapping. Without, the file is sparse. After an error the file has
    /// its old size. A limit for the size of files (`ulimit -f`) sends `SIGXFSZ` besides, which ends a process that does not ignore it.
    public static func grow(
        fileDescriptor: Int32, from oldSize: Int, to newSize: Int, reservingBlocks: Bool
    ) throws(MappingError) {
        precondition(oldSize >= 0 && newSize >= oldSize, "MemoryMapping: a file cannot grow from \(oldSize) to \(newSize)")
        guard newSize > oldSize else { return }
        let error =
            reservingBlocks
            ? SystemCalls.allocate(fileDescriptor, from: oldSize, to: newSize)
            : SystemCalls.truncate(fileDescriptor, to: newSize)
        if let error {
            // Half of the blocks may have been taken.
            _ = SystemCalls.truncate(fileDescriptor, to: oldSize)
            throw MappingError(.grow, error)
        }
    }

    /// Makes the file `newSize` bytes long, cutting or adding a sparse rest.
    public static func truncate(fileDescriptor: Int32, to newSize: Int) throws(MappingError) {
        if let error = SystemCalls.truncate(fileDescriptor, to: newSize) { throw MappingError(.truncate, error) }
    }

    /// The size to grow to so that growing costs little in all: at least `needed`, at least an eighth (but at most a gibibyte) more
    /// than `current`, in whole granules. Never overflows.
    public static func nextSize(current: Int, needed: Int, granule: Int) -> Int {
        precondition(current >= 0 && needed >= 0 && granule > 0, "MemoryMapping: sizes must not be negative")
        let (step, overflow) = current.addingReportingOverflow(min(current / 8, 1 << 30))
        return SystemPage.roundUp(max(needed, overflow ? Int.max : step), to: granule)
    }
}
