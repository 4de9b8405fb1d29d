import HoldfastEngine

/// A struct of any persistable fields that can be kept in a heap: strings, dates, optionals, other
/// records, collections, references.
///
///     struct Contact: PersistableRecord {
///         var name: String
///         var birthday: Date?
///         var phones = PersistentArray<String>()
///         var spouse: Ref<Contact>?
///     }
///
/// It needs no code: its fields are found by reflection when the type is first used. Each record
/// lies in a block of its own, its fields one behind the other in their stored forms, and belongs
/// to the place that it was stored in: removing or replacing it there frees it with all that it
/// owns (texts, nested records and collections, but not what a ``Ref`` leads to).
///
/// As a value (`contacts["ada"]`) a record is read and written whole. Through a ``Ref``, a
/// ``Shared`` or the root that ``PersistentValue`` leads to, its fields are reached by name, in
/// place: `ref.name = "Ada"` touches the name and nothing else.
///
/// A field of a type that cannot be kept (a class, an `Array`, a closure) is refused with
/// ``HeapError/notStorable(type:reason:)``, naming the field, when a root of the type is first
/// asked for. A struct whose fields are all plain bytes is faster as a ``PersistableStruct``.
public protocol PersistableRecord: ReferenceTarget
where Stored == RelativePointer<StoredRecord> {}

/// The first 8 bytes of a record's block.
@frozen
public struct StoredRecord: BitwiseCopyable, Sendable {
    /// Says which type the record is of, so that a reference to what is no longer there, or is
    /// something else, is noticed; 0 once it is freed.
    @usableFromInline package var tag: UInt32
    /// How many ``Shared`` references own the record; 0 if one place does.
    @usableFromInline package var owners: UInt32

    @usableFromInline
    init(tag: UInt32, owners: UInt32) {
        self.tag = tag
        self.owners = owners
    }
}

extension PersistableRecord {
    public static func load(_ stored: Stored, from access: HeapAccess) -> Self {
        let layout = RecordLayout.of(Self.self)
        layout.require(stored.offset, access)
        // Every stored field of the struct is initialised, each by its own type, before the whole
        // is taken out.
        return withUnsafeTemporaryAllocation(
            byteCount: max(MemoryLayout<Self>.size, 1), alignment: MemoryLayout<Self>.alignment
        ) { buffer in
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
            for field in layout.fields {
                field.load(from: stored.offset, into: buffer.baseAddress!, access)
            }
            return buffer.baseAddress!.assumingMemoryBound(to: Self.self).move()
        }
    }

    public static func store(_ value: Self, in access: HeapAccess) -> Stored {
        let layout = RecordLayout.of(Self.self)
        guard access.isWritable else { Misuse.writeInReadTransaction() }
        let offset = makeBlock(in: access)
        withUnsafeBytes(of: value) { bytes in
            // What is nil is zeros, as the block is.
            for field in layout.fields where !field.isNil(in: bytes.baseAddress!) {
                field.store(from: bytes.baseAddress!, at: offset, access)
            }
        }
        return Stored(offset: offset)
    }

    /// A block with the record's tag and nothing else.
    package static func makeBlock(in access: HeapAccess) -> UInt64 {
        let layout = RecordLayout.of(Self.self)
        let offset = access.allocateZeros(
            byteCount: layout.byteCount, alignment: RecordLayout.alignment)
        access.store(StoredRecord(tag: layout.tag, owners: 0), at: offset)
        return offset
    }

    public static func destroy(_ stored: Stored, in access: HeapAccess) {
        let layout = RecordLayout.of(Self.self)
        layout.require(stored.offset, access)
        // First of all, so that a cycle of owners ends here.
        access.store(StoredRecord(tag: 0, owners: 0), at: stored.offset)
        guard access.enterLevel() else {
            return access.postpone(following: access) {
                layout.destroyFields(at: stored.offset, access)
            }
        }
        layout.destroyFields(at: stored.offset, access)
        access.leaveLevel()
    }

    /// Replaces every field of the record in its place, so that references to it stay good.
    static func replace(_ stored: Stored, with value: Self, in access: HeapAccess) {
        let layout = RecordLayout.of(Self.self)
        layout.require(stored.offset, access)
        withUnsafeBytes(of: value) { bytes in
            for field in layout.fields {
                field.replace(from: bytes.baseAddress!, at: stored.offset, access)
            }
        }
    }

    public static var ownsMemory: Bool { true }

    public static func describe() throws(HeapError) -> TypeDescription {
        try RecordLayout.describe(Self.self)
    }
}
