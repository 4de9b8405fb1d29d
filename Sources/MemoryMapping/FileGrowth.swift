/// Extending and truncating files for mappings.
///
/// Thread safety: any thread. Changes to one file's size must be serialised, between processes too.
public enum FileGrowth {
    /// The minimum granule of ``nextSize(current:needed:granule:maximumStep:)``: smaller steps cost
    /// more in system calls than they save in disk space.
    static let smallestGranule = 64 << 10

    /// Extends the file from `oldSize` to `newSize` bytes; the new part reads as zeros. A file that
    /// is already at least that long keeps its length.
    ///
    /// With `reservingBlocks`, the disk blocks of the new part are allocated now
    /// (`posix_fallocate`; `F_PREALLOCATE` on Darwin), so a full disk is an error here and never a
    /// `SIGBUS` at a later store through the mapping. Otherwise the file is sparse. Cost: O(1)
    /// without reserving; otherwise up to the file system, O(bytes added) if it has to write zeros.
    ///
    /// After an error the file has its previous length (`oldSize`, unless another program changed
    /// it). A file size limit (`ulimit -f`) also sends `SIGXFSZ`, which kills a process that does
    /// not ignore it. Throws `grow` (no space, limit reached, no permission to write) or `status`.
    /// Traps for a negative size or one that is not growth.
    public static func grow(
        fileDescriptor: Int32, from oldSize: Int, to newSize: Int, reservingBlocks: Bool
    ) throws(MappingError) {
        demand(
            oldSize >= 0 && newSize >= oldSize, "a file cannot grow from \(oldSize) to \(newSize)")
        guard newSize > oldSize else { return }
        let present: Int
        switch SystemCalls.status(fileDescriptor) {
        case .failure(let error): throw MappingError(.status, error)
        case .success(let status): present = status.size
        }
        let failure: SystemError?
        if reservingBlocks {
            failure = SystemCalls.allocate(
                fileDescriptor, from: oldSize, to: newSize, presentSize: present)
        } else {
            // Setting the size would truncate a file that another program has extended.
            failure = present < newSize ? SystemCalls.truncate(fileDescriptor, to: newSize) : nil
        }
        if let failure {
            // Some of the blocks may have been allocated, and some file systems move the end as
            // they go.
            _ = SystemCalls.truncate(fileDescriptor, to: present)
            throw MappingError(.grow, failure)
        }
    }

    /// Makes the file `newSize` bytes long, by truncation or with a sparse extension. Throws
    /// `truncate`; then nothing has changed. Mappings of the removed part stay, and touching them
    /// is a fault, which kills the process unless it is guarded
    /// (``AddressReservation/guardAgainstFaults()``): unmap first.
    public static func truncate(fileDescriptor: Int32, to newSize: Int) throws(MappingError) {
        demand(newSize >= 0, "a file cannot have \(newSize) bytes")
        if let error = SystemCalls.truncate(fileDescriptor, to: newSize) {
            throw MappingError(.truncate, error)
        }
    }

    /// The size to grow to so that the total cost of growing is low: at least `needed`, and at
    /// least an eighth (or `maximumStep` bytes, if that is less) more than `current`, in whole
    /// granules of 64 KiB or more. O(1).
    ///
    /// Never overflows: sizes near the largest integer give the largest multiple of the granule,
    /// which no file system grants. `maximumStep` keeps very large files from taking much more disk
    /// space than they need.
    public static func nextSize(current: Int, needed: Int, granule: Int, maximumStep: Int = .max)
        -> Int
    {
        demand(
            current >= 0 && needed >= 0 && granule > 0 && maximumStep >= 0,
            "sizes must not be negative, nor a granule zero")
        // Rounded up, so that a size that is not a multiple of eight also grows by a full eighth.
        let eighth = current / 8 + (current % 8 == 0 ? 0 : 1)
        let (step, overflow) = current.addingReportingOverflow(min(eighth, maximumStep))
        return SystemPage.roundUp(
            max(needed, overflow ? Int.max : step), to: max(granule, smallestGranule))
    }
}
