import HoldfastEngine

/// A type whose values can be stored in a heap.
///
/// A persistable type has two forms. Its *stored form* in the file is a fixed number of bytes
/// without any address of this process, which other processes read in place. In the program, a
/// persistable type is either a plain value (`Int`, `String`, a struct of yours), which is copied
/// out and in, or a *handle* (`PersistentArray`, `PersistentMap`, `PersistentString`), which leads
/// to the data and reads and changes it in place.
///
/// Your own types do not conform to this protocol directly:
/// - A struct of plain fields conforms to ``HeapStruct``.
/// - A struct with strings, optionals, collections or references conforms to ``HeapRecord``.
/// - An enum with raw values conforms to ``HeapEnum``, and one with associated values to
///   ``HeapUnion``.
///
/// The macro ``Persistable()`` writes these conformances, and then the compiler checks all fields.
/// By hand, only ``HeapUnion`` needs any code. In a ``HeapStruct`` the compiler
/// rejects a class, a closure, an `Array` or a `String`. Without the macro, a field of a
/// ``HeapRecord`` that cannot be stored, and a raw pointer in any type, compiles. It is
/// refused with ``HeapError/notStorable(type:reason:)``, which names the field, when a root of the
/// type is first requested.
public protocol Persistable: SendableMetatype {
    /// The form that is stored in the file.
    associatedtype Stored: BitwiseCopyable

    /// Returns the value, or the handle, for a stored form.
    static func load(_ stored: Stored, from access: HeapAccess) -> Self

    /// Creates the stored form of `value`, which owns the memory that it needs in the heap.
    ///
    /// A handle is stored by copying the data that it leads to.
    static func store(_ value: Self, in access: HeapAccess) -> Stored

    /// Writes zeros to the bytes of a stored form that have no meaning, in lines that have been
    /// marked dirty, so that the heap never carries memory of the program.
    static func clearPadding(at place: UnsafeMutableRawPointer)

    /// Whether `clearPadding` does anything. If not, collections skip a walk over their elements.
    static var hasPadding: Bool { get }

    /// Frees everything that a stored form owns.
    static func destroy(_ stored: Stored, in access: HeapAccess)

    /// Whether `destroy` does anything. If not, collections skip a walk over their elements.
    static var ownsMemory: Bool { get }

    /// Verifies the stored form at `offset`, inside a block that has been claimed, and everything
    /// that it owns, and reports problems.
    ///
    /// After a walk without a report, reading the value and everything in it does not trap. An
    /// implementation must not trap itself, nor read bytes that it has not claimed, whatever the
    /// bytes contain. See ``BlockVerifier`` for the rules.
    static func verify(at offset: UInt64, in verification: inout some BlockVerifier)

    /// Encodes a stored form and everything that it owns, in a form that is the same for every
    /// machine and heap. The exports of `HoldfastInspection` use it.
    ///
    /// Any encoder will do, except that only an export can follow references.
    ///
    /// - Throws: Any error that the encoder throws.
    static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder) throws

    /// Creates a stored form, which owns the memory that it needs, from input that `encode` has
    /// written.
    ///
    /// The decoder belongs to an import. Invalid input is an error and never a trap. Data created
    /// before the error stays in the transaction, which must then be rolled back.
    static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored

    /// Whether a stored form can contain places in the heap, of data that it owns or refers to.
    static var holdsPlaces: Bool { get }

    /// Moves the data that the stored form at `place` leads to into the new heap, and updates the
    /// places in it. Used by packed copies. The form itself has been copied already.
    static func moveOwned(at place: UInt64, by mover: BlockMover)

    /// Describes the stored form. The description is used to check that a heap is read with the
    /// types that it was written with.
    static func describe() throws(HeapError) -> TypeDescription
}

extension Persistable {
    /// Forms of one field have no padding.
    @inlinable @inline(__always)
    public static func clearPadding(at place: UnsafeMutableRawPointer) {}

    @inlinable
    public static var hasPadding: Bool { false }
}

