import HoldfastFormat
import HoldfastSystem
import MemoryMapping
import Synchronization

/// The heap as this process sees it: one address range that grows without moving as long as a
/// transaction is open.
///
///     base                        fileBacked                 byteCount                    capacity
///      |  the heap file, private   |  anonymous memory        |  reserved, no access       |
///
/// The front is the data file, mapped copy-on-write, so an unchanged page is shared with the page
/// cache. Growth at the end, by this process's transactions or by commits that it catches up with,
/// is anonymous memory until the image is dropped and remapped. A heap therefore grows inside a
/// transaction without touching the disk, and a full disk is an error of the commit and never a
/// signal.
///
/// **The address space follows the size.** The reservation covers the mapped part and a tail behind
/// it (`tailBytes`). When the image grows, the reservation takes the addresses behind its end;
/// `AddressReservation(growingFrom:)` has chosen a place where they are free. If they are no longer
/// free, the image *moves*, but only while this thread holds the latch exclusively and no
/// transaction is open (`mayMove`): inside a transaction there are pointers into it.
///
/// **The tail** is for a transaction that has met a limit (`Shortage`): it cannot be aborted
/// midway, so it continues in the tail, and none of its changes are kept.
///
/// Beside the image lie a table with one word per page for the lines that the open transaction has
/// marked dirty, and a bitmap of this process's private pages. An image that is only read never has
/// the first, and has the second only once it has private pages. The first savepoint adds a second
/// table of dirty lines. All cover the whole reservation, so growth into the tail allocates no more
/// tables.
///
/// A page of the file that cannot be read, because the file was truncated or the disk fails, reads
/// as zeros and is recorded: see `fault`.
final class HeapImage {
    /// Nil only until the heap's size is known, and for a transient reader.
    private var reservation: AddressReservation? { didSet { findGuarded() } }
    /// The mapping of a transient reader. Kept when the reader registers, for threads that read its
    /// headers.
    private var visited: AddressReservation? { didSet { findGuarded() } }
    /// The one of the two that is the image. Unmanaged because each transaction reads it three
    /// times; safe because this object keeps both.
    private var guarded: Unmanaged<AddressReservation>?
    /// Earlier places of the image, cut down to the headers, which threads outside the latch may
    /// still read.
    private var former: [AddressReservation] = []
    private let isReadOnly: Bool
    /// Advice to the system about access to a file of that many bytes; nil for the system's
    /// default.
    var advice: @Sendable (Int) -> MemoryAdvice? = { _ in nil }
    /// Whether the system reads the file page by page, so that what is needed next should be named.
    private(set) var isReadByPages = false

    /// Moves only while no transaction is open.
    private(set) var base: UnsafeMutableRawPointer
    /// May move whenever the image grows.
    private(set) var touchedLines: UnsafeMutablePointer<UInt64>
    private var privateWords: UnsafeMutablePointer<UInt64>
    /// Like `touchedLines`, for the lines changed since the innermost savepoint; empty without one.
    private(set) var linesSinceMark: UnsafeMutablePointer<UInt64>
    private var lineTable = PageTable() { didSet { touchedLines = lineTable.words } }
    private var markTable = PageTable() { didSet { linesSinceMark = markTable.words } }
    private var privateTable = PageTable() { didSet { privateWords = privateTable.words } }

    /// Accessible bytes.
    private(set) var byteCount = 0
    /// Bytes at the front that are mapped from the file.
    private(set) var fileBacked = 0
    /// An upper bound for the number of private pages.
    private(set) var privatePageBound = 0

    /// Bytes of addresses behind the heap, used only by a transaction that has met a limit.
    private var tail = 0
    private var tailAtEntry = 0
    /// The size refused to a transaction because the addresses behind the image were taken; 0 for
    /// none.
    private var refused = 0

    /// Bytes of addresses available to the heap now.
    var capacity: Int { reservation?.capacity ?? 0 }

