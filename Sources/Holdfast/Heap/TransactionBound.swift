import HoldfastEngine

/// A handle: what is good only inside its transaction, and traps when it is used later.
///
/// A transaction that returns one compiles with a warning. Nothing else depends on this; the
/// program's own types need not conform.
public protocol TransactionBound {}

extension PersistentArray: TransactionBound {}
extension PersistentDeque: TransactionBound {}
extension PersistentMap: TransactionBound {}
extension PersistentMap.Keys: TransactionBound {}
extension PersistentMap.Values: TransactionBound {}
extension PersistentSet: TransactionBound {}
extension PersistentSortedMap: TransactionBound {}
extension PersistentSortedSlice: TransactionBound {}
extension PersistentSortedSet: TransactionBound {}
extension PersistentString: TransactionBound {}
extension PersistentBytes: TransactionBound {}
extension PersistentBitSet: TransactionBound {}
extension PersistentValue: TransactionBound {}
extension Ref: TransactionBound {}
extension Shared: TransactionBound {}
extension Optional: TransactionBound where Wrapped: TransactionBound {}
extension Array: TransactionBound where Element: TransactionBound {}
extension Slice: TransactionBound where Base: TransactionBound {}

// More specific than the methods that return anything, so the compiler takes these where a handle
// is returned.

extension PersistentHeap {
    /// The same as ``read(_:)-(_)``, and a warning: what is returned is a handle, which nothing can
    /// be done with outside.
    @available(
        *, deprecated, message: "What is returned is a handle, which ends with its transaction."
    )
    public func read<R: TransactionBound>(_ body: (borrowing ReadTransaction) throws -> R) throws
        -> R
    { try reading(body) }

    /// The same as ``write(durability:_:)-(_,_)``, and a warning: what is returned is a handle,
    /// which nothing can be done with outside.
    @available(
        *, deprecated, message: "What is returned is a handle, which ends with its transaction."
    )
    public func write<R: TransactionBound>(
        durability: Durability? = nil, _ body: (borrowing WriteTransaction) throws -> R
    ) throws -> R {
        try writing(durability, body)
    }
}

extension HeapSnapshot {
    /// The same as ``read(_:)-(_)``, and a warning: what is returned is a handle, which nothing can
    /// be done with outside.
    @available(
        *, deprecated, message: "What is returned is a handle, which ends with its transaction."
    )
    public func read<R: TransactionBound>(_ body: (borrowing ReadTransaction) throws -> R) throws
        -> R
    { try reading(body) }
}
