import HoldfastEngine

/// Verifies that a heap has the roots of a schema, and creates those that it lacks.
///
/// The result is remembered in the context's own memory, together with the version of the
/// catalogue, as a root's place is (``RootHints``): a transaction looks at the roots again only if
/// the catalogue has changed since, in any process.
struct SchemaVerifier<Schema: HeapSchema> {
    private struct Mark: BitwiseCopyable {
        var schema: UInt
        var version: UInt64
    }

    /// Behind the entries of `RootHints` and the count of lent memory.
    private static var place: Int { HeapAccess.lentPlace + MemoryLayout<Int>.size }

    private let access: HeapAccess

    init(_ access: HeapAccess) { self.access = access }

    private var mark: UnsafeMutablePointer<Mark> {
        assert(Self.place + MemoryLayout<Mark>.size <= HeapAccess.hintBytes - 8)
        return (access.hints + Self.place).assumingMemoryBound(to: Mark.self)
    }

    private var identifier: UInt { UInt(bitPattern: ObjectIdentifier(Schema.self)) }

    /// Whether the roots were found as declared, and the catalogue has not changed since.
    var isRemembered: Bool {
        mark.pointee.schema == identifier && mark.pointee.version == access.catalogueVersion
    }

    /// For a read transaction. Throws if a root is missing or has another type.
    @inline(__always)
    func requireAll() throws(HeapError) {
        if isRemembered { return }
        guard let missing = try missing().first else { return }
        throw HeapError.rootNotFound(path: access.heapPath, name: missing.name)
    }

    /// For a write transaction. Throws if a root has another type.
    @inline(__always)
    func createMissing(in transaction: borrowing WriteTransaction) throws(HeapError) {
        if isRemembered { return }
        for root in try missing() { try root.create(transaction) }
    }

    /// Returns the declared roots that the heap does not have.
    func missing() throws(HeapError) -> [DeclaredRoot] {
        let roots = Schema.declaredRoots
        guard Set(roots.map(\.name)).count == roots.count else {
            SchemaMisuse.equalNames("\(Schema.self)", roots.map(\.name))
        }
        var missing: [DeclaredRoot] = []
        for root in roots {
            if try access.findRoot(root.name, as: root.handle) == nil { missing.append(root) }
        }
        // A number that a rolled back transaction has used could come again with other roots.
        if missing.isEmpty, !access.isCatalogueChanging {
            mark.pointee = Mark(schema: identifier, version: access.catalogueVersion)
        }
        return missing
    }
}
