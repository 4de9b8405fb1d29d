import HoldfastFormat
import HoldfastSystem

/// Writes pages to the data file, and maintains their checksums.
///
/// Used by checkpoints and by recovery, one at a time (checkpoint lock or exclusive access), in
/// this order: `prepare`, `write` for ascending pages, `finish`. The caller then syncs the file and
/// writes a header that names the new table. If this is interrupted anywhere, the old header stays
/// valid, and the next checkpoint or recovery finds all of these pages in the log and writes them
/// again.
struct PageWriter {
    private let file: any DiskFile
    /// The layout of the checksums at the last checkpoint, and now.
    private let old: PageChecksums
    let table: PageChecksums
    /// The current checksum pages, as ranges.
    private let reserved: [Range<Int>]
    /// Whether an earlier checkpoint may have been interrupted, so that checksum pages may be torn.
    /// Everything that it was writing is written again now.
    private let isRepair: Bool
    /// Whether zeroed ranges keep their disk blocks; not if the heap's file is meant to be sparse.
    private let keepsBlocks: Bool
    private var pending: [(page: Int, checksum: UInt64)] = []
    private let scratch: PageBuffer
    /// The sum of all checksums of pages, after `finish`; nil if it is unknown.
    private(set) var sum: UInt64?
    /// The pages that `prepare` has filled with zeros.
    private(set) var zeroed: [Range<Int>] = []
    /// Pages of checksums that are read at most to subtract what is cleared; beyond, the sum
    /// becomes unknown. A sparse heap may have very many.
    private static let mostSubtractedPages = 64

    /// `sum`: of the checksums that the file has; nil if it is unknown, or if pages of checksums
    /// may be torn.
    init(
        file: any DiskFile, old: PageChecksums, new: PageChecksums, sum: UInt64?, isRepair: Bool,
        keepsBlocks: Bool
    ) {
        self.sum = sum
        self.file = file
        self.old = old
        table = new
        reserved = new.allPages
        self.isRepair = isRepair
        self.keepsBlocks = keepsBlocks
        scratch = PageBuffer(pages: 1)
    }

    /// Brings the file into the state that `write` assumes: pages that have become part of the heap
    /// read as zeros and have no checksums.
    ///
    /// `lowestEnd` is the heap's lowest end, in pages, since the last checkpoint; `highestEnd` is
    /// the highest end up to which older contents may be present. `former` are pages that an
    /// interrupted checkpoint may have used for checksums.
    mutating func prepare(
        oldEnd: Int, lowestEnd: Int, highestEnd: Int, former: Set<Range<Int>> = []
    ) throws(SystemError) {
        let size = try file.size()
        func zero(_ pages: Range<Int>) throws(SystemError) {
            let end = min(pages.upperBound * HeapLayout.pageBytes, size)
            let start = pages.lowerBound * HeapLayout.pageBytes
            if start < end {
                try file.zero(at: start, byteCount: end - start, keepsBlocks: keepsBlocks)
            }
            zeroed.append(pages)
        }
        // A part whose pages were beyond the heap's end in between is a new one, even at the old
        // place.
        let changed = (0 ..< table.parts.count).filter {
            old.parts[$0] != table.parts[$0]
                || isRepair && lowestEnd < 1 << ($0 + PageMap.firstPartExponent)
        }
        if changed.contains(where: { old.parts[$0] != 0 }) { sum = nil }
        let places = changed.flatMap { [old.pages(ofPart: $0), table.pages(ofPart: $0)] }.compactMap
        { $0 }
        let kept = (0 ..< table.parts.count).filter { !changed.contains($0) }.compactMap {
            table.pages(ofPart: $0)
        }
        let cleared = Set(places).union(
            former.filter { place in !kept.contains { $0.overlaps(place) } })
        for pages in cleared { try zero(pages) }
        // The zeros have replaced the contents of these pages, so checksums of them as data pages
        // must go too.
        for pages in cleared {
            try clearEntries(pages.clamped(to: 0 ..< size / HeapLayout.pageBytes))
        }
        // Beyond the last checkpoint's end the file contains zeros, unless an interrupted
        // checkpoint wrote there.
        let cut = min(lowestEnd, oldEnd)
        guard cut < oldEnd || isRepair, cut < highestEnd else { return }
        try zero(cut ..< highestEnd)
        try clearEntries(cut ..< highestEnd)
    }

