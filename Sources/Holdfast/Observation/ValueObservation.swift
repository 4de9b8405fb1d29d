import HoldfastEngine

/// The values that a closure computes from a heap, as commits of any process change them: an
/// asynchronous sequence. See ``PersistentHeap/observe(_:)``.
///
/// Each iteration begins with the present value, and repeats none. The closure runs when the
/// consumer asks for the next value, and only if a commit has changed one of the 64-byte lines that
/// its last run has read. So a consumer that does not ask costs nothing, gets the newest value when
/// it does, and stops nobody. (A closure that has read more than 64 MiB runs after every commit.)
///
/// The sequence ends when the heap is closed, or the task cancelled. If the closure throws, so does
/// the sequence, and ends.
public struct ValueObservation<Value: Equatable & Sendable>: AsyncSequence, Sendable {
    public typealias Element = Value
    public typealias Failure = any Error
    typealias Evaluation = @Sendable () async throws -> (value: Value, reads: RecordedReads)

    private let hub: ObserverHub
    private let evaluate: Evaluation

    init(hub: ObserverHub, _ evaluate: @escaping Evaluation) {
        self.hub = hub
        self.evaluate = evaluate
    }

    public func makeAsyncIterator() -> Iterator { Iterator(hub, evaluate) }

    /// One iteration over the values.
    public struct Iterator: AsyncIteratorProtocol {
        private let observer: Observer
        private let evaluate: Evaluation
        private var last: Value?
        private var isEnded = false

        init(_ hub: ObserverHub, _ evaluate: @escaping Evaluation) {
            observer = Observer(hub)
            self.evaluate = evaluate
        }

        /// Waits for the next value: the present one at first, then the next different one. Nil if
        /// the heap is closed or the task is cancelled.
        public mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws -> Value? {
            while !isEnded, await observer.waitUntilStale(), !Task.isCancelled {
                do {
                    let (value, reads) = try await evaluate()
                    observer.settle(reads)
                    guard value != last else { continue }
                    last = value
                    return value
                } catch {
                    isEnded = true
                    if Task.isCancelled { return nil }
                    if case HeapError.closed = error { return nil }
                    throw error
                }
            }
            isEnded = true
            return nil
        }
    }

    /// An observer as long as its iterator exists.
    private final class Observer: Sendable {
        private let hub: ObserverHub
        private let number: Int

        init(_ hub: ObserverHub) {
            self.hub = hub
            number = hub.add()
        }

        deinit { hub.remove(number) }

        func waitUntilStale() async -> Bool { await hub.waitUntilStale(number) }
        func settle(_ reads: RecordedReads) { hub.settle(number, reads) }
    }
}
