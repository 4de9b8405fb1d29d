import HoldfastEngine

/// An open transaction in which the properties of a ``HeapSchema`` find their roots.
///
/// A ``TypedHeap`` has verified all roots when it hands one out, so finding a root cannot fail. A
/// transaction that removes a root by its name and then asks for it traps.
public struct SchemaRoots {
    /// The bytes of the heap as the transaction sees them.
    @usableFromInline let access: HeapAccess

    init(_ access: HeapAccess) { self.access = access }

    /// Returns the collection with this name.
    ///
    /// - Complexity: O(1) expected.
    @inlinable
    public func root<Handle: PersistableContainer, Header>(
        _ name: String, _ type: Handle.Type
    ) -> Handle where Handle.Stored == RelativePointer<Header> {
        .load(RelativePointer(offset: place(name, Handle.self)), from: access)
    }

    /// Returns the handle of the single value with this name.
    ///
    /// - Complexity: O(1) expected.
    @inlinable
    public func root<Value>(_ name: String, _ type: PersistentValue<Value>.Type)
        -> PersistentValue<Value>
    {
        PersistentValue(access: access, offset: place(name, PersistentValue<Value>.self))
    }

    /// Returns the table with this name.
    ///
    /// - Complexity: O(1) expected.
    @inlinable
    public func root<Value>(_ name: String, _ type: PersistentTable<Value>.Type)
        -> PersistentTable<Value>
    {
        root(name, PersistentValue<PersistentTable<Value>>.self).value
    }

    /// Returns a copy of the single value with this name.
    ///
    /// - Complexity: O(1) expected, and the copy.
    @inlinable
    public func root<Value: Persistable>(_ name: String, _ type: Value.Type) -> Value {
        root(name, PersistentValue<Value>.self).value
    }

    /// Replaces the collection with this name by a copy of another one, or by a new one.
    ///
    /// - Complexity: O(number of elements of both).
    public func replaceRoot<Handle: PersistableContainer, Header>(
        _ name: String, with new: Handle
    ) where Handle.Stored == RelativePointer<Header> {
        replace(name, with: new)
    }

    /// Replaces the single value with this name by a copy of another one, or by a new one.
    ///
    /// - Complexity: O(size of the values).
    public func replaceRoot<Value>(_ name: String, with new: PersistentValue<Value>) {
        replace(name, with: new)
    }

    /// Sets the single value with this name.
    ///
    /// - Complexity: O(size of the values).
    @inlinable
    public func replaceRoot<Value: Persistable>(_ name: String, with new: Value) {
        root(name, PersistentValue<Value>.self).value = new
    }

    private func replace<Handle: Persistable, Header>(_ name: String, with new: Handle)
    where Handle.Stored == RelativePointer<Header> {
        guard access.isWritable else {
            Misuse.writeInReadTransaction(
                MisuseScene(access, "the schema's root \(name)", "", at: 0))
        }
        let old = place(name, Handle.self)
        // As after `shop.names.sort()`, if `sort` is the standard library's.
        if isSame(new, Handle.load(RelativePointer(offset: old), from: access)) { return }
        let stored = Handle.store(new, in: access)
        Handle.destroy(RelativePointer(offset: old), in: access)
        do throws(HeapError) {
            // Replaces the entry of the catalogue.
            try access.addRoot(name, as: Handle.self, at: stored.offset)
        } catch {
            SchemaMisuse.lostRoot(name, Handle.self, error, heap: access.heapPath)
        }
    }

    /// Handles are plain bytes: a place and a transaction.
    private func isSame<Handle>(_ first: Handle, _ second: Handle) -> Bool {
        withUnsafeBytes(of: first) { first in
            withUnsafeBytes(of: second) { first.elementsEqual($0) }
        }
    }

    @inlinable
    func place(_ name: String, _ type: any Persistable.Type) -> UInt64 {
        do throws(HeapError) {
            return try access.requireRoot(name, as: type)
        } catch {
            SchemaMisuse.lostRoot(name, type, error, heap: access.heapPath)
        }
    }
}

/// Holdfast's traps for misuse of a schema.
@usableFromInline
enum SchemaMisuse {
    @usableFromInline @inline(never)
    static func lostRoot(
        _ name: String, _ type: any Persistable.Type, _ error: HeapError, heap: String
    ) -> Never {
        Misuse.trap(
            "the root \"\(name)\" of the type \(type) is not as the schema declares it: \(error)",
            in: MisuseScene("\(type), root \"\(name)\"", heap: heap),
            "Either declaredRoots does not list it, or this transaction has removed or replaced it "
                + "by its name.")
    }

    static func equalNames(_ schema: String, _ names: [String]) -> Never {
        Misuse.trap(
            "the schema \(schema) declares two roots with the same name; its names are \(names)",
            in: MisuseScene("TypedHeap<\(schema)>"))
    }
}
