import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// The header of the heap file, and the file's length.
extension DataFile {
    func readHeader(_ file: any DiskFile) throws(HeapError) -> HeapHeader {
        let (header, bytes, hasDamagedCopy) = try headerAndSize(of: file)
        byteCount = bytes
        reservedBytes = Int(header.reservedBytes)
        hasDamagedHeader = hasDamagedCopy
        return header
    }

    /// The current header, and the file's size, which may have grown since. Changes nothing in this
    /// opening. Any thread.
    func headerAndSize(of file: any DiskFile) throws(HeapError)
        -> (HeapHeader, fileBytes: Int, hasDamagedCopy: Bool)
    {
        // The size is read after the header: a file is always extended before a header declares the
        // heap larger.
        let (readings, fileBytes) = try translating { () throws(SystemError) in
            (try file.headerReadings(), try file.size())
        }
        guard fileBytes > 0 else { throw HeapError.emptyFile(path: path) }
        switch HeapHeader.current(readings) {
        case .header(let header):
            let unknown = header.features.unknown(forWriting: mode == .readWrite)
            guard unknown == 0 else {
                throw HeapError.unknownFeatures(path: path, features: unknown, mayBeRead: true)
            }
            // Any process may have grown the file since its size was read, but none truncates it
            // while it is in use.
            let expected = SystemPage.roundUp(
                Int(header.heapPages) * HeapLayout.pageBytes, to: HeapLayout.fileGranule)
            guard fileBytes >= expected || options.salvages else {
                throw HeapError.truncated(
                    path: path, expectedBytes: UInt64(expected), actualBytes: UInt64(fileBytes))
            }
            return (header, fileBytes, !readings.allSatisfy(\.isHeader))
        case .newerFormat(let version):
            throw HeapError.newerFormat(
                path: path, found: version, supported: HeapLayout.featureVersion)
        case .unknownFeatures(let features):
            throw HeapError.unknownFeatures(path: path, features: features, mayBeRead: false)
        case .foreignByteOrder: throw HeapError.foreignByteOrder(path: path)
        case .damaged: throw HeapError.damagedHeader(path: path)
        case .notAHeader: throw HeapError.notAHeap(path: path)
        }
    }

    /// Writes the header, with a later sequence number, over a damaged copy; durable on return.
    /// Changes nothing if both copies are valid.
    ///
    /// Must come before the remaining copy is overwritten, because a power cut could damage that
    /// one too. Must also come before a checkpoint writes pages: with one copy lost, pages torn by
    /// that checkpoint could not be told from damaged ones.
    func replaceDamagedCopy(
        of header: inout HeapHeader, _ file: any DiskFile
    ) throws(SystemError) {
        guard hasDamagedHeader,
            let damaged = try file.headerReadings().firstIndex(where: { !$0.isHeader })
        else { return }
        // A header's place follows from its sequence number.
        header.sequence += (header.sequence + 1) % 2 == UInt64(damaged) ? 1 : 2
        try writeHeader(header, to: file)
        try file.sync()
        hasDamagedHeader = false
    }

    /// Writes the header with the next sequence number over the older copy; durable on return.
    ///
    /// Also called to confirm a header that another process has written: its writer may have died
    /// or failed before it was durable. It would then be only in the page cache, possibly marked
    /// clean there, with the previous header on the disk. That must not happen once anything
    /// depends on the header's contents: once a log that it names is used, or a log that it does
    /// not name is removed.
    func writeNextHeader(_ header: inout HeapHeader, _ file: any DiskFile) throws(SystemError) {
        header.sequence += 1
        try writeHeader(header, to: file)
        try file.sync()
    }

    /// Writes the header over its older copy.
    func writeHeader(_ header: HeapHeader, to file: any DiskFile) throws(SystemError) {
        try file.write(header.encoded(), at: Int(header.sequence % 2) * HeapLayout.pageBytes)
    }

    /// Writes the current header over the other copy too, so that a heap at rest opens with either.
    /// Without a sync: until it is durable, the newer copy is the valid one, as always.
    func repeatHeader(_ header: HeapHeader, to file: any DiskFile) throws(SystemError) {
        try file.write(header.encoded(), at: Int((header.sequence + 1) % 2) * HeapLayout.pageBytes)
    }

    /// Writes a durable header that marks the file as complete without its log.
    func endUseOfLog(_ header: inout HeapHeader, _ file: any DiskFile) throws(SystemError) {
        header.logInUse = false
        try writeNextHeader(&header, file)
    }

    // MARK: Length

    /// An eighth more, but at most 1 GiB of disk space in reserve.
    static func roomySize(current: Int, needed: Int) -> Int {
        FileGrowth.nextSize(
            current: current, needed: needed, granule: HeapLayout.fileGranule, maximumStep: 1 << 30)
    }

    /// Requires the write lock or exclusive access.
    func grow(_ file: any DiskFile, toHold bytes: Int) throws(SystemError) {
        guard bytes > byteCount else { return }
        // Another process may have grown it. A remainder behind the last granule, which a power cut
        // can leave, does not count as room.
        byteCount = try file.size()
        byteCount -= byteCount % HeapLayout.fileGranule
        guard bytes > byteCount else { return }
        let target = Self.roomySize(current: byteCount, needed: bytes)
        do throws(SystemError) {
            try file.grow(from: byteCount, to: target, reservingBlocks: options.reservesBlocks)
            byteCount = target
        } catch {
            // The extra space was only a reserve; the exact size may still fit.
            let exact = SystemPage.roundUp(bytes, to: HeapLayout.fileGranule)
            guard exact < target else { throw error }
            try file.grow(from: byteCount, to: exact, reservingBlocks: options.reservesBlocks)
            byteCount = exact
        }
    }
}
