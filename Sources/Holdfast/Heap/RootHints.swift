import HoldfastEngine

/// Where roots were found last: a program asks for the same few by name in every transaction, and hashing the name, searching the catalogue and comparing types were a
/// quarter of a small one.
///
/// A few entries in the context's own memory, direct-mapped. An entry holds as long as the catalogue has the version at which it was made. That number goes up with every
/// change of the catalogue, by whichever process, and down only when a transaction that changed it is undone; so no entry may be made in a transaction that has changed
/// it, or that number would come again with another catalogue.
///
/// Safety: `memory` is the context's and as large as `HeapAccess.hintBytes`, which an entry's index never passes; a context belongs to one transaction, and so to one
/// thread, at a time; its memory is zeroed before another heap gets it, and no type has the identifier zero.
struct RootHints {
    private struct Entry: BitwiseCopyable {
        var name: ShortName
        var type: UInt
        var version: UInt64
        var offset: UInt64
    }

    private static let count = 8
    private let entries: UnsafeMutablePointer<Entry>
    private let access: HeapAccess

    @inline(__always)
    init(_ access: HeapAccess) {
        self.access = access
        entries = access.hints.assumingMemoryBound(to: Entry.self)
        assert(Self.count * MemoryLayout<Entry>.stride <= HeapAccess.hintBytes)
    }

    @inline(__always)
    private func entry(_ name: ShortName) -> UnsafeMutablePointer<Entry> {
        entries + Int(truncatingIfNeeded: ((name.low ^ name.high) &* 0x9e37_79b9_7f4a_7c15) &>> 61)
    }

    @inline(__always)
    func find(_ name: ShortName, _ type: ObjectIdentifier) -> UInt64? {
        let entry = entry(name)
        guard entry.pointee.name == name, entry.pointee.type == UInt(bitPattern: type),
            entry.pointee.version == access.catalogueVersion
        else { return nil }
        return entry.pointee.offset
    }

    func remember(_ name: ShortName, _ type: ObjectIdentifier, at offset: UInt64) {
        guard !access.isCatalogueChanging else { return }
        entry(name).pointee = Entry(
            name: name, type: UInt(bitPattern: type), version: access.catalogueVersion, offset: offset)
    }
}

/// A name of up to 15 bytes of UTF-8, packed into two words: equal words are equal names.
struct ShortName: Equatable, BitwiseCopyable {
    /// Bytes 0 to 7, the first lowest.
    let low: UInt64
    /// Bytes 8 to 14, and above them the number of bytes.
    let high: UInt64

    /// Nil for longer names, and for those that are not there as UTF-8 (on Darwin).
    @inline(__always)
    init?(_ name: String) {
        let words: (UInt64, UInt64)?? = name.utf8.withContiguousStorageIfAvailable { utf8 in
            let count = utf8.count
            guard count <= 15, let base = UnsafeRawPointer(utf8.baseAddress) else { return count == 0 ? (0, 0) : nil }
            func word(_ offset: Int) -> UInt64 { base.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
            func half(_ offset: Int) -> UInt64 { UInt64(base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
            let high = UInt64(count) << 56
            // Overlapping reads, so that none goes beyond the end: bytes that are read twice are shifted out, or come to lie upon themselves.
            if count > 8 { return (word(0), high | word(count - 8) &>> UInt64((16 - count) * 8)) }
            if count == 8 { return (word(0), high) }
            if count >= 4 { return (half(0) | half(count - 4) &<< UInt64((count - 4) * 8), high) }
            var low: UInt64 = 0
            for offset in 0 ..< count { low |= UInt64(utf8[offset]) &<< UInt64(offset * 8) }
            return (low, high)
        }
        guard case .some(.some(let words)) = words else { return nil }
        (low, high) = words
    }
}
