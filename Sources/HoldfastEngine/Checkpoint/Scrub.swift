#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// What a scrub has found.
public struct PageReport: Equatable, Sendable {
    /// Pages of 4096 bytes that were compared with their checksums.
    public var checkedPages = 0
    /// Pages that have changed since a checkpoint; what is new in them stands in the log, with checksums of its own. They are compared too, unless a
    /// checkpoint was cut short while it wrote them.
    public var loggedPages = 0
    /// Pages that do not hold what they should, in ascending order.
    public var damagedPages: [Int] = []

    public init() {}
}

/// Comparing the base image with its checksums.
extension HeapEngine {
    func requireSoundPages() throws(HeapError) {
        let report = try scrub()
        guard report.damagedPages.isEmpty else { throw HeapError.damagedPages(path: path, pages: report.damagedPages) }
    }

    /// Reads every page of the base image and compares it with its checksum: finds any bit that has changed in the file since it was written.
    ///
    /// Beside readers and writers; a checkpoint waits for it. `progress` is called now and then with the pages done and the pages in all. O(heap), read
    /// through a buffer of 1 MiB, not through the mapping.
    public func scrub(progress: ((_ done: Int, _ of: Int) -> Void)? = nil) throws(HeapError) -> PageReport {
        try requireUsable()
        guard mode != .inMemory else { return PageReport() }
        // A view keeps checkpoints of other processes from going on past it, and the heap's end where it is.
        let context = try beginRead()
        defer { endRead(context) }
        if isFileWritable {
            return try withCheckpointLock(waits: true) { () throws(HeapError) in try scrubLocked(progress) }!
        }
        return try scrubLocked(progress)
    }

    private func scrubLocked(_ progress: ((Int, Int) -> Void)?) throws(HeapError) -> PageReport {
        guard let file else { throw HeapError.closed(path: path) }
        let header = try readHeader(file)
        var end = Int(header.heapPages)
        var logged: Set<Int> = []
        var isTorn = uncertain != nil
        var isAtRest = !header.logInUse
        // By a checkpoint or by the giving back of pages that was cut short, until whoever comes next does it again.
        var mayBeTorn = header.isGivingBack
        if let log = log.withLock({ $0 }), log.shared.loadInOrder(.published) > header.checkpointPosition {
            let ring = try translating { () throws(DiskError) in try log.shared.ring() }
            guard
                let lines = LineIndex(
                    of: ring, from: header, to: log.shared.loadInOrder(.published), epoch: log.epoch, keepsPagesBeyondEnd: true)
            else {
                throw HeapError.damagedLog(path: path, logPath: log.shared.file.path, lastWholeCommit: header.commitNumber)
            }
            // A checkpoint that was cut short may have written any of these, and cleared what lies behind the lowest end. So may one that is
            // under way where it cannot be locked out.
            lines.forEachPage { logged.insert($0.number) }
            isTorn = !isFileWritable || log.shared[.required] > header.checkpointPosition
            if isTorn {
                for pages in lines.formerChecksumPages() { logged.formUnion(pages.clamped(to: 0 ..< end)) }
                end = min(end, Int(lines.lowestHeapPages))
            }
            isAtRest = false
            mayBeTorn = mayBeTorn || log.shared[.required] > header.checkpointPosition
        } else if case .guest = attachment, header.logInUse {
            mayBeTorn = mayBeTorn || isTorn
            for page in 0 ..< min(end, image.byteCount / HeapLayout.pageBytes) where image.isPrivate(page: page) {
                logged.insert(page)
            }
            if let uncertain {
                for pages in uncertain.pages { logged.formUnion(pages.clamped(to: 0 ..< end)) }
                end = min(end, uncertain.end)
            }
        }
        var scrub = Scrub(
            file: file, table: PageChecksums(parts: header.pageMapParts), end: end, logged: logged, forgivesLogged: isTorn)
        do throws(DiskError) {
            scrub.isCancelled = options.isCancelled
            try scrub.checkHeaders(areStill: isAtRest || isFileWritable)
            try scrub.checkPages(progress)
            if isAtRest { try scrub.checkRest(fileBytes: try file.size()) }
            // Which pages were being given back stands in the base image itself; in the view they may be in use again.
            if mayBeTorn { scrub.forgive(header.isGivingBack ? try freeRuns(of: file, header) : []) }
        } catch {
            throw HeapError(error)
        }
        guard scrub.hasGivenBack else { return scrub.report(freePages: []) }
        // By what the base image says of itself; where that may be torn, by what this view says.
        if !isTorn {
            let free = try translating { () throws(DiskError) in try BaseVerifier.freePages(of: file, end: header.heapPages) }
            return scrub.report(freePages: free)
        }
        let walk = PageWalk(base: image.base, end: min(committedPages, UInt64(image.byteCount / HeapLayout.pageBytes)))
        return scrub.report(freePages: walk.filter { $0.kind == .free }.map(\.pages))
    }
}

