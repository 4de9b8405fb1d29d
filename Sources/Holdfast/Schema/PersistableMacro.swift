/// Makes a struct or an enum storable in a heap: writes the conformance that the type needs.
///
///     @Persistable
///     struct Contact {
///         var name: String
///         var birthday: Date?
///         var phones = PersistentArray<String>()
///     }
///
///     @Persistable
///     enum Payment {
///         case cash
///         case card(String)
///         case transfer(iban: String, on: Date)
///     }
///
/// The declaration alone decides on the form, never the types of the fields, which a macro cannot
/// see. So a field that is added later never changes how the others are stored:
///
/// - A struct becomes a ``HeapRecord`` whose fields are listed
///   (``HeapRecord/storedFields``), so no reflection is needed.
/// - An enum whose cases have raw values (`enum Colour: Int16`) becomes a ``HeapEnum``.
/// - Any other enum becomes a ``HeapUnion`` with the list of its cases.
/// - With ``PersistableForm/plain`` as argument, a struct becomes a ``HeapStruct``, and an
///   enum a ``HeapEnum``.
///
/// The stored bytes and their description are those of the same type with a conformance written by
/// hand. A field or a payload that cannot be stored, such as a closure, an object or a pointer, is
/// an error at its line.
///
/// The types in a heap can change: ``SchemaChanges`` says how. A property whose initial value
/// consists of literals has that value in structs that were stored without it; ``HeapField(_:)``
/// lets it be renamed.
///
/// The type must not be local to a function. Properties with wrappers, or that other macros add,
/// are not supported.
@attached(
    extension,
    conformances: Persistable, PersistableValue, PersistableNamed, ReferenceTarget,
    HeapRecord, HeapEnum, HeapUnion, TableValue,
    names: named(storedFields), named(cases), named(_makeCases), named(_checkForm),
    named(Indexes), named(indexes))
public macro Persistable() =
    #externalMacro(module: "HoldfastMacros", type: "PersistableMacro")

/// Makes a struct or an enum storable in a heap, in another form than ``Persistable()`` chooses.
///
///     @Persistable(.plain)
///     struct Movement {
///         var item: Int32
///         var delta: Int64
///     }
///
///     typealias Code = Int16
///
///     @Persistable(.plain)
///     enum Level: Code { case low, high }
///
/// A plain struct is stored as the bytes that it has in memory, which is the fastest form; all of
/// its fields must be plain, too (``HeapStruct``). A plain enum is stored as its raw value
/// (``HeapEnum``); the argument is needed only if the raw type has a name of the program's
/// own.
@attached(
    extension,
    conformances: Persistable, PersistableValue, PersistableNamed, HeapStruct,
    HeapEnum, BitwiseCopyable, TableValue,
    names: named(plainFields), named(Indexes), named(indexes))
public macro Persistable(_ form: PersistableForm) =
    #externalMacro(module: "HoldfastMacros", type: "PersistableMacro")

/// Gives a field of a ``Persistable()`` struct another name in the heap than the property's own, so
/// that the property can be renamed.
///
///     @Persistable
///     struct Contact {
///         @HeapField("name") var fullName: String
///     }
///
/// Nothing in the heap is changed, and programs that know the field by its old name can read and
/// write it too. The name must be written as a string literal.
@attached(peer)
public macro HeapField(_ name: String) =
    #externalMacro(module: "HoldfastMacros", type: "HeapFieldMacro")

/// Gives a property of a ``Persistable()`` struct an index in every ``PersistentTable`` of it.
///
///     @Persistable
///     struct Task {
///         var title: String
///         @Indexed var due: Date?
///     }
///
///     for task in tasks.ordered(by: \.due)[...today] { … }
///
/// The property must have a type that is ordered in a heap (``PersistableOrderedKey``), or be an
/// optional of one; nil comes first.
@attached(peer)
public macro Indexed() = #externalMacro(module: "HoldfastMacros", type: "IndexedMacro")

/// Gives a property of a ``Persistable()`` struct an index in every ``PersistentTable`` of it that
/// refuses a second row with the same value: `@Indexed(.unique) var code: String`.
@attached(peer)
public macro Indexed(_ kind: IndexKind) =
    #externalMacro(module: "HoldfastMacros", type: "IndexedMacro")

/// What ``Indexed(_:)`` demands of the values.
public struct IndexKind: Sendable {
    /// No two rows have the same value. Any number of rows can have nil.
    public static let unique = IndexKind()
}

/// A form that ``Persistable(_:)`` gives a type.
public struct PersistableForm: Sendable {
    /// The bytes of a struct, or the raw value of an enum.
    public static let plain = PersistableForm()
}
