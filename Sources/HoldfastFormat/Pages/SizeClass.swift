/// The block sizes of slabs.
///
///     16, 24, 32 … 128         every 8 bytes
///     144, 160 … 256           then eight per doubling,
///     288, 320 … 512           so a block wastes less than an eighth of itself
///     …
///     28672, 30720, 32768      beyond: whole pages
///
/// A request below 16 bytes takes 16, and one up to 128 wastes under 8 bytes. Every class from 512
/// bytes on is a multiple of 64. Below that, a size that is a multiple of its alignment (up to 64)
/// gets a class that is too.
public enum SizeClass {
    @inlinable
    public static var count: Int { 79 }
    /// Requests above this many bytes take whole pages.
    @inlinable
    public static var maximumBytes: Int { 32 * 1024 }
    /// A slab's header is a line of its first page.
    @inlinable
    package static var slabHeaderBytes: Int { 64 }
    @inlinable
    package static var maximumBlocksPerSlab: Int { 256 }

    /// The class for a request of `byteCount` bytes, 1...maximumBytes.
    @inlinable @inline(__always)
    package static func index(for byteCount: Int) -> Int {
        if byteCount <= 128 { return (max(byteCount, 16) &- 9) &>> 3 }
        // The doubling that the request falls into, and the eighth within it.
        let log = Int.bitWidth &- 1 &- (byteCount &- 1).leadingZeroBitCount
        return 15 &+ (log &- 7) &* 8 &+ ((byteCount &- 1) &>> (log &- 3)) &- 8
    }

    /// Bytes of a block of class `index`.
    package static func blockBytes(_ index: Int) -> Int {
        if index < 15 { return 16 + index * 8 }
        let (doubling, eighth) = (index - 15).quotientAndRemainder(dividingBy: 8)
        return (9 + eighth) << (4 + doubling)
    }

    /// The shape of a class's slabs.
    package struct Shape: Equatable, Sendable {
        package var blockBytes: Int
        package var pages: Int
        package var blocks: Int

        /// The distance between possible places of the header: in front of each block of the first
        /// page that begins at the start of a line, or behind the last block.
        package var placeStep: Int {
            let factor = 1 << blockBytes.trailingZeroBitCount
            return factor >= slabHeaderBytes ? blockBytes : blockBytes * (slabHeaderBytes / factor)
        }

        package var headerPlaces: Int {
            min(blocks * blockBytes, HeapLayout.pageBytes - slabHeaderBytes) / placeStep + 1
        }
    }

    /// The smallest number of pages that wastes at most a sixteenth on header and remainder and
    /// holds at least eight blocks.
    package static let shapes: [Shape] = (0 ..< count).map { index in
        let blockBytes = blockBytes(index)
        var pages = 1
        while true {
            let bytes = pages * HeapLayout.pageBytes
            let blocks = min((bytes - slabHeaderBytes) / blockBytes, maximumBlocksPerSlab)
            if blocks >= 8 && bytes - blocks * blockBytes <= bytes / 16 {
                return Shape(blockBytes: blockBytes, pages: pages, blocks: blocks)
            }
            pages += 1
        }
    }
}
