/// A type whose values can be the rows of a ``PersistentTable``: a struct that says which of its
/// properties have an index.
///
/// ``Persistable()`` writes the conformance for a struct with properties that are marked
/// ``Indexed()``. For a type without indexes, declare it:
///
///     extension Tag: TableValue {}
public protocol TableValue: Persistable {
    /// The indexes, as the properties of a struct that have the names of the indexed properties.
    associatedtype Indexes: TableIndexes = NoIndexes<Self> where Indexes.Value == Self

    /// The indexes of every table of the type.
    static var indexes: Indexes { get }
}

extension TableValue where Indexes == NoIndexes<Self> {
    public static var indexes: NoIndexes<Self> { NoIndexes() }
}

/// The indexes of a type of rows, each a property. ``Persistable()`` writes such a struct.
public protocol TableIndexes<Value> {
    /// The type of the rows.
    associatedtype Value: TableValue
    /// What an insertion or a change of a row can throw: ``TableError`` if an index is unique,
    /// `Never` otherwise.
    associatedtype Failure: TableFailure = Never

    /// Calls the visitor for each index, in the order of their declaration.
    func visit(_ visitor: inout some TableIndexVisitor<Value>)
}

/// A computation for each index of a table, whose keys can have different types.
public protocol TableIndexVisitor<Value> {
    /// The type of the rows.
    associatedtype Value: TableValue

    mutating func visit<Key>(_ index: TableIndex<Value, Key>)
}

/// The indexes of a type that declares none.
public struct NoIndexes<Value: TableValue>: TableIndexes {
    @inlinable
    init() {}

    @inlinable
    public func visit(_ visitor: inout some TableIndexVisitor<Value>) {}
}

/// An index of a table: the rows in the order of one of their properties.
///
/// ``Persistable()`` creates one for each property that is marked ``Indexed()``.
public struct TableIndex<Value: TableValue, Key: PersistableOrderedKey & Equatable> {
    /// The name of the property in the heap.
    public let name: String
    /// Whether two rows must not have the same key. Rows whose key is nil are not compared.
    public let isUnique: Bool

    /// The number of the index among those of the type, from 0.
    @usableFromInline let number: Int
    @usableFromInline let key: (Value) -> Key

    var field: IndexField { IndexField(property: name, isUnique: isUnique) }

    /// Describes the index of a property whose value `key` returns. `number` counts the indexes of
    /// the type from 0.
    @inlinable
    public init(
        _ number: Int, _ name: String, unique: Bool = false, _ key: @escaping (Value) -> Key
    ) {
        self.number = number
        self.name = name
        isUnique = unique
        self.key = key
    }
}
