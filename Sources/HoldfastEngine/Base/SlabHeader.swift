import HoldfastFormat

/// The header of a slab, a run of pages split into blocks of one size class. It is one line of the
/// slab's first page (`SlabClass` says which), so that allocating a block touches one line of
/// bookkeeping, however large the slab.
///
/// Invariants: a bit is set for each block in use and for each bit beyond `blocks`; `freeBlocks`
/// counts the clear bits; the slab is in its class's list of partial slabs if and only if
/// `freeBlocks > 0`.
struct SlabHeader: BitwiseCopyable {
    static let magic: UInt32 = 0x4c53_4648
    static let bitmapOffset = 24
    static let bitmapWords = SizeClass.maximumBlocksPerSlab / 64

    var magic = SlabHeader.magic
    var sizeClass: UInt8
    var reserved: UInt8 = 0
    var freeBlocks: UInt16
    var next: UInt32 = 0
    var previous: UInt32 = 0
    var blockBytes: UInt32
    var blocks: UInt16
    var pages: UInt16
    var bitmap: (UInt64, UInt64, UInt64, UInt64)

    init(sizeClass: Int, shape: SizeClass.Shape) {
        self.sizeClass = UInt8(sizeClass)
        freeBlocks = UInt16(shape.blocks)
        blockBytes = UInt32(shape.blockBytes)
        blocks = UInt16(shape.blocks)
        pages = UInt16(shape.pages)
        func word(_ index: Int) -> UInt64 {
            let inUse = shape.blocks - index * 64
            return inUse >= 64 ? 0 : inUse <= 0 ? ~0 : ~0 << UInt64(inUse)
        }
        bitmap = (word(0), word(1), word(2), word(3))
    }
}
