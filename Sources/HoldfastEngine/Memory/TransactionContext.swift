import HoldfastFormat

/// The state shared by the handles of one open transaction, in raw memory that is never freed.
///
/// Handles are plain structs that a program can copy freely, so they can outlive their transaction
/// and even their heap. Each stores its context and the epoch that the context had. Contexts are
/// reused but never deallocated, and an epoch is never repeated in a process, so one comparison
/// tells a live handle from a stale one, without reference counting and without touching freed
/// memory.
@frozen
public struct TransactionContext {
    /// The address of the heap's first byte; fixed while the transaction is open.
    public var base: UnsafeMutableRawPointer
    /// Readable bytes from `base` on; grows within a write transaction.
    public var byteCount: UInt64
    /// The same, or zero while `reads` is set.
    @usableFromInline var limit: UInt64
    /// The open transaction's number; 0 while none is.
    public var epoch: UInt64
    /// One word per page, with a bit for each line that a store need not mark dirty, because the
    /// transaction, or its innermost savepoint, has done so; only for writers.
    public var touchedLines: UnsafeMutablePointer<UInt64>
    public var isWritable: Bool
    /// Whether a limit was met, so that nothing of the transaction will be kept; see `Shortage`.
    public var isLost: Bool
    /// Seeds of the heap's hash functions.
    public var hashSeed: HeapIdentity
    var view: Unmanaged<HeapView>
    /// The record of what the transaction reads, if there is one.
    var reads: Unmanaged<ReadRecord>?
    /// The transaction or savepoint that the same thread opened before this one, if any.
    var enclosing: UnsafeMutablePointer<TransactionContext>?
    /// The reader's seat, and whether it has nothing else in its image; see `ReaderLock`.
    var seat: UnsafeMutableRawPointer?
    var isBiased: Bool
    /// Memory for the layer above, of `hintBytes` bytes. It stays with the context from transaction
    /// to transaction of one opening; initially zeros.
    @usableFromInline var hints: UnsafeMutableRawPointer
    /// Epochs for future transactions; they stay with the context, which serves one transaction at
    /// a time.
    @usableFromInline var epochs: TransactionEpochs
    /// A copy of `SlabClass.all`, to spare the allocator the check for lazy initialisation. Never
    /// nil.
    @usableFromInline var slabClasses: UnsafePointer<SlabClass>
    /// The current nesting depth of freeing or copying values; see `HeapAccess.enterLevel`.
    @usableFromInline var level: Int
    /// Whether `postponed` is not empty.
    @usableFromInline var hasPostponed: Bool
    /// Work that waits for the outermost level; created on first use.
    @usableFromInline var postponed: Unmanaged<PostponedWork>?
    /// The current nesting depth of describing values as strings.
    public var textLevel: Int

    /// The number of the transaction that is open, or was open last.
    var newestEpoch: UInt64 { epochs.newest }

    /// The size of `hints`.
    static var hintBytes: Int { 352 }
}