    /// The image grows to multiples of this: a huge page of the processor, which the system only
    /// provides if there is room for a whole one.
    private static let growthGranule = 2 << 20

    /// The size of the tail, and the minimum if addresses are scarce.
    static let tailBytes = 64 << 20
    private static let smallestTail = 1 << 20

    /// The maximum size of a heap: page numbers have 32 bits, and the tail's pages have numbers
    /// too.
    static let maximumBytes = Int(HeapLayout.maximumBytes) - tailBytes

    init(isReadOnly: Bool = false) {
        self.isReadOnly = isReadOnly
        base = UnsafeMutableRawPointer(bitPattern: HeapLayout.pageBytes)!
        let empty = PageTable()
        touchedLines = empty.words
        linesSinceMark = empty.words
        privateWords = empty.words
    }

    /// Maps the file for a transient reader, which changes nothing; `count` is a multiple of the
    /// file granule. Returns the address of its headers, valid for the lifetime of the image.
    func visit(_ file: any DiskFile, byteCount count: Int) throws(SystemError) -> UnsafeRawPointer {
        let mapping = try file.mapAlone(byteCount: count, kind: .privateCopy)
        mapping.guardAgainstFaults()
        advise(mapping, count)
        visited = mapping
        base = mapping.baseAddress
        byteCount = count
        fileBacked = count
        return UnsafeRawPointer(base)
    }

    /// Maps the headers once more, for a transient reader that registers: a mapping made by
    /// `mapAlone` is tied to the locks of `file`, see `SystemFile.map`.
    func separateVisit(_ file: any DiskFile) throws(SystemError) {
        guard let visited else { return }
        try file.map(
            into: visited, at: 0, fileOffset: 0, byteCount: HeapLayout.fileGranule,
            kind: .privateCopy)
    }

    /// Undoes `visit`.
    func cancelVisit() {
        visited = nil
        byteCount = 0
        fileBacked = 0
    }

    /// Detaches the mapping of a transient reader from the image: only its headers are still read.
    /// The next mapping starts afresh.
    func endVisit() {
        guard reservation == nil, let visited else { return }
        try? visited.unmap(
            at: HeapLayout.fileGranule, byteCount: visited.capacity - HeapLayout.fileGranule)
        byteCount = 0
        fileBacked = 0
    }

    /// The offset of the first byte of the file that could not be read; nil if there is none.
    @inline(__always)
    var fault: Int? { guarded?._withUnsafeGuaranteedRef { $0.firstFault } }

    private func findGuarded() { guarded = (reservation ?? visited).map { .passUnretained($0) } }

    // MARK: Addresses

    /// Ensures that there are addresses for `count` bytes and the tail behind them, and tables for
    /// both. If the addresses behind the image are taken, the image moves, if it may; `file` is the
    /// mapped file.
    func provide(
        _ count: Int, path: String, file: (any DiskFile)?, mayMove: Bool
    ) throws(HeapError) {
        guard count <= Self.maximumBytes else {
            throw HeapError.tooLarge(path: path, limitBytes: UInt64(Self.maximumBytes))
        }
        let needed = SystemPage.roundUp(count) + tail
        guard needed > capacity else { return }
        guard let reservation else {
            let (found, tail) = try addresses(for: count, path)
            do throws(MappingError) { try coverTables(found.capacity) } catch {
                throw shortage(path)
            }
            return take(found, tail: tail)
        }
        let former = reservation.capacity
        do throws(MappingError) {
            try reservation.extend(to: needed)
            do throws(MappingError) { try coverTables(needed) } catch {
                reservation.giveBack(from: former)
                throw error
            }
        } catch {
            guard mayMove else {
                if error.isOfNeighbour { refused = max(refused, count) }
                throw shortage(path)
            }
            do throws(HeapError) { try move(toHold: count, file, path) } catch {
                // Continues at the expense of the tail.
                guard count <= reservation.capacity else { throw error }
            }
        }
    }

