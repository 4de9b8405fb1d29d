import HoldfastFormat

/// A set of pages of a heap: a bit for each page up to the last one in it.
package struct PageSet: Sendable {
    private var words: [UInt64] = []

    package init() {}

    package mutating func insert(_ page: Int) {
        let word = page >> 6
        if word >= words.count {
            words.append(contentsOf: repeatElement(0, count: word + 1 - words.count))
        }
        words[word] |= 1 << UInt64(page & 63)
    }

    /// Inserts the pages of `count` bytes at `offset`, which lie inside the heap.
    package mutating func insert(bytesAt offset: UInt64, count: Int) {
        guard count > 0 else { return }
        let last = (offset + UInt64(count) - 1) >> HeapLayout.pageShift
        for page in offset >> HeapLayout.pageShift ... last { insert(Int(page)) }
    }

    /// The pages as ranges, in ascending order, as few as possible.
    package var ranges: [Range<Int>] {
        var found: [Range<Int>] = []
        for (index, bits) in words.enumerated() {
            var bits = bits
            while bits != 0 {
                let page = index << 6 + bits.trailingZeroBitCount
                bits &= bits - 1
                if let last = found.last, last.upperBound == page {
                    found[found.count - 1] = last.lowerBound ..< page + 1
                } else {
                    found.append(page ..< page + 1)
                }
            }
        }
        return found
    }
}
