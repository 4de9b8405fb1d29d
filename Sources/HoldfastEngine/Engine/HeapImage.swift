import MemoryMapping

/// The heap as this process sees it: one range of addresses that grows without moving.
///
///     base                        fileBacked                 byteCount                    capacity
///      |  the heap file, private   |  anonymous memory        |  reserved, no access       |
///
/// The front is the base image mapped copy-on-write, so an unchanged page is the page cache's own. What a transaction adds
/// at the end is ordinary anonymous memory until a checkpoint has written it to the file; so a heap grows inside a transaction
/// without touching the disk, and a full disk is an error of the commit and never a signal.
///
/// Beside it lies a table with one word a page for the lines that the open transaction has touched, and a bitmap of the
/// pages that differ from the base image. Both are indexed by page number and cost memory only where they are used.
final class HeapImage {
    private let reservation: AddressReservation
    private let wordTable: AddressReservation
    private let changedTable: AddressReservation

    let base: UnsafeMutableRawPointer
    let touchedLines: UnsafeMutablePointer<UInt64>
    private let changedWords: UnsafeMutablePointer<UInt64>

    /// Bytes that may be accessed.
    private(set) var byteCount = 0
    /// Bytes at the front that are mapped from the file.
    private(set) var fileBacked = 0
    var capacity: Int { reservation.capacity }

    private var tableBytes = 0
    private var changedTableBytes = 0
    /// Pages whose newest committed contents are not in the base image yet, in no order, each once.
    private(set) var changedPages: [UInt32] = []
    /// Pages that this process has (or may have) private copies of.
    private(set) var privatePageBound = 0

    init() throws(MappingError) {
        reservation = try AddressReservation()
        wordTable = try AddressReservation(
            preferredBytes: reservation.capacity / HeapLayout.pageBytes * 8, minimumBytes: SystemPage.size)
        changedTable = try AddressReservation(
            preferredBytes: max(reservation.capacity / HeapLayout.pageBytes / 8, SystemPage.size),
            minimumBytes: SystemPage.size)
        base = reservation.baseAddress
        touchedLines = wordTable.baseAddress.assumingMemoryBound(to: UInt64.self)
        changedWords = changedTable.baseAddress.assumingMemoryBound(to: UInt64.self)
    }

    // MARK: Growing and shrinking

    /// Maps the first `count` bytes of the heap file; `count` is a multiple of the file granule.
    func mapFile(_ file: any DiskFile, byteCount count: Int) throws(HeapError) {
        guard count > fileBacked else { return }
        try mapping(file.path) { () throws(DiskError) in
            try file.map(
                into: reservation, at: fileBacked, fileOffset: fileBacked, byteCount: count - fileBacked,
                kind: .privateCopy)
        }
        fileBacked = count
        byteCount = max(byteCount, count)
        try extendTables(file.path)
    }

    /// Makes at least `count` bytes accessible, with anonymous memory where the file does not reach.
    func extend(to count: Int, path: String) throws(HeapError) {
        guard count > byteCount else { return }
        guard count <= reservation.capacity else {
            throw HeapError.tooLarge(path: path, limitBytes: UInt64(reservation.capacity))
        }
        let target = min(
            FileGrowth.nextSize(current: byteCount, needed: count, granule: 1 << 20), reservation.capacity)
        do {
            try reservation.mapAnonymous(byteCount: target - byteCount, at: byteCount)
        } catch {
            throw HeapError.io(operation: "map memory for", path: path, code: error.code)
        }
        byteCount = target
        try extendTables(path)
    }

    /// Lets go of everything from `count` bytes on.
    func shrink(to count: Int, path: String) throws(HeapError) {
        guard count < byteCount else { return }
        do {
            try reservation.unmap(at: count, byteCount: byteCount - count)
        } catch {
            throw HeapError.io(operation: "unmap", path: path, code: error.code)
        }
        byteCount = count
        fileBacked = min(fileBacked, count)
    }

    private func extendTables(_ path: String) throws(HeapError) {
        let pages = byteCount / HeapLayout.pageBytes
        do {
            tableBytes = try Self.extend(wordTable, from: tableBytes, toCover: pages * 8)
            changedTableBytes = try Self.extend(changedTable, from: changedTableBytes, toCover: (pages + 63) / 64 * 8)
        } catch {
            throw HeapError.io(operation: "map memory for", path: path, code: error.code)
        }
    }

    private static func extend(
        _ table: AddressReservation, from current: Int, toCover needed: Int
    ) throws(MappingError) -> Int {
        guard needed > current else { return current }
        let target = min(FileGrowth.nextSize(current: current, needed: needed, granule: 1 << 20), table.capacity)
        try table.mapAnonymous(byteCount: target - current, at: current)
        return target
    }

    // MARK: Pages that differ from the base image

    func markChanged(page: Int) {
        let bit: UInt64 = 1 << UInt64(page & 63)
        if changedWords[page >> 6] & bit == 0 {
            changedWords[page >> 6] |= bit
            changedPages.append(UInt32(truncatingIfNeeded: page))
            privatePageBound += 1
        }
    }

    /// Counts pages that an aborted transaction made private copies of.
    func countPrivate(pages: Int) { privatePageBound += pages }

    /// Copies logged lines into the image.
    func apply(firstLine: UInt64, lines: UnsafeRawBufferPointer) {
        let offset = Int(firstLine) * HeapLayout.lineBytes
        (base + offset).copyMemory(from: lines.baseAddress!, byteCount: lines.count)
        let lastPage = (offset + lines.count - 1) / HeapLayout.pageBytes
        for page in offset / HeapLayout.pageBytes ... lastPage { markChanged(page: page) }
    }

    /// Calls `body` with runs of adjacent changed pages below `endPage`, ascending, at most `limit` pages each.
    func forEachChangedRun<Failure: Error>(
        endPage: Int, limit: Int, _ body: (_ firstPage: Int, _ count: Int) throws(Failure) -> Void
    ) throws(Failure) {
        changedPages.sort()
        var index = 0
        while index < changedPages.count {
            let first = Int(changedPages[index])
            guard first < endPage else { break }
            var count = 1
            while index + count < changedPages.count, count < limit, Int(changedPages[index + count]) == first + count,
                first + count < endPage
            {
                count += 1
            }
            try body(first, count)
            index += count
        }
    }

    /// After a checkpoint: the base image has everything.
    func clearChanged() {
        for page in changedPages { changedWords[Int(page) >> 6] = 0 }
        changedPages.removeAll(keepingCapacity: changedPages.count < 1 << 16)
    }

    /// Gives private copies back to the system: the whole image is the file's own pages again. Everything in it must have been
    /// written to the file. Maps the file anew, since advice to drop pages does not bring a file's contents back on Darwin.
    func dropPrivatePages(_ file: any DiskFile, fileBytes: Int) throws(HeapError) {
        let target = min(byteCount, fileBytes)
        try mapping(file.path) { () throws(DiskError) in
            try file.map(into: reservation, at: 0, fileOffset: 0, byteCount: target, kind: .privateCopy)
        }
        fileBacked = target
        privatePageBound = 0
    }

    private func mapping(_ path: String, _ body: () throws(DiskError) -> Void) throws(HeapError) {
        do { try body() } catch { throw HeapError(error) }
    }
}