    /// Moves the image before a transaction begins, if an earlier one could not grow because of a
    /// mapping behind the image. Call only while there are no pointers into the image. If no place
    /// is found, the next transaction reports it.
    func makeUpForRefusal(path: String, file: (any DiskFile)?) {
        guard refused > 0 else { return }
        let wanted = refused
        refused = 0
        try? provide(wanted, path: path, file: file, mayMove: true)
    }

    private func take(_ found: AddressReservation, tail: Int) {
        found.guardAgainstFaults()
        base = found.baseAddress
        reservation = found
        self.tail = tail
    }

    /// Addresses for `count` bytes and a tail, the smallest tail if addresses are scarce.
    private func addresses(for count: Int, _ path: String) throws(HeapError) -> (
        AddressReservation, tail: Int
    ) {
        let bytes = SystemPage.roundUp(max(count, HeapLayout.fileGranule))
        var tail = isReadOnly ? 0 : Self.tailBytes
        while true {
            do throws(MappingError) {
                return (try AddressReservation(growingFrom: bytes + tail), tail)
            } catch {
                guard tail > Self.smallestTail else { throw shortage(path) }
                tail /= 2
            }
        }
    }

    private func coverTables(_ bytes: Int) throws(MappingError) {
        let pages = bytes / HeapLayout.pageBytes
        if !isReadOnly { try lineTable.cover(pages) }
        if markTable.count > 0 { try markTable.cover(pages) }
        if !isReadOnly || privateTable.count > 0 { try privateTable.cover((pages + 63) / 64) }
    }

    /// The error for addresses or memory that the system denies.
    private func shortage(_ path: String) -> HeapError {
        byteCount == 0
            ? HeapError.outOfMemory(path: path)
            : HeapError.tooLarge(path: path, limitBytes: UInt64(byteCount))
    }

    /// Moves the image to a place with room for `count` bytes. Call only while there are no
    /// pointers into the image. O(private pages).
    private func move(
        toHold count: Int, _ file: (any DiskFile)?, _ path: String
    ) throws(HeapError) {
        // A page that could not be read once may be readable later; the fault must not be
        // forgotten.
        if let fault { throw HeapError.unreadable(path: path, offset: UInt64(fault)) }
        let (new, tail) = try addresses(for: count, path)
        if fileBacked > 0, let file {
            try mapping(path) { () throws(SystemError) in
                try file.map(
                    into: new, at: 0, fileOffset: 0, byteCount: fileBacked, kind: .privateCopy)
            }
            advise(new, fileBacked)
        }
        do throws(MappingError) {
            try new.mapAnonymous(byteCount: byteCount - fileBacked, at: fileBacked)
            try coverTables(new.capacity)
        } catch { throw shortage(path) }
        // Every page that this process has changed, or has received from the log, is marked. All
        // others are the file's, or zeros that were never used.
        for page in 0 ..< byteCount / HeapLayout.pageBytes where isPrivate(page: page) {
            let offset = page * HeapLayout.pageBytes
            (new.baseAddress + offset).copyMemory(
                from: base + offset, byteCount: HeapLayout.pageBytes)
        }
        if let reservation {
            reservation.giveBack(from: SystemPage.roundUp(HeapLayout.fileGranule))
            former.append(reservation)
        }
        take(new, tail: tail)
    }

    private func advise(_ mapping: AddressReservation, _ count: Int) {
        // Failed advice affects only the speed.
        let advice = advice(count)
        isReadByPages = advice == .random
        if let advice { try? mapping.advise(at: 0, byteCount: count, advice) }
    }

    /// Has the system read bytes of the file that are needed soon, in one go and without waiting
    /// for them. Any thread inside the latch.
    func readAhead(_ bytes: Range<Int>) {
        let start = SystemPage.roundDown(bytes.lowerBound)
        let end = min(bytes.upperBound, fileBacked)
        guard start >= 0, start < end else { return }
        guarded?._withUnsafeGuaranteedRef {
            try? $0.advise(at: start, byteCount: end - start, .willNeed)
        }
    }

    // MARK: Growing and shrinking

