import HoldfastEngine

/// A cache of where roots were found. A program requests the same few by name in every transaction.
/// Hashing the name, searching the catalogue and comparing types took a quarter of a small
/// transaction.
///
/// The cache consists of a few direct-mapped entries in the context's own memory. An entry is valid
/// as long as the catalogue has the version at which the entry was created. That number increases
/// with every change of the catalogue, in any process, and decreases only when a transaction that
/// changed it is rolled back. So a transaction that has changed the catalogue must not create
/// entries: the same number could return with a different catalogue.
///
/// Safety: `memory` belongs to the context and is as large as `HeapAccess.hintBytes`. Its last four
/// words are not used here, and no entry's index reaches them. A context belongs to one
/// transaction, and so to one thread, at a time. Its memory is zeroed before another heap gets it,
/// and no type has the identifier zero.
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
        assert(Self.count * MemoryLayout<Entry>.stride <= HeapAccess.lentPlace)
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

    /// A root that this opening of the heap has requested, by the place of its contents. For traps,
    /// when the transaction may be over.
    func root(at offset: UInt64) -> (name: String, type: any Persistable.Type)? {
        for number in 0 ..< Self.count where entries[number].offset == offset && offset != 0 {
            let entry = entries[number]
            guard let type = TypeRegistry.shared.type(identifiedBy: entry.type) else { continue }
            return (entry.name.text, type)
        }
        return nil
    }

    func remember(_ name: ShortName, _ type: ObjectIdentifier, at offset: UInt64) {
        guard !access.isCatalogueChanging else { return }
        entry(name).pointee = Entry(
            name: name, type: UInt(bitPattern: type), version: access.catalogueVersion,
            offset: offset)
    }
}

/// A name of up to 15 bytes of UTF-8 in its stored form. Equal words mean equal names.
struct ShortName: Equatable, BitwiseCopyable {
    let low: UInt64
    let high: UInt64

    /// Creates the short form, or nil for longer names and for strings that are not stored as UTF-8
    /// (on Darwin).
    @inline(__always)
    init?(_ name: String) {
        let stored = name.utf8.withContiguousStorageIfAvailable {
            StoredBytes(inPlace: UnsafeRawBufferPointer($0))
        }
        guard case .some(.some(let stored)) = stored else { return nil }
        (low, high) = (stored.low, stored.high)
    }

    var text: String {
        let stored = StoredBytes(low: low, high: high)
        return withUnsafeBytes(of: (low, high)) {
            String(decoding: $0.prefix(stored.count), as: UTF8.self)
        }
    }
}
