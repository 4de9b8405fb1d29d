import HoldfastFormat

/// A test mode that finds writes to unmarked lines: it keeps a second copy of the heap, changed
/// only by logged lines, and compares the two at each commit.
///
/// Cost: O(heap) per commit, and twice the memory.
final class DirtyTrackingVerifier {
    private let image: HeapImage
    private var logged: [UInt8]
    /// The pages that the logged state does not use.
    private var freePages: [Range<Int>] = []
    private let findFreePages: FreePageFinder

    /// Finds the free pages of an image below a page number; the allocator's affair.
    typealias FreePageFinder = (UnsafeRawPointer, UInt64) -> [Range<Int>]

    init(image: HeapImage, pages: UInt64, findFreePages: @escaping FreePageFinder) {
        self.image = image
        self.findFreePages = findFreePages
        logged = []
        accept(pages: pages)
    }

    /// Throws `missedNote` for the first line that differs from the logged state without being
    /// marked. Pages beyond the logged state's end are new, and compared from the next commit on.
    /// A line of a page that was free may have become zero: checkpoints fill such pages of the file
    /// with zeros, and an image shows the file's own pages.
    func verify(dirty: DirtyTracker, path: String) throws(HeapError) {
        var missed: UInt64?
        // Checkpoints write the checksum pages concurrently with all transactions.
        let root = UnsafeRawBufferPointer(
            start: image.base + Int(AllocatorRoot.offset), count: HeapLayout.pageBytes)
        let checksumPages = PageChecksums(root: root).allPages
        logged.withUnsafeBytes { old in
            let start = Int(HeapLayout.headerPages) * HeapLayout.pageBytes
            for offset in stride(
                from: start, to: min(old.count, image.byteCount), by: HeapLayout.lineBytes)
            where !Self.isSameLine(image.base + offset, old.baseAddress! + offset) {
                let line = UInt64(offset / HeapLayout.lineBytes)
                let bytes = UnsafeRawBufferPointer(
                    start: image.base + offset, count: HeapLayout.lineBytes)
                let page = offset / HeapLayout.pageBytes
                if !dirty.isDirty(line: line)
                    && !checksumPages.contains(where: { $0.contains(page) })
                    && !(freePages.contains { $0.contains(page) } && bytes.allSatisfy { $0 == 0 })
                {
                    missed = line
                    return
                }
            }
        }
        if let missed { throw HeapError.missedNote(path: path, line: missed) }
    }

    /// By words: comparing all bytes of a heap as a sequence takes an unoptimised build seconds.
    private static func isSameLine(_ one: UnsafeRawPointer, _ other: UnsafeRawPointer) -> Bool {
        var offset = 0
        while offset < HeapLayout.lineBytes {
            if one.load(fromByteOffset: offset, as: UInt64.self)
                != other.load(fromByteOffset: offset, as: UInt64.self)
            {
                return false
            }
            offset += 8
        }
        return true
    }

    /// Makes the image the new logged state; called after the commit.
    func accept(pages: UInt64) {
        logged = Array(
            UnsafeRawBufferPointer(start: image.base, count: Int(pages) * HeapLayout.pageBytes))
        freePages = findFreePages(image.base, pages)
    }
}
