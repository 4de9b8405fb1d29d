import HoldfastArchive
import HoldfastFormat
import TestSupport

/// A restored heap in memory: its pages, as a heap file would have them.
final class MemoryTarget: RestorationTarget {
    private(set) var bytes: [UInt8] = []
    private(set) var isFinished = false
    private(set) var isAbandoned = false
    /// Settled places, with the pages of the heap there.
    private(set) var settled: [(place: HistoryPlace, heapPages: UInt64)] = []

    private func extend(to count: Int) {
        if count > bytes.count {
            bytes.append(contentsOf: [UInt8](repeating: 0, count: count - bytes.count))
        }
    }

    func zero(pages: Range<Int>) {
        let first = pages.lowerBound * HeapLayout.pageBytes
        let end = min(pages.upperBound * HeapLayout.pageBytes, bytes.count)
        guard first < end else { return }
        bytes.replaceSubrange(first ..< end, with: [UInt8](repeating: 0, count: end - first))
    }

    func lay(firstLine: UInt64, _ lines: UnsafeRawBufferPointer) {
        let first = Int(firstLine) * HeapLayout.lineBytes
        extend(to: first + lines.count)
        bytes.replaceSubrange(first ..< first + lines.count, with: lines)
    }

    func settle(at place: HistoryPlace, heapPages: UInt64, wantsSum: Bool) -> UInt64? {
        let count = Int(heapPages) * HeapLayout.pageBytes
        extend(to: count)
        bytes.removeLast(bytes.count - count)
        settled.append((place, heapPages))
        return wantsSum ? Self.sum(bytes) : nil
    }

    func finish(_ heap: RestoredHeap) { isFinished = true }

    func abandon() { isAbandoned = true }

    /// A sum that tells pages and their places apart.
    static func sum(_ bytes: [UInt8]) -> UInt64 {
        bytes.withUnsafeBytes { raw in
            (0 ..< raw.count / HeapLayout.pageBytes).reduce(into: 0) { sum, page in
                let start = page * HeapLayout.pageBytes
                let bytes = UnsafeRawBufferPointer(
                    rebasing: raw[start ..< start + HeapLayout.pageBytes])
                sum &+= Checksum.of(bytes, seed: UInt64(page + 1))
            }
        }
    }
}