    /// Maps the first `count` bytes of the heap file; `count` is a multiple of the file granule.
    func mapFile(_ file: any DiskFile, byteCount count: Int) throws(HeapError) {
        guard count > fileBacked else { return }
        try provide(count, path: file.path, file: file, mayMove: true)
        try mapping(file.path) { () throws(SystemError) in
            try file.map(
                into: reservation!, at: fileBacked, fileOffset: fileBacked,
                byteCount: count - fileBacked,
                kind: .privateCopy)
        }
        fileBacked = count
        byteCount = max(byteCount, count)
        advise(reservation!, count)
    }

    /// Maps the file's first `count` bytes shared, for building: stores go to the file.
    func mapShared(_ file: any DiskFile, byteCount count: Int) throws(HeapError) {
        try provide(count, path: file.path, file: file, mayMove: byteCount == 0)
        try mapping(file.path) { () throws(SystemError) in
            try file.map(
                into: reservation!, at: byteCount, fileOffset: byteCount,
                byteCount: count - byteCount, kind: .shared)
        }
        let oldPages = byteCount / HeapLayout.pageBytes
        byteCount = count
        fileBacked = count
        // Every line counts as dirty, so the dirty tracker is never called.
        let pages = count / HeapLayout.pageBytes
        (touchedLines + oldPages).update(repeating: ~0, count: pages - oldPages)
    }

    /// Writes stores to a shared mapping to the disk.
    func syncShared(_ file: any DiskFile) throws(SystemError) {
        try file.mappingErrors(as: .sync) { () throws(MappingError) in
            try reservation!.sync(at: 0, byteCount: byteCount, .synchronous)
        }
    }

    /// Makes at least `count` bytes accessible, with anonymous memory behind the end of the file.
    /// `file` is the mapped file, if the image may move.
    func extend(to count: Int, path: String, file: (any DiskFile)? = nil, mayMove: Bool = false)
        throws(HeapError)
    {
        guard count > byteCount else { return }
        guard count <= Self.maximumBytes else {
            throw HeapError.tooLarge(path: path, limitBytes: UInt64(Self.maximumBytes))
        }
        let comfortable = min(
            FileGrowth.nextSize(current: byteCount, needed: count, granule: Self.growthGranule),
            Self.maximumBytes)
        do throws(HeapError) {
            try take(comfortable, path, file, mayMove: mayMove)
        } catch {
            // The exact size may fit even if the roomier one does not.
            let exact = SystemPage.roundUp(count, to: HeapLayout.fileGranule)
            guard exact < comfortable else { throw error }
            try take(exact, path, file, mayMove: mayMove)
        }
    }

    private func take(
        _ target: Int, _ path: String, _ file: (any DiskFile)?, mayMove: Bool
    ) throws(HeapError) {
        try provide(target, path: path, file: file, mayMove: mayMove)
        do throws(MappingError) {
            // Allocated together with half of the tail, the part that a refused transaction leaves
            // to the program: growth that would take the program's last memory is refused
            // beforehand.
            let cushion = SystemPage.roundUp(tail / 2)
            try reservation!.mapAnonymous(byteCount: target - byteCount + cushion, at: byteCount)
            try reservation!.unmap(at: target, byteCount: cushion)
        } catch { throw shortage(path) }
        // One page fault per 2 MiB instead of 512, and fewer TLB misses. Works without huge pages
        // too.
        try? reservation!.advise(at: byteCount, byteCount: target - byteCount, .hugePage)
        byteCount = target
    }

    /// Enters the tail, because a transaction has met a limit. Half of the tail is for the rest of
    /// the transaction; the other half is released to the program, which may need addresses
    /// meanwhile.
    func enterTail() {
        guard let reservation else { return }
        let half = SystemPage.roundUp(byteCount + (reservation.capacity - byteCount) / 2)
        if half > byteCount { reservation.giveBack(from: half) }
        tailAtEntry = restOfTail
    }

