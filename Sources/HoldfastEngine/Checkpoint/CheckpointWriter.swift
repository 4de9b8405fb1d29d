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

    /// Writes the pages of `lines`, which continue from `header`. Returns the new layout of the
    /// checksums.
    func write(_ lines: LineIndex, from header: HeapHeader) throws(SystemError) -> PageChecksums {
        let buffer = PageBuffer(pages: Self.stepPages)
        let table = try checksumTable(after: lines, buffer)
        var writer = PageWriter(
            file: file, old: PageChecksums(parts: header.pageMapParts), new: table,
            isRepair: isRepair, keepsBlocks: keepsBlocks)
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
        return table
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
