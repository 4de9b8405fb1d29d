/// The arithmetic of the page map: a descriptor of 16 bytes per page, in parts that double in size.
/// The checksums of the same pages (`PageChecksums`), which only checkpoints write, follow the
/// descriptors of each part.
///
/// Part 0 is page 3, with checksums in page 4, and describes pages 0-255. Part k (k >= 8) describes
/// pages 2^k ..< 2^(k+1). It is a run of 2^(k-8) pages of descriptors and one checksum page for
/// every 511 checksums, allocated just before the heap's end comes near 2^k. So any page's
/// descriptor is found by arithmetic, the map costs 0.6% of the heap, and only one run per doubling
/// is immovable. A sparse heap's map is equally sparse.
@usableFromInline
package enum PageMap {
    @inlinable
    package static var descriptorBytes: UInt64 { 16 }
    @inlinable
    package static var firstPartPages: UInt64 { 256 }
    @inlinable
    package static var firstPartExponent: Int { 8 }
    @inlinable
    package static var partCount: Int { 40 }

    @inlinable
    package static func partField(_ exponent: Int) -> UInt64 {
        AllocatorRoot.pageMapParts + UInt64(exponent) * 4
    }

    /// Descriptor pages in the part for exponent k, in front of its checksum pages.
    @inlinable
    package static func descriptorPages(_ exponent: Int) -> UInt64 {
        1 << UInt64(exponent - firstPartExponent)
    }

    @inlinable
    package static func checksumPages(_ exponent: Int) -> UInt64 {
        ((1 << UInt64(exponent)) + UInt64(PageChecksums.entriesPerPage) - 1)
            / UInt64(PageChecksums.entriesPerPage)
    }

    /// Pages of the part for exponent k.
    @inlinable
    package static func partPages(_ exponent: Int) -> UInt64 {
        descriptorPages(exponent) + checksumPages(exponent)
    }

    /// The part for exponent k must exist before the heap's end passes this page. The part then
    /// lies below it, hence below 2^k, and is itself described by earlier parts.
    @inlinable
    package static func lastEndWithout(_ exponent: Int) -> UInt64 {
        (1 << UInt64(exponent)) - partPages(exponent)
    }
}
