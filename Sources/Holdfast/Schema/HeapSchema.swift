import HoldfastEngine

/// What a heap holds: its roots, with their names and types, as the properties of a struct.
///
/// ``HeapSchema()`` writes the conformance. It can also be written by hand:
///
///     struct Shop: HeapSchema {
///         let heapRoots: SchemaRoots
///         var stock: PersistentMap<String, Int> {
///             heapRoots.root("stock", PersistentMap<String, Int>.self)
///         }
///
///         static var declaredRoots: [DeclaredRoot] {
///             [DeclaredRoot("stock", PersistentMap<String, Int>.self)]
///         }
///     }
///
/// A value of the type belongs to one transaction of a ``TypedHeap``.
public protocol HeapSchema: TransactionBound {
    /// All roots of the properties.
    static var declaredRoots: [DeclaredRoot] { get }

    /// The version of the schema, which rises when a type in it changes. 0, the default, stands
    /// for none.
    ///
    ///     @HeapSchema struct Shop {
    ///         static let schemaVersion = 2
    ///         …
    ///
    /// A heap keeps the highest version that it was opened with for writing. A program with a lower
    /// one gets ``HeapError/newerData(path:version:known:)``. Without a version it gets that error
    /// only for a root that was converted from the type that it knows: in a heap that a newer
    /// program has created, newer fields look like removed ones. See ``SchemaChanges``.
    static var schemaVersion: Int { get }

    /// The transaction, in which the properties find their roots.
    var heapRoots: SchemaRoots { get }

    init(heapRoots: SchemaRoots)
}

extension HeapSchema {
    public static var schemaVersion: Int { 0 }
}

/// A root that a ``HeapSchema`` declares: its name, its type, and how it begins.
public struct DeclaredRoot {
    /// The name of the root in the heap.
    public let name: String
    /// The type of the handle that leads to the root.
    let handle: any Persistable.Type
    /// Creates the root in a transaction that has none with this name.
    let create: (borrowing WriteTransaction) throws(HeapError) -> Void

    /// Declares a collection that begins empty.
    public init<Handle: PersistableContainer, Header>(_ name: String, _ type: Handle.Type)
    where Handle.Stored == RelativePointer<Header> {
        self.name = name
        handle = Handle.self
        create = { tx throws(HeapError) in let _: Handle = try tx.container(name) }
    }

    /// Declares a table that begins empty.
    public init<Value>(_ name: String, _ type: PersistentTable<Value>.Type) {
        self.name = name
        handle = PersistentValue<PersistentTable<Value>>.self
        create = { tx throws(HeapError) in _ = try tx.table(name, of: Value.self) }
    }

    /// Declares a collection that begins with the elements of `initial`.
    public init<Handle: PersistableContainer, Header>(
        _ name: String, _ type: Handle.Type, initial: @autoclosure @escaping () -> Handle
    ) where Handle.Stored == RelativePointer<Header> {
        self.init(name, handle: Handle.self, initial)
    }

    /// Declares a single value that is reached through a handle.
    public init<Value>(
        _ name: String, _ type: PersistentValue<Value>.Type,
        initial: @autoclosure @escaping () -> PersistentValue<Value>
    ) {
        self.init(name, handle: PersistentValue<Value>.self, initial)
    }

    /// Declares a single value, which is read and set as a whole.
    public init<Value: Persistable>(
        _ name: String, _ type: Value.Type, initial: @autoclosure @escaping () -> Value
    ) {
        self.name = name
        handle = PersistentValue<Value>.self
        create = { tx throws(HeapError) in _ = try tx.value(name, initial: initial()) }
    }

    /// Refuses a single value without a value to begin with.
    @available(
        *, unavailable,
        message: "a root that is no collection needs an initial value, as in 'var count: Int = 0'"
    )
    public init<Value: Persistable>(_ name: String, _ type: Value.Type) {
        fatalError("unavailable")
    }

    /// Refuses a type that is not persistable.
    @available(
        *, unavailable,
        message: "this root cannot be stored in a heap, because its type is not Persistable"
    )
    public init<Value>(_ name: String, _ type: Value.Type, initial: Value? = nil) {
        fatalError("unavailable")
    }

    private init<Handle: Persistable, Header>(
        _ name: String, handle: Handle.Type, _ initial: @escaping () -> Handle
    ) where Handle.Stored == RelativePointer<Header> {
        self.name = name
        self.handle = handle
        create = { tx throws(HeapError) in
            try tx.access.requireDeclared(name)
            // The name is checked before anything is created.
            try tx.access.requireFreeName(name)
            if try tx.access.findRoot(name, as: Handle.self) != nil { return }
            let stored = Handle.store(initial(), in: tx.access)
            try tx.access.addRoot(name, as: Handle.self, at: stored.offset)
        }
    }
}
