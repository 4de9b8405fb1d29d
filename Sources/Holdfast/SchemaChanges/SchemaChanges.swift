/// What opening a ``TypedHeap`` does with a root whose type in the heap is not the one that its
/// schema declares.
///
/// A program's types change: a struct gets a field, an enum a case. The heap has recorded each
/// root's type with the names of all fields and cases, so most changes need no code:
///
/// - A field was added that is an optional, a collection, or has a literal as its initial value in
///   a type with the macro ``Persistable()``. It is nil, empty, or has that value.
/// - A field was removed, or has another place in the struct.
/// - A number is of a wider type: an integer of one with all of its values, a `Float` a `Double`.
/// - A field became an optional.
/// - An enum has cases more, anywhere, or its cases have another order.
/// - A field was renamed, with ``HeapField(_:)``: nothing is converted then.
///
/// Fields and cases are known by their names, types by ``PersistableNamed/storedName``. All values
/// of the root are converted when the heap is opened for writing, in as many transactions as that
/// takes. After a crash the next opening goes on. Anything else (a narrower number, other keys, a
/// removed case) is refused, and nothing is changed: declare a ``HeapMigration``.
///
/// Records that a ``HeapRef`` or a ``SharedRef`` leads to move with all roots that lead to them or
/// own them; the program must declare all of those.
///
/// A program cannot tell a field that it has removed from one that a newer program has added, if
/// that program has created the heap: it removes the field. It cannot tell a renamed field without
/// ``HeapField(_:)`` from a removed and an added one. Declare ``HeapSchema/schemaVersion`` where
/// programs of several ages meet: then the older one throws
/// ``HeapError/newerData(path:version:known:)`` instead.
public enum SchemaChanges: Sendable {
    /// Converts the roots, and throws
    /// ``HeapError/rootTypeMismatch(path:name:stored:requested:difference:)`` if one cannot be
    /// converted.
    case automatic
    /// Converts nothing. Any difference throws that error.
    case forbidden
    /// Converts the roots. One that cannot be converted is removed with all of its data and made
    /// anew; the other roots stay. For the time in which a program is being developed.
    case eraseOnMismatch
}
