import HoldfastEngine

/// A handle, which is valid only inside its transaction and traps when used later.
///
/// A transaction that returns a handle compiles with a warning. Nothing else depends on this
/// protocol; a program's own types need not conform.
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

// These are more specific than the methods that return any type, so the compiler selects them when
// a handle is returned.

extension PersistentHeap {
    /// The same as ``read(_:)-(_)``, with a warning: it returns a handle, which cannot be used
    /// outside the transaction.
    @available(
        *, deprecated, message: "The result is a handle, which is not valid after its transaction."
    )
    public func read<R: TransactionBound>(_ body: (borrowing ReadTransaction) throws -> R) throws
        -> R
    { try reading(body) }

    /// The same as ``write(durability:_:)-(_,_)``, with a warning: it returns a handle, which
    /// cannot be used outside the transaction.
    @available(
        *, deprecated, message: "The result is a handle, which is not valid after its transaction."
    )
    public func write<R: TransactionBound>(
        durability: Durability? = nil, _ body: (borrowing WriteTransaction) throws -> R
    ) throws -> R {
        try writing(durability, body)
    }
}

extension HeapSnapshot {
    /// The same as ``read(_:)-(_)``, with a warning: it returns a handle, which cannot be used
    /// outside the transaction.
    @available(
        *, deprecated, message: "The result is a handle, which is not valid after its transaction."
    )
    public func read<R: TransactionBound>(_ body: (borrowing ReadTransaction) throws -> R) throws
        -> R
    { try reading(body) }
}
