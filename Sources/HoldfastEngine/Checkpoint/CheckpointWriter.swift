import HoldfastFormat
import HoldfastSystem

/// Writes every page that the log changes to the data file, in steps of bounded size. Used by
/// checkpoints and recovery; the caller syncs and writes the header.
struct CheckpointWriter {
    /// Pages that one step reads, assembles and writes: 1 MiB.
    private static let stepPages = 256

    let file: any DiskFile
    /// Whether zeroed ranges keep their disk blocks.
    let keepsBlocks: Bool
    /// Whether an earlier checkpoint may have been interrupted, so that checksum pages may be torn.
    let isRepair: Bool

    /// What a checkpoint has done to the data file.
    struct Result {
        /// The layout of the checksums.
        let table: PageChecksums
        /// The sum of the checksums of pages; nil if it is unknown.
        let sum: UInt64?
        /// The pages that were filled with zeros first.
        let zeroed: [Range<Int>]
    }

    /// Writes the pages of `lines`, which continue from `header`.
    @discardableResult
    func write(_ lines: LineIndex, from header: HeapHeader) throws(SystemError) -> Result {
        let buffer = PageBuffer(pages: Self.stepPages)
        let table = try checksumTable(after: lines, buffer)
        var writer = PageWriter(
            file: file, old: PageChecksums(parts: header.pageMapParts), new: table,
            sum: isRepair ? nil : header.pageSum, isRepair: isRepair, keepsBlocks: keepsBlocks)
        try writer.prepare(
            oldEnd: Int(header.heapPages), lowestEnd: Int(lines.lowestHeapPages),
            highestEnd: isRepair
                ? try file.size() / HeapLayout.pageBytes : Int(lines.highestHeapPages),
            former: isRepair ? lines.formerChecksumPages() : [])
        var index = 0
        while index < lines.pageCount {
            let first = lines[index].number
            let count = writer.stretch(from: index, of: lines.pageCount, limit: Self.stepPages) {
                lines[$0].number
            }
            guard count > 0 else {
                index += 1
                continue
            }
            let bytes = UnsafeMutableRawBufferPointer(
                rebasing: buffer.bytes[..<(count * HeapLayout.pageBytes)])
            try file.readOrZeros(into: bytes, at: first * HeapLayout.pageBytes)
            for number in 0 ..< count {
                lines.lay(
                    lines[index + number], over: bytes.baseAddress! + number * HeapLayout.pageBytes)
            }
            try writer.write(firstPage: first, UnsafeRawBufferPointer(bytes))
            index += count
        }
        try writer.finish()
        return Result(table: table, sum: writer.sum, zeroed: writer.zeroed)
    }

    private func checksumTable(after lines: LineIndex, _ buffer: PageBuffer) throws(SystemError)
        -> PageChecksums
    {
        let page = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<HeapLayout.pageBytes])
        try file.readOrZeros(into: page, at: Int(AllocatorRoot.offset))
        let root = Int(HeapLayout.allocatorRootPage)
        let index = lines.firstIndex(ofPageFrom: root)
        if index < lines.pageCount, lines[index].number == root {
            lines.lay(lines[index], over: page.baseAddress!)
        }
        return PageChecksums(root: UnsafeRawBufferPointer(page))
    }
}
