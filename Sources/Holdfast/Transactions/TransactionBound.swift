import HoldfastEngine

/// A handle, which is valid only inside its transaction and traps when used later.
///
/// A transaction that returns a handle compiles with a warning. Nothing else depends on this
/// protocol; a program's own types need not conform.
public protocol TransactionBound: SendableMetatype {}

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
extension HeapRef: TransactionBound {}
extension SharedRef: TransactionBound {}
extension Optional: TransactionBound where Wrapped: TransactionBound {}
extension Array: TransactionBound where Element: TransactionBound {}
extension Slice: TransactionBound where Base: TransactionBound {}
