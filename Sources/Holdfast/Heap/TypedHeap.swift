import HoldfastEngine

/// A heap whose roots are declared once, as the properties of a struct.
///
///     @HeapSchema
///     struct Shop {
///         var stock: PersistentMap<String, Int>
///         var log: PersistentArray<Movement>
///     }
///
///     let shop = try TypedHeap<Shop>.open("shop.heap")
///     try shop.write { $0.stock["bolt", default: 0] += 120 }
///     let bolts = try shop.read { $0.stock["bolt"] }
///
/// Names and types of the roots are verified when the heap is opened, and roots that the heap does
/// not have yet are created then. So a transaction needs neither, and the compiler checks each use.
///
/// Everything that does not concern the roots is done with ``heap``: checkpoints, copies, changes.
/// Threads and processes use a typed heap as they use a ``PersistentHeap``.
public struct TypedHeap<Schema: HeapSchema>: Sendable {
    /// The heap with its named roots.
    public let heap: PersistentHeap

    /// Opens the heap at `path`, creating it if there is none. See
    /// ``PersistentHeap/open(_:mode:options:)-(String,_,_)``.
    ///
    /// A root whose type has changed since is converted, after all `migrations`. See
    /// ``SchemaChanges``. A program keeps its migrations: one without any is of before the first,
    /// and gets ``HeapError/newerData(path:version:known:)`` where another has run them.
    ///
    /// - Throws: ``HeapError/rootTypeMismatch(path:name:stored:requested:difference:)`` if a root
    ///   has another type than the schema declares and cannot be converted to it;
    ///   ``HeapError/newerData(path:version:known:)`` if the type in the heap is a later one than
    ///   the program's; ``HeapError/migrationNeeded(path:version:wanted:)`` if it is an earlier
    ///   one, and ``HeapError/rootNotFound(path:name:)`` if a root is missing, in a heap that is
    ///   opened for reading only; and the errors of that method.
    /// - Complexity: O(number of roots), or O(size of all roots whose types have changed).
    public static func open(
        _ path: String, mode: OpenMode = .readWrite, options: PersistentHeap.Options = .init(),
        migrations: [HeapMigration] = [], schemaChanges: SchemaChanges = .automatic
    ) throws -> TypedHeap {
        let heap = try PersistentHeap.open(
            path, mode: mode, options: options, migrations: migrations)
        return try closing(heap) {
            // A program without steps is of before the first one. It could take what the steps have
            // added for something that has been removed.
            let version = migrations.isEmpty ? try heap.dataVersion : 0
            guard version == 0 else {
                throw HeapError.newerData(path: path, version: version, known: 0)
            }
            return try TypedHeap(heap, schemaChanges: schemaChanges)
        }
    }

    /// Creates an empty heap in memory. See ``PersistentHeap/inMemory(options:)``.
    public static func inMemory(options: PersistentHeap.Options = .init()) throws -> TypedHeap {
        let heap = try PersistentHeap.inMemory(options: options)
        return try closing(heap) { try TypedHeap(heap) }
    }

    /// Verifies the roots of an open heap, converts those whose types have changed, and creates
    /// those that it lacks.
    ///
    /// Needs a write transaction only if there is something to change. No transaction may be open
    /// on this thread.
    ///
    /// - Throws: The same errors about roots as ``open(_:mode:options:migrations:schemaChanges:)``.
    public init(_ heap: PersistentHeap, schemaChanges: SchemaChanges = .automatic) throws {
        self.heap = heap
        let conversion = SchemaConversion(of: Schema.self, schemaChanges)
        let (isChanged, isComplete) = try heap.read { tx in
            let hasVersion = try SchemaVersion(of: Schema.self, in: tx.access).require()
            if try conversion.isNeeded(tx.access) {
                guard heap.isReadOnly else { return (true, false) }
                try conversion.requireNone(tx.access)
            }
            let verifier = SchemaVerifier<Schema>(tx.access)
            if heap.isReadOnly { try verifier.requireAll() }
            return (false, try verifier.missing().isEmpty && hasVersion)
        }
        if heap.isReadOnly || isComplete { return }
        while isChanged {
            // A newer program may have had the heap open between two transactions.
            let isDone = try heap.write { tx in
                _ = try SchemaVersion(of: Schema.self, in: tx.access).require()
                return try conversion.run(in: tx)
            }
            if isDone { break }
        }
        try heap.write { tx in
            try SchemaVerifier<Schema>(tx.access).createMissing(in: tx)
            let version = SchemaVersion(of: Schema.self, in: tx.access)
            if try !version.require() { try version.set() }
        }
    }

    private static func closing(
        _ heap: PersistentHeap, ifThrowing body: () throws -> TypedHeap
    ) throws -> TypedHeap {
        do { return try body() } catch {
            try? heap.close()
            throw error
        }
    }

    // MARK: Transactions

    /// Runs `body` as a write transaction. See ``PersistentHeap/write(durability:_:)-(_,_)``.
    @discardableResult
    public func write<R>(
        durability: PersistentHeap.Durability? = nil, _ body: (Schema) throws -> R
    ) throws -> R {
        try writing(durability) { schema, _ throws in try body(schema) }
    }

    /// Runs `body` as a write transaction, which it gets as well: for savepoints, records of their
    /// own, and roots by name.
    ///
    ///     try shop.write { shop, tx in
    ///         let bolt = try tx.share(Article(name: "bolt"))
    ///         shop.articles.append(bolt)
    ///     }
    @discardableResult
    public func write<R>(
        durability: PersistentHeap.Durability? = nil,
        _ body: (Schema, borrowing WriteTransaction) throws -> R
    ) throws -> R {
        try writing(durability, body)
    }

    /// Runs `body` as a read transaction. See ``PersistentHeap/read(_:)-(_)``.
    ///
    /// Changing anything in it traps.
    public func read<R>(_ body: (Schema) throws -> R) throws -> R {
        try reading { schema, _ throws in try body(schema) }
    }

    /// Runs `body` as a read transaction, which it gets as well.
    public func read<R>(_ body: (Schema, borrowing ReadTransaction) throws -> R) throws
        -> R
    {
        try reading(body)
    }

    func writing<R>(
        _ durability: PersistentHeap.Durability?,
        _ body: (Schema, borrowing WriteTransaction) throws -> R
    ) throws -> R {
        try heap.writing(durability) { tx in try Self.run(tx, body) }
    }

    func reading<R>(_ body: (Schema, borrowing ReadTransaction) throws -> R) throws -> R {
        try heap.reading { tx in try Self.run(tx, body) }
    }

    static func run<R>(
        _ tx: borrowing WriteTransaction,
        _ body: (Schema, borrowing WriteTransaction) throws -> R
    ) throws -> R {
        try SchemaVerifier<Schema>(tx.access).createMissing(in: tx)
        return try body(Schema(heapRoots: SchemaRoots(tx.access)), tx)
    }

    static func run<R>(
        _ tx: borrowing ReadTransaction,
        _ body: (Schema, borrowing ReadTransaction) throws -> R
    ) throws -> R {
        try SchemaVerifier<Schema>(tx.access).requireAll()
        return try body(Schema(heapRoots: SchemaRoots(tx.access)), tx)
    }

    // MARK: Roots

    /// The names of the heap's roots that the schema does not declare: those of other programs, of
    /// earlier versions of the schema, and of properties that were renamed without
    /// ``HeapRoot(_:)``.
    public var undeclaredRoots: [String] {
        get throws {
            let declared = Set(Schema.declaredRoots.map(\.name))
            return try heap.read { tx in tx.roots.map(\.name).filter { !declared.contains($0) } }
        }
    }
}