    /// Bytes of the tail that are left for a transaction that has met a limit.
    var restOfTail: Int { capacity - byteCount }

    /// Whether a lost transaction has used less than half of its remaining space.
    var hasHalfOfTail: Bool { restOfTail > tailAtEntry / 2 }

    /// Extends the image into the tail. The memory is not shared with any process, but is mapped
    /// shared if the system provides no other.
    func extendIntoTail(to count: Int, path: String) throws(HeapError) {
        guard count > byteCount else { return }
        guard let reservation else { throw shortage(path) }
        if count > reservation.capacity {
            try lengthenTail(of: reservation, toHold: count, path)
        }
        guard count <= reservation.capacity else { throw shortage(path) }
        let target = min(SystemPage.roundUp(count, to: Self.smallestTail), reservation.capacity)
        do throws(MappingError) {
            do throws(MappingError) {
                try reservation.mapAnonymous(byteCount: target - byteCount, at: byteCount)
            } catch {
                try reservation.mapAnonymous(
                    byteCount: target - byteCount, at: byteCount, shared: true)
            }
        } catch { throw shortage(path) }
        byteCount = target
    }

    /// Adds addresses to an exhausted tail. If the transaction has met a limit other than that of
    /// addresses, there are enough; the last of them are left to the program.
    private func lengthenTail(
        of reservation: AddressReservation, toHold count: Int, _ path: String
    ) throws(HeapError) {
        let longer = SystemPage.roundUp(count, to: Self.smallestTail)
        guard longer <= Int(HeapLayout.maximumBytes) else { throw shortage(path) }
        do throws(MappingError) {
            try coverTables(longer)
            try reservation.extend(to: longer + Self.tailBytes)
        } catch { throw shortage(path) }
        reservation.giveBack(from: longer)
    }

    /// Unmaps everything from `count` bytes on.
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

    /// Does the same for the memory of a transaction that is not kept, including its addresses:
    /// other code in this process may need them more.
    func giveBack(from count: Int) {
        guard let reservation else { return }
        let end = max(SystemPage.roundUp(count, to: HeapLayout.fileGranule), fileBacked)
        if end < byteCount, (try? reservation.unmap(at: end, byteCount: byteCount - end)) != nil {
            byteCount = end
        }
        let wanted = SystemPage.roundUp(byteCount) + tail
        if wanted < reservation.capacity {
            reservation.giveBack(from: wanted)
        } else {
            // The addresses that the lost transaction released to the program.
            try? reservation.extend(to: wanted)
        }
    }

    // MARK: Private pages

    /// Records that the page is private; true if it was not before.
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

    /// May be asked by readers while pages are kept: then it is right about those that it finds
    /// private.
    func isPrivate(page: Int) -> Bool {
        page >> 6 < privateTable.count
            && privateWord(of: page).pointee.load(ordering: .acquiring)
                & (1 << UInt64(page & 63)) != 0
    }

    private func privateWord(of page: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        UnsafeMutableRawPointer(privateWords + (page >> 6)).assumingMemoryBound(
            to: Atomic<UInt64>.self)
    }

    /// Counts pages that an aborted transaction made private.
    func countPrivate(pages: Int) { privatePageBound += pages }

    /// Called before the first private page: an image that is only read has no table of them.
    func preparePrivateCopies(path: String) throws(HeapError) {
        guard privateTable.count == 0 else { return }
        let pages = max(capacity, HeapLayout.fileGranule) / HeapLayout.pageBytes
        do throws(MappingError) { try privateTable.cover((pages + 63) / 64) } catch {
            throw shortage(path)
        }
    }

    /// Clears all words of dirty lines, for a caller that does not know which are set.
    func clearTouchedLines() throws(MappingError) {
        try lineTable.clear()
        try markTable.clear()
    }

    /// Called before a savepoint begins: an image without savepoints has no table for them.
    func prepareSavepoints(path: String) throws(HeapError) {
        do throws(MappingError) { try markTable.cover(capacity / HeapLayout.pageBytes) } catch {
            throw HeapError.outOfMemory(path: path)
        }
    }

