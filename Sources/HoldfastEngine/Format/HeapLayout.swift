import CHoldfast

// Offsets are 64 bits and a heap is one range of addresses, which 32 bits have no room for.
#if _pointerBitWidth(_32)
    #error("Holdfast needs 64-bit addresses.")
#endif

/// The fixed numbers of the file format, version 1. Changing any of them is a new format version.
///
/// A heap file is an array of 4 KiB pages, independent of the operating system's page size:
///
///     page 0   header, copy 0            written only by checkpoints, never by transactions
///     page 1   header, copy 1            the two copies are written in turn
///     page 2   allocator root            free lists, the heap's end, the catalogue of roots
///     page 3   page map of pages 0-255   later parts lie where the allocator puts them
///     page 4   checksums of pages 0-255; later ones follow their part of the page map
///     page 5…  slabs, page runs, page map parts
public enum HeapLayout {
    public static let formatVersion: UInt32 = 1

    /// A page: the unit of allocation for runs, and of the touched-line bitmaps.
    public static let pageBytes = 4096
    public static let pageShift: UInt64 = 12
    /// A line: the unit of change. A transaction logs every line that it touched, whole.
    public static let lineBytes = 64
    public static let lineShift: UInt64 = 6
    /// One 64-bit word has a bit for each line of a page: the reason for these two sizes.
    public static let linesPerPage = pageBytes / lineBytes

    public static let headerPages: UInt64 = 2
    public static let allocatorRootPage: UInt64 = 2
    public static let firstPageMapPage: UInt64 = 3
    public static let firstChecksumPage: UInt64 = 4
    /// Pages of an empty heap.
    public static let initialPages: UInt64 = 5

    /// Files grow and shrink in multiples of this, a multiple of every page size in use (4, 16 and
    /// 64 KiB).
    public static let fileGranule = 64 * 1024
    /// Positions of the log, numbers of commits and of headers stay below this.
    static let maximumCount: UInt64 = 1 << 60
    /// 2^32 pages: page numbers are 32 bits in the page map.
    public static let maximumBytes: UInt64 = 1 << 44
}

/// Checksums of everything that Holdfast writes beside the user's bytes.
public enum Checksum {
    /// Two interleaved CRC-32C lanes; see `CHoldfast.h` for the exact definition.
    @inline(__always)
    public static func of(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        guard let base = bytes.baseAddress else { return seed }
        return holdfast_checksum(seed, base, bytes.count)
    }

    /// The seed of headers; records are seeded with the log's epoch.
    package static let headerSeed: UInt64 = 0x686f_6c64_6661_7374
}
