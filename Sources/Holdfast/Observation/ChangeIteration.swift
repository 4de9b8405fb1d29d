import HoldfastEngine

/// One iteration over the changes of a collection.
///
/// `@unchecked Sendable`: an iterator is used by one task at a time, and its steps run on one
/// thread at a time as part of that task. What others use is `keeper`, and the hub.
final class ChangeIteration<Key: Sendable, Change: Sendable>: @unchecked Sendable {
    typealias Batch = CollectionChanges<Key, Change>.Batch

    private let source: ChangeSource<Key, Change>
    private let keeper: ViewKeeper
    /// The number of the keeper among those that the opening closes.
    private let dependent: Int
    private let observer: Int
    private let comparer: any ChangeComparer<Key, Change>
    /// The version that the consumer has; nil at first.
    private var delivered: HeapVersion?
    /// The version that it is getting.
    private var target: HeapVersion?
    /// The first batch of `target` has not been returned yet; its region.
    private var isFirst = true
    private var lost: LostRegion<Key>?
    private var isEnded = false

    init(_ source: ChangeSource<Key, Change>) {
        self.source = source
        let keeper = ViewKeeper(source.engine, budget: source.logBudget)
        self.keeper = keeper
        dependent = source.engine.dependents.add { keeper.close() }
        observer = source.hub.add(keeper)
        comparer = source.makeComparer()
    }

    deinit {
        source.hub.remove(observer)
        source.engine.dependents.remove(dependent)
        keeper.close()
    }

    func next() async throws -> Batch? {
        while !isEnded {
            do {
                if target == nil, !keeper.isInterrupted {
                    guard await source.hub.waitUntilStale(observer), !Task.isCancelled else {
                        break
                    }
                }
                if let batch = try await source.queue.run({ try step() }) { return batch }
                if source.engine.isSuspended {
                    // As in `readUnlessSuspended`.
                    try await Task.sleep(for: .milliseconds(20))
                }
            } catch {
                // The views were closed while they were read: the difference begins anew.
                if case HeapError.closed = error, keeper.isInterrupted, isOpen {
                    target = nil
                    continue
                }
                end()
                if Task.isCancelled { return nil }
                if case HeapError.closed = error { return nil }
                throw error
            }
        }
        end()
        return nil
    }

    private var isOpen: Bool {
        do { try source.requireOpen() } catch { return false }
        return true
    }

    private func end() {
        isEnded = true
        keeper.close()
    }

    /// Finds the next batch; nil if there is none yet.
    private func step() throws -> Batch? {
        try source.requireOpen()
        if keeper.isInterrupted { target = nil }
        if target == nil { guard try begin() else { return nil } }
        guard let target else { return nil }
        let (changes, isLast) = try comparer.next(source.batchLimit)
        defer {
            lost = nil
            isFirst = false
        }
        let from = delivered
        if isLast {
            // Otherwise the consumer has the version even so, but the next one comes as a whole.
            keeper.finish()
            delivered = target
            self.target = nil
            if changes.isEmpty, lost == nil, isFirst {
                // Nothing to say: the version that the consumer knows of stays.
                delivered = from
                return nil
            }
        }
        return Batch(from: from, to: target, lost: lost, changes: changes, isLast: isLast)
    }

    /// Opens a view of the newest state and begins the difference to it; false if the heap is
    /// suspended.
    private func begin() throws -> Bool {
        let engine = source.engine
        guard engine.mode != .privateCopy else { throw HeapError.noFile(path: engine.path) }
        guard let view = try keeper.takeMovedView() ?? openView() else { return false }
        let round = keeper.begin(view)
        // A suspension or the end that came meanwhile has not closed this view.
        if engine.isSuspended || !isOpen {
            keeper.close()
            try source.requireOpen()
            return false
        }
        let (lost, reads) = try comparer.begin(round)
        source.hub.settle(observer, reads)
        self.lost = lost
        isFirst = true
        target = HeapVersion(position: view.position)
        return true
    }

    /// Nil if the heap is suspended.
    private func openView() throws -> HeldView? {
        try source.engine.openSnapshotUnlessSuspended().map { try HeldView($0) }
    }
}