    /// Copies logged lines into the image, after `preparePrivateCopies`; calls `changed` for pages
    /// that become private.
    func apply(firstLine: UInt64, lines: UnsafeRawBufferPointer, changed: (Int) -> Void = { _ in })
    {
        let offset = Int(firstLine) * HeapLayout.lineBytes
        // The system copies the file's page.
        Interleaving.step(.reads, .init(.page, offset / HeapLayout.pageBytes))
        (base + offset).copyMemory(from: lines.baseAddress!, byteCount: lines.count)
        let lastPage = (offset + lines.count - 1) / HeapLayout.pageBytes
        for page in offset / HeapLayout.pageBytes ... lastPage where markPrivate(page: page) {
            changed(page)
        }
    }

    /// Whether the page is the file's, whatever the file has at the moment.
    func isOfFile(page: Int) -> Bool {
        (page + 1) * HeapLayout.pageBytes <= fileBacked && !isPrivate(page: page)
    }

    /// Makes a page of the file private as it is now, after `preparePrivateCopies`. Unlike `apply`,
    /// this may happen while other threads read the image, but not while another one changes it:
    /// readers see the same bytes before and after.
    func keep(page: Int) {
        Interleaving.step(.reads, .init(.page, page))
        let word = (base + page * HeapLayout.pageBytes).assumingMemoryBound(
            to: Atomic<UInt64>.self)
        // The system copies a page for a store. This one stores what is there.
        var expected = word.pointee.load(ordering: .relaxed)
        while true {
            let (isDone, found) = word.pointee.compareExchange(
                expected: expected, desired: expected, ordering: .sequentiallyConsistent)
            if isDone { break }
            expected = found
        }
        _ = privateWord(of: page).pointee.bitwiseOr(
            1 << UInt64(page & 63), ordering: .sequentiallyConsistent)
        privatePageBound += 1
    }

    /// Whether pages can be kept.
    var canKeepPages: Bool { privateTable.count > 0 }

    /// Whether the image is the whole file of that many bytes, without private pages.
    func isFile(ofBytes fileBytes: Int) -> Bool {
        let mapped = fileBytes - fileBytes % HeapLayout.fileGranule
        return privatePageBound == 0 && fileBacked == mapped && byteCount == mapped
    }

    /// Drops all private pages: the image is again the file's own first `fileBytes` bytes, and
    /// nothing behind them. Remaps the file, because advice to drop pages does not restore a file's
    /// contents on Darwin.
    func dropPrivatePages(_ file: any DiskFile, fileBytes: Int) throws(HeapError) {
        let mapped = fileBytes - fileBytes % HeapLayout.fileGranule
        try provide(mapped, path: file.path, file: file, mayMove: true)
        try mapping(file.path) { () throws(SystemError) in
            try file.map(
                into: reservation!, at: 0, fileOffset: 0, byteCount: mapped, kind: .privateCopy)
        }
        fileBacked = mapped
        if byteCount > mapped {
            try shrink(to: mapped, path: file.path)
        } else {
            byteCount = mapped
        }
        advise(reservation!, mapped)
        do throws(MappingError) {
            if privatePageBound > 0 { try privateTable.clear() }
        } catch { throw shortage(file.path) }
        privatePageBound = 0
    }

    /// Unmaps everything and returns the memory of the tables. The next mapping starts afresh. Call
    /// only while there are no pointers into the image.
    func release() {
        reservation = nil
        former = []
        base = UnsafeMutableRawPointer(bitPattern: HeapLayout.pageBytes)!
        lineTable = PageTable()
        markTable = PageTable()
        privateTable = PageTable()
        byteCount = 0
        fileBacked = 0
        privatePageBound = 0
        refused = 0
    }

    private func mapping(_ path: String, _ body: () throws(SystemError) -> Void) throws(HeapError) {
        do { try body() } catch { throw HeapError(error) }
    }
}