/// One pass over the pages of a base image.
private struct Scrub {
    private static let stepPages = 256

    let file: any DiskFile
    let table: PageChecksums
    let end: Int
    let logged: Set<Int>
    /// Logged pages may be torn, and are written anew before anyone relies on them.
    let forgivesLogged: Bool
    var isCancelled: (@Sendable () -> Bool)?
    private var result = PageReport()
    /// Damaged pages that are zeros, or have no checksum: right for a free page whose space has been given back.
    private var givenBack: Set<Int> = []
    /// Pages of checksums that do not match their own.
    private var tornChecksums: Set<Int> = []
    private let buffer = PageBuffer(pages: stepPages)
    private let checksums = PageBuffer(pages: 1)
    private let zeros = PageBuffer(pages: 1)
    private var loadedChecksumPage = -1

    init(file: any DiskFile, table: PageChecksums, end: Int, logged: Set<Int>, forgivesLogged: Bool) {
        self.file = file
        self.table = table
        self.end = end
        self.logged = logged
        zeros.bytes.initializeMemory(as: UInt8.self, repeating: 0)
        self.forgivesLogged = forgivesLogged
    }

    /// The header's two pages: a valid copy in each, zeros behind it.
    ///
    /// `areStill`: nobody writes one meanwhile. A power cut leaves no half of one, since it is a single sector.
    mutating func checkHeaders(areStill: Bool) throws(DiskError) {
        for page in 0 ..< Int(HeapLayout.headerPages) {
            let bytes = try read(firstPage: page, count: 1)
            let isHeader = if case .header = HeapHeader.decode(bytes) { true } else { false }
            let isRestZero = PageChecksums.isZero(UnsafeRawBufferPointer(rebasing: bytes[HeapHeader.byteCount...]))
            if !isRestZero || (areStill && !isHeader) { result.damagedPages.append(page) }
        }
    }

    mutating func checkPages(_ progress: ((Int, Int) -> Void)?) throws(DiskError) {
        var reserved: Set<Int> = []
        for pages in table.allPages {
            reserved.formUnion(pages.clamped(to: 0 ..< end))
        }
        var page = Int(HeapLayout.headerPages)
        while page < end {
            // What no checkpoint has written is a hole, often a very long one.
            guard let data = try file.nextData(from: page * HeapLayout.pageBytes) else { break }
            let firstData = min(data / HeapLayout.pageBytes, end)
            if firstData > page {
                try checkHole(page ..< firstData, reserved)
                page = firstData
                continue
            }
            let count = min(Self.stepPages, end - page)
            let bytes = try read(firstPage: page, count: count)
            for number in page ..< page + count {
                let start = (number - page) * HeapLayout.pageBytes
                try check(number, UnsafeRawBufferPointer(rebasing: bytes[start ..< start + HeapLayout.pageBytes]), reserved)
            }
            page += count
            progress?(page, end)
            if isCancelled?() == true { throw DiskError(.read, file.path, code: ECANCELED) }
        }
        if page < end { try checkHole(page ..< end, reserved) }
        progress?(end, end)
    }

    private mutating func check(_ page: Int, _ bytes: UnsafeRawBufferPointer, _ reserved: Set<Int>) throws(DiskError) {
        if logged.contains(page) {
            result.loggedPages += 1
            if forgivesLogged { return }
        }
        result.checkedPages += 1
        if reserved.contains(page) {
            if PageChecksums.difference(bytes, pageNumber: page) != 0 {
                result.damagedPages.append(page)
                tornChecksums.insert(page)
            }
            return
        }
        let entry = try entry(of: page)
        if entry == 0 ? PageChecksums.isZero(bytes) : PageChecksums.checksum(ofPage: page, bytes) == entry { return }
        result.damagedPages.append(page)
        if entry == 0 || PageChecksums.isZero(bytes) { givenBack.insert(page) }
    }

