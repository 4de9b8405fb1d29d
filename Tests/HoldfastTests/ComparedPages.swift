@testable import Holdfast
import HoldfastEngine

/// The pages that a comparison of two states has read, and the number of changes it has found.
struct ComparedPages {
    var read = 0
    var changes = 0
}

extension PersistentHeap {
    /// Compares the states before and after `change` of the map "stock", the sorted map "sorted"
    /// and the array "log".
    func comparedPages(_ change: (borrowing WriteTransaction) throws -> Void) throws -> (
        map: ComparedPages, sorted: ComparedPages, array: ComparedPages
    ) {
        let old = try snapshot()
        let reader = engine.makeCommitReader()
        if let place = try old.read({ $0.access.logPlace }) { reader.begin(at: place) }
        try write(change)
        let new = try snapshot()
        let changed = reader.changes(upTo: engine.newestPosition)!.lines
        return (
            try compare(MapComparison(.entries { $0 }), old, new, changed) {
                try $0.map("stock", Int.self, Int.self)
            },
            try compare(SortedComparison(.entries { $0 }), old, new, changed) {
                try $0.sortedMap("sorted", Int.self, Int.self)
            },
            try compare(IndexedComparison(.elements { $0 }), old, new, changed) {
                try $0.array("log", of: Int.self)
            }
        )
    }

    private func compare<Comparison: StateComparison>(
        _ comparison: Comparison, _ old: HeapSnapshot, _ new: HeapSnapshot, _ changed: LineSet,
        _ find: (borrowing ReadTransaction) throws -> Comparison.Handle
    ) throws -> ComparedPages {
        var comparison = comparison
        var changes: [Comparison.Change] = []
        let (inner, outer) = try old.read { tx in
            let before = try find(tx)
            return try tx.access.recordingReads {
                try new.read { tx in
                    let after = try find(tx)
                    return tx.access.recordingReads {
                        comparison.begin(from: before, to: after, changed: changed)
                        _ = comparison.advance(
                            from: before, to: after, changed: changed, &changes, limit: 100)
                    }.reads
                }
            }
        }
        return ComparedPages(
            read: max(inner.lines.pageCount, outer.lines.pageCount), changes: changes.count)
    }
}
