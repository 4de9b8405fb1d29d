import HoldfastEngine

/// The comparison of two states of a sorted map: a merge of their entries in the order of the keys.
///
/// Where both states come to the start of the same leaf, and no line of it has changed, they skip
/// it without reading it. So the merge visits all inner nodes, and reads the changed leaves only.
/// (A leaf's content can have changed only if one of its lines has, or if the blocks that its
/// values own have.)
struct SortedComparison<Key: PersistableOrderedKey & Sendable, Value: Persistable, Change>:
    StateComparison
where Change: Sendable {
    typealias Handle = PersistentSortedMap<Key, Value>

    private enum Step {
        /// Comparing, at these places; nil at the end of a state.
        case both(SortedPosition?, SortedPosition?)
        /// The contents of the lost leaves, from this place and number of a leaf on.
        case lost(SortedPosition?, number: Int)
        case end
    }

    private let make: KeyedChanges<Key, Value, Change>
    private var step = Step.end
    /// The tree of the newest state, to be compared with a later one without the entries.
    private var tree: SortedShape?
    /// The numbers of the leaves in the lost region; nil for all leaves.
    private var lostLeaves: [Range<Int>]?

    init(_ make: KeyedChanges<Key, Value, Change>) { self.make = make }

    func insertLines(of map: Handle, into lines: inout LineSet) {
        map.insertTreeLines(into: &lines)
        if Value.changesInPlace { map.insertOwnedLines(into: &lines) }
    }

    // MARK: With the old state

    mutating func begin(from old: Handle?, to new: Handle?, changed: LineSet) {
        step = .both(old?.firstPosition, new?.firstPosition)
        tree = new?.treeShape
    }

    mutating func advance(
        from old: Handle?, to new: Handle?, changed: LineSet, _ changes: inout [Change],
        limit: Int
    ) -> Bool {
        switch step {
        case .both(var before, var after):
            while changes.count < limit {
                if before == nil, after == nil {
                    step = .end
                    return true
                }
                if let left = before, let right = after, left == right,
                    !changed.intersects(bytesAt: left.leaf, count: SortedLeaf<Key, Value>.byteCount)
                {
                    compareSame(&before, &after, old!, new!, changed, &changes)
                } else {
                    compareNext(&before, &after, old, new, &changes)
                }
            }
            step = .both(before, after)
            return before == nil && after == nil
        case .lost(var position, var number):
            while changes.count < limit, let current = position, let new {
                let isLost = lostLeaves?.contains { $0.contains(number) } ?? true
                if isLost, let slot = new.slot(at: current) {
                    changes.append(make.inserted(new.key(slot), new.value(slot)))
                    position = new.position(after: current)
                } else {
                    position = new.positionInNextLeaf(current)
                }
                if position?.leaf != current.leaf { number += 1 }
            }
            step = .lost(position, number: number)
            return position == nil
        case .end: return true
        }
    }

    /// Both states are at the same place of a leaf that has not changed.
    private func compareSame(
        _ before: inout SortedPosition?, _ after: inout SortedPosition?,
        _ old: Handle, _ new: Handle, _ changed: LineSet, _ changes: inout [Change]
    ) {
        guard Value.changesInPlace, let left = old.slot(at: before!),
            let right = new.slot(at: after!)
        else {
            before = old.positionInNextLeaf(before!)
            after = new.positionInNextLeaf(after!)
            return
        }
        if OwnedLines.areTouched(Value.self, at: new.valueOffset(right), changed, in: new.access),
            let change = make.updated(new.key(right), old.value(left), new.value(right))
        {
            changes.append(change)
        }
        before = old.position(after: before!)
        after = new.position(after: after!)
    }

    private func compareNext(
        _ before: inout SortedPosition?, _ after: inout SortedPosition?,
        _ old: Handle?, _ new: Handle?, _ changes: inout [Change]
    ) {
        // A leaf can be empty.
        let left = before.flatMap { old!.slot(at: $0) }
        if let current = before, left == nil { return before = old!.positionInNextLeaf(current) }
        let right = after.flatMap { new!.slot(at: $0) }
        if let current = after, right == nil { return after = new!.positionInNextLeaf(current) }
        guard let right else {
            changes.append(make.removed(old!.key(left!), old!.value(left!)))
            before = old!.position(after: before!)
            return
        }
        let key = new!.key(right)
        switch left.map({ old!.order(of: $0, and: key) }) ?? .after {
        case .before:
            changes.append(make.removed(old!.key(left!), old!.value(left!)))
            before = old!.position(after: before!)
        case .after:
            changes.append(make.inserted(key, new!.value(right)))
            after = new!.position(after: after!)
        case .same:
            if let change = make.updated(key, old!.value(left!), new!.value(right)) {
                changes.append(change)
            }
            before = old!.position(after: before!)
            after = new!.position(after: after!)
        }
    }

    // MARK: Without the old state

    mutating func beginWithoutOld(to new: Handle?, changed: LineSet?) -> LostRegion<Key>? {
        step = .lost(new?.firstPosition, number: 0)
        defer { tree = new?.treeShape }
        lostLeaves = nil
        guard let changed, let new, let tree, let lost = new.lostKeys(since: tree, changed) else {
            return .everything
        }
        if lost.ranges.isEmpty {
            step = .end
            return nil
        }
        lostLeaves = lost.leaves
        return .keys { key in lost.contains(key) }
    }
}
