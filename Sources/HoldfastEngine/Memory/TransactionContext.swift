import HoldfastFormat

/// What the handles of one open transaction share, in raw memory that is never given back.
///
/// Handles are plain structs that a program can copy about freely, so they can outlive their
/// transaction and even their heap. Each names its context and the epoch that the context had.
/// Contexts are reused but never deallocated, and an epoch never comes twice in a process, so one
/// comparison tells a live handle from a stale one, without reference counting and without ever
/// touching memory that is gone.
@frozen
public struct TransactionContext {
    /// Where the heap's first byte is mapped; fixed for as long as the heap is open.
    public var base: UnsafeMutableRawPointer
    /// Bytes from `base` on that may be read; grows within a write transaction.
    public var byteCount: UInt64
    /// The open transaction's number; 0 while none is.
    public var epoch: UInt64
    /// One word for each page, a bit for each line that the transaction has marked dirty; only for
    /// writers.
    public var touchedLines: UnsafeMutablePointer<UInt64>
    public var isWritable: Bool
    /// Whether a limit was met, so that nothing of the transaction will be kept; see `Shortage`.
    public var isLost: Bool
    /// Seeds of the heap's hash functions.
    public var hashSeed: HeapIdentity
    var view: Unmanaged<HeapView>
    /// The transaction that the same thread had opened before this one, if any.
    var enclosing: UnsafeMutablePointer<TransactionContext>?
    /// Memory of the layer above, `hintBytes` of it, which stays with the context from
    /// transaction to transaction of one opening; zeros at first.
    @usableFromInline var hints: UnsafeMutableRawPointer
    /// Numbers for the transactions to come; stay with the context, which is one transaction's at a
    /// time.
    @usableFromInline var epochs: TransactionEpochs
    /// `SlabClass.all`, where the allocator finds it without asking whether it has been made. There
    /// from the beginning.
    @usableFromInline var slabClasses: UnsafePointer<SlabClass>
    /// How many levels deep the freeing or copying of values in values is, that is under way; see
    /// `HeapAccess.enterLevel`.
    @usableFromInline var level: Int
    /// Whether `postponed` holds something.
    @usableFromInline var hasPostponed: Bool
    /// What waits until that has come back to its beginning; made when it is first needed.
    @usableFromInline var postponed: Unmanaged<PostponedWork>?
    /// How many levels deep the making of a text out of values in values is.
    public var textLevel: Int

    /// Bytes of `hints`.
    static var hintBytes: Int { 328 }
}
