import HoldfastEngine

/// A step from one version of a program's data to the next.
///
///     struct Movement: PersistableStruct { var item: Int32; var delta: Int64; var weight: Double }
///     struct Movement1: PersistableStruct {                       // as version 1 had it
///         static var storedName: String { "Movement" }
///         var item: Int32
///         var delta: Int32
///     }
///     let heap = try PersistentHeap.open("inventory.heap", migrations: [
///         Migration(to: 1) { tx in … },
///         Migration(batchesTo: 2) { tx in
///             try tx.convertArray("log", from: Movement1.self, to: Movement.self) {
///                 Movement(item: $0.item, delta: Int64($0.delta), weight: 0)
///             }
///         },
///     ])
///
/// A heap records the version of its data. Opening it runs the later steps in order of their
/// versions. Each step is a transaction that also sets the version, so after a crash the heap is at
/// one version or the other. A step with more data than fits into one transaction runs in batches,
/// each a transaction of its own; after a crash it continues where it stopped. A heap without roots
/// is new and needs no steps.
///
/// No other process may have the heap open with the old types during a migration. The steps do not
/// prevent that.
public struct Migration: Sendable {
    /// The version of the data after the step, starting at 1.
    public let version: Int
    /// Runs one transaction's share of the work and returns whether the step is complete.
    let body: @Sendable (borrowing WriteTransaction) throws -> Bool

    /// Creates a step that is one transaction.
    public init(
        to version: Int, _ body: @escaping @Sendable (borrowing WriteTransaction) throws -> Void
    ) {
        Self.requirePositive(version)
        self.version = version
        self.body = { tx in
            try body(tx)
            return true
        }
    }

    /// Creates a step that runs in batches: `body` is called in successive transactions until it
    /// returns true.
    ///
    /// It must determine from the heap how far the step has progressed. `convertArray` and
    /// `convertMap` do so, and return the result that `body` should return.
    public init(
        batchesTo version: Int,
        _ body: @escaping @Sendable (borrowing WriteTransaction) throws -> Bool
    ) {
        Self.requirePositive(version)
        self.version = version
        self.body = body
    }

    private static func requirePositive(_ version: Int) {
        if version <= 0 {
            fatalError(
                "Holdfast: a migration has version \(version), but versions start at 1.")
        }
    }
}

extension PersistentHeap {
    /// Opens the heap at `path` and migrates its data to the newest version in `migrations`. See
    /// ``Migration``.
    ///
    /// - Throws: ``HeapError/newerData(path:version:known:)`` if the data is newer than all steps;
    ///   ``HeapError/migrationNeeded(path:version:wanted:)`` if it is older and the heap is not
    ///   opened for writing; any error that a step throws, which leaves the heap at the version and
    ///   batch before it; and the errors of ``open(_:mode:options:)-(String,_,_)``.
    public static func open(
        _ path: String, mode: OpenMode = .readWrite, options: Options = Options(),
        migrations: [Migration]
    ) throws -> PersistentHeap {
        let heap = try open(path, mode: mode, options: options)
        do {
            try heap.migrate(migrations)
        } catch {
            try? heap.close()
            throw error
        }
        return heap
    }

    /// The version of the heap's data, or 0 if no migration has ever set one.
    public var dataVersion: Int {
        get throws { try read { tx in try DataVersion.read(tx.access) } }
    }

    func migrate(_ migrations: [Migration]) throws {
        let steps = migrations.sorted { $0.version < $1.version }
        guard let newest = steps.last?.version else { return }
        let (version, isNew) = try read { tx in
            (try DataVersion.read(tx.access), tx.access.catalogue == 0)
        }
        if version > newest {
            throw HeapError.newerData(path: path, version: version, known: newest)
        }
        if version == newest { return }
        guard engine.mode != .readOnly else {
            if isNew { return }
            throw HeapError.migrationNeeded(path: path, version: version, wanted: newest)
        }
        for step in steps where step.version > version {
            var isDone = false
            while !isDone {
                isDone = try write { tx in
                    // Another process may have run the step in the meantime.
                    if try DataVersion.read(tx.access) >= step.version { return true }
                    let isDone = isNew ? true : try step.body(tx)
                    if isDone { try DataVersion.set(step.version, tx.access) }
                    return isDone
                }
            }
        }
    }
}

/// The version is an ordinary root with a name that no list of roots shows.
package enum DataVersion {
    private static var name: String { RootCatalogue.dataVersionName }

    package static func read(_ access: HeapAccess) throws(HeapError) -> Int {
        guard let offset = try access.findRoot(name, as: PersistentValue<Int>.self) else {
            return 0
        }
        return PersistentValue<Int>(access: access, offset: offset).value
    }

    package static func set(_ version: Int, _ access: HeapAccess) throws(HeapError) {
        if let offset = try access.findRoot(name, as: PersistentValue<Int>.self) {
            PersistentValue<Int>(access: access, offset: offset).value = version
        } else {
            try RootCatalogue(access).add(
                name, as: PersistentValue<Int>.self,
                at: PersistentValue<Int>.make(version, in: access).offset)
        }
    }
}
