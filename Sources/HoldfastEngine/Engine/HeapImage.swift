import MemoryMapping
import Synchronization

/// The heap as this process sees it: one range of addresses that grows without moving.
///
///     base                        fileBacked                 byteCount                    capacity
///      |  the heap file, private   |  anonymous memory        |  reserved, no access       |
///
/// The front is the base image mapped copy-on-write, so an unchanged page is the page cache's own. What is added at the end, by this process's
/// transactions or by others' that it catches up with, is ordinary anonymous memory until the image is dropped and mapped anew; so a heap
/// grows inside a transaction without touching the disk, and a full disk is an error of the commit and never a signal.
///
/// Behind its capacity, in the same range, lie a table with one word a page for the lines that the open transaction has touched, and a bitmap of the
/// pages that this process has private copies of. Both are indexed by page number and cost memory only where they are used; an image that is only read has the first
/// one never, and the second not before there is a private copy.
///
/// A page of the file that cannot be read, because the file was cut or the disk fails, reads as zeros and is remembered: see `fault`.
final class HeapImage {
    /// Nil only before a reader has decided whether it visits.
    private var reservation: AddressReservation? { didSet { findGuarded() } }
    /// The file as a visitor has it mapped. Kept when the visitor registers, for threads that look at its header.
    private var visited: AddressReservation? { didSet { findGuarded() } }
    /// The one of the two that is the image, as each transaction looks at it three times: not counted, since this object keeps both.
    private var guarded: Unmanaged<AddressReservation>?
    /// Where the tables begin in the reservation.
    private var wordTable = 0
    private var privateTable = 0
    private let isReadOnly: Bool

    /// Moves once, when a visitor registers; then no transaction is open.
    private(set) var base: UnsafeMutableRawPointer
    private(set) var touchedLines: UnsafeMutablePointer<UInt64>
    private var privateWords: UnsafeMutablePointer<UInt64>

    /// Bytes that may be accessed.
    private(set) var byteCount = 0
    /// Bytes at the front that are mapped from the file.
    private(set) var fileBacked = 0
    private(set) var capacity = 0

    private var tableBytes = 0
    private var privateTableBytes = 0
    /// Pages that this process has (or may have) private copies of.
    private(set) var privatePageBound = 0

    /// The image grows to multiples of this: a large page of the processor, which the system only gives where there is room for a whole one.
    private static let growthGranule = 2 << 20

    private static let openImages = Atomic<Int>(0)

    /// Bytes of addresses for the next image. A process has 128 TiB of them, and other things need some too: a program that opens many heaps gets
    /// less for each.
    private static var preferredBytes: Int {
        switch openImages.load(ordering: .relaxed) {
        case ..<3: Int(HeapLayout.maximumBytes)
        case ..<32: 1 << 41
        default: 1 << 37
        }
    }

    /// Bytes of the tables for a heap of so many bytes.
    private static func tableSizes(for bytes: Int) -> (words: Int, privateBits: Int) {
        let pages = (bytes + HeapLayout.pageBytes - 1) / HeapLayout.pageBytes
        return (SystemPage.roundUp(pages * 8, to: tableGranule), SystemPage.roundUp((pages + 7) / 8, to: tableGranule))
    }

    /// Tables grow in steps of this, which every page size in use divides.
    private static let tableGranule = 1 << 20

    /// An image that is only read gets its addresses by `visit` or `reserve`, any other at once.
    init(isReadOnly: Bool = false) throws(MappingError) {
        self.isReadOnly = isReadOnly
        // No address that anything could be at.
        base = UnsafeMutableRawPointer(bitPattern: HeapLayout.pageBytes)!
        touchedLines = base.assumingMemoryBound(to: UInt64.self)
        privateWords = touchedLines
        if !isReadOnly { try reserve() }
    }

