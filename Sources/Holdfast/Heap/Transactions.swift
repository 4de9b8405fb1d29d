import HoldfastEngine

/// An open write transaction: finds roots and makes them. It cannot leave the closure that it was
/// handed to.
///
/// The handles that it gives are valid until the closure returns.
public struct WriteTransaction: ~Copyable {
    @usableFromInline let access: HeapAccess

    /// The map with this name, made empty if there is none.
    ///
    /// Throws ``HeapError/rootTypeMismatch(path:name:stored:requested:difference:)`` if the name
    /// belongs to another type. O(1) expected.
    @inlinable
    public func map<Key, Value>(
        _ name: String, _ key: Key.Type, _ value: Value.Type
    ) throws(HeapError) -> PersistentMap<Key, Value> {
        try container(name)
    }

    /// The array with this name, made empty if there is none; throws like ``map(_:_:_:)``.
    @inlinable
    public func array<Element>(_ name: String, of element: Element.Type) throws(HeapError)
        -> PersistentArray<Element>
    {
        try container(name)
    }

    /// The deque with this name, made empty if there is none; throws like ``map(_:_:_:)``.
    @inlinable
    public func deque<Element>(_ name: String, of element: Element.Type) throws(HeapError)
        -> PersistentDeque<Element>
    {
        try container(name)
    }

    /// The string with this name, made empty if there is none; throws like ``map(_:_:_:)``.
    @inlinable
    public func string(_ name: String) throws(HeapError) -> PersistentString {
        try container(name)
    }

    /// The single value with this name, made from `initial` if there is none; throws like
    /// ``map(_:_:_:)``.
    @inlinable
    public func value<Value>(
        _ name: String, initial: @autoclosure () -> Value
    ) throws(HeapError) -> PersistentValue<Value> {
        if let offset = try access.findRoot(name, as: PersistentValue<Value>.self) {
            return PersistentValue(access: access, offset: offset)
        }
        try access.requireDeclared(name)
        let stored = PersistentValue<Value>.make(initial(), in: access)
        try access.addRoot(name, as: PersistentValue<Value>.self, at: stored.offset)
        return PersistentValue(access: access, offset: stored.offset)
    }

    @inlinable
    func container<Handle: PersistableContainer, Header>(_ name: String) throws(HeapError) -> Handle
    where Handle.Stored == RelativePointer<Header> {
        // This checks the type too, before anything is made.
        if let offset = try access.findRoot(name, as: Handle.self) {
            return .load(RelativePointer(offset: offset), from: access)
        }
        try access.requireDeclared(name)
        let stored = Handle.storeEmpty(in: access)
        try access.addRoot(name, as: Handle.self, at: stored.offset)
        return .load(stored, from: access)
    }

    /// Removes the root with this name and frees everything that it holds; returns whether there
    /// was one. The type must be the one that it was made as: `try tx.removeRoot("stock",
    /// PersistentMap<String, Int>.self)`.
    @inlinable
    @discardableResult
    public func removeRoot<Handle: Persistable, Header>(_ name: String, _ type: Handle.Type)
        throws(HeapError) -> Bool
    where Handle.Stored == RelativePointer<Header> {
        guard let offset = try access.findRoot(name, as: Handle.self) else { return false }
        Handle.destroy(RelativePointer(offset: offset), in: access)
        access.removeRoot(name)
        return true
    }

    /// The roots that are there already: nothing is made here, and a name that no root has is an
    /// error.
    ///
    ///     let stock = try tx.existing.map("stock", String.self, Int.self)
    ///
    /// What it gives can be changed, as everything in a write transaction.
    public var existing: ReadTransaction {
        _read { yield ReadTransaction(access: access) }
    }

    /// Whether there is a root with this name, of whatever type.
    public func hasRoot(_ name: String) -> Bool { RootCatalogue(access).contains(name) }

    /// The named roots.
    public var roots: [Root] { RootCatalogue(access).all }
}

/// An open read transaction: a fixed view of the heap. It cannot leave the closure that it was
/// handed to.
public struct ReadTransaction: ~Copyable {
    @usableFromInline let access: HeapAccess

    /// The map with this name. Throws ``HeapError/rootNotFound(path:name:)`` if there is none, and
    /// ``HeapError/rootTypeMismatch(path:name:stored:requested:difference:)`` if the name belongs
    /// to another type. O(1) expected.
    @inlinable
    public func map<Key, Value>(
        _ name: String, _ key: Key.Type, _ value: Value.Type
    ) throws(HeapError) -> PersistentMap<Key, Value> {
        try root(name)
    }

    /// The array with this name; throws like ``map(_:_:_:)``.
    @inlinable
    public func array<Element>(_ name: String, of element: Element.Type) throws(HeapError)
        -> PersistentArray<Element>
    {
        try root(name)
    }

    /// The deque with this name; throws like ``map(_:_:_:)``.
    @inlinable
    public func deque<Element>(_ name: String, of element: Element.Type) throws(HeapError)
        -> PersistentDeque<Element>
    {
        try root(name)
    }

    /// The string with this name; throws like ``map(_:_:_:)``.
    @inlinable
    public func string(_ name: String) throws(HeapError) -> PersistentString {
        try root(name)
    }

    /// The single value with this name; throws like ``map(_:_:_:)``.
    @inlinable
    public func value<Value>(_ name: String, of type: Value.Type) throws(HeapError)
        -> PersistentValue<Value>
    {
        try root(name)
    }

    @inlinable
    func root<Handle: Persistable, Header>(_ name: String) throws(HeapError) -> Handle
    where Handle.Stored == RelativePointer<Header> {
        .load(RelativePointer(offset: try access.requireRoot(name, as: Handle.self)), from: access)
    }

    /// Whether there is a root with this name, of whatever type.
    public func hasRoot(_ name: String) -> Bool { RootCatalogue(access).contains(name) }

    /// The named roots.
    public var roots: [Root] { RootCatalogue(access).all }

    /// The version of the heap that this view shows.
    public var version: HeapVersion { HeapVersion(position: access.position) }
}

/// A named root: an entry point into a heap.
public struct Root: Hashable, Sendable {
    /// Its name.
    public let name: String
    /// What it was made as.
    public let type: TypeDescription
}
