import HoldfastEngine

/// An open write transaction. It finds and creates roots, and cannot leave its closure.
///
/// ``HeapTransaction`` has the operations that it shares with a ``ReadTransaction``: the methods
/// that find collections, and create the ones that do not exist. The handles that they return are
/// valid until the closure returns.
public struct WriteTransaction: ~Copyable, HeapTransaction {
    public let access: HeapAccess

    init(access: HeapAccess) { self.access = access }

    /// Returns the collection with this name, creating an empty one if there is none.
    ///
    /// - Throws: ``HeapError/rootTypeMismatch(path:name:stored:requested:difference:)`` if the root
    ///   has another type.
    @inlinable
    public func container<Handle: PersistableContainer, Header>(_ name: String) throws(HeapError)
        -> Handle
    where Handle.Stored == RelativePointer<Header> {
        // This checks the type as well, before anything is created.
        if let offset = try access.findRoot(name, as: Handle.self) {
            return .load(RelativePointer(offset: offset), from: access)
        }
        try access.requireDeclared(name)
        let stored = Handle.storeEmpty(in: access)
        try access.addRoot(name, as: Handle.self, at: stored.offset)
        return .load(stored, from: access)
    }

    /// Returns the single value with this name, creating it from `initial` if there is none. Throws
    /// like ``HeapTransaction/map(_:_:_:)``.
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

    /// Returns the table with this name, creating it if there is none. Throws like
    /// ``HeapTransaction/map(_:_:_:)``.
    @inlinable
    public func table<Value>(_ name: String, of value: Value.Type) throws(HeapError)
        -> PersistentTable<Value>
    {
        try self.value(name, initial: PersistentTable<Value>()).value
    }

    /// Removes the root with this name and frees everything that it owns.
    ///
    /// The type must be the one that the root was created with:
    /// `try tx.removeRoot("stock", PersistentMap<String, Int>.self)`.
    ///
    /// - Returns: Whether there was such a root.
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

    /// The existing roots: this view creates nothing, and requesting a name that no root has is an
    /// error.
    ///
    ///     let stock = try tx.existing.map("stock", String.self, Int.self)
    ///
    /// The handles that it returns can be modified, like all handles of a write transaction.
    public var existing: ReadTransaction {
        _read { yield ReadTransaction(access: access) }
    }
}

/// An open read transaction: a fixed view of the heap. It cannot leave its closure.
///
/// ``HeapTransaction`` has the operations that it shares with a ``WriteTransaction``: the methods
/// that find collections. Requesting a collection that does not exist is an error here.
public struct ReadTransaction: ~Copyable, HeapTransaction {
    public let access: HeapAccess

    init(access: HeapAccess) { self.access = access }

    /// Returns the collection with this name.
    ///
    /// - Throws: ``HeapError/rootNotFound(path:name:)`` if there is none, and
    ///   ``HeapError/rootTypeMismatch(path:name:stored:requested:difference:)`` if the root has
    ///   another type.
    @inlinable
    public func container<Handle: PersistableContainer, Header>(_ name: String) throws(HeapError)
        -> Handle
    where Handle.Stored == RelativePointer<Header> {
        .load(RelativePointer(offset: try access.requireRoot(name, as: Handle.self)), from: access)
    }

    /// Returns the table with this name. Throws like ``container(_:)``.
    @inlinable
    public func table<Value>(_ name: String, of value: Value.Type) throws(HeapError)
        -> PersistentTable<Value>
    {
        try self.value(name, of: PersistentTable<Value>.self).value
    }

    /// The version of the heap that this view shows.
    public var version: HeapVersion { HeapVersion(position: access.position) }
}