    /// Takes the addresses for a heap that can grow. Nothing is mapped there yet, and what a visitor had mapped is no longer the image.
    func reserve() throws(MappingError) {
        guard reservation == nil else { return }
        let preferred = Self.preferredBytes
        let tables = Self.tableSizes(for: preferred)
        let reservation = try AddressReservation(preferredBytes: preferred + tables.words + tables.privateBits)
        // Where there are not so many addresses, what is left of them beside the tables of all of them.
        let fitting = Self.tableSizes(for: reservation.capacity)
        let rest = (reservation.capacity - fitting.words - fitting.privateBits) / HeapLayout.fileGranule * HeapLayout.fileGranule
        capacity = min(preferred, rest)
        wordTable = SystemPage.roundUp(capacity)
        privateTable = wordTable + Self.tableSizes(for: capacity).words
        base = reservation.baseAddress
        touchedLines = (base + wordTable).assumingMemoryBound(to: UInt64.self)
        privateWords = (base + privateTable).assumingMemoryBound(to: UInt64.self)
        byteCount = 0
        fileBacked = 0
        reservation.guardAgainstFaults()
        self.reservation = reservation
        Self.openImages.add(1, ordering: .relaxed)
        // Only the headers are still looked at there.
        if let visited { try? visited.unmap(at: HeapLayout.fileGranule, byteCount: visited.capacity - HeapLayout.fileGranule) }
    }

    /// Maps the file for a visitor, who only looks at it as it is; `count` is a multiple of the file granule. Returns where its headers are, for as long as the image lives.
    func visit(_ file: any DiskFile, byteCount count: Int) throws(DiskError) -> UnsafeRawPointer {
        let mapping = try file.mapAlone(byteCount: count, kind: .privateCopy)
        mapping.guardAgainstFaults()
        visited = mapping
        base = mapping.baseAddress
        byteCount = count
        fileBacked = count
        return UnsafeRawPointer(base)
    }

    /// The visit comes to nothing: as if it had not begun.
    func cancelVisit() {
        visited = nil
        byteCount = 0
        fileBacked = 0
    }

    deinit {
        if reservation != nil { Self.openImages.subtract(1, ordering: .relaxed) }
    }

    /// The first byte of the file that could not be read; nil as long as all could.
    @inline(__always)
    var fault: Int? { guarded?._withUnsafeGuaranteedRef { $0.firstFault } }

    private func findGuarded() { guarded = (reservation ?? visited).map { .passUnretained($0) } }

    // MARK: Growing and shrinking

    /// Maps the first `count` bytes of the heap file; `count` is a multiple of the file granule.
    func mapFile(_ file: any DiskFile, byteCount count: Int) throws(HeapError) {
        guard count > fileBacked else { return }
        try mapping(file.path) { () throws(DiskError) in
            try file.map(
                into: reservation!, at: fileBacked, fileOffset: fileBacked, byteCount: count - fileBacked,
                kind: .privateCopy)
        }
        fileBacked = count
        byteCount = max(byteCount, count)
        try extendTables(file.path)
    }

    /// Maps the file's first `count` bytes shared, for building: what is stored is the file's.
    func mapShared(_ file: any DiskFile, byteCount count: Int) throws(HeapError) {
        guard count <= capacity else {
            throw HeapError.tooLarge(path: file.path, limitBytes: UInt64(capacity))
        }
        try mapping(file.path) { () throws(DiskError) in
            try file.map(into: reservation!, at: byteCount, fileOffset: byteCount, byteCount: count - byteCount, kind: .shared)
        }
        let oldPages = byteCount / HeapLayout.pageBytes
        byteCount = count
        fileBacked = count
        try extendTables(file.path)
        // Every line counts as noted: nothing is ever asked of the write set.
        let pages = count / HeapLayout.pageBytes
        (touchedLines + oldPages).update(repeating: ~0, count: pages - oldPages)
    }

    /// Writes what was stored to a shared mapping to the disk's file.
    func syncShared(_ file: any DiskFile) throws(DiskError) {
        do { try reservation!.sync(at: 0, byteCount: byteCount, .synchronous) } catch {
            throw DiskError(.sync, file.path, code: error.code)
        }
    }

    /// Makes at least `count` bytes accessible, with anonymous memory where the file does not reach.
    func extend(to count: Int, path: String) throws(HeapError) {
        guard count > byteCount else { return }
        guard count <= capacity else {
            throw HeapError.tooLarge(path: path, limitBytes: UInt64(capacity))
        }
        let target = min(
            FileGrowth.nextSize(current: byteCount, needed: count, granule: Self.growthGranule), capacity)
        do {
            try reservation!.mapAnonymous(byteCount: target - byteCount, at: byteCount)
            // A fault for each 2 MiB instead of 512, and so many fewer look-ups of addresses. Without large pages all works as well.
            try? reservation!.advise(at: byteCount, byteCount: target - byteCount, .hugePage)
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
            try reservation!.unmap(at: count, byteCount: byteCount - count)
        } catch {
            throw HeapError.io(operation: "unmap", path: path, code: error.code)
        }
        byteCount = count
        fileBacked = min(fileBacked, count)
    }

