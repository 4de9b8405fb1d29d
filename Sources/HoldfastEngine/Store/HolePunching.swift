import HoldfastFormat
import HoldfastSystem

/// Punches holes in the data file where pages are free, atomically with respect to crashes.
struct HolePunching {
    /// Shorter free runs are not worth a hole: writers and checkpoints wait for all of the holes,
    /// and on ext4 one took three milliseconds, whatever its length. Each is also a separate
    /// extent, and its pages are no longer written together with others.
    private static let shortestRun = 16

    let dataFile: DataFile

    /// Punches a hole for every longer free run of the data file and clears its checksums. Returns
    /// the bytes of the holes. The caller holds the checkpoint lock, or has exclusive access.
    ///
    /// A durable header first records the start. A process that finds this record later repeats the
    /// whole operation before anything else is written to the data file: zeros that still had
    /// checksums would look like damage as soon as their pages were used again. The free pages are
    /// read from the data file, which has not changed since, and not from an image that has
    /// progressed.
    func punch(_ file: any DiskFile, _ header: HeapHeader) throws(SystemError) -> Int {
        var header = header
        var freed = 0
        let isRepeated = header.isPunchingHoles
        header.isPunchingHoles = true
        try dataFile.writeNextHeader(&header, file)
        let table = PageChecksums(parts: header.pageMapParts)
        // A checksum page may be torn if the machine had stopped.
        var writer = PageWriter(
            file: file, old: table, new: table, sum: isRepeated ? nil : header.pageSum,
            isRepair: isRepeated, keepsBlocks: false)
        var queue = ArchiveQueueWriter(of: dataFile, after: header)
        let free = try PageVerifier.freePages(of: file, end: header.heapPages)
        let holes = Self.longRuns(free)
        for pages in holes {
            let bytes = pages.count * HeapLayout.pageBytes
            try file.zero(
                at: pages.lowerBound * HeapLayout.pageBytes, byteCount: bytes, keepsBlocks: false)
            try writer.forget(pages)
            freed += bytes
        }
        try file.sync()
        header.isPunchingHoles = false
        header.pageSum = writer.sum
        header.sequence += 1
        queue?.seal(header, epoch: 0, zeroed: holes)
        try dataFile.writeHeader(header, to: file)
        return freed
    }

    /// The runs that become holes.
    static func longRuns(_ free: [Range<Int>]) -> [Range<Int>] {
        free.filter { $0.count >= shortestRun }
    }
}
