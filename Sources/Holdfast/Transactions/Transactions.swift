import HoldfastEngine

/// An open write transaction: finds roots and makes them. It cannot leave the closure that it was
/// handed to.
///
/// ``HeapTransaction`` has what it shares with a ``ReadTransaction``: the methods that find
/// collections, and make those that are not there. The handles that they give are valid until the
/// closure returns.
public struct WriteTransaction: ~Copyable, HeapTransaction {
    public let access: HeapAccess

    init(access: HeapAccess) { self.access = access }

    /// The collection with this name, made empty if there is none. Throws
    /// ``HeapError/rootTypeMismatch(path:name:stored:requested:difference:)`` if the name belongs
    /// to another type.
    @inlinable
    public func container<Handle: PersistableContainer, Header>(_ name: String) throws(HeapError)
        -> Handle
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

    /// The single value with this name, made from `initial` if there is none; throws like
    /// ``HeapTransaction/map(_:_:_:)``.
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
}

/// An open read transaction: a fixed view of the heap. It cannot leave the closure that it was
/// handed to.
///
/// ``HeapTransaction`` has what it shares with a ``WriteTransaction``: the methods that find
/// collections. Those that are not there are errors here.
public struct ReadTransaction: ~Copyable, HeapTransaction {
    public let access: HeapAccess

    init(access: HeapAccess) { self.access = access }

    /// The collection with this name. Throws ``HeapError/rootNotFound(path:name:)`` if there is
    /// none, and ``HeapError/rootTypeMismatch(path:name:stored:requested:difference:)`` if the name
    /// belongs to another type.
    @inlinable
    public func container<Handle: PersistableContainer, Header>(_ name: String) throws(HeapError)
        -> Handle
    where Handle.Stored == RelativePointer<Header> {
        .load(RelativePointer(offset: try access.requireRoot(name, as: Handle.self)), from: access)
    }

    /// The version of the heap that this view shows.
    public var version: HeapVersion { HeapVersion(position: access.position) }
}