/// A struct of plain fields that can be stored in a heap: numbers, `Bool`, and structs, tuples,
/// optionals and enums of them.
///
///     struct Movement: HeapStruct {
///         var item: Int32
///         var delta: Int64
///     }
///
/// The bytes of the struct are stored unchanged, so reading one is a copy of its size and nothing
/// more. The heap records the names, types and offsets of the fields. A program that declares the
/// struct differently gets ``HeapError/rootTypeMismatch(path:name:stored:requested:difference:)``
/// instead of garbage.
///
/// A `public` struct must also be marked `BitwiseCopyable`, which the compiler infers only within a
/// module.
public protocol HeapStruct: PersistableValue, PersistableNamed, BitwiseCopyable
where Stored == Self {
    /// The stored properties that have another name in the heap, or a default for values that were
    /// stored without them. The macro ``Persistable(_:)`` writes the list, which is empty by
    /// default.
    static var plainFields: [PlainField] { get }
}

extension HeapStruct {
    public static var plainFields: [PlainField] { [] }

    @inlinable @inline(__always)
    public static func load(_ stored: Self, from access: HeapAccess) -> Self { stored }

    @inlinable @inline(__always)
    public static func store(_ value: Self, in access: HeapAccess) -> Self { value }

    @inlinable @inline(__always)
    public static func clearPadding(at place: UnsafeMutableRawPointer) {
        PlainPadding.clear(Self.self, at: place)
    }

    @inlinable
    public static var hasPadding: Bool { MemoryLayout<Self>.alignment > 1 }

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

/// A type of the program's own, whose name is recorded in the heap.
public protocol PersistableNamed: SendableMetatype {
    /// The name of the type in the heap. The default is the type's own name.
    ///
    /// To keep the data of a renamed type, return its old name here. Do the same for the old form
    /// of a type that is only kept for a migration.
    static var storedName: String { get }
}

extension PersistableNamed {
    public static var storedName: String { "\(Self.self)" }
}

/// An enum (or option set) that is stored as its raw value, so that cases can be added and
/// reordered freely.
///
/// Reading a raw value for which this program has no case traps with a message: the data is from a
/// newer program, or damaged.
public protocol HeapEnum: PersistableValue, PersistableNamed, RawRepresentable
where RawValue: Persistable, Stored == RawValue.Stored {}

extension HeapEnum {
    @inlinable
    public static func load(_ stored: RawValue.Stored, from access: HeapAccess) -> Self {
        let raw = RawValue.load(stored, from: access)
        guard let value = Self(rawValue: raw) else {
            Misuse.unknownCase(access, "\(raw)", Self.self)
        }
        return value
    }

    @inlinable
    public static func store(_ value: Self, in access: HeapAccess) -> RawValue.Stored {
        RawValue.store(value.rawValue, in: access)
    }

    @inlinable @inline(__always)
    public static func clearPadding(at place: UnsafeMutableRawPointer) {
        RawValue.clearPadding(at: place)
    }

    @inlinable
    public static var hasPadding: Bool { RawValue.hasPadding }

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
            verification.report("\(raw) is not a raw value of \(Self.self) known to this program")
        }
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeNotes.collected?.add(Self.self)
        return TypeDescription("enum \(storedName): \(try TypeDescription.text(of: RawValue.self))")
    }
}

extension Misuse {
    @usableFromInline @inline(never)
    static func unknownCase(_ access: HeapAccess, _ rawValue: String, _ type: Any.Type) -> Never {
        let text = "\(rawValue) is not a raw value of \(type) known to this program"
        if access.errorToCome != nil { damaged(access, text) }
        Misuse.trap(
            text, in: MisuseScene(access, "\(type)"),
            "A newer program may have stored it: update this one. If there is no newer one, the "
                + "heap is damaged: restore it from a copy.")
    }
}

/// A collection that is stored in a heap and can be created empty inside another one, as
/// `map[creating: key]` does.
public protocol PersistableContainer: Persistable {
    /// Creates an empty collection and returns its stored form, which the caller owns.
    static func storeEmpty(in access: HeapAccess) -> Stored
}

/// A type that is copied out of the heap as a value and stays valid when its place in the heap is
/// freed. Every type except the handles is one, and so is ``HeapRef``.
public protocol PersistableValue: Persistable {}
