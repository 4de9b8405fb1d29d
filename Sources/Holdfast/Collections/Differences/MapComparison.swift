import HoldfastEngine

/// The comparison of two states of a map.
///
/// A segment that both states have at the same place differs in its changed chunks only, and the
/// others are not read. A segment that one state does not have, because it has split, merged or
/// grown, is compared as a whole; it has 64 KiB at most. Entries are identified by their keys: the
/// keys of the old chunks are looked up in the new state, then those of the new chunks in the old.
struct MapComparison<Key: PersistableKey & Sendable, Value: Persistable, Change: Sendable>:
    StateComparison
{
    typealias Handle = PersistentMap<Key, Value>

    private enum Step {
        /// The old state's entries: updates and removals.
        case old(MapPlace)
        /// The new state's: insertions.
        case new(MapPlace)
        /// All entries of the segments that a lost region consists of.
        case lost(MapPlace)
        case end
    }

    private let make: KeyedChanges<Key, Value, Change>
    private var step = Step.end
    /// The table of the newest state, to be compared with a later one without the entries.
    private var table: MapTable?
    private var lost: LostHashes?

    init(_ make: KeyedChanges<Key, Value, Change>) { self.make = make }

    func insertLines(of map: Handle, into lines: inout LineSet) {
        map.insertTableLines(into: &lines)
        if Value.changesInPlace { map.insertOwnedLines(into: &lines) }
    }

    // MARK: With the old state

    mutating func begin(from old: Handle?, to new: Handle?, changed: LineSet) {
        step = .old(MapPlace())
        table = new?.tableShape
    }

    mutating func advance(
        from old: Handle?, to new: Handle?, changed: LineSet, _ changes: inout [Change],
        limit: Int
    ) -> Bool {
        while changes.count < limit {
            switch step {
            case .old(var place):
                let isOver =
                    old?.walk(
                        &place, in: { old!.part($0, comparedWith: new, changed, false) }, changed
                    ) { slot, isSame in
                        compare(slot, isSame: isSame, old!, new, changed, &changes)
                        return changes.count < limit
                    } ?? true
                step = isOver ? .new(MapPlace()) : .old(place)
            case .new(var place):
                let isOver =
                    new?.walk(
                        &place, in: { new!.part($0, comparedWith: old, changed, true) }, changed
                    ) { slot, _ in
                        insert(slot, old, new!, &changes)
                        return changes.count < limit
                    } ?? true
                step = isOver ? .end : .new(place)
            case .lost(var place):
                let isOver =
                    new?.walk(
                        &place, in: { lost?.contains(segment: $0) == false ? .none : .all },
                        changed
                    ) { slot, _ in
                        insert(slot, nil, new!, &changes)
                        return changes.count < limit
                    } ?? true
                step = isOver ? .end : .lost(place)
            case .end: return true
            }
        }
        if case .end = step { return true }
        return false
    }

    /// `isSame`: the new state has the same bytes in the same slot.
    private func compare(
        _ slot: UnsafeMutablePointer<MapSlot<Key.Stored, Value.Stored>>, isSame: Bool,
        _ old: Handle, _ new: Handle?, _ changed: LineSet, _ changes: inout [Change]
    ) {
        if isSame, let new {
            guard let place = new.valuePlace(of: slot, in: old),
                OwnedLines.areTouched(Value.self, at: place, changed, in: new.access)
            else { return }
        }
        let key = Key.load(slot.pointee.key, from: old.access)
        let before = Value.load(slot.pointee.value, from: old.access)
        guard let found = new?.find(key) else { return changes.append(make.removed(key, before)) }
        let after = Value.load(found.pointee.value, from: new!.access)
        if let change = make.updated(key, before, after) { changes.append(change) }
    }

    private func insert(
        _ slot: UnsafeMutablePointer<MapSlot<Key.Stored, Value.Stored>>,
        _ old: Handle?, _ new: Handle, _ changes: inout [Change]
    ) {
        let key = Key.load(slot.pointee.key, from: new.access)
        if old?.find(key) != nil { return }
        changes.append(make.inserted(key, Value.load(slot.pointee.value, from: new.access)))
    }

    // MARK: Without the old state

    mutating func beginWithoutOld(to new: Handle?, changed: LineSet?) -> LostRegion<Key>? {
        step = .lost(MapPlace())
        defer { table = new?.tableShape }
        guard let changed, let new, let table else {
            lost = nil
            return .everything
        }
        lost = new.lostHashes(since: table, changed)
        guard let lost else { return .everything }
        if lost.isEmpty {
            step = .end
            return nil
        }
        let seed = new.access.hashSeed
        return .keys { key in
            lost.contains(hash: Key.withProbe(key) { Key.hash($0, seed: seed) })
        }
    }
}
