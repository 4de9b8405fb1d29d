import HoldfastFormat
import HoldfastSystem

/// Punching holes in the data file where pages are free, so that it is done as a whole whatever
/// ends the process.
struct HolePunching {
    /// Free runs of fewer pages are not worth a hole in the file: writers and checkpoints wait for
    /// all of the holes, and on ext4 one took three milliseconds, whatever its length. Each is also
    /// an extent of its own, and its pages are no longer written in one piece with others.
    private static let shortestRun = 16

    let dataFile: DataFile

    /// Makes every longer free run of the data file a hole and clears its checksums. Returns the
    /// bytes given back. The caller holds the checkpoint lock, or is alone.
    ///
    /// A durable header first says that it has begun. A process that finds it so later does all of
    /// it again before anything else is written to the data file: zeros with their checksums still
    /// there would look like damage as soon as the pages were in use once more. The free pages are
    /// read from the data file itself, which is as it was then, and not from an image that has gone
    /// on.
    func punch(_ file: any DiskFile, _ header: HeapHeader) throws(SystemError) -> Int {
        var header = header
        var freed = 0
        let isRepeated = header.isPunchingHoles
        header.isPunchingHoles = true
        try dataFile.writeNextHeader(&header, file)
        let table = PageChecksums(parts: header.pageMapParts)
        // A page of checksums may be half written where the machine had stopped.
        var writer = PageWriter(
            file: file, old: table, new: table, isRepair: isRepeated, keepsBlocks: false)
        let free = try PageVerifier.freePages(of: file, end: header.heapPages)
        for pages in Self.longRuns(free) {
            let bytes = pages.count * HeapLayout.pageBytes
            try file.zero(
                at: pages.lowerBound * HeapLayout.pageBytes, byteCount: bytes, keepsBlocks: false)
            try writer.forget(pages)
            freed += bytes
        }
        try file.sync()
        header.isPunchingHoles = false
        header.sequence += 1
        try dataFile.writeHeader(header, to: file)
        return freed
    }

    /// The runs that become holes.
    static func longRuns(_ free: [Range<Int>]) -> [Range<Int>] {
        free.filter { $0.count >= shortestRun }
    }
}
