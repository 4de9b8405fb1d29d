/// The checksums of the pages of the heap file: 64 bits per page, in separate pages behind the
/// descriptors of the same pages (`PageMap`).
///
/// Only checkpoints write them, directly to the file and never through a transaction, so they
/// describe the contents of the *file*. An entry of 0 belongs to a page that no checkpoint has
/// written: it reads as zeros. A checksum page holds 511 entries and, in its last word, a checksum
/// of itself. A checksum page of all zeros has not been written either. So every bit of the file is
/// covered by a checksum.
///
/// Entries are valid as of the last complete checkpoint. Pages that the log changes may differ
/// until recovery or the next checkpoint rewrites them.
@usableFromInline
package struct PageChecksums: Equatable {
    @inlinable
    package static var entriesPerPage: Int { HeapLayout.pageBytes / 8 - 1 }
    private static let selfOffset = HeapLayout.pageBytes - 8
    private static let seed: UInt64 = 0x7061_6765_7375_6d73

    /// First pages of the page map's parts, for k = 8…39; 0 where there is none.
    package var parts: [UInt32]

    package init(parts: [UInt32]) { self.parts = parts }

    /// Reads the parts from the allocator's root page.
    package init(root: UnsafeRawBufferPointer) {
        let fields = Int(PageMap.partField(PageMap.firstPartExponent) - AllocatorRoot.offset)
        parts = (0 ..< HeapHeader.partCount).map {
            unsafe root.loadUnaligned(fromByteOffset: fields + $0 * 4, as: UInt32.self)
        }
    }

    /// The checksum pages of part `index`; index -1 is the first, fixed one.
    package func pages(ofPart index: Int) -> Range<Int>? {
        guard index >= 0 else {
            return Int(HeapLayout.firstChecksumPage) ..< Int(HeapLayout.firstChecksumPage) + 1
        }
        guard parts[index] != 0 else { return nil }
        let exponent = index + PageMap.firstPartExponent
        let first = Int(parts[index]) + Int(PageMap.descriptorPages(exponent))
        return first ..< first + Int(PageMap.checksumPages(exponent))
    }

    /// All ranges of checksum pages.
    package var allPages: [Range<Int>] { (-1 ..< parts.count).compactMap { pages(ofPart: $0) } }

    /// The lines of the heap with the first pages of the parts.
    package static var partLines: Range<UInt64> {
        let fields = PageMap.partField(PageMap.firstPartExponent)
        let line = UInt64(HeapLayout.lineBytes)
        return fields / line ..< (fields + UInt64(HeapHeader.partCount) * 4 + line - 1) / line
    }

    /// Adds the checksum pages of every part named in `bytes`, a section of the allocator's root
    /// page that begins at byte `start` of it.
    package static func collectPages(
        ofRootBytes bytes: UnsafeRawBufferPointer, from start: Int,
        into places: inout Set<Range<Int>>
    ) {
        let fields = Int(PageMap.partField(PageMap.firstPartExponent) - AllocatorRoot.offset)
        for index in 0 ..< HeapHeader.partCount {
            let at = fields + index * 4 - start
            guard at >= 0, at + 4 <= bytes.count else { continue }
            let first = unsafe bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)
            guard first != 0 else { continue }
            var parts = [UInt32](repeating: 0, count: HeapHeader.partCount)
            parts[index] = first
            if let pages = PageChecksums(parts: parts).pages(ofPart: index) { places.insert(pages) }
        }
    }

    /// The part that page `page` belongs to, and the first page that the part describes.
    package static func part(of page: Int) -> (index: Int, firstPage: Int) {
        guard page >= 256 else { return (-1, 0) }
        let exponent = Int.bitWidth - 1 - page.leadingZeroBitCount
        return (exponent - PageMap.firstPartExponent, 1 << exponent)
    }

    /// The place of the checksum of `page`; nil if there is no part for it.
    package func place(of page: Int) -> (checksumPage: Int, index: Int)? {
        let (part, firstPage) = Self.part(of: page)
        guard part < parts.count, let pages = pages(ofPart: part) else { return nil }
        let number = page - firstPage
        return (pages.lowerBound + number / Self.entriesPerPage, number % Self.entriesPerPage)
    }

    // MARK: One checksum page

    /// Never 0, which means that there is none. Includes the page's number, so that a page at the
    /// wrong place is detected.
    package static func checksum(ofPage page: Int, _ bytes: UnsafeRawBufferPointer) -> UInt64 {
        let sum = unsafe Checksum.of(bytes, seed: seed ^ UInt64(page))
        return sum == 0 ? 1 : sum
    }

    package static func entry(_ index: Int, in page: UnsafeRawBufferPointer) -> UInt64 {
        unsafe page.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
    }

    package static func setEntry(
        _ index: Int, to value: UInt64, in page: UnsafeMutableRawBufferPointer
    ) {
        unsafe page.storeBytes(of: value, toByteOffset: index * 8, as: UInt64.self)
    }

    /// The sum of the entries, modulo 2^64.
    package static func sumOfEntries(in page: UnsafeRawBufferPointer) -> UInt64 {
        var sum: UInt64 = 0
        for index in 0 ..< entriesPerPage { sum &+= unsafe entry(index, in: page) }
        return sum
    }

    /// The difference between the checksum page's own checksum and the right one: 0 for an intact
    /// page, and for one that is all zeros.
    package static func difference(_ page: UnsafeRawBufferPointer, pageNumber: Int) -> UInt64 {
        let stored = unsafe page.loadUnaligned(fromByteOffset: selfOffset, as: UInt64.self)
        if stored == 0, unsafe isZero(page) { return 0 }
        return unsafe stored ^ ownChecksum(page, pageNumber)
    }

    /// Makes the page's own checksum right, or, after a change to a damaged page, exactly as wrong
    /// as before: writing another entry must not hide damage.
    package static func seal(
        _ page: UnsafeMutableRawBufferPointer, pageNumber: Int, difference: UInt64
    ) {
        unsafe page.storeBytes(of: 0, toByteOffset: selfOffset, as: UInt64.self)
        if difference == 0, unsafe isZero(UnsafeRawBufferPointer(page)) { return }
        let sum = unsafe ownChecksum(UnsafeRawBufferPointer(page), pageNumber)
        unsafe page.storeBytes(of: sum ^ difference, toByteOffset: selfOffset, as: UInt64.self)
    }

    private static func ownChecksum(_ page: UnsafeRawBufferPointer, _ number: Int) -> UInt64 {
        unsafe checksum(ofPage: number, UnsafeRawBufferPointer(rebasing: page[..<selfOffset]))
    }

    package static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
        unsafe bytes.withMemoryRebound(to: UInt64.self) { words in
            var any: UInt64 = 0
            for index in words.indices { any |= unsafe words[index] }
            return any == 0
        }
    }
}
