import HoldfastEngine

/// A struct that can be stored in a heap, with fields of any persistable types: strings, dates,
/// optionals, other records, collections, references.
///
///     struct Contact: HeapRecord {
///         var name: String
///         var birthday: Date?
///         var phones = PersistentArray<String>()
///         var spouse: HeapRef<Contact>?
///     }
///
/// The conformance needs no code: the fields are found by reflection when the type is first used.
/// The macro ``Persistable()`` writes the conformance with a list of the fields instead, and has
/// the compiler check their types.
///
/// Each record has a block of its own that holds the stored forms of its fields one after the
/// other. The record belongs to the place that it is stored in. Removing or replacing it there
/// frees it together with everything that it owns (strings, nested records and collections, but not
/// the target of a ``HeapRef``).
///
/// As a value (`contacts["ada"]`) a record is read and written as a whole. Through a
/// ``HeapRef``, a ``SharedRef`` or the root of a ``PersistentValue``, its fields are accessed by
/// name and in place: `ref.name = "Ada"` changes only the name.
///
/// A field of a type that cannot be stored (a class, an `Array`, a closure) is refused with
/// ``HeapError/notStorable(type:reason:)``, which names the field, when a root of the type is first
/// requested. A struct whose fields are all plain bytes is faster as a ``HeapStruct``.
public protocol HeapRecord: ReferenceTarget
where Stored == RelativePointer<StoredRecord> {
    /// All stored properties in the order of their declaration. The macro ``Persistable()`` writes
    /// the list. Nil, the default, stands for those that reflection finds.
    static var storedFields: [RecordField]? { get }
}

extension HeapRecord {
    public static var storedFields: [RecordField]? { nil }
}

/// The header of a record: the first 8 bytes of its block.
@frozen
public struct StoredRecord: BitwiseCopyable, Sendable {
    /// Identifies the record's type, so that a reference to a freed record or to another type is
    /// detected. 0 once the record is freed.
    @usableFromInline package var tag: UInt32
    /// The number of ``SharedRef`` references that own the record, or 0 if a single place owns it.
    @usableFromInline package var owners: UInt32

    @usableFromInline
    init(tag: UInt32, owners: UInt32) {
        self.tag = tag
        self.owners = owners
    }
}

extension HeapRecord {
    public static func load(_ stored: Stored, from access: HeapAccess) -> Self {
        let layout = RecordLayout.of(Self.self)
        layout.require(stored.offset, access)
        // Every stored field of the struct is initialised by its own type before the whole value is
        // moved out.
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
        guard access.isWritable else {
            Misuse.writeInReadTransaction(MisuseScene(access, "\(Self.self)"))
        }
        let offset = makeBlock(in: access)
        withUnsafeBytes(of: value) { bytes in
            // Nil is stored as zeros, which the block already contains.
            for field in layout.fields where !field.isNil(in: bytes.baseAddress!) {
                field.store(from: bytes.baseAddress!, at: offset, access)
            }
        }
        return Stored(offset: offset)
    }

    /// Allocates a block that contains the record's tag and nothing else.
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
        // Before everything else, so that a cycle of owners ends here.
        access.store(StoredRecord(tag: 0, owners: 0), at: stored.offset)
        guard access.enterLevel() else {
            return access.postpone(following: access) {
                layout.destroyFields(at: stored.offset, access)
            }
        }
        layout.destroyFields(at: stored.offset, access)
        access.leaveLevel()
    }

    /// Replaces every field of the record in place, so that references to it stay valid.
    static func replace(_ stored: Stored, with value: Self, in access: HeapAccess) {
        let layout = RecordLayout.of(Self.self)
        layout.require(stored.offset, access)
        guard !(Self.self is any DescribedRecord.Type) else {
            Misuse.trap(
                "a \(Self.self) can only be replaced as a whole where it is stored, not through a "
                    + "reference to it",
                in: Handle.scene(Self.self, access, stored.offset, "record"),
                "Set the field, element or root that holds it instead.")
        }
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
