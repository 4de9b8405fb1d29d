import HoldfastEngine

/// The part of a record's layout that field access needs, in plain memory that is never freed.
/// Nothing here is reference-counted or initialised lazily, so a field is read with a few loads.
@frozen @usableFromInline
struct RecordPlan {
    /// The field at one offset of the struct. There is one entry for each byte at which a field can
    /// begin.
    @frozen @usableFromInline
    struct Place {
        /// The offset in bytes from the start of the block, or 0 where no field begins.
        @usableFromInline let offset: UInt32
        /// The field's type.
        @usableFromInline let type: UInt
    }

    @usableFromInline let tag: UInt32
    @usableFromInline let placeCount: Int
    @usableFromInline let places: UnsafePointer<Place>
    /// Never released: a layout lives as long as the process.
    @usableFromInline let layout: Unmanaged<RecordLayout>

    @usableFromInline static let known = TypeTable<RecordPlan>()

    /// Returns the plan of a type that a root's check has found to be storable.
    @inlinable @inline(__always)
    static func of<T: HeapRecord>(_ type: T.Type) -> UnsafePointer<RecordPlan> {
        known.find(type) ?? slowly(type)
    }

    @usableFromInline @inline(never)
    static func slowly(_ type: any HeapRecord.Type) -> UnsafePointer<RecordPlan> {
        do throws(HeapError) { return try RecordLayout.found(type).plan } catch {
            Misuse.trap("\(error)", in: MisuseScene("\(type)"))
        }
    }

    /// Returns the place in the heap of the field that a key path leads to. Traps if the path leads
    /// into a field instead of to one.
    ///
    /// The path must not be used for anything else, not even in the trap. Only then does the
    /// compiler turn a literal key path into a constant offset instead of creating the key path.
    @inlinable @inline(__always)
    func place<Target, Value>(of path: KeyPath<Target, Value>) -> UInt64 {
        guard let offset = MemoryLayout<Target>.offset(of: path), offset < placeCount else {
            noField(Value.self)
        }
        let place = places[offset]
        guard place.type == UInt(bitPattern: ObjectIdentifier(Value.self)) else {
            noField(Value.self)
        }
        return UInt64(place.offset)
    }

    @usableFromInline @inline(never)
    func noField(_ type: Any.Type) -> Never {
        let name = layout._withUnsafeGuaranteedRef { $0.typeName }
        Misuse.trap(
            "the key path to a \(type) is not a stored field of \(name)", in: MisuseScene(name),
            "Access computed properties and nested fields through the record's value.")
    }

    /// Whether a record of this type is at `offset`.
    @inlinable @inline(__always)
    func isRecord(at offset: UInt64, _ access: HeapAccess) -> Bool {
        let header = access.address(offset, MemoryLayout<StoredRecord>.size).load(
            as: StoredRecord.self)
        return header.tag == tag
    }

    /// Traps unless a record of this type is at `offset`.
    @inlinable @inline(__always)
    func require(_ offset: UInt64, _ access: HeapAccess) {
        guard access.isOpen, isRecord(at: offset, access) else { noRecord(offset, access) }
    }

    @usableFromInline @inline(never)
    func noRecord(_ offset: UInt64, _ access: HeapAccess) -> Never {
        let (type, name) = layout._withUnsafeGuaranteedRef { ($0.type, $0.typeName) }
        Handle.noRecord(name, MisuseScene(access, "\(type)", "", at: offset))
    }

    /// The name of the field at this offset from the start of the block.
    @usableFromInline
    func fieldName(at offset: UInt64) -> String {
        layout._withUnsafeGuaranteedRef { layout in
            layout.fields.first { $0.offset == Int(offset) }?.name ?? ""
        }
    }
}
