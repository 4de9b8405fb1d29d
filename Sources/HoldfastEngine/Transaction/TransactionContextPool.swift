import Synchronization

/// Contexts of ended transactions, kept for the next ones.
///
/// `@unchecked Sendable`: the mutex guards the list; a context in use belongs to one transaction.
final class TransactionContextPool: Sendable {
    static let shared = TransactionContextPool()

    private struct State: @unchecked Sendable {
        var free: [UnsafeMutablePointer<TransactionContext>] = []
        var nextEpoch: UInt64 = 1
    }

    private let state = Mutex(State())

    /// A context with an epoch that no transaction of this process had before. The caller fills in the rest before use.
    func take(_ make: (UInt64) -> TransactionContext) -> UnsafeMutablePointer<TransactionContext> {
        let (recycled, epoch) = state.withLock { state in
            let epoch = state.nextEpoch
            state.nextEpoch += 1
            return (SendablePointer(state.free.popLast()), epoch)
        }
        if let context = recycled.pointer {
            context.pointee = make(epoch)
            return context
        }
        let context = UnsafeMutablePointer<TransactionContext>.allocate(capacity: 1)
        context.initialize(to: make(epoch))
        return context
    }

    func giveBack(_ context: UnsafeMutablePointer<TransactionContext>) {
        context.pointee.epoch = 0
        let context = SendablePointer(context)
        state.withLock { $0.free.append(context.pointer!) }
    }

    private struct SendablePointer: @unchecked Sendable {
        let pointer: UnsafeMutablePointer<TransactionContext>?
        init(_ pointer: UnsafeMutablePointer<TransactionContext>?) { self.pointer = pointer }
    }
}
