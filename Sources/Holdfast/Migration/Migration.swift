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
/// A heap keeps the number of the version that its data is at. Opening runs the steps beyond it in
/// order of their numbers, each as a transaction that also sets the number, so a crash leaves the
/// heap at one version or the other. A step for more data than one transaction should hold runs in
/// batches, each a transaction of its own: after a crash it goes on where it was. A heap without
/// roots is new and needs no steps.
///
/// No other process may have the heap open meanwhile with the old types; the steps do not keep it
/// out.
public struct Migration: Sendable {
    /// The version that the data is at after the step; from 1 on.
    public let version: Int
    /// Runs one transaction's worth and returns whether the step is complete.
    let body: @Sendable (borrowing WriteTransaction) throws -> Bool

    /// A step that is one transaction.
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

    /// A step in batches: `body` is called in one transaction after the other until it returns
    /// true. It must find out from the heap how far the step has come; what `convertArray` and
    /// `convertMap` do, and return.
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
                "Holdfast: a migration leads to version \(version); versions are counted from 1.")
        }
    }
}

extension PersistentHeap {
    /// Opens the heap at `path` and brings its data to the newest version that `migrations` lead
    /// to; see ``Migration``.
    ///
    /// Throws ``HeapError/newerData(path:version:known:)`` if the data is beyond all of them,
    /// ``HeapError/migrationNeeded(path:version:wanted:)`` if it is behind and the heap is not
    /// opened for writing, whatever a step throws (the heap then stays at the version, and the
    /// batch, before it), and what ``open(_:mode:options:)-(String,_,_)`` throws.
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

    /// The version of its data that the heap is at; 0 if no migration has ever set one.
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
                    // Another process may have done it since.
                    if try DataVersion.read(tx.access) >= step.version { return true }
                    let isDone = isNew ? true : try step.body(tx)
                    if isDone { try DataVersion.set(step.version, tx.access) }
                    return isDone
                }
            }
        }
    }
}

/// The version is a root like others, with a name that no list of roots shows.
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
