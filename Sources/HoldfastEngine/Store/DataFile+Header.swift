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

    /// The current header and the size of the file, which may have grown since. Changes nothing of
    /// this opening. Any thread.
    func headerAndSize(of file: any DiskFile) throws(HeapError)
        -> (HeapHeader, fileBytes: Int, hasDamagedCopy: Bool)
    {
        // The size after the header: the file is always made longer before a header says that the
        // heap is.
        let (readings, fileBytes) = try translating { () throws(SystemError) in
            (try file.headerReadings(), try file.size())
        }
        guard fileBytes > 0 else { throw HeapError.emptyFile(path: path) }
        switch HeapHeader.current(readings) {
        case .header(let header):
            // Any process may have grown the file since its size was asked for, but none cuts it
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
                path: path, found: version, supported: HeapLayout.formatVersion)
        case .foreignByteOrder: throw HeapError.foreignByteOrder(path: path)
        case .damaged: throw HeapError.damagedHeader(path: path)
        case .notAHeader: throw HeapError.notAHeap(path: path)
        }
    }

    func hasBothHeaders(_ file: any DiskFile) throws(SystemError) -> Bool {
        try file.headerReadings().allSatisfy(\.isHeader)
    }

    /// Writes the header, with a later sequence number, over a copy that is damaged; durable on
    /// return. Changes nothing if both copies are whole.
    ///
    /// Before the copy that is left is overwritten in its turn, since a power cut could damage that
    /// one too; and before a checkpoint writes pages, since with one copy lost pages that it has
    /// torn cannot be told from damaged ones.
    func replaceDamagedCopy(
        of header: inout HeapHeader, _ file: any DiskFile
    ) throws(SystemError) {
        guard let damaged = try file.headerReadings().firstIndex(where: { !$0.isHeader }) else {
            return
        }
        // A header's place follows from its number.
        header.sequence += (header.sequence + 1) % 2 == UInt64(damaged) ? 1 : 2
        try writeHeader(header, to: file)
        try file.sync()
    }

    /// Writes the header with the next sequence number over the older copy; durable on return.
    ///
    /// Also for a header that another process has written and that is unchanged: its writer may
    /// have died or failed before it was durable. Then it is only in the page cache, perhaps
    /// counted as written there, and the disk has the one before. That must not be so once anything
    /// depends on its contents: once a log that it names is used, or one that it does not name is
    /// removed.
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
    /// Without a sync: until it is durable, the newer copy counts, as ever.
    func repeatHeader(_ header: HeapHeader, to file: any DiskFile) throws(SystemError) {
        try file.write(header.encoded(), at: Int((header.sequence + 1) % 2) * HeapLayout.pageBytes)
    }

    /// A durable header that says the file is whole without its log.
    func endUseOfLog(_ header: inout HeapHeader, _ file: any DiskFile) throws(SystemError) {
        header.logInUse = false
        try writeNextHeader(&header, file)
    }

    // MARK: Length

    /// An eighth more at a time, but never more than a gibibyte of disk in hand.
    static func roomySize(current: Int, needed: Int) -> Int {
        FileGrowth.nextSize(
            current: current, needed: needed, granule: HeapLayout.fileGranule, maximumStep: 1 << 30)
    }

    /// Under the write lock, or alone.
    func grow(_ file: any DiskFile, toHold bytes: Int) throws(SystemError) {
        guard bytes > byteCount else { return }
        // Another process may have grown it. A rest behind the last granule, which a power cut can
        // leave, is no room.
        byteCount = try file.size()
        byteCount -= byteCount % HeapLayout.fileGranule
        guard bytes > byteCount else { return }
        let target = Self.roomySize(current: byteCount, needed: bytes)
        do throws(SystemError) {
            try file.grow(from: byteCount, to: target, reservingBlocks: options.reservesBlocks)
            byteCount = target
        } catch {
            // The extra space was only in hand for later; the exact need may still fit.
            let exact = SystemPage.roundUp(bytes, to: HeapLayout.fileGranule)
            guard exact < target else { throw error }
            try file.grow(from: byteCount, to: exact, reservingBlocks: options.reservesBlocks)
            byteCount = exact
        }
    }
}
