/// The allocator's root page, page 2 of the heap, with the heads of all lists. Transactions change
/// it like any other page, so an abort or a crash restores the allocator together with the data.
///
///     offset size
///        0     8   magic "HFALROOT"
///        8     8   end: pages from here on are not part of the heap
///       16     8   catalogue: offset of the named roots, 0 if there are none yet
///       24     8   catalogue version: incremented when a root is added, removed or moved
///       64   316   partial slabs: for each size class the page of the first slab with a free
///                  block, 0 if none
///      384    32   one bit for each bin that has a free run
///      448   160   page map: for k = 8…39 the first page of the part that describes pages
///                  2^k ..< 2^(k+1)
///     1024  1024   bins: for each, the first page of its first free run, 0 if none
@usableFromInline
package enum AllocatorRoot {
    @inlinable
    package static var offset: UInt64 { HeapLayout.allocatorRootPage << HeapLayout.pageShift }
    @inlinable
    package static var magic: UInt64 { 0x544f_4f52_4c41_4648 }

    @inlinable
    package static var endField: UInt64 { offset + 8 }
    @inlinable
    package static var catalogueField: UInt64 { offset + 16 }
    @inlinable
    package static var catalogueVersionField: UInt64 { offset + 24 }
    @inlinable
    package static var partialSlabs: UInt64 { offset + 64 }
    @inlinable
    package static var binBits: UInt64 { offset + 384 }
    @inlinable
    package static var pageMapParts: UInt64 { offset + 448 }
    @inlinable
    package static var bins: UInt64 { offset + 1024 }

    /// The pages of a new heap: two header pages, the root, the first part of the page map, which
    /// describes them, and their checksums.
    package static func initialPages() -> [UInt8] {
        var bytes = [UInt8](
            repeating: 0, count: Int(HeapLayout.initialPages) * HeapLayout.pageBytes)
        unsafe bytes.withUnsafeMutableBytes { raw in
            unsafe raw.storeBytes(of: magic, toByteOffset: Int(offset), as: UInt64.self)
            unsafe raw.storeBytes(
                of: HeapLayout.initialPages, toByteOffset: Int(endField), as: UInt64.self)
            let map = Int(HeapLayout.firstPageMapPage) * HeapLayout.pageBytes
            let whole = PageDescriptor(kind: .metadata, pages: UInt32(HeapLayout.initialPages))
            unsafe raw.storeBytes(of: whole, toByteOffset: map, as: PageDescriptor.self)
            let last = map + (Int(HeapLayout.initialPages) - 1) * MemoryLayout<PageDescriptor>.size
            unsafe raw.storeBytes(of: whole.tail, toByteOffset: last, as: PageDescriptor.self)
            let checksums = unsafe UnsafeMutableRawBufferPointer(
                rebasing: raw[(Int(HeapLayout.firstChecksumPage) * HeapLayout.pageBytes)...])
            for page in Int(HeapLayout.headerPages) ..< Int(HeapLayout.firstChecksumPage) {
                let bytes = unsafe UnsafeRawBufferPointer(
                    rebasing: raw[page * HeapLayout.pageBytes ..< (page + 1) * HeapLayout.pageBytes]
                )
                unsafe PageChecksums.setEntry(
                    page, to: PageChecksums.checksum(ofPage: page, bytes), in: checksums)
            }
            unsafe PageChecksums.seal(
                checksums, pageNumber: Int(HeapLayout.firstChecksumPage), difference: 0)
        }
        return bytes
    }
}
