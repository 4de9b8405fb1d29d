import Holdfast

/// A square of the picture: one page, or several pages of a larger heap, so that all squares fit.
public struct MapCell: Sendable {
    /// The bytes of one entry of the legend.
    public struct Part: Hashable, Sendable {
        public let entry: Int
        public var bytes: Int
    }

    public let pages: Range<Int>
    /// The parts in the order of the legend. They add up to all bytes of the pages.
    public fileprivate(set) var parts: [Part] = []
    /// The number of pages whose contents do not match their checksums.
    public fileprivate(set) var damagedPages = 0
    /// The page ranges that the square covers, by their indices in the account.
    public fileprivate(set) var stretches: Range<Int>

    var byteCount: Int { pages.count * HeapMap.pageBytes }

    fileprivate mutating func add(_ part: Part) {
        if let place = parts.firstIndex(where: { $0.entry == part.entry }) {
            parts[place].bytes += part.bytes
        } else if part.bytes > 0 {
            parts.append(part)
        }
    }
}

extension HeapMap {
    /// Returns the smallest number of pages per square, a power of two, that gives at most `limit`
    /// squares.
    public func pagesPerCell(limit: Int) -> Int {
        var pages = 1
        while (use.pageCount + pages - 1) / pages > max(limit, 1) { pages *= 2 }
        return pages
    }

    /// Returns the squares in the order of the pages, with `pagesPerCell` pages each, the last
    /// perhaps fewer.
    ///
    /// - Complexity: O(number of page ranges + number of squares).
    public func cells(pagesPerCell: Int) -> [MapCell] {
        var cells: [MapCell] = []
        cells.reserveCapacity((use.pageCount + pagesPerCell - 1) / pagesPerCell)
        for (index, stretch) in use.enumerated() {
            let parts = parts(of: stretch)
            var page = stretch.pages.lowerBound
            while page < stretch.pages.upperBound {
                let number = page / pagesPerCell
                if number == cells.count {
                    let first = number * pagesPerCell
                    let end = min(first + pagesPerCell, use.pageCount)
                    cells.append(MapCell(pages: first ..< end, stretches: index ..< index + 1))
                }
                let end = min(cells[number].pages.upperBound, stretch.pages.upperBound)
                cells[number].stretches = cells[number].stretches.lowerBound ..< index + 1
                for part in Self.share(parts, of: stretch.pages, in: page ..< end) {
                    cells[number].add(part)
                }
                page = end
            }
        }
        for index in cells.indices { cells[index].parts.sort { $0.entry < $1.entry } }
        for page in use.damagedPages where page / pagesPerCell < cells.count {
            cells[page / pagesPerCell].damagedPages += 1
        }
        return cells
    }

    /// Returns the share of a range's bytes in some of its pages, as if each entry's bytes were
    /// spread evenly. The shares of adjacent page ranges add up to the whole, and the parts of one
    /// share to all of its bytes.
    private static func share(_ parts: [MapCell.Part], of whole: Range<Int>, in pages: Range<Int>)
        -> [MapCell.Part]
    {
        if pages == whole { return parts }
        let count = UInt(whole.count)
        func below(_ bytes: Int, _ page: Int) -> Int {
            let product = UInt(bytes).multipliedFullWidth(by: UInt(page - whole.lowerBound))
            return Int(count.dividingFullWidth(product).quotient)
        }
        // The last part takes the rounding error, because pages are always whole.
        var rest = pages.count * HeapMap.pageBytes
        var found: [MapCell.Part] = []
        for part in parts.dropLast() {
            let bytes = below(part.bytes, pages.upperBound) - below(part.bytes, pages.lowerBound)
            found.append(MapCell.Part(entry: part.entry, bytes: bytes))
            rest -= bytes
        }
        if let last = parts.last { found.append(MapCell.Part(entry: last.entry, bytes: rest)) }
        return found
    }
}
