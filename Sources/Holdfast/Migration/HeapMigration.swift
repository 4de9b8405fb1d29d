import HoldfastEngine

/// A step from one version of a program's data to the next.
///
///     struct Movement: HeapStruct { var item: Int32; var delta: Int64; var weight: Double }
///     struct Movement1: HeapStruct {                       // as version 1 had it
///         static var storedName: String { "Movement" }
///         var item: Int32
///         var delta: Int32
///     }
///     let heap = try PersistentHeap.open("inventory.heap", migrations: [
///         HeapMigration(to: 1) { tx in … },
///         HeapMigration(batchesTo: 2) { tx in
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
public struct HeapMigration: Sendable {
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

    /// Runs one transaction's worth, unless another process has done it meanwhile, and returns
    /// whether the step is complete. A heap that is new needs the number alone.
    func run(in tx: borrowing WriteTransaction, isNew: Bool) throws -> Bool {
        if try DataVersion.read(tx.access) >= version { return true }
        let isDone = isNew ? true : try body(tx)
        if isDone { try DataVersion.set(version, tx.access) }
        return isDone
    }

    private static func requirePositive(_ version: Int) {
        if version <= 0 {
            Misuse.trap(
                "a migration has version \(version), but versions start at 1",
                in: MisuseScene("HeapMigration.init"))
        }
    }
}
