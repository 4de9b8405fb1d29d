import HoldfastFormat
import HoldfastSystem

/// The checksums of all pages of a heap, in memory, and their sum: 8 bytes for each page of the
/// stretches that have any.
struct PageEntries {
    private static let chunkPages = 512
    private var chunks: [Int: [UInt64]] = [:]
    /// The sum of the checksums, modulo 2^64.
    private(set) var sum: UInt64 = 0

    subscript(page: Int) -> UInt64 {
        get { chunks[page / Self.chunkPages]?[page % Self.chunkPages] ?? 0 }
        set {
            let old = self[page]
            guard old != newValue else { return }
            sum = sum &- old &+ newValue
            chunks[
                page / Self.chunkPages,
                default: [UInt64](repeating: 0, count: Self.chunkPages)][page % Self.chunkPages] =
                newValue
        }
    }

    mutating func clear(_ pages: Range<Int>) {
        guard !pages.isEmpty else { return }
        let touched =
            pages.lowerBound / Self.chunkPages ... (pages.upperBound - 1) / Self.chunkPages
        let present =
            touched.count < chunks.count
            ? touched.filter { chunks[$0] != nil }
            : chunks.keys.filter(
                touched.contains)
        for chunk in present {
            let first = chunk * Self.chunkPages
            for page in max(first, pages.lowerBound)
                ..< min(first + Self.chunkPages, pages.upperBound)
            {
                self[page] = 0
            }
        }
    }

    /// The pages that have a checksum, as ranges in ascending order.
    var pages: [Range<Int>] {
        var found: [Range<Int>] = []
        for chunk in chunks.keys.sorted() {
            for (index, entry) in chunks[chunk]!.enumerated() where entry != 0 {
                let page = chunk * Self.chunkPages + index
                if let last = found.last, last.upperBound == page {
                    found[found.count - 1] = last.lowerBound ..< page + 1
                } else {
                    found.append(page ..< page + 1)
                }
            }
        }
        return found
    }

    init() {}

    /// Reads the checksums of the pages below `end` from a data file.
    init(of file: any DiskFile, _ table: PageChecksums, end: Int) throws(SystemError) {
        let size = try file.size()
        let buffer = PageBuffer(pages: 1)
        for part in -1 ..< table.parts.count {
            guard let pages = table.pages(ofPart: part) else { continue }
            let first = part < 0 ? 0 : 1 << (part + PageMap.firstPartExponent)
            var page = pages.lowerBound
            while page < pages.upperBound {
                // A sparse heap has sparse pages of checksums.
                guard let data = try file.nextData(from: page * HeapLayout.pageBytes) else { break }
                page = max(page, data / HeapLayout.pageBytes)
                guard page < pages.upperBound, page * HeapLayout.pageBytes < size else { break }
                try file.readOrZeros(into: buffer.bytes, at: page * HeapLayout.pageBytes)
                let described = first + (page - pages.lowerBound) * PageChecksums.entriesPerPage
                let mostPages = part < 0 ? 256 : first
                let count = min(
                    PageChecksums.entriesPerPage, first + mostPages - described, end - described)
                for index in 0 ..< max(count, 0) {
                    self[described + index] = PageChecksums.entry(
                        index, in: UnsafeRawBufferPointer(buffer.bytes))
                }
                page += 1
            }
        }
    }
}
