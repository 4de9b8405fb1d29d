import Synchronization

/// Contexts of ended transactions, kept for reuse. They are never deallocated, so a stale handle
/// can always read its own.
final class TransactionContextPool: Sendable {
    static let shared = TransactionContextPool()

    /// `@unchecked Sendable`: a context in the list is unused; once taken, it belongs to its
    /// transaction alone.
    private struct Free: @unchecked Sendable {
        var contexts: [UnsafeMutablePointer<TransactionContext>] = []
    }

    /// A context without a transaction.
    nonisolated(unsafe) static let neverOpen = shared.take()

    private let free = Mutex(Free())

    /// A context for the caller to fill in, with empty hints. In a new one, everything is zero
    /// except the values common to all.
    func take() -> UnsafeMutablePointer<TransactionContext> {
        let address = free.withLock { UInt(bitPattern: $0.contexts.popLast()) }
        let context = UnsafeMutablePointer<TransactionContext>(bitPattern: address) ?? make()
        // The old hints may be another heap's, and so are the epochs that are left.
        context.pointee.epochs.drop()
        context.pointee.hints.initializeMemory(
            as: UInt8.self, repeating: 0, count: TransactionContext.hintBytes)
        return context
    }

    private func make() -> UnsafeMutablePointer<TransactionContext> {
        let size = MemoryLayout<TransactionContext>.size
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: size, alignment: MemoryLayout<TransactionContext>.alignment)
        raw.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        let context = raw.bindMemory(to: TransactionContext.self, capacity: 1)
        context.pointee.hints = .allocate(byteCount: TransactionContext.hintBytes, alignment: 16)
        context.pointee.slabClasses = SlabClass.all
        return context
    }

    func giveBack(_ context: UnsafeMutablePointer<TransactionContext>) {
        context.pointee.epoch = 0
        let address = UInt(bitPattern: context)
        free.withLock { $0.contexts.append(UnsafeMutablePointer(bitPattern: address)!) }
    }
}

/// Epochs that no transaction of this process has used, for one user to hand out without
/// synchronisation: one atomic operation per thousand epochs instead of one each.
@frozen @usableFromInline
struct TransactionEpochs {
    private static let atOnce: UInt64 = 1024
    private static let newest = Atomic<UInt64>(0)

    private var last: UInt64
    private var rest: UInt64

    /// The next epoch, for a transaction of the view.
    @inline(__always)
    mutating func next(of view: HeapView) -> UInt64 {
        if rest == 0 { refill(view.path) }
        rest &-= 1
        return last &- rest
    }

    /// The epoch that was handed out last.
    var newest: UInt64 { last &- rest }

    /// Leaves the rest of the epochs unused.
    mutating func drop() { rest = 0 }

    @inline(never)
    private mutating func refill(_ path: String) {
        last = Self.newest.add(Self.atOnce, ordering: .relaxed).newValue
        rest = Self.atOnce
        EpochOrigins.shared.add(last &- Self.atOnce &+ 1 ... last, path)
    }
}

/// The heaps whose transactions have had the newest epochs, for the message of a handle that has
/// outlived its transaction.
final class EpochOrigins: Sendable {
    static let shared = EpochOrigins()

    /// Some hundred thousand transactions.
    private static let most = 256

    private struct Origin {
        let epochs: ClosedRange<UInt64>
        let path: String
    }

    private let origins = Mutex<[Origin]>([])

    func add(_ epochs: ClosedRange<UInt64>, _ path: String) {
        origins.withLock {
            if $0.count == Self.most { $0.removeFirst() }
            $0.append(Origin(epochs: epochs, path: path))
        }
    }

    /// Nil if the transaction is too long ago.
    func path(of epoch: UInt64) -> String? {
        origins.withLock { $0.last { $0.epochs.contains(epoch) }?.path }
    }
}
