import HoldfastFormat
import HoldfastSystem

/// One pass over the pages of a data file, in steps. Each step uses the state of the data file at
/// that moment.
struct Scrub {
    /// Pages per step; also the checksum pages that one step searches for holes.
    private static let stepPages = 256

    private(set) var report = PageReport()
    /// The state that the next step compares with.
    var base: DataFileState?
    /// The next page, and the end of the pass.
    private(set) var page = 0
    private(set) var end = Int.max
    private(set) var isComplete = false
    /// The heap's end at the beginning. Pages added behind it during the pass are not checked.
    private var limit = Int.max

    // The findings of this step; see `DataFileState.judge`.
    private var damaged: [Int] = []
    private var given: Set<Int> = []
    private var torn: Set<Int> = []

    private let buffer = PageBuffer(pages: stepPages)
    private let checksums = PageBuffer(pages: 1)
    private let zeros = PageBuffer(pages: 1)
    private var loadedChecksumPage = -1

    /// The only pages that are still to be compared, the next ones last; nil for a whole pass.
    private var parts: [Range<Int>]?

    init(only parts: [Range<Int>]? = nil) {
        self.parts = parts?.reversed()
        zeros.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// Compares only these pages in the next steps. `report` goes on.
    mutating func turn(to pages: Range<Int>) {
        parts = [pages]
        isComplete = false
    }

    /// Compares the next pages. `headersAreStill`: no process can write a copy of the header
    /// meanwhile.
    mutating func step(in file: any DiskFile, headersAreStill: Bool) throws(SystemError) {
        guard let base else { return }
        damaged = []
        given = []
        torn = []
        loadedChecksumPage = -1
        guard parts == nil else { return try stepOfParts(file, base) }
        if page == 0 {
            limit = base.end
            try checkHeaders(file, areStill: headersAreStill)
            page = Int(HeapLayout.headerPages)
        }
        end = base.isAtRest ? base.end : min(base.end, limit)
        if page < end {
            try checkPages(file, base)
        } else if base.isAtRest {
            try checkRest(file)
        } else {
            isComplete = true
        }
        report.damagedPages += try base.judge(damaged, given: given, torn: torn, in: file)
    }

    private mutating func stepOfParts(_ file: any DiskFile, _ base: DataFileState)
        throws(SystemError)
    {
        var rest = Self.stepPages
        while rest > 0, let part = parts?.popLast() {
            page = max(part.lowerBound, Int(HeapLayout.headerPages))
            // What no checkpoint has written yet is in the log alone.
            end = min(base.end, part.upperBound)
            guard page < end else { continue }
            let start = page
            try checkPages(file, base)
            rest -= min(rest, page - start)
            if page < end { parts?.append(page ..< end) }
        }
        isComplete = parts!.isEmpty
        // Several parts may need the same page of checksums.
        for page in try base.judge(damaged, given: given, torn: torn, in: file)
        where !report.damagedPages.contains(page) {
            report.damagedPages.append(page)
        }
    }

    /// Checks the header's two pages: a valid copy in each, zeros behind it.
    ///
    /// `areStill`: no process can write a header meanwhile. A power cut cannot tear one, because it
    /// is a single sector.
    private mutating func checkHeaders(_ file: any DiskFile, areStill: Bool) throws(SystemError) {
        for page in 0 ..< Int(HeapLayout.headerPages) {
            let bytes = try read(file, firstPage: page, count: 1)
            let isHeader = if case .header = HeapHeader.decode(bytes) { true } else { false }
            let isRestZero = PageChecksums.isZero(
                UnsafeRawBufferPointer(rebasing: bytes[HeapHeader.byteCount...]))
            if !isRestZero || (areStill && !isHeader) { damaged.append(page) }
        }
    }

    private mutating func checkPages(_ file: any DiskFile, _ base: DataFileState)
        throws(SystemError)
    {
        // Pages that no checkpoint has written form a hole, often a very long one.
        let data =
            try file.nextData(from: page * HeapLayout.pageBytes).map { $0 / HeapLayout.pageBytes }
            ?? end
        if data > page {
            let last = min(data, end, page + Self.stepPages * PageChecksums.entriesPerPage)
            try checkHole(page ..< last, file, base)
            page = last
        } else {
            let count = min(Self.stepPages, end - page)
            let bytes = try read(file, firstPage: page, count: count)
            for number in page ..< page + count {
                let start = (number - page) * HeapLayout.pageBytes
                let bytes = UnsafeRawBufferPointer(
                    rebasing: bytes[start ..< start + HeapLayout.pageBytes])
                try check(number, bytes, file, base)
            }
            page += count
        }
        isComplete = page >= end && !base.isAtRest
    }

    private mutating func check(
        _ page: Int, _ bytes: UnsafeRawBufferPointer, _ file: any DiskFile, _ base: DataFileState
    ) throws(SystemError) {
        if base.logged.contains(page) {
            report.loggedPages += 1
            if base.isTorn { return }
        }
        report.checkedPages += 1
        if base.reserved.contains(where: { $0.contains(page) }) {
            return checkOfChecksums(page, bytes, base)
        }
        let entry = try entry(of: page, file, base)
        if entry == 0
            ? PageChecksums.isZero(bytes) : PageChecksums.checksum(ofPage: page, bytes) == entry
        {
            return
        }
        note(page, isGiven: entry == 0 || PageChecksums.isZero(bytes), base)
    }

    /// Records a page that does not match its checksum in the loaded checksum page.
    private mutating func note(_ page: Int, isGiven: Bool, _ base: DataFileState) {
        damaged.append(page)
        if isGiven { given.insert(page) }
        let bytes = UnsafeRawBufferPointer(checksums.bytes)
        if base.mayBeTorn, PageChecksums.difference(bytes, pageNumber: loadedChecksumPage) != 0 {
            torn.insert(loadedChecksumPage)
        }
    }

    /// Checks pages of a hole, which read as zeros. They are right if they have no checksum, or
    /// that of a zero page: file systems and copying tools turn written zeros into holes at will.
    private mutating func checkHole(
        _ pages: Range<Int>, _ file: any DiskFile, _ base: DataFileState
    )
        throws(SystemError)
    {
        var page = pages.lowerBound
        while page < pages.upperBound {
            guard let (checksumPage, index) = base.table.place(of: page) else { return }
            let last = min(pages.upperBound, page + PageChecksums.entriesPerPage - index)
            try load(checksumPage, file, base)
            // The common case for a long hole: its checksums are a hole too.
            if !PageChecksums.isZero(UnsafeRawBufferPointer(checksums.bytes)) {
                for number in page ..< last
                where !(base.isTorn && base.logged.contains(number))
                    && !base.reserved.contains(where: { $0.contains(number) })
                {
                    let entry = PageChecksums.entry(
                        index + number - page, in: UnsafeRawBufferPointer(checksums.bytes))
                    if entry != 0,
                        entry
                            != PageChecksums.checksum(
                                ofPage: number, UnsafeRawBufferPointer(zeros.bytes))
                    {
                        note(number, isGiven: true, base)
                    }
                }
            }
            report.checkedPages += last - page
            page = last
        }
    }

    /// Behind the heap's end, a file at rest contains zeros.
    private mutating func checkRest(_ file: any DiskFile) throws(SystemError) {
        let fileEnd = try file.size() / HeapLayout.pageBytes
        isComplete = true
        guard page < fileEnd, let data = try file.nextData(from: page * HeapLayout.pageBytes) else {
            return
        }
        page = max(page, data / HeapLayout.pageBytes)
        let count = min(Self.stepPages, fileEnd - page)
        guard count > 0 else { return }
        let bytes = try read(file, firstPage: page, count: count)
        for index in 0 ..< count {
            let start = index * HeapLayout.pageBytes
            if !PageChecksums.isZero(
                UnsafeRawBufferPointer(rebasing: bytes[start ..< start + HeapLayout.pageBytes]))
            {
                damaged.append(page + index)
            }
        }
        page += count
        isComplete = page >= fileEnd
    }

    private mutating func entry(of page: Int, _ file: any DiskFile, _ base: DataFileState)
        throws(SystemError) -> UInt64
    {
        guard let (checksumPage, index) = base.table.place(of: page) else { return 0 }
        try load(checksumPage, file, base)
        return PageChecksums.entry(index, in: UnsafeRawBufferPointer(checksums.bytes))
    }

    private mutating func load(_ checksumPage: Int, _ file: any DiskFile, _ base: DataFileState)
        throws(SystemError)
    {
        guard checksumPage != loadedChecksumPage else { return }
        try file.readOrZeros(into: checksums.bytes, at: checksumPage * HeapLayout.pageBytes)
        loadedChecksumPage = checksumPage
        // A whole pass compares it among the others.
        if parts != nil {
            checkOfChecksums(checksumPage, UnsafeRawBufferPointer(checksums.bytes), base)
        }
    }

    private mutating func checkOfChecksums(
        _ page: Int, _ bytes: UnsafeRawBufferPointer, _ base: DataFileState
    ) {
        guard !(base.isTorn && base.logged.contains(page)),
            PageChecksums.difference(bytes, pageNumber: page) != 0
        else { return }
        damaged.append(page)
        torn.insert(page)
    }

    private func read(_ file: any DiskFile, firstPage: Int, count: Int) throws(SystemError)
        -> UnsafeRawBufferPointer
    {
        let bytes = UnsafeMutableRawBufferPointer(
            rebasing: buffer.bytes[..<(count * HeapLayout.pageBytes)])
        try file.readOrZeros(into: bytes, at: firstPage * HeapLayout.pageBytes)
        return UnsafeRawBufferPointer(bytes)
    }
}