    /// Pages that read as zeros without being read: right where there is no checksum, or that of a page of zeros; file systems and
    /// copying programs turn written zeros into holes as they like.
    private mutating func checkHole(_ pages: Range<Int>, _ reserved: Set<Int>) throws(DiskError) {
        var page = pages.lowerBound
        while page < pages.upperBound {
            guard let (checksumPage, index) = table.place(of: page) else { return }
            let last = min(pages.upperBound, page + PageChecksums.entriesPerPage - index)
            try load(checksumPage)
            // The common case for a long hole: its checksums are a hole too.
            if !PageChecksums.isZero(UnsafeRawBufferPointer(checksums.bytes)) {
                for number in page ..< last where !(forgivesLogged && logged.contains(number)) && !reserved.contains(number) {
                    let entry = PageChecksums.entry(index + number - page, in: UnsafeRawBufferPointer(checksums.bytes))
                    if entry != 0, entry != PageChecksums.checksum(ofPage: number, UnsafeRawBufferPointer(zeros.bytes)) {
                        result.damagedPages.append(number)
                        givenBack.insert(number)
                    }
                }
            }
            result.checkedPages += last - page
            page = last
        }
    }

    /// Behind the heap's end a file at rest is zeros.
    mutating func checkRest(fileBytes: Int) throws(DiskError) {
        var page = end
        let fileEnd = fileBytes / HeapLayout.pageBytes
        while page < fileEnd, let data = try file.nextData(from: page * HeapLayout.pageBytes) {
            page = max(page, data / HeapLayout.pageBytes)
            let count = min(Self.stepPages, fileEnd - page)
            guard count > 0 else { return }
            let bytes = try read(firstPage: page, count: count)
            for index in 0 ..< count {
                let start = index * HeapLayout.pageBytes
                if !PageChecksums.isZero(UnsafeRawBufferPointer(rebasing: bytes[start ..< start + HeapLayout.pageBytes])) {
                    result.damagedPages.append(page + index)
                }
            }
            page += count
        }
    }

    /// Takes pages of checksums, and pages that were being given back, off the list of the damaged.
    mutating func forgive(_ torn: [Range<Int>]) {
        let torn = torn + table.allPages
        var damaged = result.damagedPages
        damaged.removeAll { page in
            // A page whose checksum lies in a torn page of checksums cannot be judged either.
            torn.contains { $0.contains(page) } || table.place(of: page).map { tornChecksums.contains($0.checksumPage) } ?? false
        }
        result.damagedPages = damaged
    }

    /// The result. A free page that reads as zeros, or has no checksum, is one whose space compaction has given back.
    func report(freePages: [Range<Int>]) -> PageReport {
        var report = result
        report.damagedPages.removeAll { page in givenBack.contains(page) && freePages.contains { $0.contains(page) } }
        return report
    }

    /// Whether `report` needs to know which pages are free.
    var hasGivenBack: Bool { !givenBack.isEmpty }

    private mutating func entry(of page: Int) throws(DiskError) -> UInt64 {
        guard let (checksumPage, index) = table.place(of: page) else { return 0 }
        try load(checksumPage)
        return PageChecksums.entry(index, in: UnsafeRawBufferPointer(checksums.bytes))
    }

    private mutating func load(_ checksumPage: Int) throws(DiskError) {
        guard checksumPage != loadedChecksumPage else { return }
        try file.readOrZeros(into: checksums.bytes, at: checksumPage * HeapLayout.pageBytes)
        loadedChecksumPage = checksumPage
    }

    private func read(firstPage: Int, count: Int) throws(DiskError) -> UnsafeRawBufferPointer {
        let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<(count * HeapLayout.pageBytes)])
        try file.readOrZeros(into: bytes, at: firstPage * HeapLayout.pageBytes)
        return UnsafeRawBufferPointer(bytes)
    }
}
