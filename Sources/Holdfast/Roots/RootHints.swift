import HoldfastEngine

/// Where roots were found last: a program asks for the same few by name in every transaction, and
/// hashing the name, searching the catalogue and comparing types were a quarter of a small one.
///
/// A few entries in the context's own memory, direct-mapped. An entry holds as long as the
/// catalogue has the version at which it was made. That number goes up with every change of the
/// catalogue, by whichever process, and down only when a transaction that changed it is undone; so
/// no entry may be made in a transaction that has changed it, or that number would come again with
/// another catalogue.
///
/// Safety: `memory` is the context's and as large as `HeapAccess.hintBytes`, whose last word is not
/// used here, and which an entry's index never passes; a context belongs to one transaction, and so
/// to one thread, at a time; its memory is zeroed before another heap gets it, and no type has the
/// identifier zero.
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
        assert(Self.count * MemoryLayout<Entry>.stride <= HeapAccess.hintBytes - 8)
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
            name: name, type: UInt(bitPattern: type), version: access.catalogueVersion,
            offset: offset)
    }
}

/// A name of up to 15 bytes of UTF-8, in the form in which it is stored: equal words are equal
/// names.
struct ShortName: Equatable, BitwiseCopyable {
    let low: UInt64
    let high: UInt64

    /// Nil for longer names, and for those that are not there as UTF-8 (on Darwin).
    @inline(__always)
    init?(_ name: String) {
        let stored = name.utf8.withContiguousStorageIfAvailable {
            StoredBytes(inPlace: UnsafeRawBufferPointer($0))
        }
        guard case .some(.some(let stored)) = stored else { return nil }
        (low, high) = (stored.low, stored.high)
    }
}
