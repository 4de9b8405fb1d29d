import HoldfastEngine

/// What read and write transactions have in common: they find the named roots of a heap.
///
/// A program writes an accessor for a root once, for both:
///
///     extension HeapTransaction where Self: ~Copyable {
///         func stock() throws -> PersistentMap<String, Int> {
///             try map("stock", String.self, Int.self)
///         }
///     }
///     try heap.write { tx in try tx.stock()["bolt"] = 120 }
///     let bolts = try heap.read { tx in try tx.stock()["bolt"] }
///
/// or as a function of `borrowing some HeapTransaction & ~Copyable`. A ``WriteTransaction`` makes a
/// collection that is not there, a ``ReadTransaction`` throws
/// ``HeapError/rootNotFound(path:name:)``. A program's own types need not conform.
public protocol HeapTransaction: ~Copyable {
    /// The bytes of the heap as the transaction sees them.
    var access: HeapAccess { get }

    /// The collection with this name, of whatever kind; the methods for each kind call this.
    func container<Handle: PersistableContainer, Header>(_ name: String) throws(HeapError) -> Handle
    where Handle.Stored == RelativePointer<Header>
}

extension HeapTransaction where Self: ~Copyable {
    /// The map with this name. If there is none, a write transaction makes an empty one, and a read
    /// transaction throws ``HeapError/rootNotFound(path:name:)``.
    ///
    /// Throws ``HeapError/rootTypeMismatch(path:name:stored:requested:difference:)`` if the name
    /// belongs to another type. O(1) expected.
    @inlinable
    public func map<Key, Value>(
        _ name: String, _ key: Key.Type, _ value: Value.Type
    ) throws(HeapError) -> PersistentMap<Key, Value> {
        try container(name)
    }

    /// The sorted map with this name; makes it, or throws, like ``map(_:_:_:)``.
    @inlinable
    public func sortedMap<Key, Value>(
        _ name: String, _ key: Key.Type, _ value: Value.Type
    ) throws(HeapError) -> PersistentSortedMap<Key, Value> {
        try container(name)
    }

    /// The array with this name; makes it, or throws, like ``map(_:_:_:)``.
    @inlinable
    public func array<Element>(_ name: String, of element: Element.Type) throws(HeapError)
        -> PersistentArray<Element>
    {
        try container(name)
    }

    /// The deque with this name; makes it, or throws, like ``map(_:_:_:)``.
    @inlinable
    public func deque<Element>(_ name: String, of element: Element.Type) throws(HeapError)
        -> PersistentDeque<Element>
    {
        try container(name)
    }

    /// The set with this name; makes it, or throws, like ``map(_:_:_:)``.
    @inlinable
    public func set<Element>(_ name: String, of element: Element.Type) throws(HeapError)
        -> PersistentSet<Element>
    {
        try container(name)
    }

    /// The sorted set with this name; makes it, or throws, like ``map(_:_:_:)``.
    @inlinable
    public func sortedSet<Element>(
        _ name: String, of element: Element.Type
    ) throws(HeapError) -> PersistentSortedSet<Element> {
        try container(name)
    }

    /// The string with this name; makes it, or throws, like ``map(_:_:_:)``.
    @inlinable
    public func string(_ name: String) throws(HeapError) -> PersistentString { try container(name) }

    /// The bytes with this name; makes them, or throws, like ``map(_:_:_:)``.
    @inlinable
    public func bytes(_ name: String) throws(HeapError) -> PersistentBytes { try container(name) }

    /// The bit set with this name; makes it, or throws, like ``map(_:_:_:)``.
    @inlinable
    public func bitSet(_ name: String) throws(HeapError) -> PersistentBitSet { try container(name) }

    /// The single value with this name. Throws ``HeapError/rootNotFound(path:name:)`` if there is
    /// none, in a write transaction too: that makes one with
    /// ``WriteTransaction/value(_:initial:)``.
    @inlinable
    public func value<Value>(_ name: String, of type: Value.Type) throws(HeapError)
        -> PersistentValue<Value>
    {
        PersistentValue(
            access: access, offset: try access.requireRoot(name, as: PersistentValue<Value>.self))
    }

    /// Whether there is a root with this name, of whatever type.
    public func hasRoot(_ name: String) -> Bool { RootCatalogue(access).contains(name) }

    /// The named roots.
    public var roots: [Root] { RootCatalogue(access).all }
}
