import HoldfastEngine

/// A type whose values can be kept in a heap.
///
/// A persistable type has two forms. In the file lies its *stored form*: a fixed number of bytes
/// without any address of this process, which other processes read in place. In the program it is
/// itself: a plain value (`Int`, `String`, a struct of yours) that is copied out and in, or a
/// *handle* (`PersistentArray`, `PersistentMap`, `PersistentString`) that leads to the data and
/// reads and changes it where it lies.
///
/// Your own types do not conform to this protocol directly:
/// - a struct of plain fields conforms to ``PersistableStruct``;
/// - a struct with strings, optionals, collections and references in it conforms to
///   ``PersistableRecord``;
/// - an enum with raw values conforms to ``PersistableEnum``, one with payloads to
///   ``PersistableUnion``.
///
/// None but the last needs any code. In a ``PersistableStruct`` the compiler refuses a class, a
/// closure, an `Array` or a `String`. A field of a ``PersistableRecord`` that cannot be kept, and a
/// raw pointer anywhere, compiles, and is refused with ``HeapError/notStorable(type:reason:)``,
/// which names the field, when a root of the type is first asked for.
public protocol Persistable: SendableMetatype {
    /// What lies in the file.
    associatedtype Stored: BitwiseCopyable

    /// The value, or the handle, for a stored form.
    static func load(_ stored: Stored, from access: HeapAccess) -> Self

    /// Makes the stored form of `value`, which owns what it needs in the heap. A handle is stored
    /// by copying what it leads to.
    static func store(_ value: Self, in access: HeapAccess) -> Stored

    /// Frees what a stored form owns.
    static func destroy(_ stored: Stored, in access: HeapAccess)

    /// Whether `destroy` has anything to do; lets collections skip a walk over their elements.
    static var ownsMemory: Bool { get }

    /// Verifies the stored form that lies at `offset`, inside a block that has been claimed, and
    /// all that it owns, and reports what is wrong.
    ///
    /// After a walk without a report, reading the value, and everything in it, does not trap. Must
    /// not trap itself, nor read what it has not claimed, whatever the bytes are; see
    /// ``BlockVerifier`` for the rules.
    static func verify(at offset: UInt64, in verification: inout some BlockVerifier)

    /// Encodes a stored form and all that it owns, in a form that is the same for every machine and
    /// heap: what an export of `HoldfastInspection` writes.
    ///
    /// Any encoder does, but for references, which only an export can follow. Throws what the
    /// encoder throws.
    static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder) throws

    /// Makes a stored form, which owns what it needs, of what `encode` has written; the decoder is
    /// that of an import. Input that is not of that form is an error and never a trap; what has
    /// been made before the error stays in the transaction, which must not be kept then.
    static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored

    /// Whether a stored form can hold places in the heap: of what it owns, or of what it refers to.
    static var holdsPlaces: Bool { get }

    /// Moves what the stored form at `place` leads to into the heap that is being made, and sets
    /// its places right; for a copy that packs. The form itself has been copied already.
    static func moveOwned(at place: UInt64, by mover: BlockMover)

    /// Describes the stored form for the check that a heap is read as what it was written as.
    static func describe() throws(HeapError) -> TypeDescription
}

/// A struct of plain fields that can be kept in a heap: numbers, `Bool`, nested such structs,
/// tuples, optionals and enums of them.
///
///     struct Movement: PersistableStruct {
///         var item: Int32
///         var delta: Int64
///     }
///
/// The bytes of the struct are stored as they are, so reading one is a copy of its size and nothing
/// more. The names, types and places of its fields are recorded in the heap; a program that
/// declares the struct differently gets
/// ``HeapError/rootTypeMismatch(path:name:stored:requested:difference:)`` instead of garbage.
///
/// A `public` struct must also be marked `BitwiseCopyable`, which the compiler infers by itself
/// only within a module.
public protocol PersistableStruct: PersistableValue, PersistableNamed, BitwiseCopyable
where Stored == Self {}

extension PersistableStruct {
    @inlinable @inline(__always)
    public static func load(_ stored: Self, from access: HeapAccess) -> Self { stored }

    @inlinable @inline(__always)
    public static func store(_ value: Self, in access: HeapAccess) -> Self { value }

    @inlinable @inline(__always)
    public static func destroy(_ stored: Self, in access: HeapAccess) {}

    @inlinable
    public static var ownsMemory: Bool { false }

    public static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        BitPatterns.of(Self.self).verify(at: offset, in: &verification)
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        try TypeDescription(layoutOf: Self.self)
    }
}

/// A type of the program's own, whose name stands in the heap.
public protocol PersistableNamed: SendableMetatype {
    /// The name that the type has in the heap: the type's own, unless you say otherwise. A type
    /// that has been renamed keeps its data by saying its old name here; so does the old form of a
    /// type that is only kept for a migration.
    static var storedName: String { get }
}

extension PersistableNamed {
    public static var storedName: String { "\(Self.self)" }
}

/// An enum (or option set) that is kept in a heap by its raw value, so that cases can be added and
/// reordered freely.
///
/// Reading a raw value that this program has no case for traps with a sentence: it is a newer
/// program's data, or damage.
public protocol PersistableEnum: PersistableValue, PersistableNamed, RawRepresentable
where RawValue: Persistable, Stored == RawValue.Stored {}

extension PersistableEnum {
    @inlinable
    public static func load(_ stored: RawValue.Stored, from access: HeapAccess) -> Self {
        let raw = RawValue.load(stored, from: access)
        guard let value = Self(rawValue: raw) else {
            Misuse.damaged(access, "\(raw) is no raw value of \(Self.self) that this program knows")
        }
        return value
    }

    @inlinable
    public static func store(_ value: Self, in access: HeapAccess) -> RawValue.Stored {
        RawValue.store(value.rawValue, in: access)
    }

    @inlinable
    public static func destroy(_ stored: RawValue.Stored, in access: HeapAccess) {
        RawValue.destroy(stored, in: access)
    }

    @inlinable
    public static var ownsMemory: Bool { RawValue.ownsMemory }

    public static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        let before = verification.problemCount
        verification.completely { RawValue.verify(at: offset, in: &$0) }
        guard verification.problemCount == before else { return }
        let raw = RawValue.load(
            verification.load(offset, as: RawValue.Stored.self), from: verification.access)
        if Self(rawValue: raw) == nil {
            verification.report("\(raw) is no raw value of \(Self.self) that this program knows")
        }
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("enum \(storedName): \(try TypeDescription.text(of: RawValue.self))")
    }
}

/// A collection that lives in a heap and can be made empty inside another: what `map[creating:
/// key]` needs of its values.
public protocol PersistableContainer: Persistable {
    /// Makes an empty one and returns its stored form, owned by the caller.
    static func storeEmpty(in access: HeapAccess) -> Stored
}

/// A type that is copied out of the heap as a value and stays valid when its place in the heap is
/// freed; everything but the handles, and ``Ref``.
public protocol PersistableValue: Persistable {}
