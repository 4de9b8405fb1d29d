import HoldfastEngine

/// Finds the differences between two states of a collection, in batches.
///
/// The states are those of two fixed views. Each call runs inside a transaction of both, and gets
/// the handles of the collection there; nil stands for a collection that does not exist, which
/// counts as empty. Between the calls the comparison keeps only its place: numbers and offsets,
/// which mean the same in the next transaction, because the views are fixed.
protocol StateComparison: SendableMetatype {
    associatedtype Handle
    associatedtype Key: Sendable
    associatedtype Change: Sendable

    /// Inserts all lines on which the collection stands: it has changed only if one of them has.
    func insertLines(of handle: Handle, into lines: inout LineSet)

    /// Begins to compare. `changed` has all lines that differ between the states.
    mutating func begin(from old: Handle?, to new: Handle?, changed: LineSet)

    /// Begins without the old state. Returns the region that may have changed, if `changed` is
    /// what has changed since the last state that was compared or began; nil if none has. The
    /// differences are then the present contents of the region.
    ///
    /// Without `changed`, the region is everything.
    mutating func beginWithoutOld(to new: Handle?, changed: LineSet?) -> LostRegion<Key>?

    /// Appends further differences to `changes` until it has `limit`. Returns whether there are
    /// no others.
    mutating func advance(
        from old: Handle?, to new: Handle?, changed: LineSet, _ changes: inout [Change],
        limit: Int
    ) -> Bool
}

/// What a comparison of maps or sets says about entries.
struct KeyedChanges<Key, Value, Change> {
    let inserted: (Key, Value) -> Change
    let removed: (Key, Value) -> Change
    /// Nil if the values are equal.
    let updated: (Key, _ old: Value, _ new: Value) -> Change?
}

extension KeyedChanges {
    /// Says what `see` makes of the values.
    static func entries<Seen: Equatable>(_ see: @escaping (Value) -> Seen) -> KeyedChanges
    where Change == KeyedChange<Key, Seen> {
        KeyedChanges(
            inserted: { .inserted($0, see($1)) }, removed: { .removed($0, old: see($1)) },
            updated: { key, old, new in
                let (old, new) = (see(old), see(new))
                return old == new ? nil : .updated(key, old: old, new: new)
            })
    }

    /// Says which keys there are.
    static func elements() -> KeyedChanges where Change == SetChange<Key> {
        KeyedChanges(
            inserted: { key, _ in .inserted(key) }, removed: { key, _ in .removed(key) },
            updated: { _, _, _ in nil })
    }
}