    private func extendTables(_ path: String) throws(HeapError) {
        if !isReadOnly {
            tableBytes = try extendTable(at: wordTable, from: tableBytes, toCover: byteCount / HeapLayout.pageBytes * 8, path)
        }
        if !isReadOnly || privateTableBytes > 0 { try extendPrivateTable(path) }
    }

    private func extendPrivateTable(_ path: String) throws(HeapError) {
        let pages = byteCount / HeapLayout.pageBytes
        privateTableBytes = try extendTable(at: privateTable, from: privateTableBytes, toCover: (pages + 63) / 64 * 8, path)
    }

    private func extendTable(at offset: Int, from current: Int, toCover needed: Int, _ path: String) throws(HeapError) -> Int {
        guard needed > current else { return current }
        let sizes = Self.tableSizes(for: capacity)
        let limit = offset == wordTable ? sizes.words : sizes.privateBits
        let target = min(FileGrowth.nextSize(current: current, needed: needed, granule: Self.tableGranule), limit)
        do { try reservation!.mapAnonymous(byteCount: target - current, at: offset + current) } catch {
            throw HeapError.io(operation: "map memory for", path: path, code: error.code)
        }
        return target
    }

    // MARK: Private copies

    /// Notes that this process has its own copy of the page; true if it had none before.
    @inline(__always)
    @discardableResult
    func markPrivate(page: Int) -> Bool {
        let bit: UInt64 = 1 << UInt64(page & 63)
        let word = privateWords[page >> 6]
        if word & bit != 0 { return false }
        privateWords[page >> 6] = word | bit
        privatePageBound += 1
        return true
    }

    func isPrivate(page: Int) -> Bool { privateTableBytes > 0 && privateWords[page >> 6] & (1 << UInt64(page & 63)) != 0 }

    /// Counts pages that an aborted transaction made private copies of.
    func countPrivate(pages: Int) { privatePageBound += pages }

    /// Before the first private copy: an image that is only read has no table of them.
    func preparePrivateCopies(path: String) throws(HeapError) {
        if privateTableBytes == 0 { try extendPrivateTable(path) }
    }

    /// Copies logged lines into the image, which `preparePrivateCopies` was called for; calls `changed` for pages that have become private by it.
    func apply(firstLine: UInt64, lines: UnsafeRawBufferPointer, changed: (Int) -> Void = { _ in }) {
        let offset = Int(firstLine) * HeapLayout.lineBytes
        (base + offset).copyMemory(from: lines.baseAddress!, byteCount: lines.count)
        let lastPage = (offset + lines.count - 1) / HeapLayout.pageBytes
        for page in offset / HeapLayout.pageBytes ... lastPage where markPrivate(page: page) { changed(page) }
    }

    /// Gives private copies back to the system: the image is the file's own first `fileBytes` bytes again, and nothing behind them.
    /// Maps the file anew, since advice to drop pages does not bring a file's contents back on Darwin.
    func dropPrivatePages(_ file: any DiskFile, fileBytes: Int) throws(HeapError) {
        let mapped = fileBytes - fileBytes % HeapLayout.fileGranule
        guard mapped <= capacity else {
            throw HeapError.tooLarge(path: file.path, limitBytes: UInt64(capacity))
        }
        try mapping(file.path) { () throws(DiskError) in
            try file.map(into: reservation!, at: 0, fileOffset: 0, byteCount: mapped, kind: .privateCopy)
        }
        fileBacked = mapped
        if byteCount > mapped { try shrink(to: mapped, path: file.path) } else { byteCount = mapped }
        try extendTables(file.path)
        do {
            // Fresh memory is zeros, whatever the table's size.
            if privatePageBound > 0 { try reservation!.mapAnonymous(byteCount: privateTableBytes, at: privateTable) }
        } catch {
            throw HeapError.io(operation: "map memory for", path: file.path, code: error.code)
        }
        privatePageBound = 0
    }

    private func mapping(_ path: String, _ body: () throws(DiskError) -> Void) throws(HeapError) {
        do { try body() } catch { throw HeapError(error) }
    }
}
