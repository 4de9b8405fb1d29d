import HoldfastEngine

/// The operations that read and write transactions have in common: finding the named roots of a
/// heap.
///
/// With this protocol a program writes the accessor of a root once, for both kinds of transaction:
///
///     extension HeapTransaction where Self: ~Copyable {
///         func stock() throws -> PersistentMap<String, Int> {
///             try map("stock", String.self, Int.self)
///         }
///     }
///     try heap.write { tx in try tx.stock()["bolt"] = 120 }
///     let bolts = try heap.read { tx in try tx.stock()["bolt"] }
///
/// A function that takes a `borrowing some HeapTransaction & ~Copyable` serves as well. If a
/// collection does not exist, a ``WriteTransaction`` creates it, and a ``ReadTransaction`` throws
/// ``HeapError/rootNotFound(path:name:)``. A program's own types need not conform.
public protocol HeapTransaction: ~Copyable {
    /// The bytes of the heap as the transaction sees them.
    var access: HeapAccess { get }

    /// Returns the collection with this name, of any kind. The methods for each kind call this one.
    func container<Handle: PersistableContainer, Header>(_ name: String) throws(HeapError) -> Handle
    where Handle.Stored == RelativePointer<Header>

    /// Returns the table with this name. Creates it, or throws, like ``map(_:_:_:)``.
    func table<Value>(_ name: String, of value: Value.Type) throws(HeapError)
        -> PersistentTable<Value>
}

extension HeapTransaction where Self: ~Copyable {
    /// Returns the map with this name.
    ///
    /// If there is none, a write transaction creates an empty one, and a read transaction throws.
    ///
    /// - Throws: ``HeapError/rootTypeMismatch(path:name:stored:requested:difference:)`` if the root
    ///   has another type; in a read transaction, ``HeapError/rootNotFound(path:name:)`` if there
    ///   is no such root.
    /// - Complexity: O(1) expected.
    @inlinable
    public func map<Key, Value>(
        _ name: String, _ key: Key.Type, _ value: Value.Type
    ) throws(HeapError) -> PersistentMap<Key, Value> {
        try container(name)
    }

    /// Returns the sorted map with this name. Creates it, or throws, like ``map(_:_:_:)``.
    @inlinable
    public func sortedMap<Key, Value>(
        _ name: String, _ key: Key.Type, _ value: Value.Type
    ) throws(HeapError) -> PersistentSortedMap<Key, Value> {
        try container(name)
    }

    /// Returns the array with this name. Creates it, or throws, like ``map(_:_:_:)``.
    @inlinable
    public func array<Element>(_ name: String, of element: Element.Type) throws(HeapError)
        -> PersistentArray<Element>
    {
        try container(name)
    }

    /// Returns the deque with this name. Creates it, or throws, like ``map(_:_:_:)``.
    @inlinable
    public func deque<Element>(_ name: String, of element: Element.Type) throws(HeapError)
        -> PersistentDeque<Element>
    {
        try container(name)
    }

    /// Returns the set with this name. Creates it, or throws, like ``map(_:_:_:)``.
    @inlinable
    public func set<Element>(_ name: String, of element: Element.Type) throws(HeapError)
        -> PersistentSet<Element>
    {
        try container(name)
    }

    /// Returns the sorted set with this name. Creates it, or throws, like ``map(_:_:_:)``.
    @inlinable
    public func sortedSet<Element>(
        _ name: String, of element: Element.Type
    ) throws(HeapError) -> PersistentSortedSet<Element> {
        try container(name)
    }

    /// Returns the string with this name. Creates it, or throws, like ``map(_:_:_:)``.
    @inlinable
    public func string(_ name: String) throws(HeapError) -> PersistentString { try container(name) }

    /// Returns the bytes with this name. Creates them, or throws, like ``map(_:_:_:)``.
    @inlinable
    public func bytes(_ name: String) throws(HeapError) -> PersistentBytes { try container(name) }

    /// Returns the bit set with this name. Creates it, or throws, like ``map(_:_:_:)``.
    @inlinable
    public func bitSet(_ name: String) throws(HeapError) -> PersistentBitSet { try container(name) }

    /// Returns the single value with this name.
    ///
    /// - Throws: ``HeapError/rootNotFound(path:name:)`` if there is none, in a write transaction
    ///   too. ``WriteTransaction/value(_:initial:)`` creates one.
    @inlinable
    public func value<Value>(_ name: String, of type: Value.Type) throws(HeapError)
        -> PersistentValue<Value>
    {
        PersistentValue(
            access: access, offset: try access.requireRoot(name, as: PersistentValue<Value>.self))
    }

    /// Returns whether there is a root with this name, of any type.
    public func hasRoot(_ name: String) -> Bool { RootCatalogue(access).contains(name) }

    /// The named roots.
    public var roots: [Root] { RootCatalogue(access).all }
}
