/// The roots that commits have touched. See ``PersistentHeap/rootChanges``.
public struct TouchedRoots: Hashable, Sendable {
    /// The version before the commits.
    public let from: HeapVersion
    /// The version after them.
    public let to: HeapVersion
    /// The names of the roots that they have changed, created or removed, in order.
    public let names: [String]
}

/// Which roots of a heap commits of any process touch, as they appear: an asynchronous sequence.
/// See ``PersistentHeap/rootChanges``.
public struct RootChanges: AsyncSequence, Sendable {
    public typealias Element = TouchedRoots
    public typealias Failure = any Error
    typealias Look = @Sendable (RootTracker) async throws -> TouchedRoots?

    private let versions: @Sendable () -> AsyncStream<HeapVersion>
    private let makeTracker: @Sendable () -> RootTracker
    private let look: Look

    init(
        versions: @escaping @Sendable () -> AsyncStream<HeapVersion>,
        makeTracker: @escaping @Sendable () -> RootTracker, look: @escaping Look
    ) {
        self.versions = versions
        self.makeTracker = makeTracker
        self.look = look
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(versions(), makeTracker(), look)
    }

    /// One iteration over the touched roots.
    public struct Iterator: AsyncIteratorProtocol {
        private var versions: AsyncStream<HeapVersion>.AsyncIterator
        private let tracker: RootTracker
        private let look: Look
        private var hasBegun = false
        private var isEnded = false

        init(_ versions: AsyncStream<HeapVersion>, _ tracker: RootTracker, _ look: @escaping Look) {
            self.versions = versions.makeAsyncIterator()
            self.tracker = tracker
            self.look = look
        }

        /// Waits for the next commits that touch a root. Nil if the heap is closed or the task is
        /// cancelled.
        ///
        /// - Throws: The errors of ``PersistentHeap/read(_:)-(_)``.
        public mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws -> TouchedRoots? {
            do {
                if !hasBegun, !isEnded {
                    hasBegun = true
                    if let touched = try await look(tracker) { return touched }
                }
                while !isEnded, await versions.next(isolation: actor) != nil {
                    if let touched = try await look(tracker) { return touched }
                }
            } catch {
                isEnded = true
                if Task.isCancelled { return nil }
                if case HeapError.closed = error { return nil }
                throw error
            }
            isEnded = true
            return nil
        }
    }
}
