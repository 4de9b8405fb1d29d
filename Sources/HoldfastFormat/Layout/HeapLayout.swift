// Offsets are 64 bits and a heap is one address range, for which 32 bits have no room.
#if _pointerBitWidth(_32)
    #error("Holdfast needs 64-bit addresses.")
#endif

/// The constants of the file format, version 1. Changing any of them makes a new format version.
///
/// A heap file is an array of 4 KiB pages, independent of the operating system's page size:
///
///     page 0   header, copy 0            never written by transactions
///     page 1   header, copy 1            the two copies are written in turn
///     page 2   allocator root            free lists, the heap's end, the catalogue of roots
///     page 3   page map of pages 0-255   the allocator places later parts of the page map
///     page 4   checksums of pages 0-255  those of later pages follow their part of the page map
///     page 5…  slabs, page runs, page map parts
public enum HeapLayout {
    /// The version of files without features.
    @inlinable
    public static var formatVersion: UInt32 { 1 }
    /// The version from which the feature words count; the newest that this library knows.
    @inlinable
    public static var featureVersion: UInt32 { 2 }

    /// A page: the unit of allocation for runs, and of the dirty-line bitmaps.
    @inlinable
    public static var pageBytes: Int { 4096 }
    @inlinable
    public static var pageShift: UInt64 { 12 }
    /// A line: the unit of change. A transaction logs every dirty line as a whole.
    @inlinable
    public static var lineBytes: Int { 64 }
    @inlinable
    public static var lineShift: UInt64 { 6 }
    /// One 64-bit word has a bit for each line of a page, which is the reason for these two sizes.
    @inlinable
    public static var linesPerPage: Int { pageBytes / lineBytes }

    @inlinable
    public static var headerPages: UInt64 { 2 }
    @inlinable
    public static var allocatorRootPage: UInt64 { 2 }
    @inlinable
    public static var firstPageMapPage: UInt64 { 3 }
    @inlinable
    public static var firstChecksumPage: UInt64 { 4 }
    /// Pages of an empty heap.
    @inlinable
    public static var initialPages: UInt64 { 5 }

    /// Files grow and shrink in multiples of this, a multiple of every page size in use (4, 16 and
    /// 64 KiB).
    @inlinable
    public static var fileGranule: Int { 64 * 1024 }
    /// The limit of log positions, commit numbers and header sequence numbers.
    @inlinable
    package static var maximumCount: UInt64 { 1 << 60 }
    /// 2^32 pages: page numbers are 32 bits in the page map.
    @inlinable
    public static var maximumBytes: UInt64 { 1 << 44 }
}
