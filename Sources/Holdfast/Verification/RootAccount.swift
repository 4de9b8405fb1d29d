import HoldfastEngine
import HoldfastFormat

/// A root as the catalogue has it. What it says of itself has been verified, and nothing else.
package struct FoundRoot {
    package let keyPlace: UInt64
    /// Where the word stands that leads to the root, and what it says.
    package let place: UInt64
    package let name: String
    /// Nil if it could not be read.
    package let description: String?
    package let offset: UInt64
}

/// What a root owns, as far as a walk has come to it; what others refer to as well counts for the
/// first that has led to it.
package struct RootAccount {
    package private(set) var blocks = 0
    /// As allocated.
    package private(set) var bytes = 0
    /// At most 20.
    package private(set) var problems: [String] = []
    /// Those of the watched pages that one of its blocks lies in.
    package private(set) var watchedPages: Set<Int> = []

    package init() {}

    mutating func add(problem: String) { if problems.count < 20 { problems.append(problem) } }

    mutating func add(_ offset: UInt64, byteCount: Int, blockBytes: Int, watching pages: [Int]) {
        blocks += 1
        bytes += blockBytes
        guard !pages.isEmpty else { return }
        let first = Int(offset >> HeapLayout.pageShift)
        let last = Int((offset + UInt64(max(byteCount, 1)) - 1) >> HeapLayout.pageShift)
        var low = 0
        var high = pages.count
        while low < high {
            let middle = (low + high) / 2
            if pages[middle] < first { low = middle + 1 } else { high = middle }
        }
        while low < pages.count, pages[low] <= last {
            watchedPages.insert(pages[low])
            low += 1
        }
    }
}
