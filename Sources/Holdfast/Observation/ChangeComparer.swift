import HoldfastEngine

/// Finds the differences of a collection between the views that an iteration holds.
///
/// Used by one iteration, one step at a time, on any thread that may block.
protocol ChangeComparer<Key, Change>: AnyObject {
    associatedtype Key: Sendable
    associatedtype Change: Sendable

    /// Begins a difference. Returns the region that the consumer has to forget, and what decides
    /// whether a later commit concerns the collection.
    func begin(_ round: ViewKeeper.Round) throws -> (lost: LostRegion<Key>?, reads: RecordedReads)

    /// Returns the next differences, at most `limit`, and whether they are the last.
    func next(_ limit: Int) throws -> (changes: [Change], isLast: Bool)
}

/// The comparer for one kind of collection.
final class CollectionComparer<Comparison: StateComparison>: ChangeComparer {
    typealias Selection = @Sendable (borrowing ReadTransaction) throws -> Comparison.Handle?

    private let select: Selection
    private var comparison: Comparison
    private var round: ViewKeeper.Round?
    /// A difference that was found too early, to see whether there are any more.
    private var pending: Comparison.Change?

    init(_ comparison: Comparison, _ select: @escaping Selection) {
        self.comparison = comparison
        self.select = select
    }

    /// A collection that does not exist counts as empty.
    private func find(_ tx: borrowing ReadTransaction) throws -> Comparison.Handle? {
        do { return try select(tx) } catch HeapError.rootNotFound { return nil }
    }

    /// Without a set of changed lines, two states are compared as a whole.
    private static func changed(_ round: ViewKeeper.Round) -> LineSet {
        if let changed = round.changed { return changed }
        var all = LineSet()
        all.insertAll()
        return all
    }

    /// Runs `body` in transactions of both views.
    private func compare<R>(
        _ round: ViewKeeper.Round, _ body: (Comparison.Handle?, Comparison.Handle?) throws -> R
    ) throws -> R {
        guard let old = round.old else { return try round.new.read { try body(nil, find($0)) } }
        return try old.read { tx in
            let before = try find(tx)
            return try round.new.read { tx in try body(before, find(tx)) }
        }
    }

    func begin(_ round: ViewKeeper.Round) throws
        -> (lost: LostRegion<Comparison.Key>?, reads: RecordedReads)
    {
        self.round = round
        pending = nil
        let reads = try round.new.read { tx in
            var (handle, reads) = try tx.access.recordingReads { try find(tx) }
            if let handle { comparison.insertLines(of: handle, into: &reads.lines) }
            return reads
        }
        let lost = try compare(round) { before, after -> LostRegion<Comparison.Key>? in
            guard round.old != nil else {
                return comparison.beginWithoutOld(to: after, changed: round.changed)
            }
            comparison.begin(from: before, to: after, changed: Self.changed(round))
            return nil
        }
        return (lost, reads)
    }

    func next(_ limit: Int) throws -> (changes: [Comparison.Change], isLast: Bool) {
        guard let round else { return ([], true) }
        var changes: [Comparison.Change] = []
        if let pending { changes.append(pending) }
        pending = nil
        let isOver = try compare(round) { before, after in
            comparison.advance(
                from: before, to: after, changed: Self.changed(round), &changes, limit: limit + 1)
        }
        if changes.count > limit { pending = changes.removeLast() }
        if isOver, pending == nil { self.round = nil }
        return (changes, isOver && pending == nil)
    }
}
