import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// The heap as this process sees it: one range of addresses that grows without moving as long as a
/// transaction is open.
///
///     base                        fileBacked                 byteCount                    capacity
///      |  the heap file, private   |  anonymous memory        |  reserved, no access       |
///
/// The front is the base image mapped copy-on-write, so an unchanged page is the page cache's own.
/// What is added at the end, by this process's transactions or by others' that it catches up with,
/// is ordinary anonymous memory until the image is dropped and mapped anew; so a heap grows inside
/// a transaction without touching the disk, and a full disk is an error of the commit and never a
/// signal.
///
/// **Addresses follow the size.** Reserved is what is mapped, and a tail behind it (`tailBytes`).
/// When the image grows, the reservation takes the addresses behind its end;
/// `AddressReservation(growingFrom:)` has looked for a place where they are free. Where they are
/// not any more, the image *moves*, but only while this thread is alone behind the latch and no
/// transaction is open (`mayMove`): inside a transaction there are pointers into it.
///
/// **The tail** belongs to a transaction that has met a limit (`Shortage`): it cannot be left in
/// the middle, so it goes on in there, and nothing of it is kept.
///
/// Beside the image lie a table with one word a page for the lines that the open transaction has
/// touched, and a bitmap of the pages that this process has private copies of; an image that is
/// only read has the first one never, and the second not before there is a private copy. Both cover
/// all of the reservation, so growth into the tail needs nothing more.
///
/// A page of the file that cannot be read, because the file was cut or the disk fails, reads as
/// zeros and is remembered: see `fault`.
final class HeapImage {
    /// Nil only before it is known how large the heap is, and for as long as a reader visits.
    private var reservation: AddressReservation? { didSet { findGuarded() } }
    /// The file as a visitor has it mapped. Kept when the visitor registers, for threads that look
    /// at its header.
    private var visited: AddressReservation? { didSet { findGuarded() } }
    /// The one of the two that is the image, as each transaction looks at it three times: not
    /// counted, since this object keeps both.
    private var guarded: Unmanaged<AddressReservation>?
    /// Where the image was before it moved, cut down to the headers: threads that do not pass the
    /// gate may look at those.
    private var former: [AddressReservation] = []
    private let isReadOnly: Bool
    /// How the file's pages are going to be read, by the bytes of the file; nil leaves that to the
    /// system.
    var advice: @Sendable (Int) -> MemoryAdvice? = { _ in nil }

    /// Moves only while no transaction is open.
    private(set) var base: UnsafeMutableRawPointer
    /// May move whenever the image grows.
    private(set) var touchedLines: UnsafeMutablePointer<UInt64>
    private var privateWords: UnsafeMutablePointer<UInt64>
    private var lineTable = PageTable() { didSet { touchedLines = lineTable.words } }
    private var privateTable = PageTable() { didSet { privateWords = privateTable.words } }

    /// Bytes that may be accessed.
    private(set) var byteCount = 0
    /// Bytes at the front that are mapped from the file.
    private(set) var fileBacked = 0
    /// Pages that this process has (or may have) private copies of.
    private(set) var privatePageBound = 0

    /// Bytes of addresses behind the heap that only a transaction which has met a limit uses.
    private var tail = 0
    private var tailAtEntry = 0
    /// What a transaction was refused because the addresses behind the image were taken; 0 if
    /// nothing.
    private var refused = 0

    /// Bytes of addresses that there are for the heap now.
    var capacity: Int { reservation?.capacity ?? 0 }

    /// The image grows to multiples of this: a large page of the processor, which the system only
    /// gives where there is room for a whole one.
    private static let growthGranule = 2 << 20

    /// Bytes of the tail, and the fewest that do where there are not so many addresses.
    static let tailBytes = 64 << 20
    private static let smallestTail = 1 << 20

    /// The most that a heap can have: page numbers have 32 bits, and those of the tail are numbers
    /// too.
    static let maximumBytes = Int(HeapLayout.maximumBytes) - tailBytes

    init(isReadOnly: Bool = false) {
        self.isReadOnly = isReadOnly
        base = UnsafeMutableRawPointer(bitPattern: HeapLayout.pageBytes)!
        let empty = PageTable()
        touchedLines = empty.words
        privateWords = empty.words
    }

    /// Maps the file for a visitor, who only looks at it as it is; `count` is a multiple of the
    /// file granule. Returns where its headers are, for as long as the image lives.
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

    /// Maps the headers of an earlier visit once more, for a visitor that registers: what was
    /// mapped alone is tied to the locks of `file`, see `SystemFile.map`.
    func separateVisit(_ file: any DiskFile) throws(SystemError) {
        guard let visited else { return }
        try file.map(
            into: visited, at: 0, fileOffset: 0, byteCount: HeapLayout.fileGranule,
            kind: .privateCopy)
    }

    /// The visit comes to nothing: as if it had not begun.
    func cancelVisit() {
        visited = nil
        byteCount = 0
        fileBacked = 0
    }

    /// What a visitor had mapped is no longer the image: only the headers are still looked at
    /// there. The next mapping begins anew.
    func endVisit() {
        guard reservation == nil, let visited else { return }
        try? visited.unmap(
            at: HeapLayout.fileGranule, byteCount: visited.capacity - HeapLayout.fileGranule)
        byteCount = 0
        fileBacked = 0
    }

    /// The first byte of the file that could not be read; nil as long as all could.
    @inline(__always)
    var fault: Int? { guarded?._withUnsafeGuaranteedRef { $0.firstFault } }

    private func findGuarded() { guarded = (reservation ?? visited).map { .passUnretained($0) } }

    // MARK: Addresses

