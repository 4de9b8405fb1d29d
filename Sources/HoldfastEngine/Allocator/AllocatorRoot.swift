/// The allocator's entry page, page 2 of the heap: where every list begins. It is changed by
/// transactions like any other page, so an abort or a crash puts the allocator back together with
/// the data.
///
///     offset size
///        0     8   magic "HFALROOT"
///        8     8   end: pages from here on are not part of the heap
///       16     8   catalogue: offset of the named roots, 0 if there are none yet
///       24     8   catalogue version: goes up when roots come, go or move
///       64   316   for each size class, page of its first slab with a free block; 0: none
///      384    32   one bit for each bin that has a free run
///      448   160   for k = 8…39, the first page of the page map's part for pages 2^k ..< 2^(k+1)
///     1024  1024   bins: for each, the first page of its first free run, 0 if none
enum AllocatorRoot {
    static let offset = HeapLayout.allocatorRootPage << HeapLayout.pageShift
    static let magic: UInt64 = 0x544f_4f52_4c41_4648

    static let endField = offset + 8
    static let catalogueField = offset + 16
    static let catalogueVersionField = offset + 24
    static let partialSlabs = offset + 64
    static let binBits = offset + 384
    static let pageMapParts = offset + 448
    static let bins = offset + 1024

    /// The pages of a new heap: two header pages, the root, the first part of the page map, which
    /// describes them, and their checksums.
    static func initialPages() -> [UInt8] {
        var bytes = [UInt8](
            repeating: 0, count: Int(HeapLayout.initialPages) * HeapLayout.pageBytes)
        bytes.withUnsafeMutableBytes { raw in
            raw.storeBytes(of: magic, toByteOffset: Int(offset), as: UInt64.self)
            raw.storeBytes(
                of: HeapLayout.initialPages, toByteOffset: Int(endField), as: UInt64.self)
            let map = Int(HeapLayout.firstPageMapPage) * HeapLayout.pageBytes
            let whole = PageDescriptor(kind: .metadata, pages: UInt32(HeapLayout.initialPages))
            raw.storeBytes(of: whole, toByteOffset: map, as: PageDescriptor.self)
            let last = map + (Int(HeapLayout.initialPages) - 1) * MemoryLayout<PageDescriptor>.size
            raw.storeBytes(of: whole.tail, toByteOffset: last, as: PageDescriptor.self)
            let checksums = UnsafeMutableRawBufferPointer(
                rebasing: raw[(Int(HeapLayout.firstChecksumPage) * HeapLayout.pageBytes)...])
            for page in Int(HeapLayout.headerPages) ..< Int(HeapLayout.firstChecksumPage) {
                let bytes = UnsafeRawBufferPointer(
                    rebasing: raw[page * HeapLayout.pageBytes ..< (page + 1) * HeapLayout.pageBytes]
                )
                PageChecksums.setEntry(
                    page, to: PageChecksums.checksum(ofPage: page, bytes), in: checksums)
            }
            PageChecksums.seal(
                checksums, pageNumber: Int(HeapLayout.firstChecksumPage), difference: 0)
        }
        return bytes
    }
}
