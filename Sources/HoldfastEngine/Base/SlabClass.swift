import HoldfastFormat

/// What the allocator needs of a size class at each call, worked out once: what a header of the
/// class must say, where it lies, and the place of a block without a division.
///
/// A slab's header does not lie at the same place in every slab. Headers at the starts of pages
/// would share a few sets of the processor's caches (the addresses have their low twelve bits in
/// common), and a heap with more slabs than those sets have lines would miss the cache at almost
/// every allocation and free. So the header lies between two of the slab's blocks, in the first
/// page, and which two follows from the page's number (Bonwick, "The Slab Allocator", USENIX 1994,
/// calls this colouring). Nothing is lost by it: the blocks are as many as before.
@usableFromInline
package struct SlabClass {
    /// The header's first eight bytes but for its count of free blocks: magic and size class.
    let identity: UInt64
    /// The header's bytes 16 to 23: bytes of a block, blocks, pages.
    let shape: UInt64
    /// 2^40 divided by the bytes of a block, and one more: enough for any distance inside a slab
    /// (`SizeClassTests` tries them all).
    private let reciprocal: UInt64
    let blockBytes: UInt32
    /// Bytes of all blocks together.
    let usedBytes: UInt32
    /// Places that the header may have, and the bytes from one to the next: the least that is both
    /// whole blocks and whole lines.
    let headerPlaces: UInt32
    let placeStep: UInt32

    @inline(__always)
    var blocks: UInt64 { shape &>> 32 & 0xffff }

    static let identityMask: UInt64 = 0x0000_ffff_ffff_ffff
    /// One free block, as the header's first eight bytes count it.
    static let oneFreeBlock: UInt64 = 1 << 48

    /// Kept for good, and outside an array so that a look-up is one load. Safe to share: written
    /// once, before anyone has the address.
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

    /// How far behind the start of the slab at `page` its header lies. Fibonacci hashing:
    /// neighbouring pages get places that are far apart.
    @inline(__always)
    func headerPlace(page: UInt64) -> UInt64 {
        let hash = UInt32(truncatingIfNeeded: page) &* 0x9e37_79b1
        return (UInt64(hash) &* UInt64(headerPlaces)) &>> 32 &* UInt64(placeStep)
    }

    /// Where the header of the slab at `page` lies, from the heap's start on; nil if there is no
    /// such class.
    static func headerOffset(page: UInt64, sizeClass: Int) -> Int? {
        guard sizeClass < SizeClass.count else { return nil }
        return Int(page << HeapLayout.pageShift + all[sizeClass].headerPlace(page: page))
    }

    /// The header of the slab at `page` in the heap at `base`, whose pages lie inside it; nil
    /// unless there is such a class and a slab of it.
    static func header(page: UInt64, sizeClass: UInt8, in base: UnsafeRawPointer) -> SlabHeader? {
        guard let offset = headerOffset(page: page, sizeClass: Int(sizeClass)) else { return nil }
        let header = (base + offset).loadUnaligned(as: SlabHeader.self)
        return header.magic == SlabHeader.magic && header.sizeClass == sizeClass ? header : nil
    }

    /// Where it lies for a slab whose blocks have so many bytes.
    package static func headerOffset(page: Int, blockBytes: Int) -> Int {
        headerOffset(page: UInt64(page), sizeClass: SizeClass.index(for: blockBytes))!
    }

    /// How far behind its slab's start a block lies.
    @inline(__always)
    func blockPlace(_ index: Int, headerPlace: UInt64) -> UInt64 {
        let distance = UInt64(truncatingIfNeeded: index) &* UInt64(blockBytes)
        return distance < headerPlace ? distance : distance &+ UInt64(SizeClass.slabHeaderBytes)
    }

    /// The block that begins so far behind its slab's start; nil if none does.
    @inline(__always)
    func block(at place: UInt64, headerPlace: UInt64) -> Int? {
        // Wraps around to a large number in front of the header.
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
