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
            fatalError(
                "Holdfast: a migration leads to version \(version); versions are counted from 1.")
        }
    }
}
