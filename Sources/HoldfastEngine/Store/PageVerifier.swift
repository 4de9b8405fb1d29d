import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// Checks whether pages of the data file are as the last checkpoint wrote them.
///
/// Called before logged lines are written over a page and the page gets a new checksum, which would
/// hide damage outside those lines for good. Only useful if no checkpoint has been interrupted
/// since: after that, pages may be torn, and logged pages cannot be told from damaged ones.
struct PageVerifier {
    private let file: any DiskFile
    private let header: HeapHeader
    private let table: PageChecksums
    private let reserved: [Range<Int>]
    private let page = PageBuffer(pages: 1)
    private let checksums = PageBuffer(pages: 1)
    private var loadedChecksumPage = -1
    private var isLoadedDamaged = false
    private var freePages: [Range<Int>]?

    init(file: any DiskFile, header: HeapHeader) {
        self.file = file
        self.header = header
        table = PageChecksums(parts: header.pageMapParts)
        reserved = table.allPages
    }

    /// The damaged pages among `pages` (ascending) and their checksum pages.
    mutating func damaged(among pages: some Sequence<Int>) throws(SystemError) -> [Int] {
        var damaged: Set<Int> = []
        for number in pages where number < Int(header.heapPages) {
            try file.readOrZeros(into: page.bytes, at: number * HeapLayout.pageBytes)
            if reserved.contains(where: { $0.contains(number) }) {
                if PageChecksums.difference(UnsafeRawBufferPointer(page.bytes), pageNumber: number)
                    != 0
                {
                    damaged.insert(number)
                }
                continue
            }
            guard let (checksumPage, index) = table.place(of: number) else { continue }
            if checksumPage != loadedChecksumPage {
                try file.readOrZeros(into: checksums.bytes, at: checksumPage * HeapLayout.pageBytes)
                loadedChecksumPage = checksumPage
                let bytes = UnsafeRawBufferPointer(checksums.bytes)
                isLoadedDamaged = PageChecksums.difference(bytes, pageNumber: checksumPage) != 0
            }
            guard !isLoadedDamaged else {
                damaged.insert(checksumPage)
                continue
            }
            let entry = PageChecksums.entry(index, in: UnsafeRawBufferPointer(checksums.bytes))
            if !(try isAsWritten(number, entry: entry)) { damaged.insert(number) }
        }
        return damaged.sorted()
    }

    private mutating func isAsWritten(_ number: Int, entry: UInt64) throws(SystemError) -> Bool {
        let bytes = UnsafeRawBufferPointer(page.bytes)
        let isZero = PageChecksums.isZero(bytes)
        if entry == 0 ? isZero : PageChecksums.checksum(ofPage: number, bytes) == entry {
            return true
        }
        // A page whose space was being punched out when the process was killed.
        guard isZero || entry == 0 else { return false }
        return try isFree(number)
    }

    /// Whether the page was free at the last checkpoint, by the data file's own page map.
    private mutating func isFree(_ number: Int) throws(SystemError) -> Bool {
        if freePages == nil { freePages = try Self.freePages(of: file, end: header.heapPages) }
        return freePages!.contains { $0.contains(number) }
    }

    /// The free pages below `end` by the data file's own page map: as of the last checkpoint,
    /// unless a later one was interrupted.
    static func freePages(of file: any DiskFile, end: UInt64) throws(SystemError) -> [Range<Int>] {
        let bytes = try file.size() / HeapLayout.fileGranule * HeapLayout.fileGranule
        guard bytes > 0 else { return [] }
        let reservation = try file.mappingErrors { () throws(MappingError) in
            try AddressReservation(preferredBytes: bytes, minimumBytes: bytes)
        }
        try file.map(into: reservation, at: 0, fileOffset: 0, byteCount: bytes, kind: .readOnly)
        reservation.guardAgainstFaults()
        return withExtendedLifetime(reservation) {
            PageWalk.freePages(
                base: reservation.baseAddress, end: min(end, UInt64(bytes / HeapLayout.pageBytes)))
        }
    }
}
