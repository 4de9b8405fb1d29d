import HoldfastFormat

/// Precomputed constants of a size class for the allocator's fast path: the expected header values,
/// the header's place, and block arithmetic without division.
///
/// The header's place varies from slab to slab. Headers at page starts would share a few sets of
/// the processor's caches, because their addresses agree in the low twelve bits; a heap with more
/// slabs than those sets have lines would miss the cache on almost every allocation and free. So
/// the header lies between two blocks in the slab's first page, and the page's number selects which
/// two (slab colouring, Bonwick, "The Slab Allocator", USENIX 1994). This costs no space: a slab
/// has as many blocks as before.
@usableFromInline
package struct SlabClass {
    /// The header's first eight bytes except its count of free blocks: magic and size class.
    let identity: UInt64
    /// The header's bytes 16 to 23: block size, block count, page count.
    let shape: UInt64
    /// 2^40 divided by the block size, plus one: exact for any distance inside a slab
    /// (`SizeClassTests` tries them all).
    private let reciprocal: UInt64
    let blockBytes: UInt32
    /// Total bytes of all blocks.
    let usedBytes: UInt32
    /// The number of possible places of the header, and the distance between them: the least common
    /// multiple of the block size and the line size.
    let headerPlaces: UInt32
    let placeStep: UInt32

    @inline(__always)
    var blocks: UInt64 { shape &>> 32 & 0xffff }

    static let identityMask: UInt64 = 0x0000_ffff_ffff_ffff
    /// One free block, as counted in the header's first eight bytes.
    static let oneFreeBlock: UInt64 = 1 << 48

    /// Never freed, and not an array, so that a lookup is one load. Safe to share: fully written
    /// before the address is published.
    nonisolated(unsafe) static let all: UnsafePointer<SlabClass> = {
        let all = UnsafeMutablePointer<SlabClass>.allocate(capacity: SizeClass.count)
        for index in 0 ..< SizeClass.count { (all + index).initialize(to: SlabClass(index)) }
        return UnsafePointer(all)
    }()

    private init(_ index: Int) {
        let found = SizeClass.shapes[index]
        identity = UInt64(SlabHeader.magic) | UInt64(index) << 32
        shape = UInt64(found.blockBytes) | UInt64(found.blocks) << 32 | UInt64(found.pages) << 48
        reciprocal = (1 << 40) / UInt64(found.blockBytes) + 1
        blockBytes = UInt32(found.blockBytes)
        usedBytes = UInt32(found.blockBytes * found.blocks)
        headerPlaces = UInt32(found.headerPlaces)
        placeStep = UInt32(found.placeStep)
    }

    /// The header's distance from the start of the slab at `page`. Fibonacci hashing: neighbouring
    /// pages get places that are far apart.
    @inline(__always)
    func headerPlace(page: UInt64) -> UInt64 {
        let hash = UInt32(truncatingIfNeeded: page) &* 0x9e37_79b1
        return (UInt64(hash) &* UInt64(headerPlaces)) &>> 32 &* UInt64(placeStep)
    }

    /// The offset in the heap of the header of the slab at `page`; nil for an invalid class.
    static func headerOffset(page: UInt64, sizeClass: Int) -> Int? {
        guard sizeClass < SizeClass.count else { return nil }
        return Int(page << HeapLayout.pageShift + all[sizeClass].headerPlace(page: page))
    }

    /// The header of the slab at `page` in the heap at `base`; nil if the class or the header is
    /// invalid. The slab's pages must lie inside the heap.
    static func header(page: UInt64, sizeClass: UInt8, in base: UnsafeRawPointer) -> SlabHeader? {
        guard let offset = headerOffset(page: page, sizeClass: Int(sizeClass)) else { return nil }
        let header = (base + offset).loadUnaligned(as: SlabHeader.self)
        return header.magic == SlabHeader.magic && header.sizeClass == sizeClass ? header : nil
    }

    /// The header's offset in a slab with blocks of this size.
    package static func headerOffset(page: Int, blockBytes: Int) -> Int {
        headerOffset(page: UInt64(page), sizeClass: SizeClass.index(for: blockBytes))!
    }

    /// A block's distance from the start of its slab.
    @inline(__always)
    func blockPlace(_ index: Int, headerPlace: UInt64) -> UInt64 {
        let distance = UInt64(truncatingIfNeeded: index) &* UInt64(blockBytes)
        return distance < headerPlace ? distance : distance &+ UInt64(SizeClass.slabHeaderBytes)
    }

    /// The block at this distance from the start of its slab; nil if none begins there.
    @inline(__always)
    func block(at place: UInt64, headerPlace: UInt64) -> Int? {
        // Wraps around to a large number for places before the header.
        guard place &- headerPlace >= UInt64(SizeClass.slabHeaderBytes) else { return nil }
        let distance = place < headerPlace ? place : place &- UInt64(SizeClass.slabHeaderBytes)
        guard distance < UInt64(usedBytes) else { return nil }
        let index = (distance &* reciprocal) &>> 40
        return index &* UInt64(blockBytes) == distance ? Int(truncatingIfNeeded: index) : nil
    }

    /// Whether the bytes are a header of this class.
    @inline(__always)
    func isHeader(_ raw: UnsafeRawPointer) -> Bool {
        raw.load(as: UInt64.self) & Self.identityMask == identity
            && raw.load(fromByteOffset: 16, as: UInt64.self) == shape
    }
}
