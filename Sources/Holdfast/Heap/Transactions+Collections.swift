import HoldfastEngine

// Roots that are sorted, and sets.

extension WriteTransaction {
    /// The sorted map with this name, made empty if there is none; throws like ``map(_:_:_:)``.
    @inlinable
    public func sortedMap<Key, Value>(
        _ name: String, _ key: Key.Type, _ value: Value.Type
    ) throws(HeapError) -> PersistentSortedMap<Key, Value> {
        try container(name)
    }

    /// The set with this name, made empty if there is none; throws like ``map(_:_:_:)``.
    @inlinable
    public func set<Element>(_ name: String, of element: Element.Type) throws(HeapError)
        -> PersistentSet<Element>
    {
        try container(name)
    }

    /// The sorted set with this name, made empty if there is none; throws like ``map(_:_:_:)``.
    @inlinable
    public func sortedSet<Element>(
        _ name: String, of element: Element.Type
    ) throws(HeapError) -> PersistentSortedSet<Element> {
        try container(name)
    }
}

extension ReadTransaction {
    /// The sorted map with this name; throws like ``map(_:_:_:)``.
    @inlinable
    public func sortedMap<Key, Value>(
        _ name: String, _ key: Key.Type, _ value: Value.Type
    ) throws(HeapError) -> PersistentSortedMap<Key, Value> {
        try root(name)
    }

    /// The set with this name; throws like ``map(_:_:_:)``.
    @inlinable
    public func set<Element>(_ name: String, of element: Element.Type) throws(HeapError)
        -> PersistentSet<Element>
    {
        try root(name)
    }

    /// The sorted set with this name; throws like ``map(_:_:_:)``.
    @inlinable
    public func sortedSet<Element>(
        _ name: String, of element: Element.Type
    ) throws(HeapError) -> PersistentSortedSet<Element> {
        try root(name)
    }
}