    /// Makes sure that there are addresses for `count` bytes, and for the tail behind them, and
    /// tables for both. Where the addresses behind the image are taken, it moves, if it may; `file`
    /// is what it has mapped.
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
                // At the cost of the tail.
                guard count <= reservation.capacity else { throw error }
            }
        }
    }

    /// Looks for another place, before a transaction begins, if one before it could not grow
    /// because of what lay behind the image. Only while nobody has a pointer into it. Where there
    /// is none, the next transaction will tell.
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

    /// Addresses for so many bytes and for a tail, the smallest one where there are few.
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
        if !isReadOnly || privateTable.count > 0 { try privateTable.cover((pages + 63) / 64) }
    }

    /// The error for addresses or memory that the system does not give.
    private func shortage(_ path: String) -> HeapError {
        byteCount == 0
            ? HeapError.outOfMemory(path: path)
            : HeapError.tooLarge(path: path, limitBytes: UInt64(byteCount))
    }

    /// Another place, with room for `count` bytes. Only while nobody has a pointer into the image.
    /// O(private pages).
    private func move(
        toHold count: Int, _ file: (any DiskFile)?, _ path: String
    ) throws(HeapError) {
        // What could not be read once may be read another time, and must not be forgotten.
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
        // Every page that this process has changed, or has had from the log, is marked; all others
        // are the file's, or zeros that nobody has used.
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
        // Advice that is not taken changes nothing but the speed.
        if let advice = advice(count) { try? mapping.advise(at: 0, byteCount: count, advice) }
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

    /// Maps the file's first `count` bytes shared, for building: what is stored is the file's.
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
        // Every line counts as noted: nothing is ever asked of the write set.
        let pages = count / HeapLayout.pageBytes
        (touchedLines + oldPages).update(repeating: ~0, count: pages - oldPages)
    }

    /// Writes what was stored to a shared mapping to the disk's file.
    func syncShared(_ file: any DiskFile) throws(SystemError) {
        try file.mappingErrors(as: .sync) { () throws(MappingError) in
            try reservation!.sync(at: 0, byteCount: byteCount, .synchronous)
        }
    }

    /// Makes at least `count` bytes accessible, with anonymous memory where the file does not
    /// reach. `file` is what the image has mapped, if it may move.
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
            // What is asked for may fit where what is comfortable does not.
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
            // Together with as much of the tail as the program is left with when a transaction is
            // refused: what would take the last of its memory is refused before it does.
            let cushion = SystemPage.roundUp(tail / 2)
            try reservation!.mapAnonymous(byteCount: target - byteCount + cushion, at: byteCount)
            try reservation!.unmap(at: target, byteCount: cushion)
        } catch { throw shortage(path) }
        // A fault for each 2 MiB instead of 512, and so many fewer look-ups of addresses. Without
        // large pages all works as well.
        try? reservation!.advise(at: byteCount, byteCount: target - byteCount, .hugePage)
        byteCount = target
    }

    /// A transaction has met a limit. Half of the tail is for what it still does, the other half
    /// goes back to the program, which may need addresses for that too.
    func enterTail() {
        guard let reservation else { return }
        let half = SystemPage.roundUp(byteCount + (reservation.capacity - byteCount) / 2)
        if half > byteCount { reservation.giveBack(from: half) }
        tailAtEntry = restOfTail
    }

    /// Bytes of the tail that a transaction which has met a limit can still have.
    var restOfTail: Int { capacity - byteCount }

    /// Whether a lost transaction has used less than half of what it was left with.
    var hasHalfOfTail: Bool { restOfTail > tailAtEntry / 2 }

    /// Goes on into the tail. Memory there is shared with nobody, but counts as shared where the
    /// system gives no other.
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

    /// Adds addresses to a tail that is used up. Where the transaction has met another limit than
    /// that of addresses, there are enough; the last of them are left to the program.
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

    /// The same for what a transaction has taken that is not kept, with the addresses: others in
    /// this process may need them more.
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
            // What the lost transaction has left to the program.
            try? reservation.extend(to: wanted)
        }
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

    func isPrivate(page: Int) -> Bool {
        page >> 6 < privateTable.count && privateWords[page >> 6] & (1 << UInt64(page & 63)) != 0
    }

    /// Counts pages that an aborted transaction made private copies of.
    func countPrivate(pages: Int) { privatePageBound += pages }

    /// Before the first private copy: an image that is only read has no table of them.
    func preparePrivateCopies(path: String) throws(HeapError) {
        guard privateTable.count == 0 else { return }
        let pages = max(capacity, HeapLayout.fileGranule) / HeapLayout.pageBytes
        do throws(MappingError) { try privateTable.cover((pages + 63) / 64) } catch {
            throw shortage(path)
        }
    }

    /// Makes all words of touched lines zero, where it is not known which are not.
    func clearTouchedLines() throws(MappingError) { try lineTable.clear() }

    /// Copies logged lines into the image, which `preparePrivateCopies` was called for; calls
    /// `changed` for pages that have become private by it.
    func apply(firstLine: UInt64, lines: UnsafeRawBufferPointer, changed: (Int) -> Void = { _ in })
    {
        let offset = Int(firstLine) * HeapLayout.lineBytes
        (base + offset).copyMemory(from: lines.baseAddress!, byteCount: lines.count)
        let lastPage = (offset + lines.count - 1) / HeapLayout.pageBytes
        for page in offset / HeapLayout.pageBytes ... lastPage where markPrivate(page: page) {
            changed(page)
        }
    }

    /// Gives private copies back to the system: the image is the file's own first `fileBytes` bytes
    /// again, and nothing behind them. Maps the file anew, since advice to drop pages does not
    /// bring a file's contents back on Darwin.
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

    private func mapping(_ path: String, _ body: () throws(SystemError) -> Void) throws(HeapError) {
        do { try body() } catch { throw HeapError(error) }
    }
}
