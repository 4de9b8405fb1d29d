import HoldfastFormat
import HoldfastSystem

/// Giving the blocks of free pages back to the file system, so that it is done as a whole whatever
/// ends the process.
extension HeapEngine {
    /// Free runs shorter than this are not worth a hole in the file.
    private static let shortestRun = 16

    /// Makes every longer free run of the base image a hole and forgets its checksums. Returns the
    /// bytes given back. The caller holds the checkpoint lock, or is alone.
    ///
    /// A header that is durable first says that it has begun. Who finds it so later, before
    /// anything else is written to the base image, does all of it again: zeros without their
    /// checksums forgotten would look like damage as soon as the pages were in use once more. What
    /// is free is read from the base image itself, which stands where it stood then, and not from
    /// an image that has gone on.
    func giveBackFreePages(_ file: any DiskFile) throws(HeapError) -> Int {
        var header = try readHeader(file)
        var freed = 0
        do throws(SystemError) {
            let isRepeated = header.isGivingBack
            header.isGivingBack = true
            try writeNextHeader(&header, file)
            let table = PageChecksums(parts: header.pageMapParts)
            // A page of checksums may be half written where the machine had stopped.
            var writer = BaseWriter(
                file: file, old: table, new: table, mends: isRepeated, keepsBlocks: false)
            for pages in try freeRuns(of: file, header) {
                let bytes = pages.count * HeapLayout.pageBytes
                try file.zero(
                    at: pages.lowerBound * HeapLayout.pageBytes, byteCount: bytes,
                    keepsBlocks: false)
                try writer.forget(pages)
                freed += bytes
            }
            try file.sync()
            header.isGivingBack = false
            header.sequence += 1
            try writeHeader(header, to: file)
        } catch {
            throw fail(error)
        }
        return freed
    }

    /// The longer free runs as of the last checkpoint.
    func freeRuns(of file: any DiskFile, _ header: HeapHeader) throws(SystemError) -> [Range<Int>] {
        Self.longRuns(try BaseVerifier.freePages(of: file, end: header.heapPages))
    }

    /// Those that are given back.
    static func longRuns(_ free: [Range<Int>]) -> [Range<Int>] {
        free.filter { $0.count >= shortestRun }
    }
}