    /// Sets the entries of pages to 0, as far as there is a table for them.
    private mutating func clearEntries(_ pages: Range<Int>) throws(SystemError) {
        var page = pages.lowerBound
        while page < pages.upperBound {
            let (part, firstPage) = PageChecksums.part(of: page)
            let partEnd = firstPage == 0 ? 256 : firstPage * 2
            let end = min(pages.upperBound, partEnd)
            if part < table.parts.count, table.pages(ofPart: part) != nil {
                while page < end {
                    let (checksumPage, index) = table.place(of: page)!
                    let count = min(PageChecksums.entriesPerPage - index, end - page)
                    if count == PageChecksums.entriesPerPage {
                        // Whole checksum pages at once: a sparse heap may have very many.
                        let whole = (end - page) / PageChecksums.entriesPerPage
                        try subtract(checksumPage ..< checksumPage + whole)
                        try file.zero(
                            at: checksumPage * HeapLayout.pageBytes,
                            byteCount: whole * HeapLayout.pageBytes,
                            keepsBlocks: keepsBlocks)
                        page += whole * PageChecksums.entriesPerPage
                    } else {
                        let entries = index ..< index + count
                        try change(checksumPage, to: entries.lazy.map { ($0, 0) })
                        page += count
                    }
                }
            }
            page = end
        }
    }

    /// Subtracts all entries of pages of checksums, which are about to be cleared.
    private mutating func subtract(_ checksumPages: Range<Int>) throws(SystemError) {
        guard sum != nil else { return }
        guard checksumPages.count <= Self.mostSubtractedPages else { return sum = nil }
        for page in checksumPages {
            try file.readOrZeros(into: scratch.bytes, at: page * HeapLayout.pageBytes)
            sum! &-= PageChecksums.sumOfEntries(in: UnsafeRawBufferPointer(scratch.bytes))
        }
    }

    /// The number of pages, from the one at `index` of an ascending list, that can be written
    /// together: consecutive ones, at most `limit`. 0 if that page itself is a checksum page: the
    /// log may still have stale lines from when it was a data page, which must be skipped.
    func stretch(from index: Int, of count: Int, limit: Int, number: (Int) -> Int) -> Int {
        let first = number(index)
        guard !reserved.contains(where: { $0.contains(first) }) else { return 0 }
        var length = 1
        while length < limit, index + length < count, number(index + length) == first + length,
            !reserved.contains(where: { $0.lowerBound == first + length })
        {
            length += 1
        }
        return length
    }

    /// Writes whole pages from `firstPage` on. None of them is a checksum page.
    mutating func write(firstPage: Int, _ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        for index in 0 ..< bytes.count / HeapLayout.pageBytes {
            let page = UnsafeRawBufferPointer(
                rebasing: bytes[index * HeapLayout.pageBytes ..< (index + 1) * HeapLayout.pageBytes]
            )
            try record(firstPage + index, page)
        }
        try file.write(bytes, at: firstPage * HeapLayout.pageBytes)
    }

    /// Records the checksum of a page that is already in the file.
    mutating func record(_ number: Int, _ page: UnsafeRawBufferPointer) throws(SystemError) {
        if let last = pending.last,
            table.place(of: last.page)?.checksumPage != table.place(of: number)?.checksumPage
        {
            try writeEntries()
        }
        pending.append((number, PageChecksums.checksum(ofPage: number, page)))
    }

    /// Clears the checksums of pages that were punched out.
    mutating func forget(_ pages: Range<Int>) throws(SystemError) {
        try writeEntries()
        try clearEntries(pages)
    }

    mutating func finish() throws(SystemError) { try writeEntries() }

    private mutating func writeEntries() throws(SystemError) {
        guard let first = pending.first, let (checksumPage, _) = table.place(of: first.page) else {
            return
        }
        let entries = pending
        try change(
            checksumPage,
            to: entries.lazy.map { [table] in (table.place(of: $0.page)!.index, $0.checksum) })
        pending.removeAll(keepingCapacity: true)
    }

    /// Sets entries of a page of checksums.
    private mutating func change(
        _ checksumPage: Int, to entries: some Sequence<(index: Int, value: UInt64)>
    ) throws(SystemError) {
        let bytes = scratch.bytes
        let offset = checksumPage * HeapLayout.pageBytes
        try file.readOrZeros(into: bytes, at: offset)
        let difference = PageChecksums.difference(
            UnsafeRawBufferPointer(bytes), pageNumber: checksumPage)
        var added: UInt64 = 0
        for (index, value) in entries {
            added &+= value &- PageChecksums.entry(index, in: UnsafeRawBufferPointer(bytes))
            PageChecksums.setEntry(index, to: value, in: bytes)
        }
        sum = sum.map { $0 &+ added }
        PageChecksums.seal(bytes, pageNumber: checksumPage, difference: isRepair ? 0 : difference)
        try file.write(UnsafeRawBufferPointer(bytes), at: offset)
    }
}

/// A buffer for pages, aligned for words, freed with the object.
final class PageBuffer {
    let bytes: UnsafeMutableRawBufferPointer

    init(pages: Int) {
        bytes = .allocate(byteCount: pages * HeapLayout.pageBytes, alignment: HeapLayout.pageBytes)
    }

    deinit { bytes.deallocate() }
}
