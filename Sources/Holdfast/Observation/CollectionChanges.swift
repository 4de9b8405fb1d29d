import HoldfastEngine

/// What changes in one collection of a heap, as commits of any process change it: an asynchronous
/// sequence of batches. See `PersistentHeap.changes(of:)`.
///
///     var copy: [String: Int] = [:]
///     for try await batch in shop.changes(of: { $0.stock }) {
///         if let lost = batch.lost { copy = copy.filter { !lost.contains($0.key) } }
///         for change in batch.changes {
///             switch change {
///             case .inserted(let key, let value): copy[key] = value
///             case .updated(let key, _, let value): copy[key] = value
///             case .removed(let key, _): copy[key] = nil
///             }
///         }
///     }
///
/// **A copy of the collection** that is treated like this is the same as the collection in the
/// version ``Batch/to`` after each batch that is the last of its version (``Batch/isLast``). The
/// first batches have the whole contents as insertions. Of several commits between two steps of the
/// consumer it gets the sum. A difference is never returned without anything in it.
///
/// **A consumer that keeps up** gets exact differences, because the sequence holds a view of the
/// state that the consumer has. A view keeps the log from there on, so it is closed when the log
/// has grown by more than the budget. **A consumer that is slower** then gets a
/// ``Batch/lost`` region, with all that the region contains now as insertions: for a map or a set,
/// the parts of the table or the ranges of keys that commits have changed since, or everything. Of
/// an array or a deque that has only been appended to and set in place, it gets the changed
/// elements, without their old values; otherwise everything. So a consumer that does not read
/// holds up nobody, and nothing grows for it but the budget of log and half a megabyte. One that
/// stops between the batches of one difference for so long gets everything next.
///
/// **What counts as a change** is decided by `==` of the values, or of what was made of them. A
/// record's field, or an element of a collection inside a value, is part of the value. What a
/// ``HeapRef`` or a ``SharedRef`` leads to is not.
///
/// **Cost.** Commits that change no 64-byte line of the collection cost a comparison of two sets of
/// lines, and wake nobody. Otherwise the view before the last is moved to the newest state, which
/// takes as long as a reader's catching up (the first two differences open a view, as
/// ``PersistentHeap/snapshot()`` does), and the parts are compared that have changed lines: of a
/// map the chunks, and all segments that have split or merged; of a sorted map, the leaves, after a
/// visit of all inner nodes; of an array the elements, and all of them if they have moved in
/// memory. Values that own blocks which change in place (records, collections) are all visited.
/// Steps are made on a thread of their own, and no commit waits for them.
///
/// The sequence ends when the heap is closed, or the task cancelled. Its views are closed before
/// the heap is, or suspended. Each iteration begins anew.
public struct CollectionChanges<Key: Sendable, Change: Sendable>: AsyncSequence, Sendable {
    public typealias Element = Batch
    public typealias Failure = any Error

    /// Some differences, or all, between two versions of the collection.
    public struct Batch: Sendable {
        /// The version that the consumer has; nil for the first contents.
        public let from: HeapVersion?
        /// The version that it gets to with the last of these batches.
        public let to: HeapVersion
        /// What the consumer has to forget before it applies the differences, because it is not
        /// known how it differs from the present contents, which are among the insertions. Nil in
        /// all batches but the first of a difference.
        public let lost: LostRegion<Key>?
        /// The differences, to be applied in this order; not more than the limit.
        public let changes: [Change]
        /// Whether this batch completes the version.
        public let isLast: Bool
    }

    private let source: ChangeSource<Key, Change>

    init(_ source: ChangeSource<Key, Change>) { self.source = source }

    public func makeAsyncIterator() -> Iterator { Iterator(source) }

    /// One iteration over the changes.
    public struct Iterator: AsyncIteratorProtocol {
        private let iteration: ChangeIteration<Key, Change>

        init(_ source: ChangeSource<Key, Change>) { iteration = ChangeIteration(source) }

        /// Waits for the next batch: those with the contents at first. Nil if the heap is closed or
        /// the task is cancelled.
        ///
        /// - Throws: What the closure that finds the collection throws, except
        ///   ``HeapError/rootNotFound(path:name:)``; ``HeapError/noFile(path:)`` for a private
        ///   copy; and the errors of ``PersistentHeap/snapshot()``.
        public mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws -> Batch? {
            try await iteration.next()
        }
    }
}

/// What all iterations of one sequence begin with.
struct ChangeSource<Key: Sendable, Change: Sendable>: Sendable {
    let engine: HeapEngine
    let hub: ObserverHub
    /// Where the steps run, which block.
    let queue: CallQueue
    let requireOpen: @Sendable () throws(HeapError) -> Void
    let batchLimit: Int
    let logBudget: Int
    let makeComparer: @Sendable () -> any ChangeComparer<Key, Change>
}
